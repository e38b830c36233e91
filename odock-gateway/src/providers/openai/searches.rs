//! Web searches that OpenAI makes for a response, and bills by the call (OpenAI guide, "Web search"; price list, "Tools").
//!
//! Usage says nothing of them: they are counted where they stand among the output. Pages that the model opens or looks
//! through come with the searches that found them and have no price.

use std::borrow::Cow;

use memchr::memmem;
use serde::Deserialize;

use crate::providers::parts::mentions;
use crate::providers::usage::{MAX_COUNT, USUAL_SEARCHES};

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(default, borrow)]
    tools: Option<Vec<Typed<'a>>>,
    #[serde(default)]
    max_tool_calls: Option<u64>,
}

/// What says of itself what it is: a tool, an action.
#[derive(Deserialize)]
pub(super) struct Typed<'a> {
    #[serde(default, borrow)]
    pub(super) r#type: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(default, borrow)]
    r#type: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    action: Option<Typed<'a>>,
}

/// How often the upstream may search at the most, or as often as is usual where the request does not say.
pub(super) fn allowed(body: &[u8]) -> u64 {
    let mentioned = mentions(body, &["web_search"]);
    let request = mentioned.then(|| serde_json::from_slice::<Request<'_>>(body).ok()).flatten();
    let Some(Request { tools: Some(tools), max_tool_calls }) = request else { return 0 };
    // `web_search`, `web_search_preview`, and either with the date of its version.
    let searches = |tool: &Typed<'_>| tool.r#type.as_deref().is_some_and(|kind| kind.starts_with("web_search"));
    if tools.iter().any(searches) { max_tool_calls.unwrap_or(USUAL_SEARCHES).min(MAX_COUNT) } else { 0 }
}

/// How often it has searched, by the items of a response's output.
pub(super) fn made(output: &str) -> u64 {
    const CALL: &str = "web_search_call";
    if memmem::find(output.as_bytes(), CALL.as_bytes()).is_none() {
        return 0;
    }
    let Ok(items) = serde_json::from_str::<Vec<Item<'_>>>(output) else { return 0 };
    let is_search = |item: &&Item<'_>| {
        let action = item.action.as_ref().and_then(|action| action.r#type.as_deref());
        item.r#type.as_deref() == Some(CALL)
            && item.status.as_deref() != Some("failed")
            // Those of before there were actions have none.
            && action.is_none_or(|action| action == "search")
    };
    items.iter().filter(is_search).count().try_into().unwrap_or(MAX_COUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_allows_as_many_searches_as_calls_of_tools() {
        for (body, searches) in [
            (r#"{"input":"x","tools":[{"type":"web_search"}],"max_tool_calls":3}"#, 3),
            (r#"{"input":"x","tools":[{"type":"web_search_preview_2025_03_11"}]}"#, USUAL_SEARCHES),
            (r#"{"input":"x","tools":[{"type":"function","name":"web_search"}],"max_tool_calls":3}"#, 0),
            (r#"{"input":"is web_search a tool?"}"#, 0),
            (r#"{"tools":[{"type":"web\u005fsearch"},{"type":7}]}"#, 0),
            (r#"{"tools":[{"type":"web\u005fsearch"}],"max_tool_calls":18446744073709551615}"#, MAX_COUNT),
            ("web_search", 0),
        ] {
            assert_eq!(allowed(body.as_bytes()), searches, "{body}");
        }
    }

    #[test]
    fn searches_count_and_pages_that_are_opened_do_not() {
        let output = r#"[
            {"type":"reasoning","summary":[]},
            {"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"rain"}},
            {"type":"web_search_call","id":"ws_2","status":"completed","action":{"type":"open_page","url":"https://x"}},
            {"type":"web_search_call","id":"ws_3","status":"completed","action":{"type":"find_in_page","pattern":"y"}},
            {"type":"web_search_call","id":"ws_4","status":"failed","action":{"type":"search","query":"rain"}},
            {"type":"web_search_call","id":"ws_5","status":"completed"},
            {"type":"message","content":[{"type":"output_text","text":"web_search_call"}]}]"#;
        assert_eq!(made(output), 2);
        for nothing in ["[]", "null", "7", r#""web_search_call""#, r#"[7,"web_search_call"]"#] {
            assert_eq!(made(nothing), 0, "{nothing}");
        }
    }
}
