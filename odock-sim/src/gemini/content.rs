//! Content: in one piece, as events, as the elements of an array, and its tokens.

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::{JSON, error};
use crate::{
    Script, UsageReport,
    answer::Reply,
    json::Object,
    request::{Asked, Fields, Inbound},
    stream::{EVENT_STREAM, Stream, data_event},
    text::{Counts, pieces, text_bytes},
};

/// A request for content, as far as the answer depends on it.
struct Call<'a> {
    model: &'a str,
    prompt_bytes: usize,
    number: u64,
}

/// Reads a request for content in one piece.
pub(super) fn ask<'a>(inbound: &Inbound<'a>, model: &'a str) -> Asked<'a> {
    asked(inbound, model, |call, script| {
        Reply::whole(JSON, call.object(script, &parts(script), Some(finish_reason(script)), true).into_bytes())
    })
}

/// Reads a request for streamed content: events with `alt=sse`, else an array that grows.
pub(super) fn ask_stream<'a>(inbound: &Inbound<'a>, model: &'a str) -> Asked<'a> {
    let events = inbound.parameter("alt") == Some("sse");
    asked(inbound, model, move |call, script| Reply::Stream(call.stream(script, events)))
}

/// Reads a request to count tokens.
pub(super) fn ask_count<'a>(inbound: &Inbound<'a>, model: &'a str) -> Asked<'a> {
    asked(inbound, model, |call, script| {
        let tokens = Counts::of_prompt(script, call.prompt_bytes).prompt;
        let details = json!([{"modality": "TEXT", "tokenCount": tokens}]);
        Reply::whole(JSON, Object::new().with("totalTokens", tokens).with("promptTokensDetails", details).into_bytes())
    })
}

fn asked<'a>(
    inbound: &Inbound<'a>,
    model: &'a str,
    reply: impl Fn(&Call<'a>, &Script) -> Reply + Send + 'a,
) -> Asked<'a> {
    let number = inbound.number;
    let prompt_bytes = inbound.object().map_err(|_| invalid_json()).and_then(|fields| prompt_bytes(&fields));
    let operation = prompt_bytes.map(|prompt_bytes| -> crate::answer::Operation<'a> {
        let call = Call { model, prompt_bytes, number };
        Box::new(move |script| reply(&call, script))
    });
    Asked::new(Some(model.into()), operation)
}

/// What is said of a body that is not JSON.
pub(super) fn invalid_json() -> String {
    "Invalid JSON payload received. The body is not a JSON object.".to_owned()
}

fn prompt_bytes(fields: &Fields) -> Result<usize, String> {
    // A count may be asked of a whole request.
    let inner = fields.get("generateContentRequest");
    let field = |name: &str| inner.map_or_else(|| fields.get(name), |inner| inner.get(name));
    let contents = field("contents").ok_or("* GenerateContentRequest.contents: contents is not specified\n")?;
    let system = field("systemInstruction").or_else(|| field("system_instruction"));
    Ok(text_bytes(contents) + system.map_or(0, text_bytes))
}

