//! The three-way merge: what an owner declared last, what is there, and what is wanted now.

use std::collections::BTreeSet;

use serde_json::Value;

use super::path::{at, is_entry_name, leaves, put, related, remembered, same, take};
use super::{Held, Holding};

/// What a manifest wants of a resource that exists.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The declaration as it was written: its fields are the ones that are wanted.
    pub declared: &'a Value,
    /// The same declaration as the gateway writes it, from which the values are taken.
    pub canonical: &'a Value,
    /// What this owner declared last.
    pub mine: &'a Holding,
    /// What every other owner declared, with their names.
    pub others: &'a [(String, Holding)],
    /// Whether fields of others are taken.
    pub force: bool,
}

/// A field that another owner has declared to be something else.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// The field.
    pub path: String,
    /// Whose it is.
    pub owner: String,
    /// Since when and by whom.
    pub held: Held,
    /// What it is.
    pub live: Option<Value>,
    /// What is wanted.
    pub wanted: Option<Value>,
}

/// What comes of a merge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merged {
    /// The spec as it shall be. With conflicts, it stays as it is.
    pub spec: Value,
    /// What this owner declares now: every path of the declaration with its value.
    pub declared: Vec<(String, Option<Value>)>,
    /// Fields that others lose: owner and path. Only by force.
    pub taken: Vec<(String, String)>,
    /// Fields of others that stand in the way.
    pub conflicts: Vec<Conflict>,
}

/// Merges a declaration into a resource.
///
/// - A field that is declared and is so already stays, and belongs to everybody who declares it.
/// - A field that is declared to be something else is changed, unless another owner has declared it, too: that is a
///   conflict, or with `force` a field that the other loses.
/// - A field that this owner declared before and no longer does goes back to its default, unless another owner has
///   declared it.
/// - Every other field stays as it is.
#[must_use]
pub fn merge(live: &Value, wanted: Wanted<'_>) -> Merged {
    let mut merged = Merged { spec: live.clone(), ..Merged::default() };
    let mut declared = BTreeSet::new();
    for leaf in leaves(wanted.declared) {
        let (now, new) = (at(live, &leaf.path), at(wanted.canonical, &leaf.path));
        let nothing = leaf.value.as_array().is_some_and(Vec::is_empty);
        // An empty list says nothing about entries that have names: they are declared one by one.
        if nothing && now.and_then(Value::as_array).is_some_and(|items| items.iter().any(Value::is_object)) {
            continue;
        }
        declared.insert(leaf.path.clone());
        if !nothing {
            merged.declared.push((leaf.path.clone(), new.map(remembered)));
        }
        if same(now, new) {
            continue;
        }
        let holders = holders(&wanted, &leaf.path);
        if !holders.is_empty() && !wanted.force {
            merged.conflicts.extend(conflict(&leaf.path, &holders, now, new));
            continue;
        }
        merged.taken.extend(holders.into_iter().map(|(owner, path, _)| (owner.to_owned(), path.to_owned())));
        match new {
            Some(new) => put(&mut merged.spec, &leaf.path, new.clone(), wanted.canonical),
            None => take(&mut merged.spec, &leaf.path),
        }
    }
    give_back(live, &wanted, &declared, &mut merged);
    if !merged.conflicts.is_empty() {
        merged.spec = live.clone();
        merged.taken.clear();
    }
    merged
}

/// Fields that the owner no longer declares.
fn give_back(live: &Value, wanted: &Wanted<'_>, declared: &BTreeSet<String>, merged: &mut Merged) {
    let gone = |path: &&String| !declared.iter().any(|declared| related(declared, path));
    let (names, plain): (Vec<&String>, Vec<&String>) =
        wanted.mine.0.keys().filter(gone).partition(|path| is_entry_name(live, path));
    for path in plain {
        if holders(wanted, path).is_empty() {
            take(&mut merged.spec, what_goes_with(path, wanted, declared));
        }
    }
    for path in names {
        // An entry in which somebody else has declared anything stays.
        let entry = path.rsplit_once('/').map_or(path.as_str(), |(entry, _)| entry);
        if holders(wanted, entry).is_empty() {
            take(&mut merged.spec, path);
        }
    }
}

/// What goes when a field goes: the limit that it belongs to, if nobody declares any of that now, for what the gateway filled
/// in beside the field means nothing alone (`/policies/ratelimit/concurrency/max` and its `lease_ttl_seconds`).
fn what_goes_with<'a>(path: &'a str, wanted: &Wanted<'_>, declared: &BTreeSet<String>) -> &'a str {
    let Some((object, _)) = path.rsplit_once('/') else { return path };
    let is_limit = object.starts_with("/policies/ratelimit/");
    let is_wanted = declared.iter().any(|declared| related(declared, object));
    if is_limit && !is_wanted && holders(wanted, object).is_empty() { object } else { path }
}

type Holder<'a> = (&'a str, &'a str, &'a Held);

/// Who else has declared a field, or something above or below it.
fn holders<'a>(wanted: &Wanted<'a>, path: &str) -> Vec<Holder<'a>> {
    let mut found = Vec::new();
    for (owner, holding) in wanted.others {
        let near = holding.0.iter().filter(|(held, _)| related(held, path));
        found.extend(near.map(|(path, held)| (owner.as_str(), path.as_str(), held)));
    }
    found
}

fn conflict(path: &str, holders: &[Holder<'_>], live: Option<&Value>, wanted: Option<&Value>) -> Option<Conflict> {
    let (owner, _, held) = holders.iter().max_by_key(|(_, _, held)| held.at)?;
    Some(Conflict {
        path: path.to_owned(),
        owner: (*owner).to_owned(),
        held: (*held).clone(),
        live: live.map(remembered),
        wanted: wanted.map(remembered),
    })
}
