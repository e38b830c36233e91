//! The SeaORM entities: one file a table. Rows never serialise; what leaves the gateway are the wire types beside this module.
//! Columns mean what the wire type's field of the same name says.
#![allow(missing_docs, reason = "columns are documented once, on the wire types")]

pub mod access_token;
pub mod api_key;
pub mod api_key_model_access;
pub mod api_key_rotation;
pub mod audit_event;
pub mod budget;
pub mod ledger_event;
pub mod ledger_lease;
pub mod ledger_request;
pub mod ledger_window;
pub mod model;
pub mod organisation;
pub mod policy_overlay;
pub mod provider;
pub mod provider_api_key;
pub mod quota;
pub mod team;
pub mod team_member;
pub mod usage_record;
pub mod user;

/// Lower-case hex of SHA-256 over a whole secret: what a credential is found by. Never printed.
#[derive(Clone, PartialEq, Eq, Hash, sea_orm::DeriveValueType)]
pub struct SecretHash(pub String);

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// Percentages of a limit at which an event is raised.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, sea_orm::FromJsonQueryResult)]
#[serde(transparent)]
pub struct Thresholds(pub std::collections::BTreeSet<u16>);

/// Price lists to come, by the instant at which they begin to apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, sea_orm::FromJsonQueryResult)]
#[serde(transparent)]
pub struct PriceChanges(pub Vec<crate::resource::PriceChange>);
