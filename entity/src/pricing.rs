//! Price lists of models, and the bills made from them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::money::{Money, Nanos, div_half_even};
use crate::usage::TokenUsage;
use crate::wire::is_default;

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
    /// Prices of tokens that tools cause.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tool: ToolPrices,
    /// USD per 1 000 tokens that are embedded; as input text when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embeddings_cost_per_1k_tokens: Option<Money>,
    /// The price of what is not counted in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitPrice>,
    /// Prices of all tokens of requests whose prompt is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_prompt: Option<LongPromptPrices>,
}

/// Prices of requests with a long prompt, in place of the usual ones: for every token, not only for those above the
/// threshold. What is absent here costs as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LongPromptPrices {
    /// A prompt is long that has more tokens than this, those that were read from or written to a cache included: 1 to
    /// 1 000 000 000.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000_000))]
    pub above_input_tokens: u64,
    /// Prices of what is sent.
    #[serde(default)]
    pub input: ClassPrices,
    /// Prices of what comes back.
    #[serde(default)]
    pub output: ClassPrices,
    /// Percent taken off the input text price for tokens read from the provider's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 100))]
    pub cached_input_discount_percent: Option<u8>,
    /// USD per 1 000 tokens written to the provider's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_cost_per_1k_tokens: Option<Money>,
}

/// Prices of tokens that tools cause, in USD per 1 000 tokens; as text of their direction when absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ToolPrices {
    /// Declarations of tools in the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition_cost_per_1k_tokens: Option<Money>,
    /// What tools are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_cost_per_1k_tokens: Option<Money>,
    /// What tools give back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_cost_per_1k_tokens: Option<Money>,
}

/// The price of pages, images, seconds, or whatever else is counted one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UnitPrice {
    /// What is counted, such as `page`.
    pub label: String,
    /// USD per 1 000 of them.
    pub cost_per_1k_units: Money,
}

/// What calls of an MCP server cost, in nanos of USD: integers from 0 to 1 000 000 000 000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct McpPricing {
    /// For each call of a tool.
    pub nanos_per_call: u64,
    /// For each byte that the server is sent.
    pub nanos_per_input_byte: u64,
    /// For each byte that it sends back.
    pub nanos_per_output_byte: u64,
}

impl McpPricing {
    /// The bill of so many calls and bytes.
    #[must_use]
    pub fn bill(&self, calls: u64, input_bytes: u64, output_bytes: u64, price_version: i64) -> Bill {
        let lines = [
            ("mcp_calls", calls, self.nanos_per_call),
            ("mcp_input_bytes", input_bytes, self.nanos_per_input_byte),
            ("mcp_output_bytes", output_bytes, self.nanos_per_output_byte),
        ];
        let lines = lines
            .into_iter()
            .filter(|(_, quantity, rate)| *quantity > 0 && *rate > 0)
            .map(|(class, quantity, rate)| {
                // Whole nanos a piece: a thousand times the rate per piece is the rate per 1 000, and nothing is rounded.
                let rate_nanos_per_1k = Nanos::try_from(rate.saturating_mul(1_000)).unwrap_or(Nanos::MAX);
                line(class.into(), quantity, rate_nanos_per_1k, 0)
            })
            .collect();
        Bill::of(lines, price_version)
    }
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
    /// Moving pictures; as text when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_cost_per_1k_tokens: Option<Money>,
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
    #[serde(default, skip_serializing_if = "is_default")]
    pub discount_percent: u8,
    /// Nanos of USD, rounded half-even once.
    pub nanos: Nanos,
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
    /// From when on that price list applied, if it is one of the model's `priceChanges`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_from: Option<crate::Timestamp>,
}

impl Bill {
    fn of(lines: Vec<LineItem>, price_version: i64) -> Self {
        let total_nanos = lines.iter().fold(0, |sum: Nanos, line| sum.saturating_add(line.nanos));
        Self { lines, total_nanos, price_version, prices_from: None }
    }

    /// Adds what an attempt cost that another one overtook. Its lines stand apart, under `hedge:` and their class.
    #[must_use]
    pub fn with_overtaken(mut self, overtaken: &Self) -> Self {
        let lines = overtaken.lines.iter().cloned();
        self.lines.extend(lines.map(|line| LineItem { class: format!("hedge:{}", line.class).into(), ..line }));
        self.total_nanos = self.total_nanos.saturating_add(overtaken.total_nanos);
        self
    }

