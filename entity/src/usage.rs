//! What a request consumed, and the record that it leaves.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::pricing::Bill;
use crate::vocab::{AttemptOutcome, Outcome, RoutingDecision, UsageSource};
use crate::wire::is_default;
use crate::{ApiKeyId, ModelId, Nanos, OrganisationId, ProviderId, TeamId, Timestamp, UsageRecordId, UserId};

/// Tokens by disjoint class: no token is counted twice, and the classes add up to the total.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "db", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct TokenUsage {
    /// Prompt text that was not read from a cache.
    #[serde(skip_serializing_if = "is_default")]
    pub input_text: u64,
    /// Images in the prompt.
    #[serde(skip_serializing_if = "is_default")]
    pub input_image: u64,
    /// Sound in the prompt.
    #[serde(skip_serializing_if = "is_default")]
    pub input_audio: u64,
    /// Moving pictures in the prompt.
    #[serde(skip_serializing_if = "is_default")]
    pub input_video: u64,
    /// Earlier reasoning that the provider charges as input.
    #[serde(skip_serializing_if = "is_default")]
    pub input_reasoning: u64,
    /// Prompt read from the provider's cache.
    #[serde(skip_serializing_if = "is_default")]
    pub input_cached: u64,
    /// Prompt written to the provider's cache.
    #[serde(skip_serializing_if = "is_default")]
    pub input_cache_write: u64,
    /// Tokens that were embedded.
    #[serde(skip_serializing_if = "is_default")]
    pub embeddings: u64,
    /// Declarations of tools, where the provider counts them apart.
    #[serde(skip_serializing_if = "is_default")]
    pub tool_definition: u64,
    /// What tools were given, where the provider counts it apart.
    #[serde(skip_serializing_if = "is_default")]
    pub tool_input: u64,
    /// Text of the answer.
    #[serde(skip_serializing_if = "is_default")]
    pub output_text: u64,
    /// Images of the answer.
    #[serde(skip_serializing_if = "is_default")]
    pub output_image: u64,
    /// Sound of the answer.
    #[serde(skip_serializing_if = "is_default")]
    pub output_audio: u64,
    /// Moving pictures of the answer.
    #[serde(skip_serializing_if = "is_default")]
    pub output_video: u64,
    /// Reasoning that the provider charges as output.
    #[serde(skip_serializing_if = "is_default")]
    pub output_reasoning: u64,
    /// Predicted output that was rejected yet charged.
    #[serde(skip_serializing_if = "is_default")]
    pub output_rejected: u64,
    /// What tools gave back, where the provider counts it apart.
    #[serde(skip_serializing_if = "is_default")]
    pub tool_output: u64,
    /// Pages, images, seconds: what is not counted in tokens. No part of the total.
    #[serde(skip_serializing_if = "is_default")]
    pub units: u64,
    /// The provider's own total; differs from the sum of the classes only on a flagged record.
    #[serde(skip_serializing_if = "is_default")]
    pub total: u64,
}

impl TokenUsage {
    /// Every token that went in.
    #[must_use]
    pub fn input(&self) -> u64 {
        [
            self.input_text,
            self.input_image,
            self.input_audio,
            self.input_video,
            self.input_reasoning,
            self.input_cached,
            self.input_cache_write,
            self.embeddings,
            self.tool_definition,
            self.tool_input,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// Every token that came out.
    #[must_use]
    pub fn output(&self) -> u64 {
        [
            self.output_text,
            self.output_image,
            self.output_audio,
            self.output_video,
            self.output_reasoning,
            self.output_rejected,
            self.tool_output,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// The part of it that went in.
    #[must_use]
    pub fn prompt(&self) -> Self {
        let total = self.input();
        Self {
            output_text: 0,
            output_image: 0,
            output_audio: 0,
            output_video: 0,
            output_reasoning: 0,
            output_rejected: 0,
            tool_output: 0,
            units: 0,
            total,
            ..self.clone()
        }
    }

    /// Whether the classes add up to the provider's total.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.input().saturating_add(self.output()) == self.total
    }
}

/// One call of an upstream on behalf of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// The model's name in the organisation.
    pub model: String,
    /// The provider's name in the organisation.
    pub provider: String,
    /// What came of it.
    #[serde(default = "succeeded")]
    pub outcome: AttemptOutcome,
    /// The upstream's HTTP status, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `refused`, `timeout`, `reset`, `5xx`, `4xx`, `rate_limit`, `malformed`; for one that was skipped `resting`, or the
    /// error code of what stood in the way; absent on success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Microseconds from receipt of the request to this attempt.
    #[serde(default)]
    pub at_us: u64,
    /// Microseconds from dispatch to the end of this attempt.
    pub duration_us: u64,
}

#[allow(clippy::derivable_impls, reason = "the macro that writes the enum knows of no default")]
impl Default for RoutingDecision {
    fn default() -> Self {
        Self::Direct
    }
}

/// Records of versions that did not say so have one attempt, and an error where it failed.
const fn succeeded() -> AttemptOutcome {
    AttemptOutcome::Ok
}

/// How a request found its upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "db", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct RoutingTrace {
    /// Whether the model that was asked for served.
    pub decision: RoutingDecision,
    /// The model that was asked for, where another one served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    /// Attempts in order; empty when no upstream was called.
    pub attempts: Vec<Attempt>,
}

/// When one stage of the pipeline was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StageMark {
    /// The stage, such as `authenticate`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub stage: Cow<'static, str>,
    /// Microseconds from receipt to the end of the stage.
    pub at_us: u64,
}

