//! The schema of Odock, forward and back, for SQLite and Postgres from the same statements.
//!
//! Migrations are history: append only, every identifier spelled in place, no import of `entity`.

pub use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261101_000001_create_tenancy;
mod m20261101_000002_create_catalogue;
mod m20261101_000003_create_api_keys;
mod m20261101_000004_create_usage_record;
mod m20261101_000005_create_audit_event;
mod m20261123_000006_add_policies;
mod m20261123_000007_create_limits;
mod m20261123_000008_create_ledger;
mod m20261123_000009_create_rollups;
mod m20261123_000010_add_routing;
mod m20261123_000011_identity;
mod m20261123_000012_audit_chain;
mod m20261123_000013_coarse_rollups;
mod m20261123_000014_ownership;
mod m20261123_000015_pending_keys;
mod m20261123_000016_jobs;
mod m20261123_000017_usage_days;
mod m20261124_000018_usage_lookups;
mod table;

/// Every migration, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261101_000001_create_tenancy::Migration),
            Box::new(m20261101_000002_create_catalogue::Migration),
            Box::new(m20261101_000003_create_api_keys::Migration),
            Box::new(m20261101_000004_create_usage_record::Migration),
            Box::new(m20261101_000005_create_audit_event::Migration),
            Box::new(m20261123_000006_add_policies::Migration),
            Box::new(m20261123_000007_create_limits::Migration),
            Box::new(m20261123_000008_create_ledger::Migration),
            Box::new(m20261123_000009_create_rollups::Migration),
            Box::new(m20261123_000010_add_routing::Migration),
            Box::new(m20261123_000011_identity::Migration),
            Box::new(m20261123_000012_audit_chain::Migration),
            Box::new(m20261123_000013_coarse_rollups::Migration),
            Box::new(m20261123_000014_ownership::Migration),
            Box::new(m20261123_000015_pending_keys::Migration),
            Box::new(m20261123_000016_jobs::Migration),
            Box::new(m20261123_000017_usage_days::Migration),
            Box::new(m20261124_000018_usage_lookups::Migration),
        ]
    }
}