impl Call<'_> {
    fn object(&self, script: &Script, parts: &[Object], reason: Option<&str>, last: bool) -> Object {
        let mut candidate = Object::new()
            .with(
                "content",
                if parts.is_empty() { Object::new() } else { Object::new().with("parts", parts).with("role", "model") },
            )
            .maybe("finishReason", reason)
            .with("index", 0);
        if let Some(words) = script.refusal.as_ref().filter(|_| reason.is_some()) {
            let rating = json!({"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": true});
            candidate = candidate.with("finishMessage", words).with("safetyRatings", [rating]);
        }
        Object::new()
            .with("candidates", [candidate])
            .maybe("usageMetadata", self.usage(script, last))
            .with("modelVersion", self.model)
            .with("responseId", format!("sim-{}", self.number))
    }

    /// The usage: on every chunk of a stream, with the counts of the answer on the last; or on the last only.
    fn usage(&self, script: &Script, last: bool) -> Option<Object> {
        match script.usage_report {
            UsageReport::Never => return None,
            UsageReport::OnFinishChunk if !last => return None,
            UsageReport::OnFinishChunk | UsageReport::WhenAsked => {}
        }
        let counts = Counts::of(script, self.prompt_bytes);
        let details = json!([{"modality": "TEXT", "tokenCount": counts.prompt}]);
        if !last {
            let fields = [
                ("promptTokenCount", json!(counts.prompt)),
                ("totalTokenCount", json!(counts.prompt)),
                ("promptTokensDetails", details),
            ];
            return Some(Object::new().overlaid(&fields, &serde_json::Map::new()));
        }
        let thought = script.reasoning.as_ref().map_or(0, |text| text.len().div_ceil(4) as u64).min(counts.completion);
        let mut fields = vec![
            ("promptTokenCount", json!(counts.prompt)),
            ("candidatesTokenCount", json!(counts.completion - thought)),
            ("totalTokenCount", json!(counts.total())),
            ("promptTokensDetails", details),
        ];
        if thought > 0 {
            fields.push(("thoughtsTokenCount", json!(thought)));
        }
        Some(Object::new().overlaid(&fields, &script.usage_detail))
    }

    fn stream(&self, script: &Script, events: bool) -> Stream {
        let chunks = streamed_parts(script);
        let mut framing = Framing { events, first: true };
        let contents = chunks
            .iter()
            .map(|part| framing.frame(self.object(script, std::slice::from_ref(part), None, false)))
            .collect();
        let said: &[Object] = if script.refusal.is_some() { &[] } else { &[text("")] };
        let last = framing.frame(self.object(script, said, Some(finish_reason(script)), true));
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let failed = Object::new().with("error", error(status, "An internal error has occurred.", &[]));
        Stream {
            content_type: if events { EVENT_STREAM } else { JSON },
            opening: if events { Vec::new() } else { vec![Bytes::from_static(b"[")] },
            contents,
            closing: [last]
                .into_iter()
                .chain((!events && !script.no_done).then_some(Bytes::from_static(b"]")))
                .collect(),
            error: Framing { events, first: chunks.is_empty() }.frame(failed),
            broken: Bytes::from_static(if events {
                b"data: {\"candidates\": [{\n\n"
            } else {
                b"{\"candidates\": [{,\r\n"
            }),
        }
    }
}

/// How the objects of a stream are told apart.
struct Framing {
    events: bool,
    first: bool,
}

impl Framing {
    fn frame(&mut self, object: Object) -> Bytes {
        if self.events {
            // This family's events end their lines with both characters.
            let event = data_event(&object.into_bytes());
            return [&event[..event.len() - 2], b"\r\n\r\n"].concat().into();
        }
        let comma = if std::mem::take(&mut self.first) { "" } else { ",\r\n" };
        format!("{comma}{}", object.into_text()).into()
    }
}

/// The parts of an answer in one piece.
fn parts(script: &Script) -> Vec<Object> {
    let mut parts: Vec<_> = script.reasoning.iter().map(|words| thought(words)).collect();
    if script.refusal.is_none() {
        if script.tool_calls.is_empty() {
            parts.push(text(&script.text));
        }
        parts.extend(calls(script));
    }
    parts
}

/// The parts of a streamed answer, one a chunk. Calls come whole.
fn streamed_parts(script: &Script) -> Vec<Object> {
    let thoughts = script.reasoning.iter().flat_map(|words| pieces(words, None));
    let mut parts: Vec<_> = thoughts.map(|words| thought(&words)).collect();
    if script.refusal.is_none() {
        if script.tool_calls.is_empty() {
            parts.extend(pieces(&script.text, script.chunks).iter().map(|piece| text(piece)));
        }
        parts.extend(calls(script));
    }
    parts
}

fn text(text: &str) -> Object {
    Object::new().with("text", text)
}

fn thought(words: &str) -> Object {
    text(words).with("thought", true)
}

/// The calls of tools; the first of an answer that was thought about carries the signature of the thought.
fn calls(script: &Script) -> impl Iterator<Item = Object> {
    script.tool_calls.iter().enumerate().map(|(at, call)| {
        let called = Object::new().with("name", &call.name).with("args", &call.arguments);
        let signed = at == 0 && script.reasoning.is_some();
        Object::new().with("functionCall", called).maybe("thoughtSignature", signed.then_some("c2ltdWxhdGVk"))
    })
}

/// The reason that is scripted, or the natural one; calls of tools end like text does.
fn finish_reason(script: &Script) -> &str {
    match &script.finish_reason {
        Some(reason) => reason,
        None if script.refusal.is_some() => "SAFETY",
        None => "STOP",
    }
}
