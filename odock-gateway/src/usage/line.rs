//! The journal's lines: a checksum, a space, an entry as JSON, a line feed.
//!
//! An entry is `{"opened":RECORD}` or `{"closed":RECORD}`. Parts of a record that the database keeps as JSON too are written
//! once: [`Columns`] says where in the line they stand.

use std::io::Write;
use std::ops::Range;

use entity::pricing::Bill;
use entity::usage::{Attempt, RoutingTrace, UsageMetadata, UsageRecord};
use serde::{Deserialize, ser};

use super::json::Json;

/// What an entry says of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// An answer begins; if nothing more is heard of it, this is its record.
    Opened,
    /// A request has ended.
    Closed,
}

/// What is read back.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Read {
    Opened(Box<UsageRecord>),
    Closed(Box<UsageRecord>),
}

/// Where the record stands, and those of its parts that the database keeps as JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    pub(super) record: Range<usize>,
    pub(super) tokens: Range<usize>,
    pub(super) bill: Option<Range<usize>>,
    pub(super) provider_usage: Option<Range<usize>>,
    pub(super) routing: Range<usize>,
    pub(super) metadata: Range<usize>,
}

const CHECKSUM: usize = 8;

/// A record as a line.
pub(super) fn write(word: Word, record: &UsageRecord) -> serde_json::Result<(String, Columns)> {
    let (opening, usual) = match word {
        Word::Opened => ("00000000 {\"opened\":{", 1_280),
        // With room for what [`super::Written`] puts behind it.
        Word::Closed => ("00000000 {\"closed\":{", 3_072),
    };
    let mut out = Json::with_capacity(usual);
    out.raw(opening);
    let columns = fields(&mut out, record)?;
    out.raw("}");
    let columns = Columns { record: opening.len() - 1..out.end(), ..columns };
    out.raw("}");
    let mut line = out.into_bytes();
    let checksum = crc32fast::hash(&line[CHECKSUM + 1..]);
    // There is room for its eight digits.
    let _ = write!(&mut line[..CHECKSUM], "{checksum:08x}");
    line.push(b'\n');
    Ok((String::from_utf8(line).map_err(ser::Error::custom)?, columns))
}

/// The record's fields, under the names by which serde reads them.
fn fields(out: &mut Json, record: &UsageRecord) -> serde_json::Result<Columns> {
    // Taken apart, so that a field that is added must be added here as well.
    let UsageRecord {
        id,
        request_id,
        trace_id,
        at,
        organisation_id,
        organisation,
        team_id,
        team,
        user_id,
        user,
        api_key_id,
        api_key,
        provider_id,
        provider,
        model_id,
        model,
        endpoint,
        stream,
        outcome,
        dispatched,
        status,
        error_code,
        tokens,
        usage_source,
        bill,
        cost_nanos,
        latency_us,
        first_byte_us,
        overhead_us,
        provider_request_id,
        provider_usage,
        routing,
        metadata,
    } = record;
    out.id("\"id\":", id.0);
    out.text(",\"requestId\":", request_id)?;
    out.some_text(",\"traceId\":", trace_id.as_deref())?;
    out.value(",\"at\":", at)?;
    out.id(",\"organisationId\":", organisation_id.0);
    out.text(",\"organisation\":", organisation)?;
    out.some_id(",\"teamId\":", team_id.map(|id| id.0));
    out.some_text(",\"team\":", team.as_deref())?;
    out.some_id(",\"userId\":", user_id.map(|id| id.0));
    out.some_text(",\"user\":", user.as_deref())?;
    out.id(",\"apiKeyId\":", api_key_id.0);
    out.text(",\"apiKey\":", api_key)?;
    out.some_id(",\"providerId\":", provider_id.map(|id| id.0));
    out.some_text(",\"provider\":", provider.as_deref())?;
    out.some_id(",\"modelId\":", model_id.map(|id| id.0));
    out.some_text(",\"model\":", model.as_deref())?;
    out.text(",\"endpoint\":", endpoint)?;
    out.flag(",\"stream\":", *stream);
    out.text(",\"outcome\":", outcome.as_str())?;
    out.flag(",\"dispatched\":", *dispatched);
    out.number(",\"status\":", *status);
    out.some_text(",\"errorCode\":", error_code.as_deref())?;
    let tokens = out.value(",\"tokens\":", tokens)?;
    out.text(",\"usageSource\":", usage_source.as_str())?;
    let bill = bill.as_ref().map(|bill| part(out, ",\"bill\":", |out| self::bill(out, bill))).transpose()?;
    out.some_number(",\"costNanos\":", *cost_nanos);
    out.number(",\"latencyUs\":", *latency_us);
    out.some_number(",\"firstByteUs\":", *first_byte_us);
    out.number(",\"overheadUs\":", *overhead_us);
    out.some_text(",\"providerRequestId\":", provider_request_id.as_deref())?;
    let provider_usage = provider_usage.as_ref().map(|usage| out.value(",\"providerUsage\":", usage)).transpose()?;
    let routing = part(out, ",\"routing\":", |out| self::routing(out, routing))?;
    let metadata = part(out, ",\"metadata\":", |out| self::metadata(out, metadata))?;
    Ok(Columns { tokens, bill, provider_usage, routing, metadata, ..Columns::default() })
}

