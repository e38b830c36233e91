//! Whose the fields of a declared resource are: merges what is wanted with what owners declared, and keeps the books.

use std::collections::{BTreeMap, HashMap};

use entity::check::{Violation, code};
use entity::ownership::{self, Conflict, Holding, MANUAL, MOST_OWNERS, StoredHolding, Wanted};
use entity::plan::{FieldChange, Touch};
use entity::resource::Kind;
use entity::row::resource_metadata::Labels;
use entity::row::{managed_resource, resource_metadata};
use entity::{ManagedResourceId, OrganisationId, Timestamp};
use sea_orm::ActiveValue::Set;
use serde_json::Value;
use uuid::Uuid;

use crate::management::problem::{FIELD_CONFLICT, shortened};
use crate::store::batch::Batch;

/// Labels among the fields of a declaration; no spec has a field of this name.
const LABELS: &str = "@labels";
/// Protection among the fields of a declaration.
const PROTECT: &str = "@protect";

/// What a manifest says beside the spec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::management) struct Meta {
    pub(in crate::management) labels: BTreeMap<String, String>,
    pub(in crate::management) protect: bool,
}

impl Meta {
    /// Puts labels and protection beside the fields of a spec, where they are said at all.
    pub(super) fn beside(&self, mut spec: Value) -> Value {
        if let Some(fields) = spec.as_object_mut() {
            if !self.labels.is_empty() {
                let labels = self.labels.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
                fields.insert(LABELS.into(), Value::Object(labels));
            }
            if self.protect {
                fields.insert(PROTECT.into(), true.into());
            }
        }
        spec
    }

    /// Takes labels and protection out again.
    pub(super) fn out_of(spec: &mut Value) -> Self {
        let Some(fields) = spec.as_object_mut() else { return Self::default() };
        let protect = fields.remove(PROTECT).and_then(|value| value.as_bool()).unwrap_or_default();
        let labels = match fields.remove(LABELS) {
            Some(Value::Object(labels)) => {
                let text = |value: &Value| value.as_str().map(str::to_owned);
                labels.iter().filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect()
            }
            _ => BTreeMap::new(),
        };
        Self { labels, protect }
    }
}

/// What becomes of the ownership of a resource's fields.
#[derive(Debug, Default)]
pub(in crate::management) enum Claim {
    /// They are changed by hand: what differs afterwards is `manual`'s.
    #[default]
    ByHand,
    /// An apply declares them.
    Declared {
        /// Every declared path with its value.
        fields: Vec<(String, Option<Value>)>,
        /// What others lose.
        taken: Vec<(String, String)>,
        /// Whether the resource belongs to the owner from now on, so that pruning may delete it.
        born: bool,
    },
}

/// The owners of one resource.
#[derive(Debug, Default)]
pub(in crate::management) struct Owners(Vec<managed_resource::Model>);

impl Owners {
    pub(super) fn new(rows: Vec<managed_resource::Model>) -> Self {
        Self(rows)
    }

    fn holding(&self, owner: &str) -> Holding {
        self.0.iter().find(|row| row.owner == owner).map(|row| row.fields.clone().into()).unwrap_or_default()
    }

    fn others(&self, owner: &str) -> Vec<(String, Holding)> {
        let others = self.0.iter().filter(|row| row.owner != owner);
        others.map(|row| (row.owner.clone(), row.fields.clone().into())).collect()
    }

    /// Says of each field what the owner declared last, and who else declared it.
    pub(super) fn explain(&self, owner: &str, fields: &mut [FieldChange]) {
        if self.0.is_empty() {
            return;
        }
        let (mine, others) = (self.holding(owner), self.others(owner));
        for field in fields {
            field.last_applied = mine.0.get(&field.path).and_then(|held| held.value.clone()).map(preview);
            let near = others.iter().filter_map(|(owner, holding)| Some((owner, holding.near(&field.path)?)));
            field.changed_by = near.max_by_key(|(_, held)| held.at).map(|(owner, held)| Touch {
                owner: owner.clone(),
                by: held.by.clone(),
                at: held.at,
            });
        }
    }
}

/// Of a secret, a plan shows the preview.
fn preview(value: Value) -> Value {
    match value.get("fingerprint").and(value.get("preview")) {
        Some(preview) => preview.clone(),
        None => value,
    }
}