/// What one limit of one scope said about a request. In JSON `[gate, scope, limit, of, remaining, verdict]`, because every
/// record has several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "LimitTuple")]
pub struct LimitMark {
    /// The gate: `pre_auth`, `early` or `final`.
    pub gate: Cow<'static, str>,
    /// The scope: `global`, `organisation`, `team`, `api_key`, `model`.
    pub scope: Cow<'static, str>,
    /// The limit: `ip`, `payload`, `concurrency`, `burst`, `rps`, `rpm`, `max_tokens`, `tpm`.
    pub limit: Cow<'static, str>,
    /// The limit's number, overlays included; 0 for `ip`.
    pub of: u64,
    /// What was left after this request took its share; what there was when it was refused.
    pub remaining: u64,
    /// `pass`, `deny`, or `shadow` for what a policy in shadow mode would have denied.
    pub verdict: Cow<'static, str>,
}

type Word = Cow<'static, str>;
type LimitTuple = (Word, Word, Word, u64, u64, Word);

impl From<LimitTuple> for LimitMark {
    fn from((gate, scope, limit, of, remaining, verdict): LimitTuple) -> Self {
        Self { gate, scope, limit, of, remaining, verdict }
    }
}

impl Serialize for LimitMark {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { gate, scope, limit, of, remaining, verdict } = self;
        (gate, scope, limit, of, remaining, verdict).serialize(to)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for LimitMark {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        tuple("[gate, scope, limit, of, remaining, verdict]")
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for LimitMark {}

/// What a request set aside of one budget or quota. In JSON `[kind, name, metric, estimate, limit, left, endsAt, refused]` with
/// the instant in microseconds since 1970, because every record may have several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "ReservationTuple")]
pub struct ReservationMark {
    /// Budget or quota.
    pub kind: crate::vocab::LimitKind,
    /// Its name.
    pub name: Arc<str>,
    /// What it counts.
    pub metric: crate::vocab::Metric,
    /// What was set aside, in the metric's unit; for a refusal, what would have been.
    pub estimate: i64,
    /// The window's limit.
    pub limit: i64,
    /// What was left of it before, as far as the node knew.
    pub left: i64,
    /// When the window ends.
    pub ends_at: Timestamp,
    /// Whether it was refused.
    pub refused: bool,
}

type ReservationTuple = (crate::vocab::LimitKind, Arc<str>, crate::vocab::Metric, i64, i64, i64, i64, bool);

impl From<ReservationTuple> for ReservationMark {
    fn from((kind, name, metric, estimate, limit, left, ends_at, refused): ReservationTuple) -> Self {
        Self { kind, name, metric, estimate, limit, left, ends_at: Timestamp(ends_at), refused }
    }
}

impl Serialize for ReservationMark {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { kind, name, metric, estimate, limit, left, ends_at, refused } = self;
        (kind, name, metric, estimate, limit, left, ends_at.0, refused).serialize(to)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ReservationMark {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        tuple("[kind, name, metric, estimate, limit, left, endsAt in microseconds, refused]")
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ReservationMark {}

/// The schema of an array whose places have meanings.
#[cfg(feature = "openapi")]
fn tuple(places: &str) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    let any = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::SchemaType::AnyValue);
    utoipa::openapi::ArrayBuilder::new().items(any).description(Some(places)).into()
}

/// Facts about a request that no query needs a column for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "db", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct UsageMetadata {
    /// The end of each stage that the request reached.
    pub stages: Vec<StageMark>,
    /// The `X-Request-Id` that the caller sent, when it could not be used as the request's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbound_request_id: Option<String>,
    /// The caller's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
    /// Why the request was refused or failed, in the words that the caller got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// What each gate of the request found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitMark>,
    /// What the request set aside of budgets and quotas, or could not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<ReservationMark>,
    /// The output cap that a hard budget put on the answer, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clamped_to: Option<u64>,
    /// The request whose stored answer was given again, for a repeated `Idempotency-Key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<String>,
    /// True when the provider's classes do not add up to its total.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub usage_mismatch: bool,
}

/// The one record of a request. Names and ids are kept by value: deleting a key or a model keeps its history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsageRecord {
    /// The record's id; sorts by time.
    pub id: UsageRecordId,
    /// The handle of the request in headers, logs and spans.
    pub request_id: String,
    /// W3C trace id, when the caller sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// When the request arrived.
    pub at: Timestamp,
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// The tenant's slug.
    pub organisation: String,
    /// The key's team, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_id: Option<TeamId>,
    /// The team's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The key's user, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The user's e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The virtual key.
    pub api_key_id: ApiKeyId,
    /// The virtual key's name.
    pub api_key: String,
    /// The provider that was chosen, if the request got that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<ProviderId>,
    /// The provider's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model that was chosen, if the request got that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<ModelId>,
    /// The model's name as the caller wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The route, such as `/v1/chat/completions`.
    pub endpoint: String,
    /// Whether the answer was a stream.
    pub stream: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it was sent to an upstream. Quotas count only such requests.
    #[serde(default)]
    pub dispatched: bool,
    /// The HTTP status that the caller got; 499 when the caller went away first.
    pub status: u16,
    /// The published error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Tokens by class.
    pub tokens: TokenUsage,
    /// Where the token counts come from.
    pub usage_source: UsageSource,
    /// The bill; absent when the model has no price or nothing was consumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill: Option<Bill>,
    /// The bill's total in nanos of USD; absent, not zero, when there is no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_nanos: Option<Nanos>,
    /// Microseconds from receipt to the end of the answer.
    pub latency_us: u64,
    /// Microseconds from receipt to the first byte of the upstream's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_us: Option<u64>,
    /// Microseconds of the latency that the gateway itself took.
    pub overhead_us: u64,
    /// The upstream's own request id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_request_id: Option<String>,
    /// The usage object exactly as the provider sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_usage: Option<Value>,
    /// Attempts at upstreams.
    #[serde(default)]
    pub routing: RoutingTrace,
    /// The rest.
    #[serde(default)]
    pub metadata: UsageMetadata,
}

