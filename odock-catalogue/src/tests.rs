use std::collections::BTreeSet;

use entity::Timestamp;
use entity::check::{check_name, check_spec};
use entity::resource::{Kind, ModelSpec};

use super::*;

fn day(text: &str) -> Timestamp {
    format!("{text}T00:00:00Z").parse().unwrap()
}

#[test]
fn every_entry_is_a_model_that_the_gateway_would_take() {
    let catalogues = Catalogue::all().unwrap();
    assert_eq!(catalogues.iter().map(|it| it.provider).collect::<BTreeSet<_>>().len(), FILES.len());
    for (catalogue, (word, provider, _)) in catalogues.iter().zip(FILES) {
        assert_eq!(catalogue.provider, provider, "{word}");
        assert!(catalogue.models.len() >= 15, "{word}");
        for entry in &catalogue.models {
            let name = entry.default_name();
            assert_eq!(check_name(Kind::Model, &name), [], "{word}: {name}");
            let spec = entry.spec("upstream", &name, &entry.slug);
            let json = serde_json::to_value(&spec).unwrap();
            assert_eq!(check_spec(Kind::Model, &json), [], "{word}: {}", entry.slug);
            assert_eq!(serde_json::from_value::<ModelSpec>(json).unwrap(), spec, "{word}: {}", entry.slug);
        }
    }
}

#[test]
fn nothing_stands_there_twice() {
    for catalogue in Catalogue::all().unwrap() {
        let words = |of: fn(&Entry) -> String| catalogue.models.iter().map(of).collect::<BTreeSet<_>>();
        let count = catalogue.models.len();
        assert_eq!(words(|entry| entry.slug.to_lowercase()).len(), count, "{}", catalogue.provider);
        assert_eq!(words(|entry| entry.default_name().to_lowercase()).len(), count, "{}", catalogue.provider);
    }
}

#[test]
fn facts_are_dated_and_have_sources() {
    for Catalogue { provider, taken, prices_as_of, sources, models } in Catalogue::all().unwrap() {
        let priced = models.iter().any(|entry| entry.pricing.is_some());
        assert_eq!(prices_as_of.is_some(), priced, "{provider}");
        assert!(prices_as_of.is_none_or(|as_of| day(&as_of) <= day(&taken)), "{provider}");
        assert!(!sources.is_empty() && sources.iter().all(|source| source.starts_with("https://")), "{provider}");
        for entry in models {
            let slug = &entry.slug;
            assert!(!entry.input.is_empty() && !entry.output.is_empty(), "{slug}");
            // A change that is past is the price.
            assert!(entry.price_changes.iter().all(|change| change.from > day(&taken)), "{slug}");
            assert!(entry.price_changes.is_empty() || entry.pricing.is_some(), "{slug}");
        }
    }
}

