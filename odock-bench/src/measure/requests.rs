//! Request bodies: a chat as applications send it, and one with a very long prompt.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::parties::{HELD_MODEL, MESSAGES_MODEL, MODEL};

const SENTENCE: &str = "Please say which limits apply to the key, and what a caller sees when one of them is reached. ";

/// A chat of about 3.7 KB: instructions, some turns, two tools.
pub(crate) fn chat(stream: bool) -> Bytes {
    let mut body = json!({
        "model": MODEL,
        "messages": [
            {"role": "system", "content": SENTENCE.repeat(8)},
            {"role": "user", "content": SENTENCE.repeat(5)},
            {"role": "assistant", "content": SENTENCE.repeat(11)},
            {"role": "user", "content": format!("{}\n\"Quotes\", tabs\tand ümläuts are in prompts too.", SENTENCE.repeat(4))},
        ],
        "tools": [tool("find_order", "Finds an order by its number."), tool("refund", "Refunds an order, whole or in part.")],
        "temperature": 0.2,
        "max_tokens": 512,
        "user": "user-4711",
    });
    if stream {
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
    }
    body.to_string().into()
}

/// A chat in Anthropic's words, as long as the other, answered as a stream.
pub(crate) fn messages() -> Bytes {
    let tool = |name: &str, description: &str| {
        let function = &tool(name, description)["function"];
        json!({"name": name, "description": description, "input_schema": function["parameters"]})
    };
    let body = json!({
        "model": MESSAGES_MODEL,
        "system": SENTENCE.repeat(8),
        "messages": [
            {"role": "user", "content": SENTENCE.repeat(5)},
            {"role": "assistant", "content": SENTENCE.repeat(11)},
            {"role": "user", "content": format!("{}\n\"Quotes\", tabs\tand ümläuts are in prompts too.", SENTENCE.repeat(4))},
        ],
        "tools": [tool("find_order", "Finds an order by its number."), tool("refund", "Refunds an order, whole or in part.")],
        "temperature": 0.2,
        "max_tokens": 512,
        "stream": true,
    });
    body.to_string().into()
}

fn tool(name: &str, description: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": description, "parameters": {
        "type": "object",
        "properties": {
            "order": {"type": "string", "description": "The number of the order, such as 2026-000123."},
            "reason": {"type": "string", "enum": ["damaged", "late", "other"]},
            "amount": {"type": "number", "minimum": 0},
        },
        "required": ["order"],
        "additionalProperties": false,
    }}})
}

/// A chat with a prompt of 200 KB.
pub(crate) fn large() -> Bytes {
    let prompt = SENTENCE.repeat(200_000 / SENTENCE.len() + 1);
    json!({"model": MODEL, "messages": [{"role": "user", "content": prompt}]}).to_string().into()
}

/// A request for a stream that goes on for minutes.
pub(crate) fn held() -> Bytes {
    json!({"model": HELD_MODEL, "stream": true, "messages": [{"role": "user", "content": SENTENCE}]}).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_sizes_that_the_report_names() {
        assert!((3_500..3_900).contains(&chat(false).len()), "{}", chat(false).len());
        assert!((3_400..3_900).contains(&messages().len()), "{}", messages().len());
        assert!((200_000..201_000).contains(&large().len()), "{}", large().len());
    }
}
