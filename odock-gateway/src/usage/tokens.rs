//! Tokens of a prompt, counted with the model's own tokenizer where it is known.
//!
//! Counting costs fifty times as much as reading the request, so it is done only when a limit is so near that the number
//! of bytes, which no number of tokens exceeds, does not tell.

use bytes::Bytes;
use serde_json::Value;
use tiktoken_rs::CoreBPE;

use super::estimate;
use crate::providers::call::Call;
use crate::providers::parts::mentions;

/// Text that is counted, in bytes. What goes beyond counts by its bytes.
const MOST: usize = 256 << 10;
/// Text is counted in pieces of this size: the time that a tokenizer takes for one long word grows with its square. A cut
/// can only add tokens.
const PIECE: usize = 2 << 10;
/// Tokens around a message, and at the end of a prompt.
const PER_MESSAGE: u64 = 4;
const PER_PROMPT: u64 = 8;
/// Tokens that an image comes to at the most; small models count theirs dearer to make up for cheaper tokens.
const PER_IMAGE: u64 = 3_000;
const PER_IMAGE_SMALL: u64 = 40_000;
const PER_IMAGE_CLAUDE: u64 = 5_000;

/// Fields that the model does not read.
const NOT_READ: [&str; 8] = [
    "metadata",
    "model",
    "prompt_cache_key",
    "safety_identifier",
    "service_tier",
    "stream_options",
    "user",
    "encoding_format",
];

/// Counts the prompt of a call. Where no tokenizer is known, `strict` wants no guess, and gets `None`; otherwise the usual
/// mean of English text is taken. `None` too where the upstream adds to the prompt what cannot be counted here.
pub async fn count(call: &Call, slug: &str, strict: bool) -> Option<u64> {
    if call.operation.adds_input(call) {
        return None;
    }
    let read = count_in(call.text().clone(), slug, strict).await?;
    Some(read.saturating_add(call.file_tokens()))
}

async fn count_in(body: Bytes, slug: &str, strict: bool) -> Option<u64> {
    let tokenizer = tokenizer(slug);
    if tokenizer.is_none() && strict {
        return None;
    }
    let per_image = per_image(slug);
    // Off the threads that serve requests.
    tokio::task::spawn_blocking(move || prompt(&body, tokenizer, per_image)).await.ok().flatten()
}

/// Tokens of the images in a request, at the most. Costs a search where there is none.
#[must_use]
pub fn of_images(body: &[u8], slug: &str) -> u64 {
    if !mentions(body, &["image"]) {
        return 0;
    }
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    images(&request).saturating_mul(per_image(slug))
}

fn images(value: &Value) -> u64 {
    match value {
        Value::Array(items) => items.iter().map(images).sum(),
        Value::Object(fields) if is_image(fields) => 1,
        Value::Object(fields) => fields.values().map(images).sum(),
        _ => 0,
    }
}

fn is_image(fields: &serde_json::Map<String, Value>) -> bool {
    matches!(fields.get("type").and_then(Value::as_str), Some("image_url" | "input_image" | "image"))
        || media_type(fields).is_some_and(|media_type| media_type.starts_with("image/"))
}

/// The media type of a Gemini part that is a file, sent along or kept elsewhere.
fn media_type(part: &serde_json::Map<String, Value>) -> Option<&str> {
    let file = ["inlineData", "inline_data", "fileData", "file_data"].into_iter().find_map(|name| part.get(name))?;
    Some(file.get("mimeType").or_else(|| file.get("mime_type")).and_then(Value::as_str).unwrap_or_default())
}

fn per_image(slug: &str) -> u64 {
    let small = ["mini", "nano"].iter().any(|size| slug.contains(size)) && !slug.contains("gemini");
    match (small, slug.contains("claude")) {
        (true, _) => PER_IMAGE_SMALL,
        (false, true) => PER_IMAGE_CLAUDE,
        (false, false) => PER_IMAGE,
    }
}

type Tokenizer = fn() -> &'static CoreBPE;

