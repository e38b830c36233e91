//! The whole state of the dashboard.

use std::collections::VecDeque;
use std::sync::Arc;

use entity::ledger::LimitStatus;
use entity::resource::{ApiKey, Overlay as LimitOverlay, Provider};
use entity::session::{Version, WhoAmI};
use entity::usage::UsageRecord;

use crate::acts::Acts;
use crate::effects::{Effect, KeyRef, Load, Mutation, ScopeRef};
use crate::env::Env;
use crate::link::Link;
use crate::live::Live;
use crate::msg::{Failure, Level, LogLine};
use crate::overlay::Overlay;
use crate::remote::Remote;
use crate::screens::{
    ScreenId, acts, contexts, key, keys, limit, limits, log, overlays, providers, pulse, request, tail,
};
use crate::theme::Theme;

const LOG_KEPT: usize = 1_000;
const INFO_MS: u64 = 6_000;
const WARN_MS: u64 = 12_000;

/// The gateway that is looked at, and what may be done to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// The context of the configuration file, if one is used.
    pub context: Option<String>,
    /// The gateway's address.
    pub url: String,
    /// Whether that is not the address of the context.
    pub other_url: bool,
    /// The organisation that was asked for.
    pub organisation: Option<String>,
    /// The colour of the context's name.
    pub color: Option<String>,
    /// Whether changes need the typed name.
    pub protected: bool,
    /// Whether changes are refused.
    pub read_only: bool,
}

/// Whose traffic is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// That of one organisation.
    Organisation(String),
    /// That of all of them.
    Everything,
}

/// A remark in the footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub text: String,
    /// How bad.
    pub level: Level,
    /// When it goes away.
    pub until: u64,
}

/// What is selected, for the acts that work everywhere.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What it is: `key ci`.
    pub what: String,
    /// Its id.
    pub id: String,
    /// It as JSON, without secrets.
    pub json: String,
    /// The virtual key that it is or belongs to.
    pub key: Option<KeyRef>,
    /// Whose limits can be scaled on its account.
    pub scope: Option<ScopeRef>,
    /// The request that it is.
    pub record: Option<Arc<UsageRecord>>,
}

/// The state of the dashboard.
#[derive(Debug)]
pub struct Model {
    /// The world at the last step.
    pub env: Env,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Whether glyphs are replaced by plain characters.
    pub ascii: bool,
    /// The colours.
    pub theme: Theme,
    /// Whether numbers are shown with all their digits.
    pub exact: bool,

    /// The gateway.
    pub session: Session,
    /// Whose traffic; known once the gateway has answered.
    pub scope: Option<Scope>,
    /// The connection.
    pub link: Link,
    /// What the stream has told.
    pub live: Live,
    /// Who the token belongs to.
    pub whoami: Remote<Box<WhoAmI>>,
    /// The gateway's version.
    pub version: Remote<Version>,
    /// Every virtual key.
    pub virtual_keys: Remote<Vec<ApiKey>>,
    /// Budgets and quotas with their open windows, by kind, then name.
    pub statuses: Remote<Vec<LimitStatus>>,
    /// Budgets and quotas as they are declared.
    pub declared: Remote<Vec<limit::Declared>>,
    /// The overlays, by name.
    pub limit_overlays: Remote<Vec<LimitOverlay>>,
    /// The providers, by name.
    pub upstreams: Remote<Vec<Provider>>,

    /// The screens that lead to the current one, which is the last.
    pub stack: Vec<ScreenId>,
    /// The dialog in front, if any.
    pub overlay: Option<Overlay>,
    /// The remark in the footer.
    pub notice: Option<Notice>,
    /// What was done.
    pub acts: Acts,
    /// Our own diagnostics, newest last.
    pub log: VecDeque<LogLine>,

