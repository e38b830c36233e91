//! What a request for content makes the provider add to its prompt.

use serde_json::{Map, Value};

use crate::providers::parts::{any_object, may_have, mentions};

/// Words without which nothing is added.
const HINTS: [&str; 15] = [
    "cachedContent",
    "cached_content",
    "fileData",
    "file_data",
    "googleSearch",
    "google_search",
    "urlContext",
    "url_context",
    "codeExecution",
    "code_execution",
    "fileSearch",
    "file_search",
    "Maps",
    "_maps",
    "omputer",
];

/// Tools that the provider runs itself.
const OWN_TOOLS: [&str; 14] = [
    "googleSearch",
    "google_search",
    "googleSearchRetrieval",
    "google_search_retrieval",
    "urlContext",
    "url_context",
    "codeExecution",
    "code_execution",
    "fileSearch",
    "file_search",
    "googleMaps",
    "google_maps",
    "computerUse",
    "computer_use",
];

/// Whether the provider adds to the prompt what the request does not hold: what it has cached, files that it keeps, and what
/// its own tools find.
pub(super) fn adds_input(body: &[u8]) -> bool {
    mentions(body, &HINTS)
        && may_have(body, |request| {
            let named = |names: &[&str]| names.iter().any(|name| request.get(name).is_some_and(|it| !it.is_null()));
            let tools = request.get("tools").and_then(Value::as_array).into_iter().flatten();
            named(&["cachedContent", "cached_content"])
                || tools.filter_map(Value::as_object).any(|tool| OWN_TOOLS.iter().any(|own| tool.contains_key(*own)))
                || request.get("contents").is_some_and(|said| any_object(said, &refers_to_a_file))
        })
}

/// Images elsewhere are no files in this sense: they count by the image.
fn refers_to_a_file(fields: &Map<String, Value>) -> bool {
    let file = fields.get("fileData").or_else(|| fields.get("file_data"));
    let media_type = file.and_then(|file| file.get("mimeType").or_else(|| file.get("mime_type")));
    let is_image = media_type.and_then(Value::as_str).is_some_and(|kind| kind.starts_with("image/"));
    file.is_some() && !is_image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_files_and_the_providers_tools_add_input() {
        for body in [
            r#"{"cachedContent":"cachedContents/1","contents":[]}"#,
            r#"{"tools":[{"google_search":{}}]}"#,
            r#"{"tools":[{"functionDeclarations":[]},{"googleMaps":{}}]}"#,
            r#"{"contents":[{"parts":[{"fileData":{"fileUri":"https://youtu.be/x"}}]}]}"#,
            r#"{"contents":[{"parts":[{"file_data":{"mime_type":"video/mp4","file_uri":"x"}}]}]}"#,
        ] {
            assert!(adds_input(body.as_bytes()), "{body}");
        }
        for body in [
            r#"{"contents":[{"parts":[{"text":"fileData googleSearch"}]}]}"#,
            r#"{"contents":[{"parts":[{"fileData":{"mimeType":"image/png","fileUri":"x"}}]}],"cachedContent":null}"#,
            r#"{"tools":[{"functionDeclarations":[{"name":"google_search"}]}]}"#,
            "{}",
        ] {
            assert!(!adds_input(body.as_bytes()), "{body}");
        }
    }
}