/// Sums over usage records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct UsageTotals {
    /// Requests that were authenticated.
    pub requests: u64,
    /// Requests that ended with status 400 or above.
    pub errors: u64,
    /// Tokens in.
    pub tokens_in: u64,
    /// Tokens out.
    pub tokens_out: u64,
    /// Nanos of USD.
    pub cost_nanos: Nanos,
    /// Requests whose model has no price, and whose cost is therefore not in the sum.
    pub unpriced: u64,
    /// Mean latency in microseconds.
    pub mean_latency_us: u64,
}

/// What a summary is broken down by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Breakdown {
    /// The model's name.
    #[default]
    Model,
    /// The virtual key's name.
    Key,
    /// The team's name.
    Team,
    /// The user's e-mail address.
    User,
    /// The provider's name.
    Provider,
    /// The class of the HTTP status, such as `4xx`.
    Class,
    /// The HTTP status.
    Status,
    /// The published error code.
    Error,
}

impl Breakdown {
    /// Every word.
    pub const ALL: &'static [Self] =
        &[Self::Model, Self::Key, Self::Team, Self::User, Self::Provider, Self::Class, Self::Status, Self::Error];
}

/// The spans of time that a summary has rows for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
    /// Days, from midnight in the time zone.
    Day,
    /// Calendar months in the time zone.
    Month,
}

/// What a ranking goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Ranking {
    /// What was spent.
    #[default]
    Cost,
    /// How many requests.
    Requests,
    /// How many tokens, in and out.
    Tokens,
    /// How many requests that ended with status 400 or above.
    Errors,
}

/// One row of a summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsageRow {
    /// The first instant of the row's span, where the summary has spans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What the row is about; `-` for requests that have no such thing.
    pub name: String,
    /// Units that are billed beside tokens, such as images.
    #[serde(default)]
    pub units: u64,
    /// Latency in microseconds, from a histogram whose bounds double; absent where only records were asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<crate::live::Percentiles>,
    /// Its sums.
    #[serde(flatten)]
    pub totals: UsageTotals,
}

impl UsageRow {
    /// A row of nothing but its name and its sums.
    #[must_use]
    pub fn of(name: &str, totals: UsageTotals) -> Self {
        Self { at: None, name: name.to_owned(), units: 0, latency_us: None, totals }
    }
}

/// Usage over a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsageSummary {
    /// The first instant that counts.
    pub from: Timestamp,
    /// The first instant that no longer counts.
    pub to: Timestamp,
    /// What the rows are about.
    pub by: Breakdown,
    /// The spans of time that the rows are about, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// Sums over everything.
    pub total: UsageTotals,
    /// Units that are billed beside tokens, over everything.
    #[serde(default)]
    pub units: u64,
    /// Latency in microseconds over everything; absent where only records were asked, or there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<crate::live::Percentiles>,
    /// Rows by falling cost, then requests; span by span where there are spans.
    pub rows: Vec<UsageRow>,
}
