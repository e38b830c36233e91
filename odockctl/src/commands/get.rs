//! `odockctl get`: lists and single resources.

use entity::page::Page;
use odock_client::http::{ListQuery, Wire};
use serde_json::{Value, json};

use super::target::{self, Target, for_kind};
use crate::error::{CliError, Exit};
use crate::output::{Format, Show};
use crate::session::Session;

/// List resources of a kind, or show some by name.
///
/// Kinds are organisations, users, teams, providers, models, keys, budgets, quotas and overlays; singular, plural and
/// `kind/name` all work.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl get keys
  odockctl get keys -o wide --sort -createdAt --limit 20
  odockctl get key ci search -o json
  odockctl get key/ci model/support-fast
  odockctl get models --all-organisations --fields name,organisation,spec.provider -o csv")]
pub struct Args {
    /// A kind and names, or kind/name.
    #[arg(required = true, value_name = "KIND [NAME…] | KIND/NAME…")]
    targets: Vec<String>,
    /// The resources of every organisation; for super admins.
    #[arg(short = 'A', long, conflicts_with = "organisation")]
    all_organisations: bool,
    /// Only resources whose name holds this text.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// The order: name, -name, createdAt or -createdAt.
    #[arg(long, value_name = "ORDER", value_parser = ["name", "-name", "createdAt", "-createdAt"], hide_possible_values = true, allow_hyphen_values = true)]
    sort: Option<String>,
    /// At most this many; everything if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Go on where an earlier list ended.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// The command line is wrong, or the gateway refuses.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let targets = target::targets(&args.targets)?;
    if let [Target { kind, names }] = &targets[..] {
        return for_kind!(*kind, T => if names.is_empty() {
            list::<T>(session, &args).await
        } else {
            named::<T>(session, names).await
        });
    }
    mixed(session, &targets).await
}

async fn list<T: Wire + Show>(session: &Session, args: &Args) -> Result<Exit, CliError> {
    let most = args.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let query = ListQuery { limit: None, cursor: args.cursor.clone(), q: args.search.clone(), sort: args.sort.clone() };
    let Page { items, next_cursor } = page::<T>(session, args.all_organisations, &query, most).await?;
    session.out.list(&items, next_cursor.as_deref())?;
    if items.is_empty() {
        session.out.note(&format!("no {}", target::nouns(T::KIND)));
    }
    if let (Some(cursor), false) = (next_cursor, session.out.is_structured()) {
        session.out.note(&format!("there are more; go on with --cursor {cursor}"));
    }
    Ok(Exit::Done)
}

async fn page<T: Wire + Show>(
    session: &Session,
    everywhere: bool,
    query: &ListQuery,
    most: usize,
) -> Result<Page<T>, CliError> {
    if !everywhere && T::KIND != entity::Kind::Organisation {
        return Ok(session.api().await?.page(query, most).await?);
    }
    let client = session.client().await?;
    let found = client.admin().list(query, most).await;
    match (found, session.context()?.context.organisation) {
        // An administrator of one organisation sees that one.
        (Err(error), Some(own)) if error.status() == Some(403) && T::KIND == entity::Kind::Organisation => {
            Ok(Page { items: vec![client.organisation(&own).get::<T>(&own).await?], next_cursor: None })
        }
        (found, _) => Ok(found?),
    }
}

/// One resource of any organisation, by name or id.
///
/// # Errors
/// The gateway refuses.
pub async fn fetch<T: Wire>(session: &Session, name: &str) -> Result<T, CliError> {
    let about =
        |error: odock_client::ClientError| CliError::from(error).about(&format!("{} {name}", target::noun(T::KIND)));
    match T::KIND {
        entity::Kind::Organisation => session.client().await?.organisation(name).get(name).await.map_err(about),
        _ => session.api().await?.get(name).await.map_err(about),
    }
}

async fn named<T: Wire + Show>(session: &Session, names: &[String]) -> Result<Exit, CliError> {
    let mut items = Vec::new();
    for name in names {
        items.push(fetch::<T>(session, name).await?);
    }
    match &items[..] {
        [one] => session.out.one(one)?,
        several => session.out.list(several, None)?,
    }
    Ok(Exit::Done)
}

/// Resources of several kinds: one table each, or one document with all of them.
async fn mixed(session: &Session, targets: &[Target]) -> Result<Exit, CliError> {
    if matches!(session.out.format, Format::Csv) {
        return Err(CliError::usage("resources of several kinds have no common columns")
            .hint("ask for one kind, or use -o json"));
    }
    let mut documents: Vec<Value> = Vec::new();
    for (at, Target { kind, names }) in targets.iter().enumerate() {
        for_kind!(*kind, T => {
            let mut items = Vec::new();
            for name in names {
                items.push(fetch::<T>(session, name).await?);
            }
            if session.out.is_structured() {
                for item in &items {
                    let mut document = serde_json::to_value(item).unwrap_or_default();
                    document["kind"] = kind.as_str().into();
                    documents.push(document);
                }
            } else {
                if at > 0 && session.out.format != Format::Name {
                    session.out.text("\n")?;
                }
                session.out.list(&items, None)?;
            }
        });
    }
    match session.out.format {
        Format::Jsonl => documents.iter().try_for_each(|document| session.out.value(document))?,
        format if format.is_structured() => session.out.value(&json!({ "items": documents }))?,
        _ => {}
    }
    Ok(Exit::Done)
}
