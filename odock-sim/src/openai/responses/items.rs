//! The items of a response's output: what was thought, what was said, and which tools are called.

use crate::{Script, json::Object};

/// The kinds of items, in the order in which they come.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    Reasoning(&'a str),
    Message(&'a str),
    Refusal(&'a str),
    Call(usize, &'a crate::ToolCall),
}

/// What the script has a response put out.
pub(super) fn scripted(script: &Script) -> Vec<Item<'_>> {
    let mut items: Vec<_> = script.reasoning.as_deref().map(Item::Reasoning).into_iter().collect();
    if let Some(refusal) = &script.refusal {
        items.push(Item::Refusal(refusal));
    } else if script.tool_calls.is_empty() {
        items.push(Item::Message(&script.text));
    } else {
        items.extend(script.tool_calls.iter().enumerate().map(|(at, call)| Item::Call(at, call)));
    }
    items
}

/// The finished items.
pub(super) fn of(script: &Script, number: u64) -> Vec<Object> {
    scripted(script).iter().map(|item| item.finished(number)).collect()
}

impl Item<'_> {
    /// The item's id.
    pub(super) fn id(&self, number: u64) -> String {
        match self {
            Self::Reasoning(_) => format!("rs_sim_{number}"),
            Self::Message(_) | Self::Refusal(_) => format!("msg_sim_{number}"),
            Self::Call(at, _) => format!("fc_sim_{number}_{at}"),
        }
    }

    /// The whole item.
    pub(super) fn finished(&self, number: u64) -> Object {
        self.object(number, "completed", true)
    }

    /// The item as it begins, without its content.
    pub(super) fn begun(&self, number: u64) -> Object {
        self.object(number, "in_progress", false)
    }

    /// The whole part of a message, or the part as it begins.
    pub(super) fn part(&self, whole: bool) -> Object {
        let said = |text: &str| if whole { text.to_owned() } else { String::new() };
        let typed = |kind: &str| Object::new().with("type", kind);
        match self {
            Self::Message(text) => {
                let part = typed("output_text").with("annotations", [(); 0]).with("logprobs", [(); 0]);
                part.with("text", said(text))
            }
            Self::Refusal(text) => typed("refusal").with("refusal", said(text)),
            Self::Reasoning(text) => typed("summary_text").with("text", said(text)),
            Self::Call(..) => Object::new(),
        }
    }

    fn object(&self, number: u64, status: &str, whole: bool) -> Object {
        let object = Object::new().with("id", self.id(number));
        let parts = || if whole { vec![self.part(true)] } else { Vec::new() };
        match self {
            Self::Reasoning(_) => object.with("type", "reasoning").with("summary", parts()),
            Self::Message(_) | Self::Refusal(_) => {
                object.with("type", "message").with("status", status).with("content", parts()).with("role", "assistant")
            }
            Self::Call(at, call) => object
                .with("type", "function_call")
                .with("status", status)
                .with("arguments", if whole { call.arguments.to_string() } else { String::new() })
                .with("call_id", format!("call_sim_{number}_{at}"))
                .with("name", &call.name),
        }
    }
}