/// A declaration of a resource that may exist.
pub(super) struct Declared<'a> {
    pub(super) owner: &'a str,
    /// As it was written.
    pub(super) declared: &'a Value,
    /// As the gateway writes it.
    pub(super) canonical: &'a Value,
    /// As it is; nothing if it is not.
    pub(super) live: Option<&'a Value>,
    pub(super) force: bool,
    pub(super) adopt: bool,
}

/// What is wanted, whose it is then, and what stands in the way.
pub(super) fn claim(from: &Declared<'_>, owners: &Owners) -> (Value, Claim, Vec<Conflict>) {
    let Some(live) = from.live else {
        let fields = ownership::leaves(from.declared)
            .into_iter()
            .filter(|leaf| !leaf.value.as_array().is_some_and(Vec::is_empty))
            .map(|leaf| {
                let value = ownership::at(from.canonical, &leaf.path).map(ownership::remembered);
                (leaf.path, value)
            })
            .collect();
        return (from.declared.clone(), Claim::Declared { fields, taken: Vec::new(), born: true }, Vec::new());
    };
    let (mine, others) = (owners.holding(from.owner), owners.others(from.owner));
    if from.adopt {
        return adopt(from, live, &others);
    }
    let born = owners.0.iter().any(|row| row.owner == from.owner && row.born);
    let wanted =
        Wanted { declared: from.declared, canonical: from.canonical, mine: &mine, others: &others, force: from.force };
    let merged = ownership::merge(live, wanted);
    (merged.spec, Claim::Declared { fields: merged.declared, taken: merged.taken, born }, merged.conflicts)
}

/// Takes what nobody or `manual` has, and changes nothing else.
fn adopt(from: &Declared<'_>, live: &Value, others: &[(String, Holding)]) -> (Value, Claim, Vec<Conflict>) {
    let (mut fields, mut taken, mut conflicts) = (Vec::new(), Vec::new(), Vec::new());
    for leaf in ownership::leaves(from.declared) {
        let now = ownership::at(live, &leaf.path).map(ownership::remembered);
        for (owner, holding) in others {
            let Some(held) = holding.near(&leaf.path) else { continue };
            if owner == MANUAL || from.force {
                taken.extend(
                    holding
                        .0
                        .keys()
                        .filter(|held| ownership::related(held, &leaf.path))
                        .map(|held| (owner.clone(), held.clone())),
                );
            } else {
                let wanted = ownership::at(from.canonical, &leaf.path).map(ownership::remembered);
                conflicts.push(Conflict {
                    path: leaf.path.clone(),
                    owner: owner.clone(),
                    held: held.clone(),
                    live: now.clone(),
                    wanted,
                });
            }
        }
        if !leaf.value.as_array().is_some_and(Vec::is_empty) {
            fields.push((leaf.path, now));
        }
    }
    (live.clone(), Claim::Declared { fields, taken, born: true }, conflicts)
}

/// A conflict in words.
pub(super) fn complaint(conflict: &Conflict, pointer: String, adopt: bool) -> Violation {
    let shown = |value: &Option<Value>| match value.clone().map(preview) {
        None => "not set".to_owned(),
        Some(Value::String(text)) => format!("`{}`", shortened(&text)),
        Some(other) => format!("`{}`", shortened(&other.to_string())),
    };
    let name = conflict.path.trim_start_matches(['/', '@']).replace('/', ".").replace("~1", "/").replace("~0", "~");
    let Conflict { owner, held, live, wanted, .. } = conflict;
    if adopt {
        let message = format!("`{name}` belongs to the owner `{owner}` (declared by {} at {})", held.by, held.at);
        return Violation::new(pointer, FIELD_CONFLICT, message).hint("leave it to that owner, or force the conflict");
    }
    let message = format!(
        "`{name}` is {} since {} ({}) set it at {}, and {} is wanted",
        shown(live),
        held.by,
        if owner == MANUAL { "by hand".to_owned() } else { format!("owner `{owner}`") },
        held.at,
        shown(wanted)
    );
    Violation::new(pointer, FIELD_CONFLICT, message)
        .hint("declare what is there, leave the field out, or force the conflict")
}

/// A resource whose fields change hands.
pub(super) struct Books<'a> {
    pub(super) kind: Kind,
    pub(super) id: Uuid,
    pub(super) organisation: Option<OrganisationId>,
    pub(super) owner: &'a str,
    pub(super) by: &'a str,
    pub(super) now: Timestamp,
}

