//! Which resources a label selector means.

use std::collections::BTreeSet;

use entity::row::resource_metadata::{Column, Entity};
use entity::selector::{Requirement, Selector, Test};
use sea_orm::sea_query::{BinOper, Expr, ExprTrait, SelectStatement};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::kinds::Stored;

/// The condition that a resource's labels are as the selector says.
pub fn selected<S: Stored>(selector: &Selector) -> Condition {
    selector.0.iter().fold(Condition::all(), |all, Requirement { key, test }| {
        // Who has no labels has no row, so that "not" is asked of what has the label.
        all.add(match test {
            Test::Present => S::ID.in_subquery(having::<S>(key, None)),
            Test::Absent => S::ID.not_in_subquery(having::<S>(key, None)),
            Test::OneOf(values) => S::ID.in_subquery(having::<S>(key, Some(values))),
            Test::NoneOf(values) => S::ID.not_in_subquery(having::<S>(key, Some(values))),
        })
    })
}

/// The resources of a kind that have a label, with one of these values if there are any.
fn having<S: Stored>(key: &str, values: Option<&BTreeSet<String>>) -> SelectStatement {
    // Both databases know `->>`, and both take the key for a key, whatever is in it.
    let label = Expr::col((Entity, Column::Labels)).binary(BinOper::Custom("->>"), Expr::val(key));
    let is_it = match values {
        None => label.is_not_null(),
        Some(values) => label.is_in(values.iter().map(String::as_str)),
    };
    let of_kind = Entity::find().select_only().column(Column::Id).filter(Column::Kind.eq(S::KIND.as_str()));
    of_kind.filter(is_it).into_query()
}
