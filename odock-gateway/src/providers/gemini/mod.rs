//! Gemini's protocol (<https://ai.google.dev/api/generate-content>).

mod adds;
pub mod count;
pub mod embed;
pub mod generate;
pub mod names;
pub mod stream;
pub mod usage;

use http::Uri;

use super::operation::Place;

/// The name of a model as the provider's paths and bodies have it: `models/…`, unless the slug names another collection.
fn resource(slug: &str) -> String {
    if slug.contains('/') { slug.to_owned() } else { format!("models/{slug}") }
}

/// Where a verb of the model is.
fn uri(place: &Place<'_>, verb: &str) -> Option<Uri> {
    let resource = resource(place.slug);
    let (collection, model) = resource.split_once('/')?;
    place.address.versioned("v1beta", [collection, &format!("{model}:{verb}")])
}

/// The least cap on an answer with which a request's thinking leaves room for an answer, and why: thoughts count towards
/// `maxOutputTokens`. protobuf's JSON takes either spelling of a name, and numbers in quotes.
pub(super) fn least_cap(request: &[u8]) -> Option<(u64, String)> {
    use serde_json::Value;
    if ["thinkingBudget", "thinking_budget"].iter().all(|name| memchr::memmem::find(request, name.as_bytes()).is_none())
    {
        return None;
    }
    let request: Value = serde_json::from_slice(request).ok()?;
    let of = |value: &Value, names: [&str; 2]| names.iter().find_map(|name| value.get(name)).cloned();
    let settings = of(&request, ["generationConfig", "generation_config"])?;
    let thinking = of(&settings, ["thinkingConfig", "thinking_config"])?;
    let budget = of(&thinking, ["thinkingBudget", "thinking_budget"])?;
    // -1 has the model decide.
    let budget = budget.as_u64().or_else(|| budget.as_str()?.parse().ok()).filter(|budget| *budget > 0)?;
    let why = format!("its answer must have room for more than thinkingConfig.thinkingBudget, {budget}");
    Some((budget.saturating_add(1), why))
}

#[cfg(test)]
mod tests {
    use entity::vocab::ProviderType;

    use super::*;
    use crate::providers::testing::Upstream;

    fn at(base: &str, slug: &str) -> String {
        let upstream = Upstream::at(base);
        let place = upstream.place(ProviderType::Google, slug);
        uri(&place, "generateContent").unwrap().to_string()
    }

    #[test]
    fn models_have_paths_of_their_own() {
        let host = "https://generativelanguage.googleapis.com";
        for (base, slug, expected) in [
            ("", "gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:generateContent"),
            ("/v1beta/", "models/gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:generateContent"),
            ("/v1", "tunedModels/mine", "/v1/tunedModels/mine:generateContent"),
            ("/proxy", "a b?c", "/proxy/v1beta/models/a%20b%3Fc:generateContent"),
        ] {
            assert_eq!(at(&format!("{host}{base}"), slug), format!("{host}{expected}"));
        }
    }
}
