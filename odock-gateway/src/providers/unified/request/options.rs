//! What a caller asks for beside the conversation.

use std::borrow::Cow;

use serde_json::Number;

use super::super::json::Node;
use super::super::path::{At, Shown};
use super::DecodeError;
use super::fields::{Fields, list, text};
use super::format::Format;
use super::reasoning::Reasoning;
use super::tools::{Tool, ToolChoice};

/// Everything but the conversation.
#[derive(Debug)]
pub(crate) struct Options<'a> {
    pub(crate) tools: Vec<Tool<'a>>,
    pub(crate) tool_choice: Option<ToolChoice<'a>>,
    pub(crate) parallel_tool_calls: Option<bool>,
    /// The most tokens of each answer, thoughts included.
    pub(crate) output_cap: Option<u64>,
    /// How many answers.
    pub(crate) choices: u64,
    pub(crate) temperature: Option<Number>,
    pub(crate) top_p: Option<Number>,
    pub(crate) top_k: Option<u64>,
    pub(crate) stop: Vec<Cow<'a, str>>,
    pub(crate) seed: Option<Number>,
    pub(crate) presence_penalty: Option<Number>,
    pub(crate) frequency_penalty: Option<Number>,
    pub(crate) logprobs: bool,
    pub(crate) top_logprobs: Option<u64>,
    pub(crate) format: Option<Format<'a>>,
    pub(crate) reasoning: Option<Reasoning>,
    pub(crate) user: Option<Cow<'a, str>>,
    pub(crate) service_tier: Option<Cow<'a, str>>,
    /// Names of fields that ask for something and are not read here, and paths of tools of other kinds.
    pub(crate) others: Vec<String>,
}

impl<'a> Options<'a> {
    pub(super) fn read(mut fields: Fields<'a, '_>) -> Result<Self, DecodeError> {
        let mut others = Vec::new();
        let tools = tools(&mut fields, &mut others)?;
        let tool_choice = fields.map("tool_choice", ToolChoice::read)?;
        named_tools_exist(&fields, &tools, tool_choice.as_ref(), others.is_empty())?;
        let one = fields.whole("max_completion_tokens", 0)?;
        let other = fields.whole("max_tokens", 0)?;
        let logprobs = fields.flag("logprobs")?.unwrap_or(false);
        let mut options = Self {
            tools,
            tool_choice,
            parallel_tool_calls: fields.flag("parallel_tool_calls")?,
            // Upstreams differ in which of the two they obey.
            output_cap: one.max(other),
            choices: fields.whole("n", 1)?.unwrap_or(1),
            temperature: fields.number("temperature")?,
            top_p: fields.number("top_p")?,
            top_k: fields.whole("top_k", 0)?,
            stop: fields.map("stop", stop)?.unwrap_or_default(),
            seed: fields.number("seed")?,
            presence_penalty: fields.number("presence_penalty")?.filter(is_some_number),
            frequency_penalty: fields.number("frequency_penalty")?.filter(is_some_number),
            logprobs,
            top_logprobs: fields.whole("top_logprobs", 0)?.filter(|_| logprobs),
            format: fields.map("response_format", Format::read)?.flatten(),
            reasoning: Reasoning::read(&mut fields)?,
            user: fields.text("user")?,
            service_tier: fields.text("service_tier")?.filter(|tier| tier != "auto"),
            others,
        };
        for name in ["model", "messages"] {
            fields.forget(name);
        }
        let names: Vec<String> = fields.names().map(str::to_owned).collect();
        for name in names {
            if !asks_for_nothing(&name, &mut fields)? {
                options.others.push(Shown(&name).to_string());
            }
        }
        options.others.sort_unstable();
        Ok(options)
    }
}

fn tools<'a>(fields: &mut Fields<'a, '_>, others: &mut Vec<String>) -> Result<Vec<Tool<'a>>, DecodeError> {
    let tools = fields.map("tools", |value, at| list(value, at, |value, at| Tool::read(value, at, others)))?;
    Ok(tools.unwrap_or_default().into_iter().flatten().collect())
}

/// A choice among tools that were not declared is a mistake everywhere.
fn named_tools_exist(
    fields: &Fields<'_, '_>,
    tools: &[Tool<'_>],
    choice: Option<&ToolChoice<'_>>,
    all_known: bool,
) -> Result<(), DecodeError> {
    let names = match choice {
        Some(ToolChoice::Named(name)) => std::slice::from_ref(name),
        Some(ToolChoice::Allowed { names, .. }) => names,
        _ => &[],
    };
    match names.iter().find(|name| !tools.iter().any(|tool| tool.name == **name)) {
        Some(name) if all_known => {
            Err(fields.wrong("tool_choice", format!("names a tool that is not in tools: {}", Shown(name))))
        }
        _ => Ok(()),
    }
}

fn stop<'a>(value: Node<'a>, at: At<'_>) -> Result<Vec<Cow<'a, str>>, DecodeError> {
    match value {
        Node::Text(text) => Ok(vec![text]),
        Node::List(_) => list(value, at, text),
        _ => Err(DecodeError::at(at, "must be a string or a list of strings")),
    }
}

fn is_some_number(number: &Number) -> bool {
    number.as_f64() != Some(0.0)
}

/// Whether a field says what holds without it, so that leaving it out loses nothing.
fn asks_for_nothing(name: &str, fields: &mut Fields<'_, '_>) -> Result<bool, DecodeError> {
    let value = match name {
        "stream" | "stream_options" | "provider" | "drop_unsupported" => return Ok(true),
        "store" | "logit_bias" | "modalities" | "functions" | "metadata" => fields.take(name)?,
        _ => return Ok(false),
    };
    Ok(match value {
        None | Some(Node::Bool(false)) => true,
        Some(Node::Object(fields)) => fields.is_empty(),
        Some(Node::List(items)) => items.iter().all(|item| name == "modalities" && *item == Node::Text("text".into())),
        Some(_) => false,
    })
}