    /// A bill of nothing but what an overtaken attempt cost.
    #[must_use]
    pub fn of_overtaken(overtaken: &Self) -> Self {
        let nothing = Self { lines: Vec::new(), total_nanos: 0, ..overtaken.clone() };
        nothing.with_overtaken(overtaken)
    }

    /// Whether the lines, computed anew from their quantities and rates, give what the bill says.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let again =
            |item: &LineItem| line(item.class.clone(), item.quantity, item.rate_nanos_per_1k, item.discount_percent);
        let sum = self.lines.iter().fold(0, |sum: Nanos, line| sum.saturating_add(line.nanos));
        self.lines.iter().all(|line| again(line).nanos == line.nanos) && sum == self.total_nanos
    }
}

/// Quantity × rate × (100 − discount) ÷ 100 000, rounded half-even once.
fn line(class: Cow<'static, str>, quantity: u64, rate_nanos_per_1k: Nanos, discount_percent: u8) -> LineItem {
    let discount_percent = discount_percent.min(100);
    let exact = i128::from(quantity) * i128::from(rate_nanos_per_1k) * i128::from(100 - discount_percent);
    LineItem { class, quantity, rate_nanos_per_1k, discount_percent, nanos: div_half_even(exact, 100_000) }
}

impl Pricing {
    /// Prices `tokens`: for each class, quantity × rate × (100 − discount) ÷ 100 000, rounded half-even once a line.
    #[must_use]
    pub fn bill(&self, tokens: &TokenUsage, price_version: i64) -> Bill {
        match self.of_prompt(tokens.input()) {
            Some(prices) => prices.bill_as_listed(tokens, price_version),
            None => self.bill_as_listed(tokens, price_version),
        }
    }

    /// The list for a prompt of so many tokens, if that is not this one.
    fn of_prompt(&self, input: u64) -> Option<Self> {
        let long = self.long_prompt.as_ref().filter(|long| input > long.above_input_tokens)?;
        let discount = long.cached_input_discount_percent.or(self.cached_input_discount_percent);
        Some(Self {
            input: long.input.or(&self.input),
            output: long.output.or(&self.output),
            cached_input_discount_percent: discount,
            cache_write_cost_per_1k_tokens: long.cache_write_cost_per_1k_tokens.or(self.cache_write_cost_per_1k_tokens),
            long_prompt: None,
            ..self.clone()
        })
    }

    fn bill_as_listed(&self, tokens: &TokenUsage, price_version: i64) -> Bill {
        let (input, output, tool) = (&self.input, &self.output, &self.tool);
        let text_in = input.text_cost_per_1k_tokens;
        let text_out = output.text_cost_per_1k_tokens;
        let discount = self.cached_input_discount_percent.unwrap_or(0);
        let classes = [
            ("input_text", tokens.input_text, text_in, 0),
            ("input_image", tokens.input_image, input.image_cost_per_1k_tokens.or(text_in), 0),
            ("input_audio", tokens.input_audio, input.audio_cost_per_1k_tokens.or(text_in), 0),
            ("input_video", tokens.input_video, input.video_cost_per_1k_tokens.or(text_in), 0),
            ("input_reasoning", tokens.input_reasoning, input.reasoning_cost_per_1k_tokens.or(text_in), 0),
            ("input_cached", tokens.input_cached, text_in, discount),
            ("input_cache_write", tokens.input_cache_write, self.cache_write_cost_per_1k_tokens.or(text_in), 0),
            ("embeddings", tokens.embeddings, self.embeddings_cost_per_1k_tokens.or(text_in), 0),
            ("tool_definition", tokens.tool_definition, tool.definition_cost_per_1k_tokens.or(text_in), 0),
            ("tool_input", tokens.tool_input, tool.input_cost_per_1k_tokens.or(text_in), 0),
            ("output_text", tokens.output_text, text_out, 0),
            ("output_image", tokens.output_image, output.image_cost_per_1k_tokens.or(text_out), 0),
            ("output_audio", tokens.output_audio, output.audio_cost_per_1k_tokens.or(text_out), 0),
            ("output_video", tokens.output_video, output.video_cost_per_1k_tokens.or(text_out), 0),
            ("output_reasoning", tokens.output_reasoning, output.reasoning_cost_per_1k_tokens.or(text_out), 0),
            ("output_rejected", tokens.output_rejected, text_out, 0),
            ("tool_output", tokens.tool_output, tool.output_cost_per_1k_tokens.or(text_out), 0),
        ];
        let mut lines: Vec<LineItem> = classes
            .into_iter()
            .filter(|(_, quantity, ..)| *quantity > 0)
            .filter_map(|(class, quantity, rate, discount)| Some(line(class.into(), quantity, rate?.nanos(), discount)))
            .collect();
        if let Some(unit) = self.unit.as_ref().filter(|_| tokens.units > 0) {
            lines.push(line(format!("unit:{}", unit.label).into(), tokens.units, unit.cost_per_1k_units.nanos(), 0));
        }
        Bill::of(lines, price_version)
    }

