//! For Anthropic's Messages API.
//!
//! Wire format: `MessageCreateParams` of <https://platform.claude.com/docs/en/api/messages>.

mod block;
mod model;
mod thinking;
mod turns;

use serde::Serialize;
use serde_json::Number;

use self::block::Block;
use self::model::Generation;
use self::thinking::{Thinking, thinking};
use self::turns::{Conversation, Turn, conversation};
use super::super::json::{Node, bytes};
use super::super::loss::Loss;
use super::super::request::{Format, Options, Request, described};
use super::Target;
use super::offer::{Choice, Offer, offer};
use super::place::name_others;

const WHO: &str = "Anthropic";

/// The cap where neither the caller nor the model's data name one. Anthropic demands a number, and every model takes this.
const DEFAULT_OUTPUT: u64 = 4_096;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Declared<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ToolChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Output::is_nothing")]
    output_config: Output<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct Declared<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: Schema<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<&'a Node<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Schema<'a> {
    Given(&'a Node<'a>),
    /// Of a tool without arguments.
    Empty {
        r#type: &'static str,
        properties: Node<'a>,
    },
}

#[derive(Serialize)]
struct ToolChoice<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_parallel_tool_use: bool,
}

#[derive(Default, Serialize)]
struct Output<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<JsonSchema<'a>>,
}

impl Output<'_> {
    const fn is_nothing(&self) -> bool {
        self.effort.is_none() && self.format.is_none()
    }
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    r#type: &'static str,
    schema: Node<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    user_id: &'a str,
}

pub(super) fn encode(request: &Request<'_>, target: Target<'_>, loss: &mut Loss) -> Vec<u8> {
    let options = &request.options;
    let generation = Generation::of(target.slug);
    name_others(request, WHO, loss);
    name_unknown_options(options, loss);
    let offer = offer(options, WHO, loss);
    let max_tokens = max_tokens(options, target);
    let Conversation { system, messages } = conversation(&request.messages, generation, loss);
    let (thinking, effort) = thinking(request, &offer, generation, max_tokens, loss);
    let (temperature, top_p, top_k) = sampling(options, generation, thinking.as_ref(), loss);
    bytes(&Body {
        model: target.slug,
        max_tokens,
        system,
        messages,
        tools: offer.tools.iter().map(|tool| declared(tool)).collect(),
        tool_choice: tool_choice(options, &offer),
        thinking,
        output_config: Output { effort, format: format(options, loss) },
        temperature,
        top_p,
        top_k,
        stop_sequences: stop_sequences(options, loss),
        metadata: options.user.as_deref().map(|user_id| Metadata { user_id }),
        service_tier: service_tier(options, loss),
        stream: request.stream,
    })
}

fn max_tokens(options: &Options<'_>, target: Target<'_>) -> u64 {
    let asked = target.cap.or(options.output_cap);
    // More than the model can answer with is refused, and would bring no more.
    asked.map_or_else(
        || target.most_output.unwrap_or(DEFAULT_OUTPUT),
        |asked| asked.min(target.most_output.unwrap_or(asked)),
    )
}

fn name_unknown_options(options: &Options<'_>, loss: &mut Loss) {
    let unknown = [
        ("seed", options.seed.is_some()),
        ("presence_penalty", options.presence_penalty.is_some()),
        ("frequency_penalty", options.frequency_penalty.is_some()),
        ("logprobs", options.logprobs),
    ];
    for (field, _) in unknown.into_iter().filter(|(_, asked)| *asked) {
        loss.cannot(field, "Anthropic has nothing of the kind");
    }
    if options.choices > 1 {
        loss.cannot("n", "Anthropic gives one answer a request");
    }
}

