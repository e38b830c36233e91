//! `odockctl model import`: known models become models of the organisation.

use std::collections::BTreeSet;

use entity::Timestamp;
use entity::check;
use entity::manifest::{API_VERSION, Manifest, Metadata};
use entity::plan::{Action, Change, Plan, PlanSummary};
use entity::resource::{Kind, Model, ModelSpec, Provider};
use entity::vocab::ProviderType;
use odock_catalogue::{Catalogue, Entry, as_of, merged};
use odock_client::http::ListQuery;
use odock_client::manifest::{self, Options, Secrets, Source};
use serde::Serialize;

use super::provider;
use crate::catalogue::find;
use crate::commands::manner::Manner;
use crate::commands::validate::mistakes;
use crate::commands::{apply, diff};
use crate::delivery::AllowedSinks;
use crate::error::{CliError, Exit};
use crate::output::{Format, count};
use crate::plan_view;
use crate::session::Session;
use crate::span;

/// Declare known models in the organisation, with their limits, capabilities and list prices.
///
/// All are created in one transaction, or none. A model that is there already stays as it is, and what differs is said;
/// --update takes the facts over, and new prices become a price change: what was billed before stays as it was.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl model import gpt-4.1-mini gpt-4.1 --provider openai
  odockctl model import claude-sonnet-5 --provider anthropic --as support-deep --dry-run
  odockctl model import gpt-4o --provider azure --as support-fast --slug our-deployment
  odockctl model import --all --provider openai --update --prices-from 2026-12-01
  odockctl model import gpt-4.1-mini --provider openai --from openai --manifests > models.yaml")]
pub struct Import {
    /// The models, as the catalogue calls them.
    #[arg(value_name = "MODEL", required_unless_present = "all")]
    names: Vec<String>,
    /// The organisation's provider that serves them.
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// Whose catalogue; that of the provider's type if not given.
    #[arg(long, value_name = "CATALOGUE", value_parser = provider())]
    from: Option<ProviderType>,
    /// Every model of the catalogue.
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// The name by which callers ask for it, where one model is imported.
    #[arg(long = "as", value_name = "NAME", conflicts_with = "all")]
    name: Option<String>,
    /// What the provider calls it, such as an Azure deployment, where one model is imported.
    #[arg(long, value_name = "TEXT", conflicts_with = "all")]
    slug: Option<String>,
    /// Take the catalogue's facts over into models that are there already.
    #[arg(long)]
    update: bool,
    /// When new prices of such models begin to apply: a date, a time, or a span from now; now if not given.
    #[arg(long, value_name = "WHEN", value_parser = span::future, requires = "update")]
    prices_from: Option<Timestamp>,
    /// Show what would change and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print manifests of the models instead; no gateway is asked. YAML, unless -o says otherwise.
    #[arg(long, conflicts_with_all = ["update", "dry_run"])]
    manifests: bool,
}

/// Runs the command.
///
/// # Errors
/// A model is not known, a name is taken, or the gateway refuses.
pub async fn run(session: &Session, args: Import) -> Result<Exit, CliError> {
    if session.out.format == Format::Csv {
        return Err(CliError::usage("this has no rows; use -o table, json, jsonl, yaml, toml or name"));
    }
    if args.names.len() > 1 && (args.name.is_some() || args.slug.is_some()) {
        return Err(
            CliError::usage("--as and --slug name one model, and there are several").hint("import them one by one")
        );
    }
    if args.manifests { print(session, &args) } else { declare(session, &args).await }
}

/// A known model under the name and slug that it shall have here.
struct Wanted {
    name: String,
    slug: String,
    entry: Entry,
}

impl Import {
    fn wanted(&self, catalogue: &Catalogue) -> Result<Vec<Wanted>, CliError> {
        let entries: Vec<&Entry> = if self.all {
            catalogue.models.iter().collect()
        } else {
            self.names.iter().map(|name| find(catalogue, name)).collect::<Result<_, _>>()?
        };
        let mut seen = BTreeSet::new();
        let once = entries.into_iter().filter(|entry| seen.insert(entry.slug.clone()));
        let wanted = |entry: &Entry| Wanted {
            name: self.name.clone().unwrap_or_else(|| entry.default_name()),
            slug: self.slug.clone().unwrap_or_else(|| entry.slug.clone()),
            entry: entry.clone(),
        };
        Ok(once.map(wanted).collect())
    }

