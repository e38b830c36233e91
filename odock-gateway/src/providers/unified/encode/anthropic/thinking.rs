//! How much a model of Anthropic's shall think.

use serde::Serialize;

use super::super::super::language::Language;
use super::super::super::loss::Loss;
use super::super::super::request::{Block, Effort, Reasoning, Request, Turn};
use super::super::offer::{Choice, Offer};
use super::model::Generation;

/// The least budget that Anthropic takes.
const LEAST_BUDGET: u64 = 1_024;
/// The largest budget that makes sense without batches, by Anthropic's word.
const MOST_BUDGET: u64 = 32_000;

/// The parameter `thinking`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Thinking {
    Disabled,
    Adaptive {
        display: &'static str,
    },
    Enabled {
        budget_tokens: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
}

impl Thinking {
    pub(super) const fn is_on(&self) -> bool {
        !matches!(self, Self::Disabled)
    }
}

/// The parameters `thinking` and `output_config.effort`.
pub(super) fn thinking(
    request: &Request<'_>,
    offer: &Offer<'_, '_>,
    generation: Generation,
    max_tokens: u64,
    loss: &mut Loss,
) -> (Option<Thinking>, Option<&'static str>) {
    let Some(reasoning) = &request.options.reasoning else { return (None, None) };
    if reasoning.effort == Some(Effort::None) {
        return (Some(Thinking::Disabled), None);
    }
    if reasoning.effort.is_none() && reasoning.max_tokens.is_none() {
        return (None, None);
    }
    if matches!(offer.choice, Some(Choice::Required | Choice::Named(_))) {
        loss.cannot(reasoning.field, "Anthropic's models do not reason when a tool must be called");
        return (None, None);
    }
    if reasoning.max_tokens.is_some() && !generation.budgets() {
        loss.cannot("reasoning.max_tokens", "this model of Anthropic's decides itself how much it reasons: use effort");
    }
    match reasoning.max_tokens.filter(|_| generation.budgets()) {
        None if generation.adapts() => adaptive(reasoning),
        asked => (enabled(request, reasoning, asked, max_tokens, loss), None),
    }
}

fn adaptive(reasoning: &Reasoning) -> (Option<Thinking>, Option<&'static str>) {
    let effort = reasoning.effort.map(|effort| match effort {
        // Anthropic's scale begins at low.
        Effort::None | Effort::Minimal => Effort::Low.word(),
        effort => effort.word(),
    });
    (Some(Thinking::Adaptive { display: display(reasoning) }), effort)
}

/// Models of today leave thoughts out unless asked to show them.
const fn display(reasoning: &Reasoning) -> &'static str {
    if reasoning.exclude { "omitted" } else { "summarized" }
}

fn enabled(
    request: &Request<'_>,
    reasoning: &Reasoning,
    asked: Option<u64>,
    max_tokens: u64,
    loss: &mut Loss,
) -> Option<Thinking> {
    let budget_tokens = asked.unwrap_or_else(|| share(reasoning.effort, max_tokens));
    if budget_tokens < LEAST_BUDGET || budget_tokens >= max_tokens {
        let why =
            format!("Anthropic needs at least {LEAST_BUDGET} tokens to reason, and more than that for the answer");
        loss.cannot(reasoning.field, why);
        return None;
    }
    if calls_without_thoughts(request) {
        let why = "the assistant's turn with tool calls came back without its content_blocks, which Anthropic needs";
        loss.cannot(reasoning.field, why);
        return None;
    }
    Some(Thinking::Enabled { budget_tokens, display: reasoning.exclude.then_some("omitted") })
}

/// The share of the output that goes into thoughts, as it is usual among gateways (OpenRouter documents these ratios).
fn share(effort: Option<Effort>, max_tokens: u64) -> u64 {
    let percent = match effort {
        None | Some(Effort::Medium) => 50,
        Some(Effort::None | Effort::Minimal) => 10,
        Some(Effort::Low) => 20,
        Some(Effort::High) => 80,
        Some(Effort::Xhigh | Effort::Max) => 95,
    };
    (max_tokens / 100 * percent + max_tokens % 100 * percent / 100).clamp(LEAST_BUDGET, MOST_BUDGET)
}

/// Whether the turn that goes on has calls of tools without the thoughts that led to them. Anthropic checks that of the
/// turns since the user last spoke.
fn calls_without_thoughts(request: &Request<'_>) -> bool {
    let since = request.messages.iter().rev().take_while(|message| !matches!(message.turn, Turn::User(_)));
    let Some(blocks) = since
        .filter_map(|message| match &message.turn {
            Turn::Assistant { blocks, .. } => Some(blocks),
            _ => None,
        })
        .last()
    else {
        return false;
    };
    let thought = |block: &Block<'_>| matches!(block, Block::Reasoning { family: Some(Language::Anthropic), .. });
    blocks.iter().any(|block| matches!(block, Block::Call(_))) && !blocks.iter().any(thought)
}