#[test]
fn words_fit_what_a_model_reads_and_writes() {
    for entry in Catalogue::all().unwrap().into_iter().flat_map(|catalogue| catalogue.models) {
        let Entry { slug, r#type, capabilities, context_window, input, output, .. } = &entry;
        let talks = matches!(r#type, ModelType::Chat | ModelType::Reasoning);
        assert_eq!(talks && input.contains(&Modality::Image), capabilities.contains(&Capability::Vision), "{slug}");
        assert!(*r#type != ModelType::Reasoning || capabilities.contains(&Capability::Reasoning), "{slug}");
        assert_eq!(*r#type == ModelType::Embeddings, output.contains(&Modality::Vector), "{slug}");
        assert!(!talks || context_window.is_some(), "{slug}");
        assert!(r#type != &ModelType::Image || output.contains(&Modality::Image), "{slug}");
    }
}

#[test]
fn a_few_prices_are_those_that_the_providers_list() {
    let nanos = |provider, slug: &str| {
        let catalogue = Catalogue::of(provider).unwrap().unwrap();
        let pricing = catalogue.find(slug).unwrap().pricing.clone().unwrap();
        let text = |side: entity::pricing::ClassPrices| side.text_cost_per_1k_tokens.map(entity::Money::nanos);
        (text(pricing.input), text(pricing.output), pricing.cached_input_discount_percent)
    };
    assert_eq!(nanos(ProviderType::OpenAi, "gpt-4.1-mini"), (Some(400_000), Some(1_600_000), Some(75)));
    assert_eq!(nanos(ProviderType::Anthropic, "claude-opus-4-8"), (Some(5_000_000), Some(25_000_000), Some(90)));
    assert_eq!(nanos(ProviderType::HuggingFace, "gpt-oss-20b-novita"), (Some(40_000), Some(150_000), None));
    let ocr = Catalogue::of(ProviderType::Mistral).unwrap().unwrap();
    let unit = ocr.find("mistral-ocr-4-1").unwrap().pricing.clone().unwrap().unit.unwrap();
    assert_eq!((unit.label.as_str(), unit.cost_per_1k_units.nanos()), ("page", 4_000_000_000));
}

#[test]
fn names_are_found_as_people_write_them() {
    let hub = Catalogue::of(ProviderType::HuggingFace).unwrap().unwrap();
    for name in ["openai/gpt-oss-120b:groq", "gpt-oss-120b-groq", "OPENAI/GPT-OSS-120B:GROQ"] {
        assert_eq!(hub.find(name).unwrap().default_name(), "gpt-oss-120b-groq");
    }
    let openai = Catalogue::of(ProviderType::OpenAi).unwrap().unwrap();
    assert!(openai.find("gpt-4.1-mnii").is_none());
    assert_eq!(openai.nearest("gpt-4.1-mnii"), Some("gpt-4.1-mini"));
    assert!(Catalogue::of(ProviderType::Custom).unwrap().is_none());
    assert!(words().iter().all(|word| provider(word).is_some()));
}

fn entry(text: &str) -> Entry {
    toml::from_str(&format!("slug = \"m\"\ntype = \"chat\"\ninput = [\"text\"]\noutput = [\"text\"]\n{text}")).unwrap()
}

fn priced(amount: &str) -> String {
    format!("{{ input = {{ text_cost_per_1k_tokens = \"{amount}\" }} }}")
}

fn list(amount: &str) -> Pricing {
    toml::from_str::<Entry>(&format!(
        "slug = \"m\"\ntype = \"chat\"\ninput = []\noutput = []\npricing = {}",
        priced(amount)
    ))
    .unwrap()
    .pricing
    .unwrap()
}

#[test]
fn new_prices_do_not_change_old_bills() {
    let entry = entry(&format!("context_window = 8\npricing = {}", priced("0.002")));
    let mut there = entry.spec("p", "m", "m");
    there.pricing = Some(list("0.001"));
    there.config.max_output_tokens = Some(4);
    let after = merged(&there, &entry, day("2026-12-01"));
    assert_eq!(after.pricing, Some(list("0.001")));
    assert_eq!(after.price_changes, [PriceChange { from: day("2026-12-01"), pricing: list("0.002") }]);
    assert_eq!(after.config.max_output_tokens, Some(4), "the catalogue does not know it");
    // Once taken over, there is nothing to take over.
    assert_eq!(merged(&after, &entry, day("2026-12-02")), after);
    // A model without a price has no old bills.
    there.pricing = None;
    assert_eq!(merged(&there, &entry, day("2026-12-01")).pricing, Some(list("0.002")));
}

#[test]
fn announced_prices_are_taken_over_with_their_day() {
    let change = format!("[{{ from = \"2027-01-01T00:00:00Z\", pricing = {} }}]", priced("0.004"));
    let entry = entry(&format!("pricing = {}\nprice_changes = {change}", priced("0.002")));
    let mut there = entry.spec("p", "m", "m");
    there.price_changes.clear();
    let announced = PriceChange { from: day("2027-01-01"), pricing: list("0.004") };
    assert_eq!(merged(&there, &entry, day("2026-12-01")).price_changes, std::slice::from_ref(&announced));
    // After that day the announced price is the price.
    let late = merged(&there, &entry, day("2027-02-01"));
    assert_eq!(late.price_changes, [PriceChange { from: day("2027-02-01"), pricing: list("0.004") }]);
    // One at the same instant is replaced, one of somebody's own for later is kept.
    there.price_changes = vec![
        PriceChange { from: day("2027-01-01"), pricing: list("0.003") },
        PriceChange { from: day("2027-06-01"), pricing: list("0.001") },
    ];
    let after = merged(&there, &entry, day("2026-12-01"));
    assert_eq!(after.price_changes, [announced, PriceChange { from: day("2027-06-01"), pricing: list("0.001") }]);
}
