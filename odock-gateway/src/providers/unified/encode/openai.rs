//! For OpenAI and those who speak its language: the caller's own fields, but for what only the gateway understands.

use std::borrow::Cow;

use entity::vocab::ProviderType;
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::super::json::{RawObject, bytes};
use super::super::language::Language;
use super::super::loss::Loss;
use super::super::request::{Block, FileSource, Message, Part, PartKind, Request, Source, ToolCall, Turn};
use super::Target;
use super::place::Place;

pub(super) fn encode(request: &Request<'_>, target: Target<'_>, loss: &mut Loss) -> Vec<u8> {
    let mut fields = request.fields.clone();
    if request.model != target.slug {
        fields.set("model", &target.slug);
    }
    cap(request, &mut fields, target);
    if request.stream {
        ask_for_usage(&mut fields);
    }
    if is_openai_itself(target.provider) {
        own_fields(request, &mut fields, loss);
    }
    let mut messages = Messages { target, loss, changed: false };
    let written: Vec<_> = request.messages.iter().enumerate().map(|(index, m)| messages.write(index, m)).collect();
    if messages.changed {
        fields.set("messages", &written);
    }
    bytes(&fields)
}

/// OpenAI refuses fields that it does not know; other servers of its language ignore or understand them.
const fn is_openai_itself(provider: ProviderType) -> bool {
    matches!(provider, ProviderType::OpenAi | ProviderType::AzureOpenAi)
}

fn cap(request: &Request<'_>, fields: &mut RawObject<'_>, target: Target<'_>) {
    // Hugging Face knows the older of the two names alone.
    if target.provider == ProviderType::HuggingFace
        && let Some(cap) = request.options.output_cap
    {
        fields.remove("max_completion_tokens");
        fields.set("max_tokens", &cap);
    }
    let Some(cap) = target.cap else { return };
    let names = ["max_completion_tokens", "max_tokens"];
    let there = names.map(|name| fields.get(name).is_some());
    match there {
        [false, false] if is_openai_itself(target.provider) => fields.set("max_completion_tokens", &cap),
        [false, false] => fields.set("max_tokens", &cap),
        _ => names.into_iter().zip(there).filter(|(_, there)| *there).for_each(|(name, _)| fields.set(name, &cap)),
    }
}

fn ask_for_usage(fields: &mut RawObject<'_>) {
    let options = fields.present("stream_options").and_then(|raw| serde_json::from_str(raw.get()).ok());
    let mut options: RawObject<'_> = options.unwrap_or_default();
    if options.get("include_usage").is_some_and(|asked| asked.get() == "true") {
        return;
    }
    options.set("include_usage", &true);
    fields.set("stream_options", &options);
}

/// What other families have, in OpenAI's own words or not at all.
fn own_fields(request: &Request<'_>, fields: &mut RawObject<'_>, loss: &mut Loss) {
    if request.options.tools.iter().any(|tool| tool.cache_control.is_some()) {
        without_hints(fields);
    }
    if request.options.top_k.is_some() {
        loss.cannot("top_k", "OpenAI has nothing of the kind");
    }
    fields.remove("top_k");
    let Some(reasoning) = &request.options.reasoning else { return };
    fields.remove("reasoning");
    if reasoning.max_tokens.is_some() {
        loss.cannot("reasoning.max_tokens", "OpenAI bounds reasoning by effort alone");
    }
    if let Some(effort) = reasoning.effort {
        fields.set("reasoning_effort", &effort.word());
    }
}

/// The tools without hints at what to cache.
fn without_hints(fields: &mut RawObject<'_>) {
    let Some(raw) = fields.present("tools") else { return };
    let Ok(mut tools) = serde_json::from_str::<Vec<RawObject<'_>>>(raw.get()) else { return };
    tools.iter_mut().for_each(|tool| tool.remove("cache_control"));
    fields.set("tools", &tools);
}

struct Messages<'t, 'l> {
    target: Target<'t>,
    loss: &'l mut Loss,
    changed: bool,
}

impl Messages<'_, '_> {
    fn write<'a>(&mut self, index: usize, message: &'a Message<'_>) -> Cow<'a, RawValue> {
        let edited = match &message.turn {
            Turn::System(parts) | Turn::User(parts) | Turn::Tool { parts, .. } => {
                self.content(index, message.raw, parts)
            }
            Turn::Assistant { blocks, from_blocks } => self.assistant(index, message.raw, blocks, *from_blocks),
            Turn::Function => None,
        };
        match edited.and_then(|message| to_raw_value(&message).ok()) {
            Some(raw) => {
                self.changed = true;
                Cow::Owned(raw)
            }
            None => Cow::Borrowed(message.raw),
        }
    }

