//! The SeaORM entities: one file a table. Rows never serialise; what leaves the gateway are the wire types beside this module.
//! Columns mean what the wire type's field of the same name says.
#![allow(missing_docs, reason = "columns are documented once, on the wire types")]

pub mod access_token;
pub mod api_key;
pub mod api_key_model_access;
pub mod api_key_rotation;
pub mod audit_chain;
pub mod audit_event;
pub mod budget;
pub mod device_sign_in;
pub mod external_identity;
pub mod job;
pub mod job_result;
pub mod ledger_event;
pub mod ledger_lease;
pub mod ledger_request;
pub mod ledger_window;
pub mod managed_resource;
pub mod model;
pub mod organisation;
pub mod organisation_invitation;
pub mod policy_overlay;
pub mod provider;
pub mod provider_api_key;
pub mod quota;
pub mod resource_metadata;
pub mod service_account;
pub mod service_account_team;
pub mod service_account_token;
pub mod session;
pub mod team;
pub mod team_member;
pub mod usage_record;
pub mod used_assertion;
pub mod user;

/// Lower-case hex of SHA-256 over a whole secret: what a credential is found by. Never printed.
#[derive(Clone, PartialEq, Eq, Hash, sea_orm::DeriveValueType)]
pub struct SecretHash(pub String);

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// A password's Argon2id hash with its parameters and salt, as a PHC string. Never printed.
#[derive(Clone, PartialEq, Eq, sea_orm::DeriveValueType)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(..)")
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

/// The issuers whose tokens a service account is given tokens for.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, sea_orm::FromJsonQueryResult)]
#[serde(transparent)]
pub struct TrustRules(pub Vec<crate::resource::TrustRule>);
