//! The same small company in every test: acme, its keys and its traffic.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test binary uses its own part")]

pub mod limits;
pub mod providers;

use std::collections::BTreeSet;

use entity::live::{Percentiles, Tick, Top};
use entity::pricing::{Bill, LineItem};
use entity::resource::{ApiKey, ApiKeySpec, ApiKeyState, Rotation};
use entity::session::{Token, Version, WhoAmI};
use entity::usage::{
    Attempt, Breakdown, LimitMark, ReservationMark, RoutingTrace, StageMark, TokenUsage, UsageMetadata, UsageRecord,
    UsageSummary, UsageTotals,
};
use entity::vocab::{ApiKeyType, AttemptOutcome, LimitKind, Metric, Outcome, Role, Scope, UsageSource};
use entity::{AccessTokenId, ApiKeyId, ModelId, OrganisationId, ProviderId, Timestamp, UsageRecordId, UserId};
use uuid::Uuid;

/// 2026-03-14 09:26:53 UTC, when every test begins.
pub const BEGINNING: Timestamp = Timestamp(1_773_480_413_000_000);

pub fn after(seconds: i64) -> Timestamp {
    Timestamp(BEGINNING.0 + seconds * 1_000_000)
}

/// Key names that the fixtures use, in the order of their numbers.
pub const KEYS: [&str; 6] = ["ci-nightly", "support-bot", "search-index", "ana-laptop", "old-batch", "trial"];

pub fn key_id(number: usize) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number as u128)
}

