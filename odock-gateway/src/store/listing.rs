//! Lists in pages: sorted by a column and the id, each page beginning after the last item of the one before.

use entity::Timestamp;
use entity::resource::Resource;
use sea_orm::sea_query::{ExprTrait, Func, LikeExpr, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, Order, QueryFilter, QueryOrder, QuerySelect, Select, Value};
use uuid::Uuid;

use super::kinds::Stored;

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortKey {
    /// The name.
    #[default]
    Name,
    /// The creation.
    CreatedAt,
}

/// Where a page begins: after this item.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// The item's name, or the instant of its creation.
    pub at: Place,
    /// The item's id, for those with the same.
    pub id: Uuid,
}

/// An item's place in the order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// In the order of names.
    Name(String),
    /// In the order of instants, in microseconds.
    At(i64),
}

/// Which part of a list is wanted.
#[derive(Clone, Debug)]
pub struct Listing {
    /// How many items.
    pub limit: usize,
    /// After which item.
    pub after: Option<Position>,
    /// What the name must contain, in any case.
    pub q: Option<String>,
    /// In which order.
    pub sort: SortKey,
    /// Whether the order is reversed.
    pub descending: bool,
    /// What else must hold.
    pub narrowed: Condition,
}

impl Listing {
    /// Adds filter, order and limit; one item more than wanted, to know whether there is more.
    pub(super) fn select<S: Stored>(&self, select: Select<S::Entity>) -> Select<S::Entity> {
        let order = if self.descending { Order::Desc } else { Order::Asc };
        let column = match self.sort {
            SortKey::Name => S::NAME,
            SortKey::CreatedAt => S::CREATED,
        };
        let mut select = select
            .filter(self.narrowed.clone())
            .order_by(column, order.clone())
            .order_by(S::ID, order)
            .limit(u64::try_from(self.limit).unwrap_or(u64::MAX).saturating_add(1));
        if let Some(part) = &self.q {
            select = select.filter(Condition::all().add_option(self::part::<S>(part)));
        }
        if let Some(after) = &self.after {
            let place: Value = match &after.at {
                Place::Name(name) => name.clone().into(),
                Place::At(micros) => (*micros).into(),
            };
            select = select.filter(beyond(column, S::ID, place, after.id, self.descending));
        }
        select
    }

    /// Where the page after `item` begins.
    pub(super) fn position<S, T>(&self, item: &Resource<S, T>) -> Position {
        let at = match self.sort {
            SortKey::Name => Place::Name(item.name.clone()),
            SortKey::CreatedAt => Place::At(item.created_at.0),
        };
        Position { at, id: item.id }
    }
}

/// The condition that a name contains a text, in any case.
pub fn part<S: Stored>(part: &str) -> Option<SimpleExpr> {
    let name = Func::lower(S::NAME.into_expr());
    let pattern = LikeExpr::new(containing(&part.to_lowercase())).escape('\\');
    (!part.is_empty()).then(|| name.like(pattern))
}

/// What comes after an item, in the order of a column and then the id.
pub(super) fn beyond<C: ColumnTrait>(column: C, id: C, place: Value, after: Uuid, descending: bool) -> Condition {
    let (further, tied) =
        if descending { (column.lt(place.clone()), id.lt(after)) } else { (column.gt(place.clone()), id.gt(after)) };
    Condition::any().add(further).add(Condition::all().add(column.eq(place)).add(tied))
}

/// What comes before an item in time.
pub(super) fn earlier<C: ColumnTrait>(column: C, id: C, at: Timestamp, before: Uuid) -> Condition {
    beyond(column, id, at.0.into(), before, true)
}

/// A `LIKE` pattern for texts that contain `part`, taken literally.
fn containing(part: &str) -> String {
    let mut pattern = String::with_capacity(part.len() + 2);
    pattern.push('%');
    for c in part.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