    /// What at most `input` tokens in and `output` tokens out can cost, whatever their class: the dearest rate of each
    /// direction, rounded up.
    #[must_use]
    pub fn bound(&self, input: u64, output: u64) -> Nanos {
        let cost = |tokens: u64, rate: Nanos| (i128::from(tokens) * i128::from(rate) + 999) / 1_000;
        let bound = |prices: &Self| cost(input, prices.dearest_input()) + cost(output, prices.dearest_output());
        // A prompt may turn out shorter than it may be at the most, and then cost as usual.
        let exact = self.of_prompt(input).map_or(0, |long| bound(&long)).max(bound(self));
        Nanos::try_from(exact).unwrap_or(Nanos::MAX)
    }

    /// What `units` cost at the most: what is not counted in tokens.
    #[must_use]
    pub fn bound_units(&self, units: u64) -> Nanos {
        let rate = self.unit.as_ref().map_or(0, |unit| unit.cost_per_1k_units.nanos());
        let exact = (i128::from(units) * i128::from(rate) + 999) / 1_000;
        Nanos::try_from(exact).unwrap_or(Nanos::MAX)
    }

    /// How many tokens out `nanos` pay for at the dearest rate of a prompt of at most `input` tokens; `None` if they cost
    /// nothing.
    #[must_use]
    pub fn affordable_output(&self, input: u64, nanos: Nanos) -> Option<u64> {
        let rate = self.of_prompt(input).map_or(0, |long| long.dearest_output()).max(self.dearest_output());
        if rate == 0 {
            return None;
        }
        Some(u64::try_from(i128::from(nanos.max(0)) * 1_000 / i128::from(rate)).unwrap_or(u64::MAX))
    }

    fn dearest_input(&self) -> Nanos {
        let extra = [
            self.cache_write_cost_per_1k_tokens,
            self.embeddings_cost_per_1k_tokens,
            self.tool.definition_cost_per_1k_tokens,
            self.tool.input_cost_per_1k_tokens,
        ];
        self.input.dearest(extra)
    }

    fn dearest_output(&self) -> Nanos {
        self.output.dearest([self.tool.output_cost_per_1k_tokens])
    }
}

impl ClassPrices {
    /// These prices and, where they are absent, others.
    fn or(&self, usual: &Self) -> Self {
        Self {
            text_cost_per_1k_tokens: self.text_cost_per_1k_tokens.or(usual.text_cost_per_1k_tokens),
            image_cost_per_1k_tokens: self.image_cost_per_1k_tokens.or(usual.image_cost_per_1k_tokens),
            audio_cost_per_1k_tokens: self.audio_cost_per_1k_tokens.or(usual.audio_cost_per_1k_tokens),
            video_cost_per_1k_tokens: self.video_cost_per_1k_tokens.or(usual.video_cost_per_1k_tokens),
            reasoning_cost_per_1k_tokens: self.reasoning_cost_per_1k_tokens.or(usual.reasoning_cost_per_1k_tokens),
        }
    }