/// The tokenizer of a model by the name that its upstream knows.
fn tokenizer(slug: &str) -> Option<Tokenizer> {
    const O200K: [&str; 8] = ["gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "chatgpt-", "o1", "o3", "o4"];
    const CL100K: [&str; 3] = ["gpt-4", "gpt-3.5", "text-embedding-"];
    // Some servers put the vendor before the name.
    let name = slug.strip_prefix("openai/").unwrap_or(slug);
    let is = |family: &&str| name.starts_with(*family);
    if O200K.iter().any(is) {
        return Some(|| tiktoken_rs::o200k_base_singleton());
    }
    CL100K.iter().any(is).then_some((|| tiktoken_rs::cl100k_base_singleton()) as Tokenizer)
}

fn prompt(body: &[u8], tokenizer: Option<Tokenizer>, per_image: u64) -> Option<u64> {
    let request: Value = serde_json::from_slice(body).ok()?;
    let mut counter = Counter { tokenizer: tokenizer.map(|get| get()), left: MOST, tokens: PER_PROMPT, per_image };
    let mut fields = request.as_object()?.iter().filter(|(name, _)| !NOT_READ.contains(&name.as_str())).peekable();
    fields.peek()?;
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("messages" | "input" | "prompt" | "contents" | "documents", Value::Array(items)) => {
                for item in items {
                    // Texts and messages have something around them, tokens as numbers have not.
                    counter.tokens += if item.is_number() { 0 } else { PER_MESSAGE };
                    counter.message(item);
                }
            }
            ("instructions" | "system" | "systemInstruction" | "system_instruction", value) => counter.message(value),
            (_, Value::String(text)) => counter.text(text),
            // What else the model reads: declarations of tools, schemas, predictions.
            (_, Value::Object(_) | Value::Array(_)) => counter.text(&value.to_string()),
            _ => {}
        }
    }
    Some(counter.tokens)
}

struct Counter {
    tokenizer: Option<&'static CoreBPE>,
    left: usize,
    tokens: u64,
    per_image: u64,
}

