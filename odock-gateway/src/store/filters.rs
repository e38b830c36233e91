//! What a list can be narrowed by: each kind names its filters, so that requests, queries and the document agree.

use entity::Timestamp;
use entity::row::{api_key, api_key_model_access, model, provider, team, team_member, user};
use sea_orm::sea_query::SelectStatement;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

/// What the value of a filter looks like.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// An instant.
    Instant,
    /// One of these words.
    Words(fn() -> Vec<&'static str>),
}

/// One way to narrow a list.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// The name of its parameter.
    pub name: &'static str,
    /// What it leaves, in a sentence.
    pub about: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// The condition for a value, or what is wrong with the value.
    pub condition: fn(&str) -> Result<Condition, String>,
}

/// The condition that a column holds one of a closed set of words.
pub(super) fn word<W, C>(column: C, given: &str) -> Result<Condition, String>
where
    W: std::str::FromStr<Err = entity::vocab::UnknownWord> + Into<sea_orm::Value>,
    C: ColumnTrait,
{
    let word: W = given.parse().map_err(|error: entity::vocab::UnknownWord| error.to_string())?;
    Ok(Condition::all().add(column.eq(word)))
}

/// The condition that a column is true or false.
pub(super) fn flag<C: ColumnTrait>(column: C, given: &str) -> Result<Condition, String> {
    Ok(Condition::all().add(column.eq(truth(given)?)))
}

/// The condition that a column has a value, or has none.
pub(super) fn present<C: ColumnTrait>(column: C, given: &str) -> Result<Condition, String> {
    Ok(Condition::all().add(if truth(given)? { column.is_not_null() } else { column.is_null() }))
}

fn truth(given: &str) -> Result<bool, String> {
    given.parse().map_err(|_| "it is `true` or `false`".to_owned())
}

/// The condition that a column is before an instant.
pub(super) fn before<C: ColumnTrait>(column: C, given: &str) -> Result<Condition, String> {
    Ok(Condition::all().add(column.lt(instant(given)?)))
}

/// The condition that a column is at an instant or after it.
pub(super) fn since<C: ColumnTrait>(column: C, given: &str) -> Result<Condition, String> {
    Ok(Condition::all().add(column.gte(instant(given)?)))
}

fn instant(given: &str) -> Result<Timestamp, String> {
    given.parse().map_err(|_| "it is an instant such as 2027-06-01T00:00:00Z".to_owned())
}

/// The condition that a column refers to the row of `E` that has a name or an id.
fn refers<C: ColumnTrait, E: EntityTrait>(column: C, id: E::Column, name: E::Column, given: &str) -> Condition {
    match Uuid::try_parse(given) {
        Ok(id) => Condition::all().add(column.eq(id)),
        Err(_) => Condition::all().add(column.in_subquery(named::<E>(id, name, given))),
    }
}

fn named<E: EntityTrait>(id: E::Column, name: E::Column, given: &str) -> SelectStatement {
    E::find().select_only().column(id).filter(name.eq(given)).into_query()
}

/// The condition that a column refers to a team.
pub(super) fn team<C: ColumnTrait>(column: C, given: &str) -> Result<Condition, String> {
    Ok(refers::<C, team::Entity>(column, team::Column::Id, team::Column::Name, given))
}

/// The condition that a column refers to a user.
pub(super) fn user<C: ColumnTrait>(column: C, given: &str) -> Result<Condition, String> {
    Ok(refers::<C, user::Entity>(column, user::Column::Id, user::Column::Email, given))
}

/// The condition that a column refers to a provider.
pub(super) fn provider<C: ColumnTrait>(column: C, given: &str) -> Result<Condition, String> {
    Ok(refers::<C, provider::Entity>(column, provider::Column::Id, provider::Column::Name, given))
}

/// The condition that a column refers to a virtual key.
pub(super) fn key<C: ColumnTrait>(column: C, given: &str) -> Result<Condition, String> {
    Ok(refers::<C, api_key::Entity>(column, api_key::Column::Id, api_key::Column::Name, given))
}

/// The condition that a column refers to a model.
pub(super) fn model<C: ColumnTrait>(column: C, given: &str) -> Result<Condition, String> {
    Ok(refers::<C, model::Entity>(column, model::Column::Id, model::Column::Name, given))
}

/// The condition that a key may call a model.
pub(super) fn granted(given: &str) -> Result<Condition, String> {
    let granted = api_key_model_access::Entity::find()
        .select_only()
        .column(api_key_model_access::Column::ApiKeyId)
        .filter(model(api_key_model_access::Column::ModelId, given)?);
    Ok(Condition::all().add(api_key::Column::Id.in_subquery(granted.into_query())))
}

/// The condition that a user belongs to a team, by a column that refers to the team.
pub(super) fn member<C: ColumnTrait>(column: C, given: &str) -> Result<Condition, String> {
    let of = team_member::Entity::find()
        .select_only()
        .column(team_member::Column::TeamId)
        .filter(user(team_member::Column::UserId, given)?);
    Ok(Condition::all().add(column.in_subquery(of.into_query())))
}

/// The condition that a user belongs to the team of a name or id.
pub(super) fn belongs(given: &str) -> Result<Condition, String> {
    let of = team_member::Entity::find()
        .select_only()
        .column(team_member::Column::UserId)
        .filter(team(team_member::Column::TeamId, given)?);
    Ok(Condition::all().add(user::Column::Id.in_subquery(of.into_query())))
}

/// Spells a kind's filters: name, what it leaves, shape, and the function of this module with its column.
macro_rules! filters {
    ($($name:literal, $about:literal, $shape:ident $(($words:ty))?, $with:ident $(::<$word:ty>)? ($($column:expr)?);)*) => {
        const FILTERS: &'static [filters::Filter] = &[$(filters::Filter {
            name: $name,
            about: $about,
            shape: filters::Shape::$shape $((|| <$words>::ALL.iter().map(|word| word.as_str()).collect()))?,
            condition: |given| filters::$with $(::<$word, _>)? ($($column,)? given),
        },)*];
    };
}

pub(super) use filters;