    /// A message with content that OpenAI has other words for; `None` if there is none.
    fn content<'a>(&mut self, index: usize, raw: &'a RawValue, parts: &[Part<'_>]) -> Option<RawObject<'a>> {
        if !parts.iter().any(|part| self.needs_other_words(part)) {
            return None;
        }
        let mut message: RawObject<'a> = serde_json::from_str(raw.get()).ok()?;
        let content: Vec<RawObject<'a>> = serde_json::from_str(message.present("content")?.get()).ok()?;
        let pairs = content.into_iter().zip(parts);
        let content: Vec<RawObject<'_>> = pairs.flat_map(|(raw, part)| self.part(index, raw, part)).collect();
        message.set("content", &content);
        Some(message)
    }

    fn needs_other_words(&self, part: &Part<'_>) -> bool {
        let hint = part.cache_control.is_some() && is_openai_itself(self.target.provider);
        hint || matches!(&part.kind, PartKind::File(file) if !file.is_openais)
    }

    fn part<'a>(&mut self, index: usize, mut raw: RawObject<'a>, part: &Part<'_>) -> Vec<RawObject<'a>> {
        // A hint at what to cache changes no answer.
        if is_openai_itself(self.target.provider) {
            raw.remove("cache_control");
        }
        let PartKind::File(file) = &part.kind else { return vec![raw] };
        let mut made = RawObject::default();
        match &file.source {
            FileSource::Text(text) => {
                return file.name.iter().chain([text]).map(|text| text_part(text)).collect();
            }
            FileSource::At(Source::Url(_)) => {
                let why = "chat completions take documents as data, not from an address";
                self.loss.cannot(format_args!("{}.file.file_url", Place(index, part)), why);
                return Vec::new();
            }
            FileSource::At(Source::Data { mime, base64 }) => {
                made.set("type", &"file");
                let data = format!("data:{mime};base64,{base64}");
                made.set("file", &FileData { filename: file.name.as_deref(), file_data: Some(&data), file_id: None });
            }
            FileSource::Id(id) => {
                made.set("type", &"file");
                made.set("file", &FileData { filename: file.name.as_deref(), file_data: None, file_id: Some(id) });
            }
        }
        vec![made]
    }

    /// An assistant's turn without what OpenAI's language has no words for; `None` if there is nothing of the kind.
    fn assistant<'a>(
        &mut self,
        index: usize,
        raw: &'a RawValue,
        blocks: &[Block<'_>],
        from_blocks: bool,
    ) -> Option<RawObject<'a>> {
        let mut message: RawObject<'a> = serde_json::from_str(raw.get()).ok()?;
        let itself = is_openai_itself(self.target.provider);
        let (reasoned, signed) = (itself && message.get("reasoning_content").is_some(), self.has_extras(blocks));
        if !from_blocks && !reasoned && !signed {
            return None;
        }
        message.remove("content_blocks");
        if itself {
            message.remove("reasoning_content");
        }
        if from_blocks {
            self.spoken(index, &mut message, blocks);
        }
        if from_blocks || signed {
            let calls: Vec<_> = blocks.iter().filter_map(call).map(|call| self.call(call)).collect();
            if !calls.is_empty() {
                message.set("tool_calls", &calls);
            }
        }
        Some(message)
    }

    /// Google's signatures of calls pass only to servers that may be Google's.
    fn has_extras(&self, blocks: &[Block<'_>]) -> bool {
        self.target.provider != ProviderType::Custom
            && blocks.iter().filter_map(call).any(|call| call.signature.is_some())
    }

    /// Words and thoughts out of blocks.
    fn spoken(&mut self, index: usize, message: &mut RawObject<'_>, blocks: &[Block<'_>]) {
        let (mut words, mut thoughts) = (String::new(), String::new());
        for block in blocks {
            match block {
                Block::Text { text, .. } => words.push_str(text),
                Block::Reasoning { text, family: Some(Language::OpenAi), .. } => thoughts.push_str(text),
                // OpenAI's own extras, such as annotations, say nothing on the way back; reasoning that another family
                // has signed is of use to that family alone.
                Block::Native { family: Language::OpenAi, .. } | Block::Reasoning { .. } | Block::Call(_) => {}
                Block::Native { family, .. } => {
                    let why = format!("holds a block that only {} understands", family.name());
                    self.loss.cannot(format_args!("messages[{index}].content_blocks"), why);
                }
            }
        }
        let silent = words.is_empty() && blocks.iter().any(|block| matches!(block, Block::Call(_)));
        message.set("content", &(!silent).then_some(words));
        if !thoughts.is_empty() && !is_openai_itself(self.target.provider) {
            message.set("reasoning_content", &thoughts);
        }
    }

    fn call(&self, call: &ToolCall<'_>) -> serde_json::Value {
        let mut made = json!({
            "id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments},
        });
        if let (Some(signature), ProviderType::Custom) = (&call.signature, self.target.provider) {
            made["extra_content"] = json!({"google": {"thought_signature": signature}});
        }
        made
    }
}

/// A text of its own. The name of a document that is plain text stands before it so.
fn text_part(text: &str) -> RawObject<'static> {
    let mut part = RawObject::default();
    part.set("type", &"text");
    part.set("text", &text);
    part
}

fn call<'b, 'a>(block: &'b Block<'a>) -> Option<&'b ToolCall<'a>> {
    match block {
        Block::Call(call) => Some(call),
        _ => None,
    }
}

#[derive(Serialize)]
struct FileData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'a str>,
}
