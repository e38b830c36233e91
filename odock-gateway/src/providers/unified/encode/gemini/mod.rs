//! For Gemini's `generateContent`. The model and whether the answer is a stream stand in the address.
//!
//! Wire format: <https://ai.google.dev/api/generate-content>.

mod config;
mod contents;
mod part;
mod thinking;

use serde::Serialize;

use self::config::{Config, config};
use self::contents::{Content, contents};
use super::super::json::{Node, bytes};
use super::super::loss::Loss;
use super::super::request::{Options, Request};
use super::Target;
use super::offer::{Choice, Offer, offer};
use super::place::name_others;

const WHO: &str = "Gemini";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Content<'a>>,
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tools<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "Config::is_nothing")]
    generation_config: Config<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tools<'a> {
    function_declarations: Vec<Declared<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declared<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<&'a Node<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolConfig<'a> {
    function_calling_config: CallingConfig<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallingConfig<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_function_names: Option<[&'a str; 1]>,
}

pub(super) fn encode(request: &Request<'_>, target: Target<'_>, loss: &mut Loss) -> Vec<u8> {
    let options = &request.options;
    name_others(request, WHO, loss);
    name_unknown_options(options, loss);
    let offer = offer(options, WHO, loss);
    let (system_instruction, contents) = contents(&request.messages, target.slug, loss);
    bytes(&Body {
        system_instruction,
        contents,
        tools: declared(&offer),
        tool_config: tool_config(&offer),
        generation_config: config(options, target, loss),
    })
}

fn name_unknown_options(options: &Options<'_>, loss: &mut Loss) {
    let unknown = [("user", options.user.is_some()), ("service_tier", options.service_tier.is_some())];
    for (field, _) in unknown.into_iter().filter(|(_, asked)| *asked) {
        loss.cannot(field, "Gemini has nothing of the kind");
    }
    if options.parallel_tool_calls == Some(false) && !options.tools.is_empty() {
        loss.cannot("parallel_tool_calls", "Gemini cannot be kept from calling several tools at once");
    }
}

fn declared<'r>(offer: &Offer<'r, '_>) -> Vec<Tools<'r>> {
    let declared = |tool: &&'r super::super::request::Tool<'_>| Declared {
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters_json_schema: tool.parameters.as_ref(),
    };
    if offer.tools.is_empty() {
        return Vec::new();
    }
    vec![Tools { function_declarations: offer.tools.iter().map(declared).collect() }]
}

/// `ANY` and `VALIDATED` hold calls to their schemas, which is what OpenAI's `strict` asks for.
fn tool_config<'r>(offer: &Offer<'r, '_>) -> Option<ToolConfig<'r>> {
    let strict = offer.tools.iter().any(|tool| tool.strict);
    let (mode, name) = match offer.choice {
        None | Some(Choice::Auto) if strict => ("VALIDATED", None),
        None => return None,
        Some(Choice::Auto) => ("AUTO", None),
        Some(Choice::None) => ("NONE", None),
        Some(Choice::Required) => ("ANY", None),
        Some(Choice::Named(name)) => ("ANY", Some([name])),
    };
    Some(ToolConfig { function_calling_config: CallingConfig { mode, allowed_function_names: name } })
}
