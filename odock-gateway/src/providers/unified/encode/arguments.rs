//! The arguments of a call, for families that take them as an object.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::loss::Loss;
use super::super::request::ToolCall;

/// A call's arguments as the object that they are, in the very words of the model that wrote them.
pub(super) fn arguments<'r>(call: &'r ToolCall<'_>, loss: &mut Loss) -> Cow<'r, RawValue> {
    let given = call.arguments.trim();
    let text = if given.is_empty() { "{}" } else { given };
    let object = serde_json::from_str::<&RawValue>(text).ok().filter(|raw| raw.get().starts_with('{'));
    object.map_or_else(
        || {
            loss.cannot(&call.place, "its arguments are not a JSON object");
            Cow::Owned(empty())
        },
        Cow::Borrowed,
    )
}

fn empty() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