fn key(number: usize, r#type: ApiKeyType, owner: Option<&str>, models: &[&str]) -> ApiKey {
    let team = (r#type == ApiKeyType::Team).then(|| owner.unwrap_or_default().to_owned());
    let user = (r#type == ApiKeyType::User).then(|| owner.unwrap_or_default().to_owned());
    ApiKey {
        id: key_id(number),
        name: KEYS[number].to_owned(),
        organisation: Some("acme".to_owned()),
        revision: 3,
        labels: Default::default(),
        protect: false,
        created_at: after(-90 * 86_400),
        updated_at: after(-86_400),
        spec: ApiKeySpec {
            r#type,
            team,
            user,
            expiry: None,
            models: models.iter().map(|model| (*model).to_owned()).collect::<BTreeSet<_>>(),
            policies: Default::default(),
            routing: Default::default(),
        },
        status: ApiKeyState {
            preview: format!("sk-odock-{number}kF…9Q{number}"),
            revealed: true,
            revoked_at: None,
            rotations: 0,
            previous_valid_until: None,
            pending_until: None,
            rotation_pending_until: None,
            last_used_at: None,
        },
    }
}

/// One key in each state that a key can be in.
pub fn keys() -> Vec<ApiKey> {
    let mut keys = vec![
        key(0, ApiKeyType::Team, Some("platform"), &["support-fast", "embed-small"]),
        key(1, ApiKeyType::Team, Some("support"), &["support-fast"]),
        key(2, ApiKeyType::Organisation, None, &["embed-small"]),
        key(3, ApiKeyType::User, Some("ana@acme.example"), &["support-fast", "support-deep", "embed-small"]),
        key(4, ApiKeyType::Team, Some("platform"), &[]),
        key(5, ApiKeyType::Organisation, None, &["support-fast"]),
    ];
    keys[1].status.previous_valid_until = Some(after(3_600));
    keys[1].status.rotations = 2;
    keys[2].spec.expiry = Some(after(200 * 86_400));
    keys[3].spec.expiry = Some(after(3 * 86_400));
    keys[4].status.revoked_at = Some(after(-10 * 86_400));
    keys[5].status.revealed = false;
    keys
}

pub fn rotations() -> Vec<Rotation> {
    vec![Rotation {
        at: after(-3 * 86_400),
        by: "ops@acme.example".to_owned(),
        previous_preview: "sk-odock-1aB…7Xy".to_owned(),
        previous_valid_until: after(-2 * 86_400),
        previous_expiry: None,
        new_expiry: None,
    }]
}

/// Request number `number`, which arrived at `at`: most are served, some refused, some failed upstream.
pub fn record(number: u64, at: Timestamp) -> UsageRecord {
    let which = usize::try_from(number % 4).unwrap();
    let model = if which == 2 { "embed-small" } else { "support-fast" };
    let mut record = UsageRecord {
        id: UsageRecordId(Uuid::from_u128(0x0195_0000_0000_7000_8000_0000_0000_0000 + u128::from(number))),
        request_id: format!("req_{number:08}"),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        at,
        organisation_id: OrganisationId(Uuid::from_u128(1)),
        organisation: "acme".to_owned(),
        team_id: None,
        team: [Some("platform"), Some("support"), None, None][which].map(str::to_owned),
        user_id: None,
        user: (which == 3).then(|| "ana@acme.example".to_owned()),
        api_key_id: ApiKeyId(key_id(which)),
        api_key: KEYS[which].to_owned(),
        provider_id: Some(ProviderId(Uuid::from_u128(2))),
        provider: Some("openai".to_owned()),
        model_id: Some(ModelId(Uuid::from_u128(3))),
        model: Some(model.to_owned()),
        endpoint: "/v1/chat/completions".to_owned(),
        stream: number.is_multiple_of(2),
        outcome: Outcome::Ok,
        dispatched: true,
        status: 200,
        error_code: None,
        tokens: TokenUsage {
            input_text: 850 + number % 100,
            input_cached: 200,
            output_text: 190,
            output_reasoning: 64,
            total: 1_304 + number % 100,
            ..TokenUsage::default()
        },
        usage_source: UsageSource::Reported,
        bill: Some(bill(850 + number % 100)),
        cost_nanos: Some(bill(850 + number % 100).total_nanos),
        latency_us: 1_240_500 + number % 7 * 90_000,
        first_byte_us: Some(412_000),
        overhead_us: 640 + number % 5 * 30,
        provider_request_id: Some("up_7f3a".to_owned()),
        provider_usage: None,
        routing: RoutingTrace {
            attempts: vec![Attempt {
                model: model.to_owned(),
                provider: "openai".to_owned(),
                outcome: AttemptOutcome::Ok,
                status: Some(200),
                error: None,
                at_us: 380,
                duration_us: 1_230_000,
            }],
            ..RoutingTrace::default()
        },
        metadata: UsageMetadata {
            stages: [("receive", 40), ("authenticate", 210), ("decode", 300), ("route", 380), ("upstream", 412_000)]
                .map(|(stage, at_us)| StageMark { stage: stage.to_owned().into(), at_us })
                .to_vec(),
            client_address: Some("192.0.2.17".to_owned()),
            limits: marks("pass"),
            reservations: vec![reservation(false)],
            ..UsageMetadata::default()
        },
    };
    match number % 10 {
        7 => deny(&mut record, 403, "model_not_granted", "key search-index may not call support-deep"),
        9 => fail(&mut record),
        _ => {}
    }
    record
}

/// What the gates of a request found; the last one with a verdict.
pub fn marks(verdict: &str) -> Vec<LimitMark> {
    let mark = |gate: &str, scope: &str, limit: &str, of: u64, remaining: u64, verdict: &str| LimitMark {
        gate: gate.to_owned().into(),
        scope: scope.to_owned().into(),
        limit: limit.to_owned().into(),
        of,
        remaining,
        verdict: verdict.to_owned().into(),
    };
    vec![
        mark("pre_auth", "global", "ip", 0, 0, "pass"),
        mark("early", "api_key", "rpm", 600, 411, "pass"),
        mark("early", "team", "concurrency", 40, 12, "shadow"),
        mark("final", "api_key", "tpm", 120_000, 900, verdict),
    ]
}

/// What a request set aside of a budget, or could not.
pub fn reservation(refused: bool) -> ReservationMark {
    ReservationMark {
        kind: LimitKind::Budget,
        name: "support-monthly".into(),
        metric: Metric::Cost,
        estimate: 1_260_000,
        limit: 500 * limits::USD,
        left: if refused { 900_000 } else { 78 * limits::USD },
        ends_at: after(17 * 86_400),
        refused,
    }
}

/// A request that the budget of its team had no room for.
pub fn over_budget(number: u64, at: Timestamp) -> UsageRecord {
    let mut record = record(number / 10 * 10, at);
    deny(
        &mut record,
        402,
        "budget_exceeded",
        "the budget support-monthly of team support has no room until 2026-03-31",
    );
    record.request_id = "req_over_budget".to_owned();
    record.metadata.reservations = vec![reservation(true)];
    record
}

fn deny(record: &mut UsageRecord, status: u16, code: &str, message: &str) {
    record.outcome = Outcome::Denied;
    record.status = status;
    record.error_code = Some(code.to_owned());
    record.metadata.error_message = Some(message.to_owned());
    record.metadata.stages.truncate(3);
    (record.latency_us, record.overhead_us, record.first_byte_us) = (410, 410, None);
    record.tokens = TokenUsage::default();
    (record.bill, record.cost_nanos) = (None, None);
    record.routing.attempts.clear();
}

fn fail(record: &mut UsageRecord) {
    record.outcome = Outcome::Failed;
    record.status = 502;
    record.error_code = Some("provider_unavailable".to_owned());
    record.metadata.error_message = Some("the provider did not answer".to_owned());
    record.routing.attempts[0].status = None;
    record.routing.attempts[0].error = Some("timeout".to_owned());
    record.tokens = TokenUsage::default();
    (record.bill, record.cost_nanos, record.first_byte_us) = (None, None, None);
}

fn bill(input: u64) -> Bill {
    let line = |class: &str, quantity: u64, rate: i64, discount_percent: u8| LineItem {
        class: class.to_owned().into(),
        quantity,
        rate_nanos_per_1k: rate,
        discount_percent,
        nanos: i64::try_from(quantity).unwrap() * rate * i64::from(100 - discount_percent) / 100_000,
    };
    let lines = vec![
        line("input_text", input, 400_000, 0),
        line("input_cached", 200, 400_000, 75),
        line("output_text", 190, 1_600_000, 0),
        line("output_reasoning", 64, 1_600_000, 0),
    ];
    let total_nanos = lines.iter().map(|line| line.nanos).sum();
    Bill { lines, total_nanos, price_version: 7, prices_from: None }
}

/// A second of acme's traffic; its height follows a wave, so that charts have a shape.
pub fn tick(second: i64) -> Tick {
    let wave = u64::try_from(12 + (second % 20 - 10).abs() + second % 7).unwrap();
    let errors = u64::from(second % 9 == 0);
    let top = |name: &str, share: u64, errors: u64| Top {
        name: name.to_owned(),
        requests: wave * share / 10,
        tokens: wave * share * 130,
        cost_nanos: i64::try_from(wave * share).unwrap() * 42_000,
        errors,
    };
    Tick {
        at: after(second),
        totals: UsageTotals {
            requests: wave,
            errors,
            tokens_in: wave * 1_000,
            tokens_out: wave * 250,
            cost_nanos: i64::try_from(wave).unwrap() * 420_000,
            unpriced: 0,
            mean_latency_us: 800_000,
        },
        denied: errors,
        in_flight: wave * 2,
        latency_us: Percentiles { p50: 410_000 + wave * 1_000, p95: 1_240_000, p99: 2_410_000 },
        overhead_us: Percentiles { p50: 420, p95: 810, p99: 1_200 },
        top_keys: vec![top("support-bot", 5, 0), top("ci-nightly", 3, errors), top("search-index", 2, 0)],
        top_models: vec![top("support-fast", 8, errors), top("embed-small", 2, 0)],
        top_teams: vec![top("support", 5, 0), top("platform", 3, errors)],
        breakers: Vec::new(),
    }
}

/// A second in which nothing happened.
pub fn quiet(second: i64) -> Tick {
    Tick {
        at: after(second),
        totals: UsageTotals::default(),
        denied: 0,
        in_flight: 0,
        latency_us: Percentiles::default(),
        overhead_us: Percentiles::default(),
        top_keys: Vec::new(),
        top_models: Vec::new(),
        top_teams: Vec::new(),
        breakers: Vec::new(),
    }
}

pub fn whoami() -> WhoAmI {
    WhoAmI {
        user_id: Some(UserId(Uuid::from_u128(9))),
        email: Some("ops@acme.example".to_owned()),
        service_account_id: None,
        service_account: None,
        session: None,
        role: Role::OrgAdmin,
        organisation: Some("acme".to_owned()),
        token: Token {
            id: AccessTokenId(Uuid::from_u128(10)),
            name: "laptop".to_owned(),
            preview: "odock-pat-3k…Qz".to_owned(),
            scopes: vec![Scope::Read, Scope::Write],
            created_at: after(-86_400),
            expires_at: after(89 * 86_400),
            last_used_at: None,
            revoked_at: None,
        },
    }
}

pub fn version() -> Version {
    Version { version: "0.1.0".to_owned(), database: "sqlite".to_owned(), hot_store: "memory".to_owned() }
}

pub fn summary(from: Timestamp, to: Timestamp) -> UsageSummary {
    let total = UsageTotals { requests: 1_234, errors: 3, cost_nanos: 420_000_000, ..UsageTotals::default() };
    let (bucket, units, latency_us) = (None, 0, None);
    UsageSummary { from, to, by: Breakdown::Model, bucket, total, units, latency_us, rows: Vec::new() }
}
