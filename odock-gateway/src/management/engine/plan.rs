//! Compares what is wanted with what is there, and collects what follows: writes, events, subjects.

use std::collections::{HashMap, HashSet};

use entity::check::{self, Violation};
use entity::plan::{Action, Change, FieldChange};
use entity::problem::FieldError;
use entity::resource::Kind;
use entity::{OrganisationId, Timestamp};
use sea_orm::ConnectionTrait;
use secrecy::SecretString;
use serde_json::Value;
use uuid::Uuid;

use super::place::Place;
use super::prepare::Item;
use super::refs::Refs;
use super::{Done, Setting, Space, word};
use crate::gateway::Gateway;
use crate::management::audit::{Actor, DONE, Deed};
use crate::management::problem::ApiError;
use crate::store::batch::Batch;
use crate::store::kinds::Stored;

/// A kind of resource that can be declared.
pub(in crate::management) trait Planned: Stored {
    /// Fills in what the declaration may leave out because it is there already.
    fn complete(&mut self, _found: Option<&Self>) {}

    /// Notes what the item refers to, and what others may refer to in it.
    fn register(_item: &Item<Self>, _refs: &mut Refs) {}

    /// Finds what is wrong beyond the spec by itself.
    fn check(item: &Item<Self>, fields: &[FieldChange], planner: &Planner<'_>, found: &mut Vec<Violation>);

    /// Collects the writes that make the item true.
    fn put(item: &Item<Self>, planner: &mut Planner<'_>) -> Result<(), ApiError>;

    /// Says in words what else follows from an update.
    fn consequences(_item: &Item<Self>, _fields: &[FieldChange]) -> Vec<String> {
        Vec::new()
    }
}

/// A credential that goes away, and where that was declared.
pub(in crate::management) struct RemovedKey {
    pub(super) place: Place,
    pub(super) provider: String,
    pub(super) name: String,
    pub(super) id: Uuid,
}

/// Collects a change.
pub(in crate::management) struct Planner<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) setting: &'a Setting,
    pub(super) now: Timestamp,
    pub(super) refs: Refs,
    pub(super) batch: Batch,
    pub(super) subjects: Vec<Uuid>,
    pub(super) issued: HashMap<Uuid, SecretString>,
    /// Names of users that belong to somebody else.
    pub(super) taken_users: HashSet<String>,
    /// Active super admins, by name.
    pub(super) super_admins: HashSet<String>,
    /// Slugs of teams in use.
    pub(super) team_slugs: HashSet<String>,
    pub(super) removed_keys: Vec<RemovedKey>,
    organisation: Option<(OrganisationId, String)>,
    actor: Actor,
    errors: Vec<FieldError>,
    changes: Vec<Change>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(gateway: &'a Gateway, setting: &'a Setting) -> Self {
        let organisation = match &setting.space {
            Space::Tenant(tenant) => Some((tenant.id, tenant.slug.clone())),
            Space::New(_) | Space::Nowhere => None,
        };
        Self {
            gateway,
            setting,
            now: gateway.clock.now(),
            refs: Refs::default(),
            batch: Batch::default(),
            subjects: Vec::new(),
            issued: HashMap::new(),
            taken_users: HashSet::new(),
            super_admins: HashSet::new(),
            team_slugs: HashSet::new(),
            removed_keys: Vec::new(),
            organisation,
            actor: Actor::of(&setting.caller),
            errors: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Reports something wrong; the whole change will be refused.
    pub(super) fn report(&mut self, error: FieldError) {
        self.errors.push(error);
    }

    /// The organisation that the change is in.
    pub(super) fn organisation(&self) -> Result<OrganisationId, ApiError> {
        self.organisation
            .as_ref()
            .map(|(id, _)| *id)
            .ok_or_else(|| ApiError::internal("this kind needs an organisation"))
    }

    /// Plans the items of one kind.
    pub(super) fn plan<S: Planned>(&mut self, items: Vec<Item<S>>) -> Result<(), ApiError> {
        for item in items {
            self.plan_one(item)?;
        }
        Ok(())
    }

    fn plan_one<S: Planned>(&mut self, item: Item<S>) -> Result<(), ApiError> {
        let json = |spec: &S| serde_json::to_value(spec).map_err(ApiError::internal);
        let before = item.found.as_ref().map(|found| json(&found.resource.spec)).transpose()?;
        let after = json(&item.spec)?;
        let fields = check::diff(before.as_ref().unwrap_or(&Value::Null), &after);
        let mut wrong = Vec::new();
        S::check(&item, &fields, self, &mut wrong);
        for violation in wrong {
            self.errors.push(item.place.of_spec(S::KIND, &item.name, violation));
        }
        if S::KIND == Kind::Organisation && item.found.is_none() {
            // What follows is in the organisation that has just come to be.
            self.organisation = Some((OrganisationId(item.id), item.name.clone()));
        }
        // With an error anywhere nothing will be written, but the other errors are still wanted.
        if !self.errors.is_empty() {
            return Ok(());
        }
        let action = match &item.found {
            None => Action::Create,
            Some(_) if fields.is_empty() => Action::Unchanged,
            Some(_) => Action::Update,
        };
        let mut consequences = Vec::new();
        if action != Action::Unchanged {
            consequences = S::consequences(&item, &fields);
            S::put(&item, self)?;
            self.subjects.push(item.id);
            self.note(&item, action, before, after);
        }
        let organisation = self.organisation.as_ref().map(|(_, slug)| slug.clone());
        self.changes.push(Change {
            action,
            kind: S::KIND,
            organisation: organisation.filter(|_| S::KIND != Kind::Organisation),
            name: item.name,
            fields,
            consequences,
        });
        Ok(())
    }

    fn note<S: Planned>(&mut self, item: &Item<S>, action: Action, before: Option<Value>, after: Value) {
        let verb = item.verb.unwrap_or(if action == Action::Create { "create" } else { "update" });
        let name = Some(item.name.clone());
        let deed = Deed { verb, resource: word(S::KIND), id: Some(item.id), name, before, after: Some(after) };
        let organisation = self.organisation.as_ref().map(|(id, _)| *id);
        self.batch.audit.push(self.actor.did(deed, organisation, self.now, DONE));
    }

    /// Writes what was collected, or refuses with everything that is wrong.
    pub(super) async fn write(mut self, tx: &impl ConnectionTrait) -> Result<Done, ApiError> {
        if !self.errors.is_empty() {
            self.errors.sort_by_key(|error| error.manifest);
            return Err(ApiError::fields(self.errors));
        }
        self.batch.write(tx).await?;
        Ok(Done { changes: self.changes, subjects: self.subjects, issued: self.issued })
    }
}
