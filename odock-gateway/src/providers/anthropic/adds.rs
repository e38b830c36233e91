//! What a request for a message makes the provider add to its prompt.

use serde_json::{Map, Value};

use crate::providers::parts::{any_object, may_have, mentions};
use crate::providers::usage::USUAL_SEARCHES;

/// Words without which nothing is added.
const HINTS: [&str; 6] = ["file_id", "\"url\"", "web_search_", "web_fetch_", "code_execution", "mcp_servers"];

/// Whether the provider adds to the prompt what the request does not hold: files that it keeps or fetches, and what its own
/// tools find.
pub(super) fn adds_input(body: &[u8]) -> bool {
    mentions(body, &HINTS)
        && may_have(body, |request| {
            uses_own_tools(request) || request.get("messages").is_some_and(|said| any_object(said, &refers_to_a_file))
        })
}

/// How often the provider may search at the most, or as often as is usual where the request does not say.
pub(super) fn searches(body: &[u8]) -> u64 {
    let mentioned = mentions(body, &["web_search_"]);
    let request: Option<Value> = mentioned.then(|| serde_json::from_slice(body).ok()).flatten();
    let Some(request) = request else { return 0 };
    let tools = request.get("tools").and_then(Value::as_array).into_iter().flatten();
    let searches =
        |tool: &&Value| tool.get("type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("web_search_"));
    let most = |tool: &Value| tool.get("max_uses").and_then(Value::as_u64).unwrap_or(USUAL_SEARCHES);
    tools.filter(searches).map(most).fold(0, u64::saturating_add)
}

fn uses_own_tools(request: &Value) -> bool {
    const TOOLS: [&str; 3] = ["web_search_", "web_fetch_", "code_execution"];
    let tools = request.get("tools").and_then(Value::as_array).into_iter().flatten();
    let mut kinds = tools.filter_map(|tool| tool.get("type").and_then(Value::as_str));
    let has_servers = request.get("mcp_servers").and_then(Value::as_array).is_some_and(|servers| !servers.is_empty());
    has_servers || kinds.any(|kind| TOOLS.iter().any(|own| kind.starts_with(own)))
}

/// Images elsewhere are no files in this sense: they count by the image.
fn refers_to_a_file(fields: &Map<String, Value>) -> bool {
    let kind = fields.get("type").and_then(Value::as_str);
    let source = || fields.get("source").and_then(|source| source.get("type")).and_then(Value::as_str);
    matches!(kind, Some("document" | "container_upload")) && !matches!(source(), Some("base64" | "text" | "content"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_are_bounded_by_what_the_request_says() {
        let search =
            |more: &str| format!(r#"{{"tools":[{{"type":"web_search_20250305","name":"web_search"{more}}}]}}"#);
        assert_eq!(searches(search(r#","max_uses":3"#).as_bytes()), 3);
        assert_eq!(searches(search("").as_bytes()), USUAL_SEARCHES);
        assert_eq!(searches(br#"{"tools":[{"name":"web_search_"}],"messages":[]}"#), 0);
        assert_eq!(searches(br#"{"messages":[]}"#), 0);
    }

    #[test]
    fn files_elsewhere_and_the_providers_tools_add_input() {
        for body in [
            r#"{"tools":[{"type":"web_search_20250305","name":"web_search"}],"messages":[]}"#,
            r#"{"mcp_servers":[{"url":"https://x"}],"messages":[]}"#,
            r#"{"messages":[{"content":[{"type":"document","source":{"type":"url","url":"https://x"}}]}]}"#,
            r#"{"messages":[{"content":[{"type":"tool_result","content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}]}]}"#,
        ] {
            assert!(adds_input(body.as_bytes()), "{body}");
        }
        for body in [
            r#"{"tools":[{"name":"web_search_","input_schema":{}}],"messages":[{"content":"file_id \"url\""}]}"#,
            r#"{"messages":[{"content":[{"type":"document","source":{"type":"base64","data":"url"}}]}],"mcp_servers":[]}"#,
            r#"{"messages":[{"content":[{"type":"image","source":{"type":"url","url":"https://x"}}]}]}"#,
            "file_id",
        ] {
            assert!(!adds_input(body.as_bytes()), "{body}");
        }
    }
}