    /// State of the overview.
    pub pulse: pulse::State,
    /// State of the requests.
    pub tail: tail::State,
    /// State of the one request.
    pub request: request::State,
    /// State of the keys.
    pub keys: keys::State,
    /// State of the one key.
    pub key: key::State,
    /// State of the budgets.
    pub budgets: limits::State,
    /// State of the quotas.
    pub quotas: limits::State,
    /// State of the one budget or quota.
    pub limit: limit::State,
    /// State of the overlays.
    pub overlays: overlays::State,
    /// State of the providers.
    pub providers: providers::State,
    /// State of the contexts.
    pub contexts: contexts::State,
    /// State of what was done.
    pub acts_screen: acts::State,
    /// State of the diagnostics.
    pub log_screen: log::State,

    pub(crate) epoch: u64,
    pub(crate) caught_up: Option<u64>,
    pub(crate) quit_armed: Option<u64>,
    pub(crate) foreign_before: u64,
    next_id: u64,
    dirty: bool,
}

impl Model {
    /// The dashboard before anything has happened.
    #[must_use]
    pub fn new(session: Session, theme: Theme, ascii: bool, size: (u16, u16)) -> Self {
        Self {
            env: Env::epoch(),
            size,
            ascii,
            theme,
            exact: false,
            session,
            scope: None,
            link: Link::default(),
            live: Live::default(),
            whoami: Remote::default(),
            version: Remote::default(),
            virtual_keys: Remote::default(),
            statuses: Remote::default(),
            declared: Remote::default(),
            limit_overlays: Remote::default(),
            upstreams: Remote::default(),
            stack: vec![ScreenId::Pulse],
            overlay: None,
            notice: None,
            acts: Acts::default(),
            log: VecDeque::new(),
            pulse: pulse::State::default(),
            tail: tail::State::default(),
            request: request::State::default(),
            keys: keys::State::default(),
            key: key::State::default(),
            budgets: limits::State::default(),
            quotas: limits::State::default(),
            limit: limit::State::default(),
            overlays: overlays::State::default(),
            providers: providers::State::default(),
            contexts: contexts::State::default(),
            acts_screen: acts::State::default(),
            log_screen: log::State::default(),
            epoch: 0,
            caught_up: None,
            quit_armed: None,
            foreign_before: 0,
            next_id: 0,
            dirty: true,
        }
    }

    /// The current screen.
    #[must_use]
    pub fn screen(&self) -> ScreenId {
        self.stack.last().copied().unwrap_or(ScreenId::Pulse)
    }

    /// Shows a screen; if it is among those that lead here, goes back to it.
    pub fn go(&mut self, id: ScreenId, out: &mut Vec<Effect>) {
        match self.stack.iter().position(|screen| *screen == id) {
            Some(at) => self.stack.truncate(at + 1),
            None => self.stack.push(id),
        }
        id.screen().enter(self, out);
    }

    /// Goes back one screen; whether there was one.
    pub fn back(&mut self) -> bool {
        let possible = self.stack.len() > 1;
        if possible {
            self.stack.pop();
        }
        possible
    }

    /// Forgets everything that belongs to the gateway, because another one is looked at now.
    pub fn move_to(&mut self, session: Session) {
        let fresh = Self::new(session, self.theme, self.ascii, self.size);
        let old = std::mem::replace(self, fresh);
        self.env = old.env;
        self.exact = old.exact;
        self.acts = old.acts;
        self.log = old.log;
        self.link = old.link;
        self.link.reset();
        self.epoch = old.epoch + 1;
        self.next_id = old.next_id;
        self.foreign_before = old.next_id;
        // A secret that is still on the screen exists nowhere else.
        self.overlay = old.overlay.filter(Overlay::holds_secret);
        self.contexts = old.contexts;
    }

    /// A number that no other mutation has.
    pub(crate) fn mutate(&mut self, mutation: Mutation, out: &mut Vec<Effect>) {
        self.next_id += 1;
        out.push(Effect::Mutate(self.next_id, mutation));
    }

