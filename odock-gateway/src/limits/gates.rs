//! The gates: which limits each asks, and what comes after.

use std::net::IpAddr;

use entity::ModelId;
use entity::usage::LimitMark;
use entity::vocab::ScopeType;

use super::checks::{self, BodyCap};
use super::demand::{self, Share};
use super::notes::{Mark, Notes, Reserved};
use super::words::Gate;
use super::{Lease, Limits, Refusal};
use crate::auth::Principal;
use crate::hot::HotError;
use crate::hot::meters::Correction;
use crate::models::Target;

/// What a request asks for, as far as limits care.
#[derive(Clone, Copy, Debug)]
pub struct Wants {
    /// Bytes of its body.
    pub bytes: u64,
    /// The cap on its answer that it asks for.
    pub output_cap: Option<u64>,
    /// Tokens that it may use: prompt and answers.
    pub tokens: u64,
}

impl Limits {
    /// Whether the global policy counts requests, which is to be done before a key is looked up.
    #[must_use]
    pub fn counts_globally(&self) -> bool {
        self.rules.load().global.as_ref().is_some_and(demand::counts_requests)
    }

    /// The pre-auth gate: addresses, and requests if `count`.
    ///
    /// # Errors
    /// When the global policy refuses, or nobody can say.
    pub async fn pre_auth(&self, client: IpAddr, count: bool, notes: &Notes) -> Result<Option<Lease>, Refusal> {
        let gate = Gate::PreAuth;
        let mut meters = Vec::new();
        {
            let rules = self.rules.load();
            self.plain(checks::address(gate, rules.global.iter(), client, notes))?;
            if let Some(global) = rules.global.as_ref().filter(|_| count) {
                demand::meters(global, Share::Requests, self.clock.now(), 0, &mut meters);
            }
        }
        self.pass(gate, meters, notes).await
    }

    /// The early gate. `bytes` is the announced length of the body. `global_too` when the pre-auth gate left the global
    /// policy's requests to this one. `later` leaves its meters to the final gate, whose step then does for both: for
    /// bodies that cost so little to read that nothing is lost when the request is refused after all. What does not get as
    /// far as the final gate owes them: [`Limits::overdue`].
    ///
    /// # Errors
    /// When a scope refuses, or nobody can say.
    pub async fn early(
        &self,
        principal: &Principal,
        client: IpAddr,
        bytes: Option<u64>,
        global_too: bool,
        later: bool,
        notes: &Notes,
    ) -> Result<Option<Lease>, Refusal> {
        let gate = Gate::Early;
        self.plain(checks::address(gate, principal.scopes.iter(), client, notes))?;
        if let Some(bytes) = bytes {
            self.body(principal, bytes, notes)?;
        }
        let mut meters = Vec::new();
        let now = self.clock.now();
        for scope in self.rules.load().global.iter().filter(|_| global_too).chain(&principal.scopes) {
            demand::meters(scope, Share::Requests, now, 0, &mut meters);
        }
        if later {
            notes.leave(gate, meters);
            return Ok(None);
        }
        self.pass(gate, meters, notes).await
    }

    /// Asks the meters that the early gate left to the final gate, for a request that ends before it gets there.
    ///
    /// # Errors
    /// When a scope refuses, or nobody can say.
    pub async fn overdue(&self, notes: &Notes) -> Result<Option<Lease>, Refusal> {
        self.pass(Gate::Early, Vec::new(), notes).await
    }

    /// Whether a body of so many bytes fits the scopes that are known before the model is.
    ///
    /// # Errors
    /// When a scope refuses.
    pub fn body(&self, principal: &Principal, bytes: u64, notes: &Notes) -> Result<(), Refusal> {
        let rules = self.rules.load();
        self.plain(checks::payload(Gate::Early, rules.global.iter().chain(&principal.scopes), bytes, notes))
    }

    /// How large a body may become, for one whose length was not announced.
    #[must_use]
    pub fn body_cap(&self, principal: &Principal) -> Option<BodyCap> {
        checks::body_cap(self.rules.load().global.iter().chain(&principal.scopes))
    }

