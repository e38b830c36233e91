//! Known models as a table.

use std::collections::BTreeSet;

use entity::catalogue::{KnownModel, Modality};
use entity::pricing::Pricing;
use entity::resource::PriceChange;
use entity::vocab::{Capability, ModelType, ProviderType};

use super::resources::{example_pricing, joined};
use super::{at, or_dash};
use crate::output::{Column, Show};

/// A price that says what it is for: `0.0004`, or `4 per 1k pages`.
fn input_price(model: &KnownModel) -> String {
    let pricing = model.pricing.as_ref();
    let text = pricing.and_then(|list| list.input.text_cost_per_1k_tokens.or(list.embeddings_cost_per_1k_tokens));
    let unit = pricing.and_then(|list| list.unit.as_ref());
    match (text, unit) {
        (Some(price), _) => price.to_string(),
        (None, Some(unit)) => format!("{} ({}s)", unit.cost_per_1k_units, unit.label),
        (None, None) => free_or_dash(pricing),
    }
}

fn output_price(model: &KnownModel) -> String {
    let sides = model.pricing.as_ref().map(|list| &list.output);
    let price = sides.and_then(|side| {
        side.text_cost_per_1k_tokens.or(side.image_cost_per_1k_tokens).or(side.audio_cost_per_1k_tokens)
    });
    price.map_or_else(|| free_or_dash(model.pricing.as_ref()), |price| price.to_string())
}

/// An empty price list is a price: nothing.
fn free_or_dash(pricing: Option<&Pricing>) -> String {
    if pricing.is_some_and(|list| *list == Pricing::default()) { "free" } else { "-" }.to_owned()
}

impl Show for KnownModel {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("PROVIDER", "provider", |m| m.provider.to_string()),
                Column::new("SLUG", "slug", |m| m.slug.clone()),
                Column::new("TYPE", "type", |m| m.r#type.to_string()),
                Column::new("CONTEXT", "contextWindow", |m| or_dash(m.context_window)),
                Column::new("MAX OUTPUT", "maxOutputTokens", |m| or_dash(m.max_output_tokens)),
                Column::new("INPUT $/1K", "pricing.input.text_cost_per_1k_tokens", input_price),
                Column::new("OUTPUT $/1K", "pricing.output.text_cost_per_1k_tokens", output_price),
                Column::wide("CACHED", "pricing.cached_input_discount_percent", |m| {
                    let discount = m.pricing.as_ref().and_then(|list| list.cached_input_discount_percent);
                    or_dash(discount.map(|percent| format!("-{percent}%")))
                }),
                Column::wide("CAPABILITIES", "capabilities", |m| joined(m.capabilities.iter().map(|it| it.as_str()))),
                Column::wide("READS", "input", |m| joined(m.input.iter().map(|it| it.as_str()))),
                Column::wide("WRITES", "output", |m| joined(m.output.iter().map(|it| it.as_str()))),
                Column::wide("NEXT PRICES", "", |m| or_dash(m.price_changes.iter().map(|it| it.from).min())),
                Column::wide("PRICES AS OF", "pricesAsOf", |m| or_dash(m.prices_as_of.as_ref())),
                Column::wide("NOTE", "note", |m| or_dash(m.note.as_ref())),
            ]
        }
    }

    fn example() -> Self {
        let pricing = example_pricing();
        Self {
            provider: ProviderType::OpenAi,
            slug: "gpt-4.1-mini".into(),
            name: "gpt-4.1-mini".into(),
            r#type: ModelType::Chat,
            capabilities: BTreeSet::from([Capability::ToolUse]),
            context_window: Some(1_047_576),
            max_output_tokens: Some(32_768),
            input: vec![Modality::Text],
            output: vec![Modality::Text],
            price_changes: vec![PriceChange { from: at(), pricing: pricing.clone() }],
            pricing: Some(pricing),
            note: Some("example".into()),
            prices_as_of: Some("2026-11-04".into()),
            taken: "2026-11-23".into(),
            sources: vec!["https://example.com".into()],
        }
    }

    /// What `import` takes.
    fn handle(&self) -> String {
        self.slug.clone()
    }
}
