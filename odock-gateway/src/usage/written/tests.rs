use entity::pricing::{Bill, LineItem};
use entity::usage::{Attempt, LimitMark, ReservationMark, RoutingTrace, StageMark, TokenUsage, UsageMetadata};
use entity::vocab::{AttemptOutcome, LimitKind, Metric, Outcome, RoutingDecision, UsageSource};
use entity::{ApiKeyId, ModelId, OrganisationId, ProviderId, TeamId, Timestamp, UsageRecordId, UserId};
use serde_json::{Value, json};

use super::super::line::Read;
use super::*;

fn item(discount_percent: u8) -> LineItem {
    LineItem { class: "input_text".into(), quantity: 7, rate_nanos_per_1k: 150, discount_percent, nanos: 1 }
}

/// A record of which every field has a value.
fn full() -> UsageRecord {
    UsageRecord {
        id: UsageRecordId::new(),
        request_id: "r-\"1\"\n\u{1}é".into(),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
        at: Timestamp(1_763_000_000_123_456),
        organisation_id: OrganisationId::new(),
        organisation: "acme".into(),
        team_id: Some(TeamId::new()),
        team: Some("search".into()),
        user_id: Some(UserId::new()),
        user: Some("ada@acme.example".into()),
        api_key_id: ApiKeyId::new(),
        api_key: "ci".into(),
        provider_id: Some(ProviderId::new()),
        provider: Some("openai".into()),
        model_id: Some(ModelId::new()),
        model: Some("gpt \\ \"x\"".into()),
        endpoint: "/v1/chat/completions".into(),
        stream: true,
        outcome: Outcome::Failed,
        dispatched: true,
        status: 502,
        error_code: Some("upstream_error".into()),
        tokens: TokenUsage { input_text: 7, total: 7, ..TokenUsage::default() },
        usage_source: UsageSource::Reported,
        bill: Some(Bill {
            lines: vec![item(0), item(25)],
            total_nanos: 5,
            price_version: 2,
            prices_from: Some(Timestamp(3)),
        }),
        cost_nanos: Some(i64::MAX),
        latency_us: u64::MAX,
        first_byte_us: Some(0),
        overhead_us: 1,
        provider_request_id: Some("up-1".into()),
        provider_usage: Some(json!({"prompt_tokens": 7, "x": [null, "\u{2028}"]})),
        routing: RoutingTrace {
            decision: RoutingDecision::Rerouted,
            requested: Some("first".into()),
            attempts: vec![Attempt {
                model: "m".into(),
                provider: "openai".into(),
                outcome: AttemptOutcome::Failed,
                status: Some(502),
                error: Some("5xx".into()),
                at_us: 2,
                duration_us: 3,
            }],
        },
        metadata: UsageMetadata {
            stages: vec![StageMark { stage: "decode".into(), at_us: 1 }],
            inbound_request_id: Some("mine".into()),
            client_address: Some("::1".into()),
            error_message: Some("it \"broke\"".into()),
            clamped_to: Some(12),
            replay_of: Some("r-0".into()),
            usage_mismatch: true,
            limits: vec![LimitMark {
                gate: "early".into(),
                scope: "team".into(),
                limit: "rpm".into(),
                of: 1,
                remaining: 0,
                verdict: "deny".into(),
            }],
            reservations: vec![ReservationMark {
                kind: LimitKind::Budget,
                name: "all \"of\" it".into(),
                metric: Metric::Cost,
                estimate: 1,
                limit: 2,
                left: -3,
                ends_at: Timestamp(9),
                refused: true,
            }],
        },
    }
}

/// A record of which only those fields have a value that must.
fn bare() -> UsageRecord {
    let mut bare = full();
    (bare.trace_id, bare.team_id, bare.team, bare.user_id, bare.user) = (None, None, None, None, None);
    (bare.provider_id, bare.provider, bare.model_id, bare.model) = (None, None, None, None);
    (bare.error_code, bare.bill, bare.cost_nanos, bare.first_byte_us) = (None, None, None, None);
    (bare.provider_request_id, bare.provider_usage) = (None, None);
    (bare.routing, bare.metadata) = (RoutingTrace::default(), UsageMetadata::default());
    bare
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn entry(line: &str) -> Value {
    serde_json::from_str(line.split_once(' ').unwrap().1).unwrap()
}

#[test]
fn a_line_is_the_record_as_serde_writes_and_reads_it() {
    for record in [full(), bare()] {
        let (opened, _) = line::write(Word::Opened, &record).unwrap();
        let (closed, _) = line::write(Word::Closed, &record).unwrap();
        assert_eq!(entry(&opened), json!({"opened": record}));
        assert_eq!(entry(&closed), json!({"closed": record}));
        assert!(matches!(line::read(opened.trim_end().as_bytes()), Some(Read::Opened(back)) if *back == record));
        assert!(matches!(line::read(closed.trim_end().as_bytes()), Some(Read::Closed(back)) if *back == record));
        assert_eq!(closed.matches('\n').count(), 1, "one line");
    }
}

#[test]
fn the_columns_are_those_of_the_record() {
    for record in [full(), bare()] {
        let written = Written::new(&record).unwrap();
        assert_eq!(written.tokens(), text(&record.tokens));
        assert_eq!(written.bill().map(str::to_owned), record.bill.as_ref().map(text));
        assert_eq!(written.provider_usage().map(str::to_owned), record.provider_usage.as_ref().map(text));
        assert_eq!(written.routing(), text(&record.routing));
        assert_eq!(written.metadata(), text(&record.metadata));
        assert_eq!(written.json(), text(&record));
        assert_eq!(written.read_back().unwrap(), record);
        assert_eq!(*written, Figures::of(&record));
        let texts = [written.request_id(), written.organisation(), written.api_key(), written.endpoint()];
        assert_eq!(texts, [&*record.request_id, &record.organisation, &record.api_key, &record.endpoint]);
        let texts = [
            (written.trace_id(), record.trace_id),
            (written.team(), record.team),
            (written.user(), record.user),
            (written.provider(), record.provider),
            (written.model(), record.model),
            (written.error_code(), record.error_code),
            (written.provider_request_id(), record.provider_request_id),
        ];
        for (written, said) in texts {
            assert_eq!(written, said.as_deref());
        }
    }
}

#[test]
fn a_line_with_one_wrong_byte_is_not_read() {
    let (line, _) = line::write(Word::Closed, &bare()).unwrap();
    let line = line.trim_end().as_bytes();
    for at in 0..line.len() {
        let mut wrong = line.to_vec();
        wrong[at] ^= 1;
        assert!(line::read(&wrong).is_none(), "byte {at}");
        assert!(line::read(&line[..at]).is_none(), "cut at byte {at}");
    }
}
