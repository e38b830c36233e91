//! For Mistral: OpenAI's language with names, contents and ids of its own.
//!
//! Wire format: `ChatCompletionRequest` of <https://docs.mistral.ai/api>.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use super::super::json::{Node, RawObject, bytes};
use super::super::language::Language;
use super::super::loss::Loss;
use super::super::request::{Block, FileSource, Format, Part, PartKind, Request, Source, Tool, Turn};
use super::offer::{Choice, offer};
use super::place::name_others;
use super::{Target, ids};

const WHO: &str = "Mistral";

/// What Mistral knows by the name that OpenAI gives it, or by a name that OpenAI does not have. It refuses all else.
const PASSES: &[&str] = &[
    "frequency_penalty",
    "guardrails",
    "logprobs",
    "metadata",
    "min_tokens",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_mode",
    "reasoning_effort",
    "repetition_penalty",
    "response_format",
    "safe_prompt",
    "stop",
    "stream",
    "temperature",
    "top_k",
    "top_logprobs",
    "top_p",
];

pub(super) fn encode(request: &Request<'_>, target: Target<'_>, loss: &mut Loss) -> Vec<u8> {
    let options = &request.options;
    let mut others = Loss::default();
    name_others(request, WHO, &mut others);
    loss.append(others, |field| !PASSES.contains(&field));
    let mut fields = request.fields.clone();
    fields.retain(|name, value| PASSES.contains(&name) && value.get() != "null");
    fields.set("model", &target.slug);
    if let Some(cap) = target.cap.or(options.output_cap) {
        fields.set("max_tokens", &cap);
    }
    if let Some(seed) = &options.seed {
        fields.set("random_seed", seed);
    }
    if options.user.is_some() {
        loss.cannot("user", "Mistral has nothing of the kind");
    }
    if options.service_tier.is_some() {
        loss.cannot("service_tier", "Mistral has nothing of the kind");
    }
    if options.format == Some(Format::Other) {
        loss.cannot("response_format", "Mistral has no format of this type");
        fields.remove("response_format");
    }
    reasoning(request, &mut fields, loss);
    tools(request, &mut fields, loss);
    fields.set("messages", &messages(request, loss));
    bytes(&fields)
}

fn reasoning(request: &Request<'_>, fields: &mut RawObject<'_>, loss: &mut Loss) {
    let Some(reasoning) = &request.options.reasoning else { return };
    if reasoning.max_tokens.is_some() {
        loss.cannot("reasoning.max_tokens", "Mistral bounds reasoning by effort alone");
    }
    if reasoning.exclude {
        loss.cannot("reasoning.exclude", "Mistral always shows its reasoning");
    }
    if let Some(effort) = reasoning.effort {
        fields.set("reasoning_effort", &effort.word());
    }
}

fn tools(request: &Request<'_>, fields: &mut RawObject<'_>, loss: &mut Loss) {
    let offer = offer(&request.options, WHO, loss);
    if !offer.tools.is_empty() {
        let tools: Vec<_> = offer.tools.iter().map(|tool| Declared::from(*tool)).collect();
        fields.set("tools", &tools);
    }
    match offer.choice {
        None => {}
        Some(Choice::Auto) => fields.set("tool_choice", &"auto"),
        Some(Choice::None) => fields.set("tool_choice", &"none"),
        Some(Choice::Required) => fields.set("tool_choice", &"any"),
        Some(Choice::Named(name)) => {
            fields.set("tool_choice", &json!({"type": "function", "function": {"name": name}}));
        }
    }
}

#[derive(Serialize)]
struct Declared<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: Cow<'a, Node<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
}

