//! Compares what is wanted with what is there, and collects what follows: writes, events, subjects.

use std::collections::{HashMap, HashSet};

use entity::check::{self, Violation};
use entity::manifest::Seen;
use entity::plan::{Action, Change, FieldChange};
use entity::problem::FieldError;
use entity::resource::Kind;
use entity::row::SecretHash;
use entity::{OrganisationId, Timestamp};
use sea_orm::DatabaseTransaction;
use secrecy::SecretString;
use serde_json::Value;
use uuid::Uuid;

use super::claim::{Books, Meta};
use super::place::Place;
use super::prepare::Item;
use super::refs::Refs;
use super::{Done, Setting, Space, word};
use crate::gateway::Gateway;
use crate::management::access::bounds::Bounds;
use crate::management::audit::{Actor, DONE, Deed};
use crate::management::problem::ApiError;
use crate::store::batch::Batch;
use crate::store::kinds::{Found, Stored};

/// A kind of resource that can be declared.
pub(in crate::management) trait Planned: Stored {
    /// Fills in what the declaration may leave out because it is there already.
    fn complete(&mut self, _found: Option<&Self>) {}

    /// Whether what is there may be created as if it were not.
    fn may_be_made_anew(_found: &Found<Self>) -> bool {
        false
    }

    /// Notes what the item refers to, and what others may refer to in it.
    fn register(_item: &Item<Self>, _refs: &mut Refs) {}