    /// Asks for something of the current gateway.
    pub(crate) fn load(&mut self, load: Load, out: &mut Vec<Effect>) {
        let mono = self.env.mono;
        match &load {
            Load::WhoAmI => self.whoami.ask(mono),
            Load::Version => self.version.ask(mono),
            Load::Keys => self.virtual_keys.ask(mono),
            Load::Key(_) => self.key.details.ask(mono),
            Load::History(_) => self.key.history.ask(mono),
            Load::Record(_) => self.request.record.ask(mono),
            Load::Limits => self.statuses.ask(mono),
            Load::Declared => self.declared.ask(mono),
            Load::Overlays => self.limit_overlays.ask(mono),
            Load::Providers => self.upstreams.ask(mono),
            Load::Test(name) => {
                let name = name.clone();
                providers::ask(self, &name);
            }
            Load::Contexts => self.contexts.rows.ask(mono),
            Load::Recent(_) => self.tail.recent.ask(mono),
            Load::Summary(_) => {}
        }
        out.push(Effect::Load(self.epoch, load));
    }

    /// Says something in the footer for a while.
    pub fn say(&mut self, level: Level, text: impl Into<String>) {
        let text = text.into();
        let lasts = if level == Level::Info { INFO_MS } else { WARN_MS };
        self.notice = Some(Notice { text, level, until: self.env.mono.saturating_add(lasts) });
    }

    /// Says that something is not possible and why; the log keeps it.
    pub fn refuse(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        self.note(Level::Warn, reason.clone());
        self.say(Level::Warn, reason);
    }

    /// Says that something failed and why; the log keeps it.
    pub fn lament(&mut self, what: &str, failure: &Failure) {
        let id = failure.request_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        let hint = failure.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        self.note(Level::Error, format!("{what}: {}{hint}{id}", failure.message));
        self.say(Level::Error, format!("{what}: {}{hint}", failure.message));
    }

    /// Writes a line of diagnostics.
    pub fn note(&mut self, level: Level, text: impl Into<String>) {
        self.log(LogLine { at: self.env.now, level, text: text.into() });
    }

    /// Keeps a line of diagnostics.
    pub fn log(&mut self, line: LogLine) {
        if self.log.len() == LOG_KEPT {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }

    /// The virtual key that is named, if it is loaded.
    #[must_use]
    pub fn find_key(&self, key: &KeyRef) -> Option<&ApiKey> {
        let keys = self.virtual_keys.value()?;
        keys.iter().find(|candidate| {
            candidate.name == key.name && candidate.organisation.as_deref().is_none_or(|slug| slug == key.organisation)
        })
    }

    /// The name of a virtual key with its organisation.
    #[must_use]
    pub fn key_ref(&self, key: &ApiKey) -> KeyRef {
        let organisation = key.organisation.clone().unwrap_or_else(|| self.organisation().to_owned());
        KeyRef { organisation, name: key.name.clone() }
    }

    /// The slug of the organisation that is looked at; empty if it is not a single one.
    #[must_use]
    pub fn organisation(&self) -> &str {
        match &self.scope {
            Some(Scope::Organisation(slug)) => slug,
            _ => self.session.organisation.as_deref().unwrap_or_default(),
        }
    }

    /// Marks the picture as out of date.
    pub fn touch(&mut self) {
        self.dirty = true;
    }

    /// Whether the picture is out of date.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Whether the picture is out of date; asking makes it current.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// When the next [`crate::msg::Msg::Clock`] is wanted, in milliseconds of the steady clock.
    #[must_use]
    pub fn wake(&self) -> u64 {
        let mono = self.env.mono;
        let mut wake = self.link.wake(mono);
        for deadline in [self.notice.as_ref().map(|notice| notice.until), self.quit_armed].into_iter().flatten() {
            wake = wake.min(deadline);
        }
        for due in [limits::due(self), providers::due(self)].into_iter().flatten() {
            wake = wake.min(due);
        }
        wake.max(mono + 1)
    }
}
