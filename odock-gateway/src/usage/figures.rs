//! What a usage record says in ids and numbers.

use entity::usage::UsageRecord;
use entity::vocab::{Metric, Outcome, UsageSource};
use entity::{ApiKeyId, ModelId, Nanos, OrganisationId, ProviderId, TeamId, Timestamp, UsageRecordId, UserId};
use uuid::Uuid;

/// The most that one record counts.
const MOST: i64 = 1_000_000_000_000_000;

/// A [`UsageRecord`] without its texts and lists: what sums are made of. Durations are in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is the record's of its name")]
pub struct Figures {
    pub id: UsageRecordId,
    pub at: Timestamp,
    pub organisation_id: OrganisationId,
    pub team_id: Option<TeamId>,
    pub user_id: Option<UserId>,
    pub api_key_id: ApiKeyId,
    pub provider_id: Option<ProviderId>,
    pub model_id: Option<ModelId>,
    pub stream: bool,
    pub outcome: Outcome,
    pub dispatched: bool,
    pub status: u16,
    /// Every token that went in.
    pub tokens_in: u64,
    /// Every token that came out.
    pub tokens_out: u64,
    pub units: u64,
    pub usage_source: UsageSource,
    pub cost_nanos: Option<Nanos>,
    pub latency_us: u64,
    pub first_byte_us: Option<u64>,
    pub overhead_us: u64,
}

impl Figures {
    /// The figures of a record.
    #[must_use]
    pub fn of(record: &UsageRecord) -> Self {
        Self {
            id: record.id,
            at: record.at,
            organisation_id: record.organisation_id,
            team_id: record.team_id,
            user_id: record.user_id,
            api_key_id: record.api_key_id,
            provider_id: record.provider_id,
            model_id: record.model_id,
            stream: record.stream,
            outcome: record.outcome,
            dispatched: record.dispatched,
            status: record.status,
            tokens_in: record.tokens.input(),
            tokens_out: record.tokens.output(),
            units: record.tokens.units,
            usage_source: record.usage_source,
            cost_nanos: record.cost_nanos,
            latency_us: record.latency_us,
            first_byte_us: record.first_byte_us,
            overhead_us: record.overhead_us,
        }
    }

    /// What the request consumed of a metric. One that was not sent to an upstream consumed nothing.
    #[must_use]
    pub fn amount(&self, metric: Metric) -> i64 {
        if !self.dispatched {
            return 0;
        }
        // Far beyond what any provider counts for one request, and far below what would not add up any more.
        let count = |count: u64| i64::try_from(count).map_or(MOST, |count| std::cmp::min(count, MOST));
        match metric {
            Metric::Requests => 1,
            Metric::Tokens => count(self.tokens_in.saturating_add(self.tokens_out)),
            Metric::TokensIn => count(self.tokens_in),
            Metric::TokensOut => count(self.tokens_out),
            Metric::Errors => i64::from(self.outcome == Outcome::Failed),
            Metric::Cost => self.cost_nanos.unwrap_or(0),
            Metric::LatencyMs => count(self.latency_us / 1_000),
        }
    }

    /// Everyone whose budgets and quotas the request counts in: its organisation, team, user and virtual key.
    pub fn owners(&self) -> impl Iterator<Item = Uuid> {
        [
            Some(self.organisation_id.0),
            self.team_id.map(|id| id.0),
            self.user_id.map(|id| id.0),
            Some(self.api_key_id.0),
        ]
        .into_iter()
        .flatten()
    }
}
