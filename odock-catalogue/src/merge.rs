//! What a catalogue changes in a model that is there already.

use entity::Timestamp;
use entity::pricing::Pricing;
use entity::resource::{ModelSpec, PriceChange};

use super::Entry;

/// The price list that applies at `at`, as the gateway picks it.
fn price_at<'a>(pricing: Option<&'a Pricing>, changes: &'a [PriceChange], at: Timestamp) -> Option<&'a Pricing> {
    let latest = changes.iter().filter(|change| change.from <= at).max_by_key(|change| change.from);
    latest.map(|change| &change.pricing).or(pricing)
}

/// A model with the catalogue's facts: what it can do, its limits, and its prices from `from` on.
///
/// What was billed before stays as it was, so prices are never written over: they become a price change. Only a model
/// without any price gets the list as its own. What the catalogue does not know, and all else, is left alone.
#[must_use]
pub fn merged(existing: &ModelSpec, entry: &Entry, from: Timestamp) -> ModelSpec {
    let mut spec = existing.clone();
    spec.capabilities.clone_from(&entry.capabilities);
    spec.config.context_window = entry.context_window.or(spec.config.context_window);
    spec.config.max_output_tokens = entry.max_output_tokens.or(spec.config.max_output_tokens);
    if spec.pricing.is_none() && spec.price_changes.is_empty() {
        spec.pricing.clone_from(&entry.pricing);
        spec.price_changes.clone_from(&entry.price_changes);
        return spec;
    }
    let now = price_at(entry.pricing.as_ref(), &entry.price_changes, from).cloned();
    let announced = entry.price_changes.iter().filter(|change| change.from > from).cloned();
    let lists = now.map(|pricing| PriceChange { from, pricing }).into_iter().chain(announced);
    for list in lists {
        if price_at(spec.pricing.as_ref(), &spec.price_changes, list.from) != Some(&list.pricing) {
            spec.price_changes.retain(|change| change.from != list.from);
            spec.price_changes.push(list);
        }
    }
    spec.price_changes.sort_by_key(|change| change.from);
    spec
}

/// A model as its prices stand at `at`, so that two can be compared whatever the way in which their lists are kept.
#[must_use]
pub fn as_of(spec: &ModelSpec, at: Timestamp) -> ModelSpec {
    let pricing = price_at(spec.pricing.as_ref(), &spec.price_changes, at).cloned();
    let price_changes = spec.price_changes.iter().filter(|change| change.from > at).cloned().collect();
    ModelSpec { pricing, price_changes, ..spec.clone() }
}
