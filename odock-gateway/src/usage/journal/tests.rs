use super::*;
use entity::usage::{RoutingTrace, TokenUsage, UsageMetadata};
use entity::vocab::{Outcome, UsageSource};
use entity::{ApiKeyId, OrganisationId, Timestamp};

fn record(request_id: &str) -> Arc<UsageRecord> {
    Arc::new(UsageRecord {
        id: UsageRecordId::new(),
        request_id: request_id.into(),
        trace_id: None,
        at: Timestamp::now(),
        organisation_id: OrganisationId::new(),
        organisation: "acme".into(),
        team_id: None,
        team: None,
        user_id: None,
        user: None,
        api_key_id: ApiKeyId::new(),
        api_key: "ci".into(),
        provider_id: None,
        provider: None,
        model_id: None,
        model: None,
        endpoint: "/v1/chat/completions".into(),
        stream: false,
        outcome: Outcome::Ok,
        dispatched: true,
        status: 200,
        error_code: None,
        tokens: TokenUsage::default(),
        usage_source: UsageSource::Missing,
        bill: None,
        cost_nanos: None,
        latency_us: 1,
        first_byte_us: None,
        overhead_us: 1,
        provider_request_id: None,
        provider_usage: None,
        routing: RoutingTrace::default(),
        metadata: UsageMetadata::default(),
    })
}

fn ids(records: &[Arc<Written>]) -> Vec<&str> {
    records.iter().map(|record| record.request_id()).collect()
}

#[test]
fn records_come_back_in_order_and_in_batches() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), u64::MAX).unwrap();
    for n in 0..5 {
        journal.append(&Entry::Closed(&record(&n.to_string()))).unwrap();
    }
    let (first, position) = journal.read(Position::default(), 3).unwrap();
    assert_eq!(ids(&first), ["0", "1", "2"]);
    let (second, position) = journal.read(position, 3).unwrap();
    assert_eq!(ids(&second), ["3", "4"]);
    assert!(journal.read(position, 3).unwrap().0.is_empty());
}

#[test]
fn what_was_not_committed_is_there_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), u64::MAX).unwrap();
    journal.append(&Entry::Closed(&record("a"))).unwrap();
    drop(journal);
    let (journal, interrupted) = Journal::open(dir.path(), u64::MAX).unwrap();
    assert!(interrupted.is_empty());
    assert_eq!(journal.waiting(), 1);
    let (records, position) = journal.read(Position::default(), 10).unwrap();
    assert_eq!(ids(&records), ["a"]);
    journal.committed(position, 1);
    assert_eq!((journal.waiting(), journal.bytes()), (0, 0));
}

#[test]
fn an_answer_that_never_ended_is_reported_as_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), u64::MAX).unwrap();
    let (ended, cut) = (record("ended"), record("cut"));
    journal.append(&Entry::Opened(&ended)).unwrap();
    journal.append(&Entry::Opened(&cut)).unwrap();
    journal.append(&Entry::Closed(&ended)).unwrap();
    drop(journal);
    let (_, interrupted) = Journal::open(dir.path(), u64::MAX).unwrap();
    assert_eq!(interrupted.iter().map(|it| it.request_id.as_str()).collect::<Vec<_>>(), ["cut"]);
}

#[test]
fn a_segment_with_an_open_answer_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), u64::MAX).unwrap();
    let long = record("long");
    journal.append(&Entry::Opened(&long)).unwrap();
    let (_, position) = journal.read(Position::default(), 10).unwrap();
    journal.retire(position);
    assert!(journal.bytes() > 0, "a crash now must still find the open answer");
    journal.append(&Entry::Closed(&long)).unwrap();
    let (records, position) = journal.read(position, 10).unwrap();
    assert_eq!(ids(&records), ["long"]);
    journal.committed(position, 1);
    journal.retire(position);
    assert_eq!(journal.bytes(), 0);
}