impl Counter {
    fn message(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().for_each(|item| self.message(item)),
            Value::Object(fields) if is_image(fields) => self.tokens += self.per_image,
            Value::Object(fields) => match fields.get("type").and_then(Value::as_str) {
                // A second of sound is at least some hundred bytes, and ten tokens.
                Some("input_audio" | "file" | "input_file" | "document") => {
                    self.tokens += value.to_string().len() as u64 / 16;
                }
                _ if media_type(fields).is_some() => self.tokens += value.to_string().len() as u64 / 16,
                _ => fields.values().for_each(|field| self.message(field)),
            },
            Value::Number(_) | Value::Bool(_) => self.tokens += 1,
            Value::Null => {}
        }
    }

    fn text(&mut self, text: &str) {
        let Some(tokenizer) = self.tokenizer else {
            self.tokens += estimate::tokens(text.len());
            return;
        };
        let mut rest = text;
        while !rest.is_empty() && self.left > 0 {
            let mut cut = rest.len().min(PIECE).min(self.left);
            while cut < rest.len() && !rest.is_char_boundary(cut) {
                cut += 1;
            }
            let (piece, after) = rest.split_at(cut);
            self.tokens += tokenizer.encode_ordinary(piece).len() as u64;
            self.left = self.left.saturating_sub(cut);
            rest = after;
        }
        self.tokens += rest.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn counted(body: &str, slug: &str, strict: bool) -> Option<u64> {
        count_in(Bytes::copy_from_slice(body.as_bytes()), slug, strict).await
    }

    #[tokio::test]
    async fn known_models_are_counted_and_others_guessed_or_not() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":"tiktoken is great!"}]}"#;
        // "tiktoken is great!" has 6 tokens in o200k_base and in cl100k_base; "user" has 1.
        assert_eq!(counted(body, "gpt-4o", true).await, Some(PER_PROMPT + PER_MESSAGE + 7));
        assert_eq!(counted(body, "gpt-4-turbo", true).await, Some(PER_PROMPT + PER_MESSAGE + 7));
        assert_eq!(counted(body, "llama-3", true).await, None);
        assert_eq!(counted(body, "llama-3", false).await, Some(PER_PROMPT + PER_MESSAGE + 1 + 5));
        assert_eq!(counted(r#"{"model":"m"}"#, "gpt-4o", true).await, None);
    }

    #[tokio::test]
    async fn prompts_of_every_shape_are_counted() {
        let text = "tiktoken is great!";
        for (body, around) in [
            (serde_json::json!({"model": "m", "input": text}), PER_PROMPT),
            (serde_json::json!({"prompt": text, "stream": true, "n": 2}), PER_PROMPT),
            (serde_json::json!({"input": [text]}), PER_PROMPT + PER_MESSAGE),
            (serde_json::json!({"input": [1, 2, 3, 4, 5, 6], "user": "somebody"}), PER_PROMPT),
            (serde_json::json!({"instructions": "", "input": [{"content": text}]}), PER_PROMPT + PER_MESSAGE),
        ] {
            assert_eq!(counted(&body.to_string(), "gpt-4o", true).await, Some(around + 6), "{body}");
        }
    }

    #[tokio::test]
    async fn media_count_alike_in_every_family() {
        let data = "A".repeat(160_000);
        for (content, expected) in [
            (serde_json::json!({"type": "image", "source": {"type": "base64", "data": data}}), PER_IMAGE_CLAUDE),
            (serde_json::json!({"inlineData": {"mimeType": "image/png", "data": data}}), PER_IMAGE_CLAUDE),
            (serde_json::json!({"inline_data": {"mime_type": "audio/mp3", "data": data}}), 10_000),
            (serde_json::json!({"type": "document", "source": {"type": "base64", "data": data}}), 10_000),
        ] {
            let body = serde_json::json!({"messages": [{"content": [content]}]}).to_string();
            let tokens = counted(&body, "claude-sonnet-4-5", false).await.unwrap();
            assert!((expected..expected + 50).contains(&tokens), "{tokens} for {expected}");
        }
        assert_eq!(
            of_images(br#"{"contents":[{"parts":[{"inline_data":{"mime_type":"image/png"}}]}]}"#, "gemini-2.5-flash"),
            PER_IMAGE
        );
        assert_eq!(of_images(br#"{"messages":[{"content":[{"type":"image"}]}]}"#, "claude-opus-4-5"), PER_IMAGE_CLAUDE);
    }

    #[tokio::test]
    async fn no_text_has_more_tokens_than_bytes() {
        for text in
            ["a".repeat(5_000), "é".repeat(3_000), "日本語テキスト".repeat(500), "🦀".repeat(2_000), "\u{0}".repeat(99)]
        {
            let body = serde_json::json!({"messages": [{"role": "user", "content": text}]}).to_string();
            let tokens = counted(&body, "gpt-4o", true).await.unwrap();
            assert!(tokens <= body.len() as u64, "{tokens} tokens in {} bytes", body.len());
        }
    }

    #[test]
    fn an_image_that_is_elsewhere_counts_too_however_its_name_is_written() {
        let image = r#"{"messages":[{"content":[{"type":"image\u005furl","image\u005furl":{"url":"https://x"}}]}]}"#;
        assert_eq!(of_images(image.as_bytes(), "gpt-4o"), PER_IMAGE);
        assert_eq!(of_images(image.as_bytes(), "gpt-4o-mini"), PER_IMAGE_SMALL);
        assert_eq!(of_images(br#"{"messages":[{"content":"an image, \u00e9"}]}"#, "gpt-4o"), 0);
        assert_eq!(of_images(b"not json: image", "gpt-4o"), 0);
    }

    #[tokio::test]
    async fn images_do_not_count_by_their_bytes() {
        let url = format!("data:image/png;base64,{}", "A".repeat(500_000));
        let body = serde_json::json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": url}}]}]});
        let tokens = counted(&body.to_string(), "gpt-4o", true).await.unwrap();
        assert!((PER_IMAGE..PER_IMAGE + 50).contains(&tokens), "{tokens}");
    }
}