    /// The final gate.
    ///
    /// # Errors
    /// When a scope refuses, or nobody can say.
    pub async fn last(
        &self,
        principal: &Principal,
        target: &Target,
        client: IpAddr,
        wants: &Wants,
        notes: &Notes,
    ) -> Result<Option<Lease>, Refusal> {
        self.plain(checks::address(Gate::Final, target.scope.iter(), client, notes))?;
        self.plain(checks::payload(Gate::Final, target.scope.iter(), wants.bytes, notes))?;
        let mut meters = Vec::new();
        let now = self.clock.now();
        {
            let rules = self.rules.load();
            let scopes = || rules.global.iter().chain(&principal.scopes);
            if let Some(cap) = wants.output_cap {
                self.plain(checks::max_tokens(scopes().chain(&target.scope), cap, notes))?;
            }
            for scope in scopes() {
                demand::meters(scope, Share::Tokens, now, wants.tokens, &mut meters);
            }
        }
        if let Some(scope) = &target.scope {
            demand::meters(scope, Share::All, now, wants.tokens, &mut meters);
        }
        self.pass(Gate::Final, meters, notes).await
    }

    /// The final gate for a model's own limits alone: for a call that goes on to another model.
    ///
    /// # Errors
    /// When the model's scope refuses, or nobody can say.
    pub async fn model(
        &self,
        target: &Target,
        client: IpAddr,
        wants: &Wants,
        notes: &Notes,
    ) -> Result<Option<Lease>, Refusal> {
        let Some(scope) = &target.scope else { return Ok(None) };
        let scopes = || std::iter::once(scope);
        self.plain(checks::address(Gate::Final, scopes(), client, notes))?;
        self.plain(checks::payload(Gate::Final, scopes(), wants.bytes, notes))?;
        if let Some(cap) = wants.output_cap {
            self.plain(checks::max_tokens(scopes(), cap, notes))?;
        }
        let mut meters = Vec::new();
        demand::meters(scope, Share::All, self.clock.now(), wants.tokens, &mut meters);
        self.pass(Gate::Final, meters, notes).await
    }

    /// Gives back the tokens that were set aside under a model's own limits: another model serves.
    pub fn leave_model(&self, model: ModelId, notes: &Notes) {
        self.correct(notes.take_reserved_of(ScopeType::Model, model.0), 0);
    }

    /// Corrects what a request set aside to the tokens that it used. Does so once; whatever comes later is ignored.
    pub fn settle(&self, notes: &Notes, used: u64) {
        self.correct(notes.take_reserved(), used);
    }

    fn correct(&self, reserved: Vec<Reserved>, used: u64) {
        for Reserved { taken, shared } in reserved {
            let by = i64::try_from(used).unwrap_or(i64::MAX).saturating_sub(taken.by);
            let correction = Correction { by, ..taken };
            match &self.shared {
                _ if by == 0 => {}
                Some(meters) if shared => meters.correct(correction),
                _ => self.local.correct(&correction),
            }
        }
    }

    /// What the early and the final gate would say to a request, as things are, but for addresses. Takes nothing.
    ///
    /// # Errors
    /// When the hot store cannot say.
    pub async fn look(
        &self,
        principal: &Principal,
        target: Option<&Target>,
        wants: &Wants,
    ) -> Result<Vec<LimitMark>, HotError> {
        let (now, tokens, notes) = (self.clock.now(), wants.tokens, Notes::default());
        let mut meters = Vec::new();
        let model = target.and_then(|target| target.scope.as_ref());
        let early = {
            let rules = self.rules.load();
            let scopes = || rules.global.iter().chain(&principal.scopes);
            // Nobody is refused here: the notes say it all.
            let _ = checks::payload(Gate::Early, scopes(), wants.bytes, &notes);
            let _ = checks::payload(Gate::Final, model.into_iter(), wants.bytes, &notes);
            if let Some(cap) = wants.output_cap {
                let _ = checks::max_tokens(scopes().chain(model), cap, &notes);
            }
            scopes().for_each(|scope| demand::meters(scope, Share::Requests, now, 0, &mut meters));
            let early = meters.len();
            scopes().for_each(|scope| demand::meters(scope, Share::Tokens, now, tokens, &mut meters));
            early
        };
        if let Some(scope) = model {
            demand::meters(scope, Share::All, now, tokens, &mut meters);
        }
        match &self.shared {
            Some(shared) if !meters.is_empty() => shared.look(&mut meters).await?,
            _ => self.local.look(&mut meters),
        }
        let gate = |index| if index < early { Gate::Early } else { Gate::Final };
        meters.iter().enumerate().for_each(|(index, meter)| notes.mark(Mark::of_meter(gate(index), meter)));
        Ok(notes.marks())
    }
}
