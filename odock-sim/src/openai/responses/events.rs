//! The events of a streamed response, numbered in order.

use bytes::Bytes;

use super::{
    Call, State,
    items::{self, Item},
};
use crate::{
    Script,
    json::Object,
    stream::{EVENT_STREAM, Stream, named_event},
    text::pieces,
};

/// The events of a response: created, in progress, each item bit by bit, and the end.
pub(super) fn stream(call: &Call, script: &Script) -> Stream {
    let mut writer = Writer { number: call.number, sequence: 0 };
    let begun = call.response(script, State::InProgress);
    let opening = ["response.created", "response.in_progress"]
        .map(|name| writer.event(name, |object| object.with("response", &begun)).into())
        .to_vec();
    let mut contents: Vec<Bytes> = Vec::new();
    let mut carried = String::new(); // what ends one item goes out with what begins the next
    for (at, item) in items::scripted(script).iter().enumerate() {
        let begin = writer.begin(at, item);
        let mut before = std::mem::take(&mut carried) + &begin;
        for piece in item.pieces(script) {
            let delta = writer.delta(at, item, &piece);
            contents.push((std::mem::take(&mut before) + &delta).into());
        }
        carried = before + &writer.end(at, item);
    }
    let last = writer.last(call, script);
    let mut closing = vec![Bytes::from(carried)];
    closing.extend((!script.no_done).then_some(last.into()));
    let error = error_event(writer.sequence).into();
    let broken = Bytes::from_static(b"event: response.in_progress\ndata: {\"type\":\"response.in_progress\",\n\n");
    Stream { content_type: EVENT_STREAM, opening, contents, closing, error, broken }
}

/// The event that tells of an error in the middle.
pub(in crate::openai) fn error_event(sequence: u64) -> String {
    let object = Object::new()
        .with("type", "error")
        .with("code", "server_error")
        .with("message", "The server had an error while processing your request.")
        .with("param", ())
        .with("sequence_number", sequence);
    named_event("error", &object.into_text())
}

struct Writer {
    number: u64,
    sequence: u64,
}

impl Writer {
    fn event(&mut self, name: &str, fields: impl FnOnce(Object) -> Object) -> String {
        let object = fields(Object::new().with("type", name).with("sequence_number", self.sequence));
        self.sequence += 1;
        named_event(name, &object.into_text())
    }

    /// An event about one item.
    fn about(&mut self, name: &str, at: usize, item: &Item<'_>, fields: impl FnOnce(Object) -> Object) -> String {
        let id = item.id(self.number);
        self.event(name, |object| fields(object.with("item_id", id).with("output_index", at)))
    }

    fn begin(&mut self, at: usize, item: &Item<'_>) -> String {
        let begun = item.begun(self.number);
        let added =
            self.event("response.output_item.added", |object| object.with("output_index", at).with("item", begun));
        added + &self.part(at, item, "added", false)
    }

    fn delta(&mut self, at: usize, item: &Item<'_>, piece: &str) -> String {
        let text = matches!(item, Item::Message(_)).then_some([(); 0]);
        self.about(&format!("{}.delta", item.event()), at, item, |object| {
            item.placed(object).with("delta", piece).maybe("logprobs", text)
        })
    }

    fn end(&mut self, at: usize, item: &Item<'_>) -> String {
        let done = self.about(&format!("{}.done", item.event()), at, item, |object| {
            let object = item.placed(object);
            match item {
                Item::Reasoning(text) => object.with("text", text),
                Item::Message(text) => object.with("text", text).with("logprobs", [(); 0]),
                Item::Refusal(text) => object.with("refusal", text),
                Item::Call(_, call) => object.with("arguments", call.arguments.to_string()).with("name", &call.name),
            }
        });
        let part = self.part(at, item, "done", true);
        let finished = item.finished(self.number);
        let ended =
            self.event("response.output_item.done", |object| object.with("output_index", at).with("item", finished));
        done + &part + &ended
    }

    /// The beginning or the end of an item's only part; calls have none.
    fn part(&mut self, at: usize, item: &Item<'_>, what: &str, whole: bool) -> String {
        let name = match item {
            Item::Call(..) => return String::new(),
            Item::Reasoning(_) => "response.reasoning_summary_part",
            Item::Message(_) | Item::Refusal(_) => "response.content_part",
        };
        self.about(&format!("{name}.{what}"), at, item, |object| item.placed(object).with("part", item.part(whole)))
    }

    fn last(&mut self, call: &Call, script: &Script) -> String {
        let state = State::of(script);
        let response = call.response(script, state);
        self.event(&format!("response.{}", state.name()), |object| object.with("response", response))
    }
}

impl Item<'_> {
    /// The name of the events that carry it.
    fn event(&self) -> &'static str {
        match self {
            Self::Reasoning(_) => "response.reasoning_summary_text",
            Self::Message(_) => "response.output_text",
            Self::Refusal(_) => "response.refusal",
            Self::Call(..) => "response.function_call_arguments",
        }
    }

    /// Says which part of the item an event is about.
    fn placed(&self, object: Object) -> Object {
        match self {
            Self::Reasoning(_) => object.with("summary_index", 0),
            Self::Message(_) | Self::Refusal(_) => object.with("content_index", 0),
            Self::Call(..) => object,
        }
    }

    fn pieces(&self, script: &Script) -> Vec<String> {
        match self {
            Self::Reasoning(text) => pieces(text, None),
            Self::Message(text) | Self::Refusal(text) => pieces(text, script.chunks),
            Self::Call(_, call) => pieces(&call.arguments.to_string(), script.chunks),
        }
    }
}