impl Books<'_> {
    /// Writes down whose the fields are after a change.
    ///
    /// # Errors
    /// When the resource has more owners than it can have.
    pub(super) fn keep(
        &self,
        claim: &Claim,
        owners: &Owners,
        (before, after): (Option<&Value>, &Value),
        batch: &mut Batch,
    ) -> Result<(), Violation> {
        match claim {
            Claim::ByHand => self.by_hand(owners, before.unwrap_or(&Value::Null), after, batch),
            Claim::Declared { fields, taken, born } => self.declared(fields, taken, *born, owners, batch),
        }
    }

    fn by_hand(&self, owners: &Owners, before: &Value, after: &Value, batch: &mut Batch) -> Result<(), Violation> {
        let (was, others) = (owners.holding(MANUAL), owners.others(MANUAL));
        let mut holding = was.clone();
        for (path, value) in ownership::changed(before, after) {
            holding.declare(&path, value, self.now, self.by);
        }
        // That a field is gone matters only to whom it belongs.
        let theirs = |path: &str| others.iter().any(|(_, holding)| holding.near(path).is_some());
        holding.0.retain(|path, held| held.value.is_some() || theirs(path));
        self.put(MANUAL, &was, holding, false, owners, batch)
    }

    fn declared(
        &self,
        fields: &[(String, Option<Value>)],
        taken: &[(String, String)],
        born: bool,
        owners: &Owners,
        batch: &mut Batch,
    ) -> Result<(), Violation> {
        let was = owners.holding(self.owner);
        let mut holding = Holding::default();
        for (path, value) in fields {
            match was.0.get(path).filter(|held| held.value == *value) {
                Some(held) => drop(holding.0.insert(path.clone(), held.clone())),
                None => holding.declare(path, value.clone(), self.now, self.by),
            }
        }
        self.put(self.owner, &was, holding, born, owners, batch)?;
        let mut losers: HashMap<&str, Vec<&str>> = HashMap::new();
        taken.iter().for_each(|(owner, path)| losers.entry(owner).or_default().push(path));
        for (owner, paths) in losers {
            let was = owners.holding(owner);
            let mut left = was.clone();
            left.0.retain(|path, _| !paths.contains(&path.as_str()));
            let born = owners.0.iter().any(|row| row.owner == owner && row.born);
            self.put(owner, &was, left, born, owners, batch)?;
        }
        Ok(())
    }

    fn put(
        &self,
        owner: &str,
        was: &Holding,
        holding: Holding,
        born: bool,
        owners: &Owners,
        batch: &mut Batch,
    ) -> Result<(), Violation> {
        let row = owners.0.iter().find(|row| row.owner == owner);
        if holding.0.is_empty() && !born && row.is_some() && owner == MANUAL {
            batch.released.extend(row.map(|row| row.id.0));
            return Ok(());
        }
        let unchanged = *was == holding && row.is_some_and(|row| row.born == born);
        if unchanged || (row.is_none() && holding.0.is_empty() && owner == MANUAL) {
            return Ok(());
        }
        if row.is_none() && owners.0.len() >= MOST_OWNERS {
            let message = format!("{MOST_OWNERS} owners have declared this resource; there is no room for another");
            return Err(Violation::new("", code::INVALID, message).hint("apply it under one of their names"));
        }
        batch.managed.push(managed_resource::ActiveModel {
            id: Set(row.map_or_else(ManagedResourceId::new, |row| row.id)),
            organisation_id: Set(self.organisation),
            kind: Set(self.kind.as_str().to_owned()),
            resource_id: Set(self.id),
            owner: Set(owner.to_owned()),
            born: Set(born),
            fields: Set(StoredHolding::from(&holding)),
            created_at: Set(row.map_or(self.now, |row| row.created_at)),
            updated_at: Set(self.now),
        });
        Ok(())
    }

    /// Writes labels and protection down, if they have changed.
    pub(super) fn label(&self, before: &Meta, after: &Meta, batch: &mut Batch) {
        if before == after {
            return;
        }
        batch.metadata.push(resource_metadata::ActiveModel {
            id: Set(self.id),
            organisation_id: Set(self.organisation),
            kind: Set(self.kind.as_str().to_owned()),
            protect: Set(after.protect),
            labels: Set(Labels(after.labels.clone())),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        });
    }
}