/// Models since Claude Opus 4.7 take no sampling parameters; thinking goes with few of them on the others.
fn sampling<'r>(
    options: &'r Options<'_>,
    generation: Generation,
    thinking: Option<&Thinking>,
    loss: &mut Loss,
) -> (Option<&'r Number>, Option<&'r Number>, Option<u64>) {
    let thinks = thinking.is_some_and(Thinking::is_on);
    let mut keep = |field: &'static str, fits: bool, range: &'static str| {
        if !generation.samples() {
            loss.cannot(field, "this model of Anthropic's takes no sampling parameters");
        } else if !fits {
            loss.cannot(field, range);
        }
        generation.samples() && fits
    };
    let is_one = |number: &&Number| number.as_f64() == Some(1.0);
    // 1 is what holds without it.
    let temperature = options.temperature.as_ref().filter(|temperature| !is_one(temperature)).filter(|temperature| {
        let fits = !thinks && temperature.as_f64().is_some_and(|value| (0.0..=1.0).contains(&value));
        keep("temperature", fits, "Anthropic takes 0 to 1, and only 1 together with reasoning")
    });
    let top_p = options.top_p.as_ref().filter(|top_p| !is_one(top_p)).filter(|top_p| {
        let fits = !thinks || top_p.as_f64().is_some_and(|value| (0.95..=1.0).contains(&value));
        keep("top_p", fits, "Anthropic takes 0.95 to 1 together with reasoning")
    });
    let top_k = options.top_k.filter(|_| keep("top_k", !thinks, "Anthropic takes none together with reasoning"));
    (temperature, top_p, top_k)
}

fn stop_sequences<'r>(options: &'r Options<'_>, loss: &mut Loss) -> Vec<&'r str> {
    let mut kept = Vec::with_capacity(options.stop.len());
    for (index, stop) in options.stop.iter().enumerate() {
        if stop.trim().is_empty() {
            loss.cannot(format_args!("stop[{index}]"), "Anthropic takes no stop sequence of white space alone");
        } else {
            kept.push(stop.as_ref());
        }
    }
    kept
}

fn service_tier(options: &Options<'_>, loss: &mut Loss) -> Option<&'static str> {
    match options.service_tier.as_deref()? {
        "default" => Some("standard_only"),
        _ => {
            loss.cannot("service_tier", "Anthropic has auto and default");
            None
        }
    }
}

fn declared<'r>(tool: &'r super::super::request::Tool<'_>) -> Declared<'r> {
    Declared {
        name: &tool.name,
        description: tool.description.as_deref(),
        input_schema: match &tool.parameters {
            Some(schema) => Schema::Given(schema),
            None => Schema::Empty { r#type: "object", properties: Node::Object(Vec::new()) },
        },
        strict: tool.strict,
        cache_control: tool.cache_control.as_ref(),
    }
}

fn tool_choice<'r>(options: &Options<'_>, offer: &Offer<'r, '_>) -> Option<ToolChoice<'r>> {
    let alone = options.parallel_tool_calls == Some(false) && !offer.tools.is_empty();
    let made = |r#type, name| Some(ToolChoice { r#type, name, disable_parallel_tool_use: alone });
    match offer.choice {
        None if alone => made("auto", None),
        None => None,
        Some(Choice::Auto) => made("auto", None),
        Some(Choice::None) => Some(ToolChoice { r#type: "none", name: None, disable_parallel_tool_use: false }),
        Some(Choice::Required) => made("any", None),
        Some(Choice::Named(name)) => made("tool", Some(name)),
    }
}

fn format<'r>(options: &'r Options<'_>, loss: &mut Loss) -> Option<JsonSchema<'r>> {
    let made = |schema| Some(JsonSchema { r#type: "json_schema", schema });
    match options.format.as_ref()? {
        Format::Json => loss.cannot("response_format", "Anthropic gives JSON by a schema alone: use json_schema"),
        Format::Other => loss.cannot("response_format", "Anthropic has no format of this type"),
        Format::Schema { schema: None, .. } => {
            loss.cannot("response_format.json_schema", "Anthropic needs the schema itself");
        }
        Format::Schema { schema: Some(schema), description } => match described(schema, description.as_deref()) {
            Ok(schema) => return made(schema),
            Err(schema) => {
                loss.cannot("response_format.json_schema.description", "the schema has a description of its own");
                return made(schema);
            }
        },
    }
    None
}
