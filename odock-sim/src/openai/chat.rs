//! Chat completions.

use crate::{
    Script, UsageReport,
    answer::{Operation, Reply},
    json,
    request::{Asked, Inbound},
};

use super::{
    CREATED, Vendor,
    call::{ChatBody, ChatCall},
    chunks,
    wire::{Completion, Message, Usage},
};

/// Reads a chat request. The deployment of an Azure path stands in for the model.
pub(super) fn ask<'a>(vendor: Vendor, inbound: &Inbound<'a>, deployment: Option<&'a str>) -> Asked<'a> {
    let number = inbound.number;
    let body = match ChatBody::parse(inbound.body) {
        Ok(body) => body,
        Err(problem) => return Asked::unreadable(problem),
    };
    let model = body.model.clone();
    let call = body.call(vendor, deployment);
    Asked::new(model, call.map(|call| -> Operation<'a> { Box::new(move |script| answer(script, &call, number)) }))
}

fn answer(script: &Script, call: &ChatCall<'_>, number: u64) -> Reply {
    if call.stream {
        return Reply::Stream(chunks::stream(script, call, number));
    }
    let completion = Completion {
        vendor: call.vendor,
        id: format_args!("chatcmpl-sim-{number}"),
        created: CREATED,
        model: &call.model,
        message: Message::of(script, call.vendor, number),
        finish_reason: finish_reason(script),
        usage: (script.usage_report != UsageReport::Never).then(|| Usage::of(script, call.text_bytes)),
    };
    Reply::json(json::bytes(&completion))
}

/// The reason that is scripted, or the natural one.
pub(super) fn finish_reason(script: &Script) -> &str {
    match &script.finish_reason {
        Some(reason) => reason,
        None if script.tool_calls.is_empty() || script.refusal.is_some() => "stop",
        None => "tool_calls",
    }
}

/// Answers a prompt as a chat is answered, for a vendor that does so.
pub(crate) fn prompted<'a>(
    vendor: Vendor,
    model: String,
    text_bytes: usize,
    stream: bool,
    number: u64,
) -> Operation<'a> {
    let call = ChatCall { vendor, model: model.into(), stream, include_usage: false, text_bytes };
    Box::new(move |script| answer(script, &call, number))
}
