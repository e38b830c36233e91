//! Price lists of models, and the bills made from them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::money::{Money, Nanos, div_half_even};
use crate::usage::TokenUsage;

/// What a model costs. Absent prices charge nothing for their class; an absent list leaves the cost unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "db", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Pricing {
    /// Prices of what is sent.
    #[serde(default)]
    pub input: ClassPrices,
    /// Prices of what comes back.
    #[serde(default)]
    pub output: ClassPrices,
    /// Percent taken off the input text price for tokens read from the provider's cache: 0 (full price) to 100 (free).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 100))]
    pub cached_input_discount_percent: Option<u8>,
    /// USD per 1 000 tokens written to the provider's cache; without it they cost as input text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_cost_per_1k_tokens: Option<Money>,
}

/// Prices by modality, in USD per 1 000 tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ClassPrices {
    /// Text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_cost_per_1k_tokens: Option<Money>,
    /// Images; as text when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_cost_per_1k_tokens: Option<Money>,
    /// Sound; as text when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_cost_per_1k_tokens: Option<Money>,
    /// Reasoning; as text when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_cost_per_1k_tokens: Option<Money>,
}

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LineItem {
    /// The class of tokens, such as `input_text`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub class: Cow<'static, str>,
    /// How many.
    pub quantity: u64,
    /// Nanos of USD per 1 000, before the discount.
    pub rate_nanos_per_1k: Nanos,
    /// Percent taken off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub discount_percent: u8,
    /// Nanos of USD, rounded half-even once.
    pub nanos: Nanos,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(value: &u8) -> bool {
    *value == 0
}

/// What a request cost and how that was computed, so that the sum can be redone years later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "db", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Bill {
    /// One line a class that was used and has a price.
    pub lines: Vec<LineItem>,
    /// The sum of the lines, in nanos of USD.
    pub total_nanos: Nanos,
    /// The model's revision whose prices were used.
    pub price_version: i64,
}

impl Pricing {
    /// Prices `tokens`: for each class, quantity × rate × (100 − discount) ÷ 100 000, rounded half-even once a line.
    #[must_use]
    pub fn bill(&self, tokens: &TokenUsage, price_version: i64) -> Bill {
        let (input, output) = (&self.input, &self.output);
        let text_in = input.text_cost_per_1k_tokens;
        let text_out = output.text_cost_per_1k_tokens;
        let discount = self.cached_input_discount_percent.unwrap_or(0).min(100);
        let classes = [
            ("input_text", tokens.input_text, text_in, 0),
            ("input_image", tokens.input_image, input.image_cost_per_1k_tokens.or(text_in), 0),
            ("input_audio", tokens.input_audio, input.audio_cost_per_1k_tokens.or(text_in), 0),
            ("input_cached", tokens.input_cached, text_in, discount),
            ("input_cache_write", tokens.input_cache_write, self.cache_write_cost_per_1k_tokens.or(text_in), 0),
            ("output_text", tokens.output_text, text_out, 0),
            ("output_audio", tokens.output_audio, output.audio_cost_per_1k_tokens.or(text_out), 0),
            ("output_reasoning", tokens.output_reasoning, output.reasoning_cost_per_1k_tokens.or(text_out), 0),
            ("output_rejected", tokens.output_rejected, text_out, 0),
        ];
        let lines: Vec<LineItem> = classes
            .into_iter()
            .filter(|(_, quantity, ..)| *quantity > 0)
            .filter_map(|(class, quantity, rate, discount_percent)| {
                let rate_nanos_per_1k = rate?.nanos();
                let exact = i128::from(quantity) * i128::from(rate_nanos_per_1k) * i128::from(100 - discount_percent);
                let nanos = div_half_even(exact, 100_000);
                Some(LineItem { class: class.into(), quantity, rate_nanos_per_1k, discount_percent, nanos })
            })
            .collect();
        let total_nanos = lines.iter().fold(0, |sum: Nanos, line| sum.saturating_add(line.nanos));
        Bill { lines, total_nanos, price_version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Option<Money> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn bill_adds_up_line_by_line() {
        let pricing = Pricing {
            input: ClassPrices { text_cost_per_1k_tokens: price("0.0004"), ..Default::default() },
            output: ClassPrices { text_cost_per_1k_tokens: price("0.0016"), ..Default::default() },
            cached_input_discount_percent: Some(75),
            ..Default::default()
        };
        let tokens = TokenUsage {
            input_text: 1_000,
            input_cached: 10,
            output_text: 3,
            output_reasoning: 5,
            ..Default::default()
        };
        let bill = pricing.bill(&tokens, 7);
        let lines: Vec<_> = bill.lines.iter().map(|line| (&*line.class, line.nanos)).collect();
        assert_eq!(
            lines,
            [("input_text", 400_000), ("input_cached", 1_000), ("output_text", 4_800), ("output_reasoning", 8_000)]
        );
        assert_eq!((bill.total_nanos, bill.price_version), (413_800, 7));
    }

    #[test]
    fn a_line_rounds_once_and_half_even() {
        let pricing = Pricing {
            input: ClassPrices { text_cost_per_1k_tokens: price("0.000000500"), ..Default::default() },
            ..Default::default()
        };
        let cost = |input_text| pricing.bill(&TokenUsage { input_text, ..Default::default() }, 1).total_nanos;
        assert_eq!([cost(1), cost(2), cost(3), cost(5)], [0, 1, 2, 2]);
    }

    #[test]
    fn unknown_price_fields_are_refused() {
        assert!(serde_json::from_str::<Pricing>(r#"{"input":{"text_cost":"1"}}"#).is_err());
        assert!(serde_json::from_str::<Pricing>(r#"{"input":{"text_cost_per_1k_tokens":0.1}}"#).is_err());
    }
}
