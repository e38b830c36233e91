//! Usage and audit as tables.

use entity::audit::AuditEvent;
use entity::live::Percentiles;
use entity::pricing::Bill;
use entity::usage::{
    Attempt, LimitMark, ReservationMark, RoutingTrace, StageMark, TokenUsage, UsageMetadata, UsageRecord, UsageRow,
    UsageTotals,
};
use entity::vocab::{AttemptOutcome, Outcome, RoutingDecision, UsageSource};
use entity::{ApiKeyId, AuditEventId, ModelId, OrganisationId, ProviderId, TeamId, UsageRecordId, UserId};
use serde_json::json;

use super::{at, id, or_dash};
use crate::output::{Column, Show, instant, latency, money};

impl Show for UsageRecord {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("AT", "at", |r| instant(r.at)),
                Column::new("KEY", "apiKey", |r| r.api_key.clone()),
                Column::wide("TEAM", "team", |r| or_dash(r.team.as_ref())),
                Column::wide("USER", "user", |r| or_dash(r.user.as_ref())),
                Column::new("MODEL", "model", |r| or_dash(r.model.as_ref())),
                Column::wide("PROVIDER", "provider", |r| or_dash(r.provider.as_ref())),
                Column::new("STATUS", "status", |r| r.status.to_string()),
                Column::new("OUTCOME", "outcome", |r| match &r.error_code {
                    Some(code) => format!("{} {code}", r.outcome),
                    None => r.outcome.to_string(),
                }),
                Column::new("IN", "", |r| r.tokens.input().to_string()),
                Column::new("OUT", "", |r| r.tokens.output().to_string()),
                Column::new("COST", "costNanos", |r| or_dash(r.cost_nanos.map(money))),
                Column::new("LATENCY", "latencyUs", |r| latency(r.latency_us)),
                Column::wide("FIRST BYTE", "firstByteUs", |r| or_dash(r.first_byte_us.map(latency))),
                Column::wide("OVERHEAD", "overheadUs", |r| latency(r.overhead_us)),
                Column::wide("ENDPOINT", "endpoint", |r| r.endpoint.clone()),
                Column::wide("STREAM", "stream", |r| crate::output::yes_no(r.stream)),
                Column::new("REQUEST ID", "requestId", |r| r.request_id.clone()),
            ]
        }
    }

    fn example() -> Self {
        Self {
            id: UsageRecordId(id()),
            request_id: "0198c0de".into(),
            trace_id: Some("00".into()),
            at: at(),
            organisation_id: OrganisationId(id()),
            organisation: "acme".into(),
            team_id: Some(TeamId(id())),
            team: Some("search".into()),
            user_id: Some(UserId(id())),
            user: Some("ada@acme.example".into()),
            api_key_id: ApiKeyId(id()),
            api_key: "ci".into(),
            provider_id: Some(ProviderId(id())),
            provider: Some("openai".into()),
            model_id: Some(ModelId(id())),
            model: Some("support-fast".into()),
            endpoint: "/v1/chat/completions".into(),
            stream: true,
            outcome: Outcome::Ok,
            dispatched: true,
            status: 200,
            error_code: Some("upstream_timeout".into()),
            tokens: TokenUsage {
                input_text: 1,
                input_image: 1,
                input_audio: 1,
                input_cached: 1,
                input_cache_write: 1,
                output_text: 1,
                output_audio: 1,
                output_reasoning: 1,
                output_rejected: 1,
                input_video: 1,
                input_reasoning: 1,
                embeddings: 1,
                tool_definition: 1,
                tool_input: 1,
                output_image: 1,
                output_video: 1,
                tool_output: 1,
                units: 1,
                total: 17,
            },
            usage_source: UsageSource::Reported,
            bill: Some(Bill { lines: Vec::new(), total_nanos: 1, price_version: 1, prices_from: Some(at()) }),
            cost_nanos: Some(1),
            latency_us: 1,
            first_byte_us: Some(1),
            overhead_us: 1,
            provider_request_id: Some("req".into()),
            provider_usage: Some(json!({})),
            routing: RoutingTrace {
                decision: RoutingDecision::Rerouted,
                requested: Some("support-deep".into()),
                attempts: vec![Attempt {
                    model: "support-fast".into(),
                    provider: "openai".into(),
                    outcome: AttemptOutcome::Failed,
                    status: Some(200),
                    error: Some("timeout".into()),
                    at_us: 1,
                    duration_us: 1,
                }],
            },
            metadata: UsageMetadata {
                stages: vec![StageMark { stage: "authenticate".into(), at_us: 1 }],
                inbound_request_id: Some("mine".into()),
                client_address: Some("192.0.2.1".into()),
                error_message: Some("too slow".into()),
                limits: vec![LimitMark::example()],
                reservations: vec![ReservationMark::example()],
                clamped_to: Some(1),
                replay_of: Some("0198c0dd".into()),
                usage_mismatch: true,
            },
        }
    }

    fn handle(&self) -> String {
        format!("request/{}", self.request_id)
    }
}