    /// The catalogue that knows the models, where no gateway says what the provider is.
    fn catalogue(&self) -> Result<Catalogue, CliError> {
        if let Some(provider) = self.from {
            return of(provider);
        }
        if self.all {
            return Err(CliError::usage("say whose models: --from CATALOGUE"));
        }
        let knows = |catalogue: &Catalogue| self.names.iter().all(|name| catalogue.find(name).is_some());
        let mut found: Vec<Catalogue> = Catalogue::all()?.into_iter().filter(knows).collect();
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(_), false) => {
                Err(CliError::usage("several catalogues know these models; say which: --from CATALOGUE"))
            }
            (None, _) => Err(CliError::new(Exit::NotFound, "not_found", "no catalogue knows all of these models")
                .hint("list what is known: odockctl model catalog")),
        }
    }
}

fn of(provider: ProviderType) -> Result<Catalogue, CliError> {
    Catalogue::of(provider)?.ok_or_else(|| {
        CliError::usage(format!("a provider of type {provider} may serve anything"))
            .hint("say whose models these are: --from CATALOGUE")
    })
}

fn manifest(name: &str, organisation: Option<String>, spec: &ModelSpec) -> Result<Manifest, CliError> {
    let spec = serde_json::to_value(spec).map_err(|error| CliError::internal(error.to_string()))?;
    let metadata = Metadata { organisation, ..Metadata::named(name) };
    Ok(Manifest { api_version: API_VERSION.into(), kind: Kind::Model, metadata, spec })
}

fn print(session: &Session, args: &Import) -> Result<Exit, CliError> {
    #[derive(Serialize)]
    struct Set {
        resources: Vec<Manifest>,
    }
    let organisation = session.organisation().ok();
    let wanted = args.wanted(&args.catalogue()?)?;
    let manifests = wanted.iter().map(|Wanted { name, slug, entry }| {
        manifest(name, organisation.clone(), &entry.spec(&args.provider, name, slug))
    });
    session.out.value(&Set { resources: manifests.collect::<Result<_, _>>()? })?;
    Ok(Exit::Done)
}

async fn declare(session: &Session, args: &Import) -> Result<Exit, CliError> {
    let organisation = session.organisation()?;
    if !args.dry_run {
        session.must_write()?;
    }
    let api = session.api().await?;
    let provider = api.get::<Provider>(&args.provider).await.map_err(|error| {
        CliError::from(error).about(&format!("provider {}", args.provider)).or_hint("list them: odockctl get providers")
    })?;
    let catalogue = of(args.from.unwrap_or(provider.spec.r#type))?;
    let there = api.list::<Model>(&ListQuery::default()).await?;
    let from = args.prices_from.unwrap_or_else(Timestamp::now);
    let sorted = sort(args.wanted(&catalogue)?, &there, &provider.name, args.name.is_some(), from)?;
    let Sorted { new, differing, same } = sorted;
    let written = new.iter().chain(differing.iter().filter(|_| args.update).map(|(_, change)| change));
    let manifests = written.map(|(name, spec)| manifest(name, Some(organisation.clone()), spec));
    let mut plan = carry_out(session, manifests.collect::<Result<Vec<_>, _>>()?, args.dry_run).await?;
    let untouched = differing.iter().filter(|_| !args.update).map(|(model, _)| model.name.as_str());
    for name in same.iter().map(String::as_str).chain(untouched) {
        plan.changes.push(change(Action::Unchanged, name, Vec::new()));
        plan.summary.unchanged += 1;
    }
    diff::show(session, &plan)?;
    if !args.update {
        tell_of_differences(session, &differing, from);
    }
    Ok(Exit::Done)
}

/// A name, and what shall be under it.
type Declared = (String, ModelSpec);

/// Known models by what has to be done for them.
#[derive(Default)]
struct Sorted<'a> {
    new: Vec<Declared>,
    differing: Vec<(&'a Model, Declared)>,
    same: Vec<String>,
}

/// Holds what is wanted against what is there. A model is there if one of its name is, or, where no name was chosen, if
/// one is that the same provider serves from the same model.
fn sort<'a>(
    wanted: Vec<Wanted>,
    there: &'a [Model],
    provider: &str,
    named: bool,
    from: Timestamp,
) -> Result<Sorted<'a>, CliError> {
    let mut sorted = Sorted::default();
    for Wanted { name, slug, entry } in wanted {
        let is_it = |model: &&Model| {
            model.spec.provider == provider && model.spec.slug.as_deref().unwrap_or(&model.name) == slug
        };
        let of_name = there.iter().find(|model| model.name == name);
        let known = of_name.filter(is_it).or_else(|| there.iter().filter(|_| !named).find(is_it));
        let Some(model) = known else {
            if let Some(other) = of_name {
                return Err(taken(other));
            }
            let spec = entry.spec(provider, &name, &slug);
            sorted.new.push((name, spec));
            continue;
        };
        let after = merged(&model.spec, &entry, from);
        if after == model.spec {
            sorted.same.push(model.name.clone());
        } else {
            sorted.differing.push((model, (model.name.clone(), after)));
        }
    }
    Ok(sorted)
}

