//! Invoices: sums over usage records, line by line.

use entity::ledger::InvoiceLine;
use entity::row::usage_record::{Column, Entity};
use entity::{OrganisationId, Timestamp};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};

use super::usage::{Sums, sums};

#[derive(Debug, FromQueryResult)]
struct Line {
    team: Option<String>,
    api_key: String,
    model: Option<String>,
    #[sea_orm(nested)]
    sums: Sums,
}

/// The lines of an invoice over the records of an organisation from `from` until before `to`: one for each team, key and
/// model, under the names that they had.
pub async fn lines(
    db: &impl ConnectionTrait,
    organisation: OrganisationId,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<InvoiceLine>, DbErr> {
    let select = Entity::find()
        .select_only()
        .columns([Column::Team, Column::ApiKey, Column::Model])
        .filter(Column::OrganisationId.eq(organisation))
        .filter(Column::At.gte(from))
        .filter(Column::At.lt(to))
        .group_by(Column::Team)
        .group_by(Column::ApiKey)
        .group_by(Column::Model);
    let line = |Line { team, api_key, model, sums }: Line| {
        let totals = sums.totals();
        InvoiceLine {
            team,
            api_key,
            model,
            requests: totals.requests,
            tokens_in: totals.tokens_in,
            tokens_out: totals.tokens_out,
            cost_nanos: totals.cost_nanos,
            unpriced: totals.unpriced,
        }
    };
    let mut lines: Vec<InvoiceLine> = sums(select).into_model::<Line>().all(db).await?.into_iter().map(line).collect();
    // Sorted here, because the databases do not agree on the order of text and of what is absent.
    lines.sort_by(|a, b| {
        let place =
            |line: &InvoiceLine| (line.team.is_none(), line.team.clone(), line.api_key.clone(), line.model.clone());
        place(a).cmp(&place(b))
    });
    Ok(lines)
}
