//! The events of a streamed message.

use bytes::Bytes;

use super::{
    blocks, error,
    message::{Call, stop_details, stop_reason},
};
use crate::{
    Script,
    json::Object,
    stream::{EVENT_STREAM, Stream, named_event},
};

/// The events of a message: its start, a ping, each block bit by bit, the reason and the usage, and the end.
pub(super) fn stream(call: &Call, script: &Script) -> Stream {
    let mut opening = vec![event("message_start", |object| object.with("message", call.empty(script)))];
    let mut contents: Vec<Bytes> = Vec::new();
    let mut carried = String::new(); // what ends one block goes out with what begins the next
    for (at, block) in blocks::scripted(script, call.number).iter().enumerate() {
        let begun =
            event("content_block_start", |object| object.with("index", at).with("content_block", block.begun()));
        if at == 0 {
            opening.extend([begun, event("ping", |object| object)]);
        } else {
            carried += &begun;
        }
        for delta in block.deltas(script) {
            let delta = event("content_block_delta", |object| object.with("index", at).with("delta", delta));
            contents.push((std::mem::take(&mut carried) + &delta).into());
        }
        carried += &event("content_block_stop", |object| object.with("index", at));
    }
    let ended = event("message_delta", |object| {
        let reason = Object::new().with("stop_reason", stop_reason(script)).with("stop_sequence", ());
        let reason = reason.with("stop_details", stop_details(script));
        object.with("delta", reason).maybe("usage", call.last_usage(script))
    });
    let mut closing = vec![carried, ended];
    closing.extend((!script.no_done).then(|| event("message_stop", |object| object)));
    let failed = error("overloaded_error", "Overloaded", call.number).into_text();
    Stream {
        content_type: EVENT_STREAM,
        opening: written(opening),
        contents,
        closing: written(closing),
        error: named_event("error", &failed).into(),
        broken: Bytes::from_static(b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\n\n"),
    }
}

fn event(name: &str, fields: impl FnOnce(Object) -> Object) -> String {
    named_event(name, &fields(Object::new().with("type", name)).into_text())
}

fn written(events: Vec<String>) -> Vec<Bytes> {
    events.into_iter().filter(|event| !event.is_empty()).map(Bytes::from).collect()
}