/// Writes a part, and says where it stands.
fn part(
    out: &mut Json,
    name: &str,
    write: impl FnOnce(&mut Json) -> serde_json::Result<()>,
) -> serde_json::Result<Range<usize>> {
    out.raw(name);
    let from = out.end();
    write(out)?;
    Ok(from..out.end())
}

fn bill(out: &mut Json, bill: &Bill) -> serde_json::Result<()> {
    let Bill { lines, total_nanos, price_version, prices_from } = bill;
    out.list("{\"lines\":", lines, |out, line| {
        out.text("{\"class\":", &line.class)?;
        out.number(",\"quantity\":", line.quantity);
        out.number(",\"rateNanosPer1k\":", line.rate_nanos_per_1k);
        out.some_number(",\"discountPercent\":", Some(line.discount_percent).filter(|percent| *percent > 0));
        out.number(",\"nanos\":", line.nanos);
        out.raw("}");
        Ok(())
    })?;
    out.number(",\"totalNanos\":", *total_nanos);
    out.number(",\"priceVersion\":", *price_version);
    if let Some(from) = prices_from {
        out.value(",\"pricesFrom\":", from)?;
    }
    out.raw("}");
    Ok(())
}

fn routing(out: &mut Json, routing: &RoutingTrace) -> serde_json::Result<()> {
    let RoutingTrace { decision, requested, attempts } = routing;
    out.text("{\"decision\":", decision.as_str())?;
    out.some_text(",\"requested\":", requested.as_deref())?;
    out.list(",\"attempts\":", attempts, |out, attempt| {
        let Attempt { model, provider, outcome, status, error, at_us, duration_us } = attempt;
        out.text("{\"model\":", model)?;
        out.text(",\"provider\":", provider)?;
        out.text(",\"outcome\":", outcome.as_str())?;
        out.some_number(",\"status\":", *status);
        out.some_text(",\"error\":", error.as_deref())?;
        out.number(",\"atUs\":", *at_us);
        out.number(",\"durationUs\":", *duration_us);
        out.raw("}");
        Ok(())
    })?;
    out.raw("}");
    Ok(())
}

fn metadata(out: &mut Json, metadata: &UsageMetadata) -> serde_json::Result<()> {
    let UsageMetadata {
        stages,
        inbound_request_id,
        client_address,
        error_message,
        limits,
        reservations,
        clamped_to,
        replay_of,
        usage_mismatch,
    } = metadata;
    out.list("{\"stages\":", stages, |out, mark| {
        out.text("{\"stage\":", &mark.stage)?;
        out.number(",\"atUs\":", mark.at_us);
        out.raw("}");
        Ok(())
    })?;
    out.some_text(",\"inboundRequestId\":", inbound_request_id.as_deref())?;
    out.some_text(",\"clientAddress\":", client_address.as_deref())?;
    out.some_text(",\"errorMessage\":", error_message.as_deref())?;
    if !limits.is_empty() {
        out.list(",\"limits\":", limits, |out, mark| {
            out.text("[", &mark.gate)?;
            out.text(",", &mark.scope)?;
            out.text(",", &mark.limit)?;
            out.number(",", mark.of);
            out.number(",", mark.remaining);
            out.text(",", &mark.verdict)?;
            out.raw("]");
            Ok(())
        })?;
    }
    if !reservations.is_empty() {
        out.list(",\"reservations\":", reservations, |out, mark| {
            out.text("[", mark.kind.as_str())?;
            out.text(",", &mark.name)?;
            out.text(",", mark.metric.as_str())?;
            out.number(",", mark.estimate);
            out.number(",", mark.limit);
            out.number(",", mark.left);
            out.number(",", mark.ends_at.0);
            out.flag(",", mark.refused);
            out.raw("]");
            Ok(())
        })?;
    }
    out.some_number(",\"clampedTo\":", *clamped_to);
    out.some_text(",\"replayOf\":", replay_of.as_deref())?;
    if *usage_mismatch {
        out.flag(",\"usageMismatch\":", true);
    }
    out.raw("}");
    Ok(())
}

/// Reads a line without its line feed; `None` if it is torn or foreign.
pub(super) fn read(line: &[u8]) -> Option<Read> {
    let (checksum, entry) = line.split_at_checked(CHECKSUM)?;
    let entry = entry.strip_prefix(b" ")?;
    let expected = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
    if crc32fast::hash(entry) != expected {
        return None;
    }
    serde_json::from_slice(entry).ok()
}
