//! How much a model of Gemini's shall think.

use serde::Serialize;

use super::super::super::loss::Loss;
use super::super::super::request::{Effort, Options};

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThinkingConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<u64>,
    include_thoughts: bool,
}

/// Models up to 2.5 think by a budget of tokens, later ones by a level.
fn thinks_by_budget(slug: &str) -> bool {
    ["gemini-1", "gemini-2"].iter().any(|past| slug.to_ascii_lowercase().contains(past))
}

pub(super) fn thinking(options: &Options<'_>, slug: &str, loss: &mut Loss) -> Option<ThinkingConfig> {
    let reasoning = options.reasoning.as_ref()?;
    let mut config =
        ThinkingConfig { thinking_level: None, thinking_budget: None, include_thoughts: !reasoning.exclude };
    if let Some(tokens) = reasoning.max_tokens {
        config.thinking_budget = Some(tokens);
    } else if let Some(effort) = reasoning.effort {
        if thinks_by_budget(slug) {
            config.thinking_budget = Some(budget(effort));
            config.include_thoughts &= effort != Effort::None;
        } else {
            config.thinking_level = Some(level(effort).or_else(|| {
                loss.cannot(reasoning.field, "this model of Gemini's reasons from minimal to xhigh");
                None
            })?);
        }
    }
    Some(config)
}

/// Budgets as Google's own OpenAI-compatible API sets them (<https://ai.google.dev/gemini-api/docs/openai>); 24 576 is the
/// most that all of these models take.
const fn budget(effort: Effort) -> u64 {
    match effort {
        Effort::None => 0,
        Effort::Minimal | Effort::Low => 1_024,
        Effort::Medium => 8_192,
        Effort::High | Effort::Xhigh | Effort::Max => 24_576,
    }
}

const fn level(effort: Effort) -> Option<&'static str> {
    match effort {
        Effort::Minimal => Some("MINIMAL"),
        Effort::Low => Some("LOW"),
        Effort::Medium => Some("MEDIUM"),
        Effort::High => Some("HIGH"),
        Effort::Xhigh => Some("XHIGH"),
        Effort::None | Effort::Max => None,
    }
}