#[test]
fn torn_and_foreign_lines_are_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), u64::MAX).unwrap();
    journal.append(&Entry::Closed(&record("good"))).unwrap();
    drop(journal);
    let path = dir.path().join("000000000001.journal");
    let mut content = std::fs::read(&path).unwrap();
    let torn = content[..content.len() / 2].to_vec();
    content.extend_from_slice(b"nonsense\n");
    content.extend_from_slice(&torn);
    std::fs::write(&path, content).unwrap();
    let (journal, _) = Journal::open(dir.path(), u64::MAX).unwrap();
    journal.append(&Entry::Closed(&record("next"))).unwrap();
    let (records, _) = journal.read(Position::default(), 10).unwrap();
    assert_eq!(ids(&records), ["good", "next"]);
}

#[test]
fn a_directory_serves_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let _journal = Journal::open(dir.path(), u64::MAX).unwrap();
    assert!(matches!(Journal::open(dir.path(), u64::MAX), Err(JournalError::InUse(_))));
}

#[test]
fn a_full_journal_has_no_room_until_the_database_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), 100).unwrap();
    assert!(journal.has_room());
    journal.append(&Entry::Closed(&record("a"))).unwrap();
    assert!(!journal.has_room());
    let (_, position) = journal.read(Position::default(), 10).unwrap();
    journal.retire(position);
    assert!(journal.has_room());
}

#[test]
fn a_record_that_the_disk_does_not_take_is_held_until_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), u64::MAX).unwrap();
    // A directory where the next segment should be: root, too, is refused.
    let first = journal.state().active;
    journal.state().segments.get_mut(&first).unwrap().len = SEGMENT_BYTES;
    let obstacle = dir.path().join(format!("{:012}.journal", first + 1));
    std::fs::create_dir(&obstacle).unwrap();
    assert!(journal.append(&Entry::Closed(&record("held"))).is_err());
    assert!(!journal.has_room(), "requests are refused meanwhile");
    journal.retry();
    assert!(!journal.has_room());
    std::fs::remove_dir(&obstacle).unwrap();
    journal.retry();
    assert!(journal.has_room());
    let (records, _) = journal.read(Position { segment: first + 1, offset: 0 }, 10).unwrap();
    assert_eq!(ids(&records), ["held"]);
}

#[test]
fn an_answer_open_for_long_does_not_keep_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), u64::MAX).unwrap();
    let long = record("long");
    journal.append(&Entry::Opened(&long)).unwrap();
    let mut position = Position::default();
    for n in 0..=MAX_KEPT {
        journal.append(&Entry::Closed(&record(&n.to_string()))).unwrap();
        // Each segment is full after one record.
        let mut state = journal.state();
        state.active += 1;
        let (next, segment) = (state.active, journal.create(state.active).unwrap());
        state.segments.insert(next, segment);
        drop(state);
        let (records, next) = journal.read(position, 10).unwrap();
        position = next;
        journal.committed(position, records.len() as u64);
    }
    assert!(journal.bytes() < 3_000, "only the note of the open answer is left, not {} bytes", journal.bytes());
    drop(journal);
    let (_, interrupted) = Journal::open(dir.path(), u64::MAX).unwrap();
    assert_eq!(interrupted[0].request_id, "long", "a crash still finds it");
}

#[test]
fn a_record_longer_than_a_read_is_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), u64::MAX).unwrap();
    let mut long = UsageRecord::clone(&record("long"));
    long.model = Some("x".repeat(3 << 20));
    let long = Arc::new(long);
    journal.append(&Entry::Closed(&long)).unwrap();
    journal.append(&Entry::Closed(&record("next"))).unwrap();
    let (records, _) = journal.read(Position::default(), 10).unwrap();
    assert_eq!(ids(&records), ["long", "next"]);
}

#[test]
fn a_record_that_cannot_be_read_back_is_set_aside_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), u64::MAX).unwrap();
    let usage = (0..127).fold(serde_json::json!(7), |inner, _| serde_json::json!([inner]));
    let record = UsageRecord { provider_usage: Some(usage), ..UsageRecord::clone(&record("deep")) };
    let written = Written::new(&record).unwrap();
    assert!(written.read_back().is_err(), "deeper than serde reads");
    let path = journal.reject(&written, "too \"deep\"").unwrap();
    let set_aside = std::fs::read_to_string(path).unwrap();
    assert_eq!(set_aside, format!("{{\"reason\":\"too \\\"deep\\\"\",\"record\":{}}}\n", written.json()));
    assert!(set_aside.contains("[[[7]]]"));
}
