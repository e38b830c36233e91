//! Files that a chat names and does not hold: their upstream adds to the prompt what is in them (OpenAI guide, "File
//! inputs"; vLLM, "Multimodal inputs"; Mistral, "Document understanding").

use memchr::memmem;
use serde_json::{Map, Value};

use crate::providers::parts::{any_object, may_have, mentions};

/// Names of a file's place. Images elsewhere are no files in this sense: they count by the image.
const PLACES: [&str; 5] = ["file_id", "file_url", "document_url", "video_url", "audio_url"];

/// Whether a chat names a file that it does not hold.
pub(in crate::providers) fn are_elsewhere(body: &[u8]) -> bool {
    may_name_a_place(body)
        && may_have(body, |request| request.get("messages").is_some_and(|said| any_object(said, &names_a_place)))
}

/// As [`mentions`] of all places, in two searches of the body instead of five.
fn may_name_a_place(body: &[u8]) -> bool {
    let is_of_a_file =
        |at: usize| ["file", "document", "video", "audio"].iter().any(|kind| body[..at].ends_with(kind.as_bytes()));
    memmem::find_iter(body, "_url").any(is_of_a_file) || mentions(body, &["file_id"])
}

fn names_a_place(fields: &Map<String, Value>) -> bool {
    PLACES.iter().any(|name| fields.get(*name).is_some_and(is_elsewhere))
}

fn is_elsewhere(place: &Value) -> bool {
    match place {
        Value::String(place) => !place.starts_with("data:"),
        Value::Object(fields) => fields.get("url").is_some_and(is_elsewhere),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_are_elsewhere_add_to_a_prompt() {
        let chat = |part: &str| format!(r#"{{"messages":[{{"role":"user","content":[{part}]}}]}}"#);
        for part in [
            r#"{"type":"file","file":{"file_id":"file-1"}}"#,
            r#"{"type":"file","file":{"file_url":"https://x/a.pdf"}}"#,
            r#"{"type":"file","file":{"file\u005fid":"file-1"}}"#,
            r#"{"type":"document_url","document_url":"https://x/a.pdf"}"#,
            r#"{"type":"video_url","video_url":{"url":"https://x/a.mp4"}}"#,
        ] {
            assert!(are_elsewhere(chat(part).as_bytes()), "{part}");
        }
        for part in [
            r#"{"type":"text","text":"what is a file_id?"}"#,
            r#"{"type":"file","file":{"file_data":"data:application/pdf;base64,AA=="}}"#,
            r#"{"type":"video_url","video_url":{"url":"data:video/mp4;base64,AA=="}}"#,
            r#"{"type":"image_url","image_url":{"url":"https://x/a.png"}}"#,
        ] {
            assert!(!are_elsewhere(chat(part).as_bytes()), "{part}");
        }
        assert!(!are_elsewhere(b"file_id"));
        let deep = format!(r#"{{"messages":[{{"file_id":"f"}}],"x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        assert!(are_elsewhere(deep.as_bytes()), "nobody hides a file behind brackets");
    }
}
