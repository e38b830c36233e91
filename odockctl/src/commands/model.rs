//! `odockctl model`: models that are known, and taking them over.

mod import;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use entity::vocab::{ModelType, ProviderType};
use odock_catalogue::Catalogue;

use crate::catalogue::find;
use crate::error::{CliError, Exit};
use crate::output::count;
use crate::session::Session;

/// See which models are known, and import them with their limits and list prices.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the models that this program knows, with their limits and list prices.
    #[command(visible_alias = "catalogue")]
    Catalog(Catalog),
    /// Declare known models in the organisation.
    Import(import::Import),
}

/// List the models that this program knows, with their limits and list prices.
///
/// The facts are part of this program and have a date; no gateway is asked. What a provider lists may have changed since,
/// and a contract may say something else. Models that are not listed work all the same: declare them with `apply`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl model catalog openai --type chat
  odockctl model catalog --search sonnet -o wide
  odockctl model catalog openai gpt-4.1-mini -o yaml
  odockctl model catalog mistral --fields slug,contextWindow,pricing -o json")]
pub struct Catalog {
    /// Whose models; all if not given.
    #[arg(value_name = "PROVIDER", value_parser = provider())]
    provider: Option<ProviderType>,
    /// Only these models.
    #[arg(value_name = "MODEL", requires = "provider")]
    names: Vec<String>,
    /// Only models whose name or note holds this text.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only models of this type, such as chat or embeddings.
    #[arg(long, value_name = "TYPE", value_parser = model_type())]
    r#type: Option<ModelType>,
}

/// Reads the word for a provider that has a catalogue.
pub fn provider() -> impl TypedValueParser<Value = ProviderType> {
    PossibleValuesParser::new(odock_catalogue::words())
        .try_map(|word| odock_catalogue::provider(&word).ok_or_else(|| format!("`{word}` has no catalogue")))
}

/// Reads a type of model.
fn model_type() -> impl TypedValueParser<Value = ModelType> {
    PossibleValuesParser::new(ModelType::ALL.iter().map(|word| word.as_str())).try_map(|word| word.parse::<ModelType>())
}

/// Runs `model`.
///
/// # Errors
/// A model is not known, or the gateway refuses.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Catalog(args) => catalog(session, &args),
        Command::Import(args) => import::run(session, args).await,
    }
}

fn catalog(session: &Session, args: &Catalog) -> Result<Exit, CliError> {
    let catalogues = match args.provider {
        Some(provider) => Catalogue::of(provider)?.into_iter().collect(),
        None => Catalogue::all()?,
    };
    let mut models = Vec::new();
    for catalogue in &catalogues {
        for name in &args.names {
            find(catalogue, name)?;
        }
        let wanted = catalogue.models.iter().filter(|entry| {
            (args.names.is_empty() || args.names.iter().any(|name| entry.is_called(name)))
                && args.r#type.is_none_or(|wanted| entry.r#type == wanted)
                && args.search.as_deref().is_none_or(|text| entry.mentions(text))
        });
        models.extend(wanted.map(|entry| catalogue.known(entry)));
    }
    match &models[..] {
        [one] if args.names.len() == 1 => session.out.one(one)?,
        several => session.out.list(several, None)?,
    }
    session.out.note(&origin(&catalogues, models.len()));
    Ok(Exit::Done)
}

/// How many models of which day.
fn origin(catalogues: &[Catalogue], models: usize) -> String {
    let latest = |of: fn(&Catalogue) -> Option<&String>| catalogues.iter().filter_map(of).max().cloned();
    let earliest = |of: fn(&Catalogue) -> Option<&String>| catalogues.iter().filter_map(of).min().cloned();
    let number = count(u64::try_from(models).unwrap_or(u64::MAX), "model");
    let taken = latest(|it| Some(&it.taken)).unwrap_or_default();
    match (earliest(|it| it.prices_as_of.as_ref()), latest(|it| it.prices_as_of.as_ref())) {
        (Some(first), Some(last)) if first == last => format!("{number}, taken on {taken}; list prices as of {last}"),
        (Some(first), Some(last)) => format!("{number}, taken on {taken}; list prices as of {first} to {last}"),
        _ => format!("{number}, taken on {taken}; without list prices"),
    }
}
