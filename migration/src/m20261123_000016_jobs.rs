//! Tasks that are done while their caller does something else, and what came of them.

use sea_orm_migration::prelude::*;

use crate::table::{big, cascade, create, drop, flag, index, int, table, text, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut job = table("job");
        for id in ["organisation_id", "api_key_id", "node_id"] {
            job.col(uuid(id).not_null());
        }
        for name in ["request_id", "task", "model", "status"] {
            job.col(text(name).not_null());
        }
        job.col(flag("cancel_asked"))
            // By the database's clock: until then its node is believed to live.
            .col(big("lease_ends_at").not_null())
            .col(big("finished_at"))
            .col(big("expires_at").not_null())
            .col(int("http_status"))
            .col(text("content_type"))
            .col(text("error_code"))
            .col(text("error_message"));
        // A table of its own, so that lists of jobs do not read what came of them.
        let mut result = table("job_result");
        result.col(ColumnDef::new(Alias::new("body")).blob().not_null()).foreign_key(&mut cascade(
            "job_result",
            "id",
            "job",
        ));
        let indexes = [
            index("job", &["api_key_id", "created_at"]),
            index("job", &["status", "lease_ends_at"]),
            index("job", &["expires_at"]),
        ];
        create(manager, [job.to_owned(), result.to_owned()], indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["job_result", "job"]).await
    }
}
