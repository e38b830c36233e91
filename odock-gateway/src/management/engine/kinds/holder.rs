use entity::check::Violation;
use entity::resource::Kind;
use uuid::Uuid;

use crate::management::engine::plan::{Planned, Planner};
use crate::management::engine::prepare::Item;
use crate::management::engine::refs::Refs;
use crate::management::problem::ApiError;

/// What a budget, quota or overlay belongs to, as its spec names it.
pub(super) struct Holder<'a> {
    /// Its kind; `None` for what cannot hold anything, which the checker has refused.
    pub(super) kind: Option<Kind>,
    /// Its name; absent for the organisation.
    pub(super) name: Option<&'a str>,
    /// Where the spec names it.
    pub(super) pointer: &'static str,
}

impl Holder<'_> {
    fn named(&self) -> Option<(Kind, &str)> {
        Some((self.kind.filter(|kind| *kind != Kind::Organisation)?, self.name?))
    }

    pub(super) fn register(&self, refs: &mut Refs) {
        if let Some((kind, name)) = self.named() {
            refs.want(kind, name);
        }
    }

    pub(super) fn check(&self, planner: &Planner<'_>, found: &mut Vec<Violation>) {
        if let Some((kind, name)) = self.named() {
            planner.refs.check(kind, name, self.pointer, found);
        }
    }

    /// Its id. The facts of this holder and of the one before are stale once the change is made.
    pub(super) fn take<S: Planned>(&self, item: &Item<S>, planner: &mut Planner<'_>) -> Result<Uuid, ApiError> {
        let id = match self.named() {
            Some((kind, name)) => planner.refs.id(kind, name),
            None => Some(planner.organisation()?.0),
        };
        let id = id.ok_or_else(|| ApiError::internal("an owner was not resolved"))?;
        planner.subjects.push(id);
        planner.subjects.extend(item.found.as_ref().and_then(|found| found.holder));
        Ok(id)
    }
}