    /// Finds what is wrong beyond the spec by itself.
    fn check(item: &Item<Self>, fields: &[FieldChange], planner: &Planner<'_>, found: &mut Vec<Violation>);

    /// Finds what of the item a caller of limited reach may not declare.
    fn permit(_item: &Item<Self>, _bounds: &Bounds, found: &mut Vec<Violation>) {
        Bounds::closed(found);
    }

    /// Whether a caller of limited reach may delete it, having reached it.
    fn may_delete(_spec: &Self, _bounds: &Bounds) -> bool {
        false
    }

    /// Collects the writes that make the item true.
    fn put(item: &Item<Self>, planner: &mut Planner<'_>) -> Result<(), ApiError>;

    /// What changes beside spec, labels and protection.
    fn beside(_item: &Item<Self>, _planner: &Planner<'_>) -> Vec<FieldChange> {
        Vec::new()
    }

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
    /// What the caller holds, unless that is everything.
    pub(super) bounds: Option<Bounds>,
    /// The ids of what is declared.
    pub(super) declared: HashSet<Uuid>,
    /// The hashes of the secrets that keys have, where another may be declared.
    pub(super) key_hashes: HashMap<Uuid, SecretHash>,
    /// What was read, as it was.
    pub(super) base: Vec<Seen>,
    /// Names that are lost to new ones, and where that is declared.
    pub(super) renamed: Vec<(Kind, String, Place)>,
    /// Changes that delete; they come last.
    pub(super) deletions: Vec<Change>,
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
            bounds: None,
            declared: HashSet::new(),
            key_hashes: HashMap::new(),
            base: Vec::new(),
            renamed: Vec::new(),
            deletions: Vec::new(),
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

    /// Notes what was there under the name of a declaration.
    pub(super) fn saw<S: Planned>(&mut self, name: &str, found: Option<&Found<S>>) {
        let (name, revision) = match found {
            Some(Found { resource, .. }) => (resource.name.clone(), resource.revision),
            None => (name.to_owned(), 0),
        };
        self.base.push(Seen { kind: S::KIND, name, revision });
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
        let was = item
            .found
            .as_ref()
            .map(|found| Meta { labels: found.resource.labels.clone(), protect: found.resource.protect });
        let before = match (&item.found, &was) {
            (Some(found), Some(was)) => Some(was.beside(json(&found.resource.spec)?)),
            _ => None,
        };
        let after = item.meta.beside(json(&item.spec)?);
        let mut fields = check::diff(before.as_ref().unwrap_or(&Value::Null), &after);
        fields.extend(S::beside(&item, self));
        let mut wrong = Vec::new();
        if let Some(bounds) = &self.bounds {
            S::permit(&item, bounds, &mut wrong);
        }
        // Whoever may not refer to something does not learn whether it is there.
        if wrong.is_empty() {
            S::check(&item, &fields, self, &mut wrong);
        }
        for violation in wrong {
            self.errors.push(item.place.of_field(S::KIND, &item.name, violation));
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
            Some(_) if item.renamed_from.is_some() => Action::Rename,
            Some(_) if fields.is_empty() => Action::Unchanged,
            Some(_) => Action::Update,
        };
        self.keep_books(&item, was.unwrap_or_default(), (before.as_ref(), &after));
        if self.setting.applied().is_some() && item.found.is_some() {
            item.owners.explain(self.setting.owner(), &mut fields);
        }
        let mut consequences = Vec::new();
        if action != Action::Unchanged {
            consequences = S::consequences(&item, &fields);
            let delivered = self.setting.applied().is_some_and(|applied| applied.secrets.contains_key(&item.name));
            if S::KIND == Kind::ApiKey && action == Action::Create && delivered {
                // Its secret comes with the apply, or goes to its sinks: there is nothing to reveal.
                consequences.clear();
            }
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
            renamed_from: item.renamed_from,
            fields,
            consequences,
        });
        Ok(())
    }

    /// Notes whose the fields are afterwards.
    fn keep_books<S: Planned>(&mut self, item: &Item<S>, was: Meta, specs: (Option<&Value>, &Value)) {
        let books = Books {
            kind: S::KIND,
            id: item.id,
            organisation: self.organisation.as_ref().map(|(id, _)| *id),
            owner: self.setting.owner(),
            by: &self.actor.email,
            now: self.now,
        };
        books.label(&was, &item.meta, &mut self.batch);
        if let Err(violation) = books.keep(&item.claim, &item.owners, specs, &mut self.batch) {
            self.errors.push(item.place.of_spec(S::KIND, &item.name, violation));
        }
    }

    fn note<S: Planned>(&mut self, item: &Item<S>, action: Action, before: Option<Value>, after: Value) {
        let verb = item.verb.unwrap_or(if action == Action::Create { "create" } else { "update" });
        let name = Some(item.name.clone());
        let deed = Deed { verb, resource: word(S::KIND), id: Some(item.id), name, before, after: Some(after) };
        let organisation = self.organisation.as_ref().map(|(id, _)| *id);
        self.batch.audit.push(self.actor.did(deed, organisation, self.now, DONE));
    }

    /// Notes that a resource goes.
    pub(super) fn note_gone<S: Planned>(&mut self, found: &Found<S>) -> Result<(), ApiError> {
        let before = serde_json::to_value(&found.resource.spec).map_err(ApiError::internal)?;
        let deed = Deed {
            verb: "delete",
            resource: word(S::KIND),
            id: Some(found.resource.id),
            name: Some(found.resource.name.clone()),
            before: Some(before),
            after: None,
        };
        self.batch.audit.push(self.actor.did(deed, found.organisation_id, self.now, DONE));
        Ok(())
    }

    /// Refuses a saved plan whose base is not as it was.
    pub(super) fn refuse_if_moved(&mut self) -> Result<(), ApiError> {
        self.base.sort();
        self.base.dedup();
        let Some(plan) = self.setting.applied().and_then(|applied| applied.plan.as_ref()) else { return Ok(()) };
        super::stale::check(&plan.base, &self.base)
    }

    /// Writes what was collected, or refuses with everything that is wrong.
    pub(super) async fn write(mut self, tx: &DatabaseTransaction) -> Result<Done, ApiError> {
        if !self.errors.is_empty() {
            self.errors.sort_by_key(|error| error.manifest);
            return Err(ApiError::fields(self.errors));
        }
        self.changes.append(&mut self.deletions);
        let digest = super::stale::digest(&self.changes)?;
        if let Some(plan) = self.setting.applied().and_then(|applied| applied.plan.as_ref()) {
            super::stale::check_digest(&plan.digest, &digest)?;
        }
        self.batch.write(tx).await?;
        let Self { changes, base, subjects, issued, .. } = self;
        Ok(Done { changes, base, digest, subjects, issued })
    }
}