fn taken(other: &Model) -> CliError {
    let (name, provider) = (&other.name, &other.spec.provider);
    let slug = other.spec.slug.as_deref().unwrap_or(name);
    let message =
        format!("the model {name} is there already, and is {slug} of the provider {provider}; nothing was changed");
    CliError::new(Exit::Conflict, "conflict", message).hint("import it under another name: --as NAME")
}

/// Applies manifests in one transaction, or says what that would do.
async fn carry_out(session: &Session, manifests: Vec<Manifest>, dry_run: bool) -> Result<Plan, CliError> {
    if manifests.is_empty() {
        return Ok(Plan { dry_run, ..Plan::default() });
    }
    let text = serde_json::to_string(&manifests).map_err(|error| CliError::internal(error.to_string()))?;
    let source = Source::Text { name: "the catalogue".into(), text };
    let set = manifest::load(&[source], &|_| None, &Options::default()).map_err(|found| mistakes(&found))?;
    let batches = set.batches().map_err(|found| mistakes(&found))?;
    let client = session.client().await?;
    let wanted = diff::requests(&set, &batches, &Manner::default())?;
    if dry_run {
        Ok(diff::joined(diff::preview(session, &client, &set, &wanted).await?, true))
    } else {
        let secrets = Secrets { env: &|_| None, store: session.store.clone(), allow_exec: false };
        apply::write(session, &client, &set, wanted, (&AllowedSinks::default(), &secrets)).await
    }
}

fn change(action: Action, name: &str, fields: Vec<entity::plan::FieldChange>) -> Change {
    let name = name.to_owned();
    Change { action, kind: Kind::Model, organisation: None, name, renamed_from: None, fields, consequences: Vec::new() }
}

/// What --update would do, on stderr.
fn tell_of_differences(session: &Session, differing: &[(&Model, Declared)], at: Timestamp) {
    if differing.is_empty() {
        return;
    }
    let json = |spec: &ModelSpec| serde_json::to_value(as_of(spec, at)).unwrap_or_default();
    let update = |(model, (name, after)): &(&Model, Declared)| {
        change(Action::Update, name, check::diff(&json(&model.spec), &json(after)))
    };
    let changes: Vec<Change> = differing.iter().map(update).collect();
    let number = u64::try_from(changes.len()).unwrap_or(u64::MAX);
    let summary = PlanSummary { update: number, ..PlanSummary::default() };
    let text = plan_view::render(&Plan { dry_run: true, changes, summary, ..Plan::default() }, &|style, text| {
        session.out.paint_talk(style, text)
    });
    let verb = if number == 1 { "differs" } else { "differ" };
    session.out.note(&format!(
        "\n{} {verb} from the catalogue; --update would take this over, new prices from now on:\n{text}",
        count(number, "model")
    ));
}