    fn dearest(&self, extra: impl IntoIterator<Item = Option<Money>>) -> Nanos {
        let all = [
            self.text_cost_per_1k_tokens,
            self.image_cost_per_1k_tokens,
            self.audio_cost_per_1k_tokens,
            self.video_cost_per_1k_tokens,
            self.reasoning_cost_per_1k_tokens,
        ];
        all.into_iter().chain(extra).flatten().map(Money::nanos).max().unwrap_or(0)
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
    fn a_long_prompt_has_its_own_prices_for_every_token() {
        let text = |usd: &str| ClassPrices { text_cost_per_1k_tokens: price(usd), ..Default::default() };
        let long = LongPromptPrices {
            above_input_tokens: 200_000,
            input: text("0.0025"),
            output: text("0.015"),
            ..Default::default()
        };
        let pricing = Pricing {
            input: ClassPrices { audio_cost_per_1k_tokens: price("0.007"), ..text("0.00125") },
            output: text("0.01"),
            cached_input_discount_percent: Some(90),
            long_prompt: Some(long),
            ..Default::default()
        };
        let tokens = |input_text, input_cached| TokenUsage {
            input_text,
            input_cached,
            input_audio: 1_000,
            output_text: 2_000,
            ..Default::default()
        };
        let usual = pricing.bill(&tokens(198_000, 1_000), 1);
        assert_eq!(usual.total_nanos, 198 * 1_250_000 + 125_000 + 7_000_000 + 2 * 10_000_000, "200 000 are not above");
        let long = pricing.bill(&tokens(198_000, 1_001), 1);
        assert_eq!(long.total_nanos, 198 * 2_500_000 + 250_250 + 7_000_000 + 2 * 15_000_000, "what is cached counts");
        assert!(long.adds_up() && usual.adds_up());
        assert_eq!(pricing.bound(200_000, 1_000), 200 * 7_000_000 + 10_000_000);
        assert_eq!(pricing.bound(201_000, 1_000), 201 * 7_000_000 + 15_000_000);
        assert_eq!(pricing.affordable_output(200_000, 30_000_000), Some(3_000));
        assert_eq!(pricing.affordable_output(200_001, 30_000_000), Some(2_000));
    }

    #[test]
    fn a_cheaper_list_for_long_prompts_lowers_no_bound() {
        let text = |usd: &str| ClassPrices { text_cost_per_1k_tokens: price(usd), ..Default::default() };
        let long =
            LongPromptPrices { above_input_tokens: 10, input: text("1"), output: text("1"), ..Default::default() };
        let pricing = Pricing { input: text("2"), output: text("2"), long_prompt: Some(long), ..Default::default() };
        assert_eq!(pricing.bound(1_000, 1_000), 4_000_000_000, "the prompt may be shorter than its bound");
        assert_eq!(pricing.affordable_output(1_000, 4_000_000_000), Some(2_000));
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
    fn units_and_mcp_calls_are_billed_by_the_piece() {
        let pricing = Pricing {
            unit: Some(UnitPrice { label: "page".into(), cost_per_1k_units: "1.5".parse().unwrap() }),
            ..Default::default()
        };
        let bill = pricing.bill(&TokenUsage { units: 3, ..Default::default() }, 1);
        assert_eq!((bill.lines[0].class.as_ref(), bill.total_nanos), ("unit:page", 4_500_000));
        let mcp = McpPricing { nanos_per_call: 7, nanos_per_input_byte: 2, nanos_per_output_byte: 0 };
        let bill = mcp.bill(3, 1_001, 5_000, 1);
        assert_eq!((bill.lines.len(), bill.total_nanos), (2, 21 + 2_002));
        assert!(bill.adds_up());
    }

    #[test]
    fn the_bound_is_never_below_the_bill() {
        let pricing: Pricing = serde_json::from_str(
            r#"{"input":{"text_cost_per_1k_tokens":"0.0004","audio_cost_per_1k_tokens":"0.01"},
                "output":{"text_cost_per_1k_tokens":"0.0016","reasoning_cost_per_1k_tokens":"0.003"},
                "cache_write_cost_per_1k_tokens":"0.02"}"#,
        )
        .unwrap();
        for share in 0..=100 {
            let tokens = TokenUsage {
                input_audio: share,
                input_cache_write: 100 - share,
                output_reasoning: share,
                output_text: 100 - share,
                ..Default::default()
            };
            assert!(pricing.bill(&tokens, 1).total_nanos <= pricing.bound(100, 100), "{share}");
        }
        let affordable = pricing.affordable_output(0, 1_000_000).unwrap();
        assert!(pricing.bound(0, affordable) <= 1_000_000 && pricing.bound(0, affordable + 1) > 1_000_000);
    }

    #[test]
    fn a_changed_line_no_longer_adds_up() {
        let pricing = Pricing {
            input: ClassPrices { text_cost_per_1k_tokens: price("0.0004"), ..Default::default() },
            ..Default::default()
        };
        let mut bill = pricing.bill(&TokenUsage { input_text: 12_345, ..Default::default() }, 1);
        assert!(bill.adds_up());
        bill.lines[0].nanos += 1;
        assert!(!bill.adds_up());
    }

    #[test]
    fn unknown_price_fields_are_refused() {
        assert!(serde_json::from_str::<Pricing>(r#"{"input":{"text_cost":"1"}}"#).is_err());
        assert!(serde_json::from_str::<Pricing>(r#"{"input":{"text_cost_per_1k_tokens":0.1}}"#).is_err());
    }
}