impl<'a> From<&'a Tool<'a>> for Declared<'a> {
    fn from(tool: &'a Tool<'a>) -> Self {
        // Mistral wants a schema even of a tool without arguments.
        let parameters = tool.parameters.as_ref().map_or_else(|| Cow::Owned(Node::Object(Vec::new())), Cow::Borrowed);
        let function =
            Function { name: &tool.name, description: tool.description.as_deref(), parameters, strict: tool.strict };
        Self { r#type: "function", function }
    }
}

#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Content::is_nothing")]
    content: Content<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Nothing,
    Text(&'a str),
    Chunks(Vec<Chunk<'a>>),
}

impl Content<'_> {
    const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Chunk<'a> {
    Text {
        text: &'a str,
    },
    ImageUrl {
        image_url: ImageUrl<'a>,
    },
    InputAudio {
        input_audio: &'a str,
    },
    DocumentUrl {
        document_url: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        document_name: Option<&'a str>,
    },
    File {
        file_id: &'a str,
    },
    Thinking {
        thinking: [Thought<'a>; 1],
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<&'a str>,
    },
    #[serde(untagged)]
    Native(&'a Node<'a>),
}

#[derive(Serialize)]
struct Thought<'a> {
    r#type: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

fn messages<'r>(request: &'r Request<'_>, loss: &mut Loss) -> Vec<Said<'r>> {
    let mut said = Vec::with_capacity(request.messages.len());
    for (index, message) in request.messages.iter().enumerate() {
        let plain = |role, content| Said { role, content, tool_calls: Vec::new(), tool_call_id: None };
        said.push(match &message.turn {
            Turn::System(parts) => plain("system", content(parts)),
            Turn::User(parts) => plain("user", content(parts)),
            Turn::Tool { call, parts } => {
                Said { tool_call_id: Some(ids::for_mistral(call)), ..plain("tool", content(parts)) }
            }
            Turn::Assistant { blocks, .. } => assistant(index, blocks, loss),
            Turn::Function => continue,
        });
    }
    said
}

fn content<'r>(parts: &'r [Part<'_>]) -> Content<'r> {
    match parts {
        [Part { index: None, kind: PartKind::Text(text), .. }] => Content::Text(text),
        _ => Content::Chunks(parts.iter().flat_map(chunks).collect()),
    }
}

fn chunks<'r>(part: &'r Part<'_>) -> Vec<Chunk<'r>> {
    let chunk = match &part.kind {
        PartKind::Text(text) => Chunk::Text { text },
        PartKind::Image { source, detail } => {
            Chunk::ImageUrl { image_url: ImageUrl { url: address(source), detail: detail.as_deref() } }
        }
        PartKind::Audio { base64, .. } => Chunk::InputAudio { input_audio: base64 },
        PartKind::File(file) => match &file.source {
            FileSource::At(source) => {
                Chunk::DocumentUrl { document_url: address(source), document_name: file.name.as_deref() }
            }
            // Plain text is text, with its name before it.
            FileSource::Text(text) => return file.name.iter().chain([text]).map(|text| Chunk::Text { text }).collect(),
            FileSource::Id(file_id) => Chunk::File { file_id },
        },
        PartKind::Other(_) => return Vec::new(),
    };
    vec![chunk]
}

fn address<'r>(source: &'r Source<'_>) -> Cow<'r, str> {
    match source {
        Source::Url(url) => Cow::Borrowed(url),
        Source::Data { mime, base64 } => format!("data:{mime};base64,{base64}").into(),
    }
}

fn assistant<'r>(index: usize, blocks: &'r [Block<'_>], loss: &mut Loss) -> Said<'r> {
    let (mut chunks, mut tool_calls) = (Vec::new(), Vec::new());
    for block in blocks {
        match block {
            Block::Text { text, .. } => chunks.push(Chunk::Text { text }),
            Block::Reasoning { text, signature, family: Some(Language::Mistral), .. } => {
                let thinking = [Thought { r#type: "text", text }];
                chunks.push(Chunk::Thinking { thinking, signature: signature.as_deref() });
            }
            // What another family has signed is of use to that family alone.
            Block::Reasoning { .. } | Block::Native { family: Language::OpenAi, .. } => {}
            Block::Native { family: Language::Mistral, block } => chunks.push(Chunk::Native(block)),
            Block::Native { family, .. } => {
                let why = format!("holds a block that only {} understands", family.name());
                loss.cannot(format_args!("messages[{index}].content_blocks"), why);
            }
            Block::Call(call) => tool_calls.push(json!({
                "id": ids::for_mistral(&call.id),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            })),
        }
    }
    let content = match chunks.as_slice() {
        [] if tool_calls.is_empty() => Content::Text(""),
        [] => Content::Nothing,
        [Chunk::Text { text }] => Content::Text(text),
        _ => Content::Chunks(chunks),
    };
    Said { role: "assistant", content, tool_calls, tool_call_id: None }
}