impl Show for UsageRow {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::wide("AT", "at", |r| or_dash(r.at.map(instant))),
                Column::new("NAME", "name", |r| match r.at {
                    // A row of a span of time is called by it.
                    Some(at) if r.name == "-" => instant(at),
                    Some(at) => format!("{} {}", instant(at), r.name),
                    None => r.name.clone(),
                }),
                Column::new("REQUESTS", "requests", |r| r.totals.requests.to_string()),
                Column::new("ERRORS", "errors", |r| r.totals.errors.to_string()),
                Column::new("TOKENS IN", "tokensIn", |r| r.totals.tokens_in.to_string()),
                Column::new("TOKENS OUT", "tokensOut", |r| r.totals.tokens_out.to_string()),
                Column::new("COST", "costNanos", |r| money(r.totals.cost_nanos)),
                Column::new("UNPRICED", "unpriced", |r| r.totals.unpriced.to_string()),
                Column::new("MEAN LATENCY", "meanLatencyUs", |r| latency(r.totals.mean_latency_us)),
                Column::wide("P50", "latencyUs.p50", |r| or_dash(r.latency_us.as_ref().map(|took| latency(took.p50)))),
                Column::wide("P95", "latencyUs.p95", |r| or_dash(r.latency_us.as_ref().map(|took| latency(took.p95)))),
                Column::wide("P99", "latencyUs.p99", |r| or_dash(r.latency_us.as_ref().map(|took| latency(took.p99)))),
                Column::wide("UNITS", "units", |r| r.units.to_string()),
            ]
        }
    }

    fn example() -> Self {
        Self {
            at: Some(at()),
            latency_us: Some(Percentiles { p50: 1, p95: 2, p99: 3 }),
            ..Self::of("support-fast", UsageTotals::default())
        }
    }

    fn handle(&self) -> String {
        self.name.clone()
    }
}

impl Show for AuditEvent {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("AT", "at", |e| instant(e.at)),
                Column::new("ACTOR", "actor", |e| e.actor.clone()),
                Column::new("VERB", "verb", |e| e.verb.clone()),
                Column::new("RESOURCE", "resource", |e| e.resource.clone()),
                Column::new("NAME", "name", |e| or_dash(e.name.as_ref())),
                Column::new("OUTCOME", "outcome", |e| e.outcome.clone()),
                Column::wide("TOKEN", "token", |e| or_dash(e.token.as_ref())),
                Column::wide("ADDRESS", "address", |e| or_dash(e.address.as_ref())),
                Column::wide("REQUEST ID", "requestId", |e| e.request_id.clone()),
                Column::wide("SEQ", "seq", |e| or_dash(e.seq)),
            ]
        }
    }

    fn example() -> Self {
        Self {
            id: AuditEventId(id()),
            at: at(),
            actor: "ada@acme.example".into(),
            token: Some("laptop".into()),
            address: Some("192.0.2.1".into()),
            verb: "rotate".into(),
            resource: "apikey".into(),
            name: Some("ci".into()),
            before: Some(json!({})),
            after: Some(json!({})),
            request_id: "0198c0de".into(),
            outcome: "done".into(),
            seq: Some(7),
            hash: Some("9f2c…".into()),
        }
    }

    fn handle(&self) -> String {
        format!("audit/{}", self.id)
    }
}
