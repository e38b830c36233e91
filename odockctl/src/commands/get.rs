//! `odockctl get`: lists and single resources.

mod watch;

use entity::page::Page;
use odock_client::http::{ListQuery, Wire};
use serde_json::{Value, json};

use super::labels::ByLabels;
use super::target::{self, Target, for_kind};
use crate::error::{CliError, Exit};
use crate::output::{Format, Show};
use crate::session::Session;

/// List resources of a kind, or show some by name.
///
/// Kinds are organisations, users, teams, providers, models, keys, budgets, quotas and overlays; singular, plural and
/// `kind/name` all work, and so do several kinds: keys,models. --watch shows what is there and then each change, until
/// Ctrl-C; it survives the gateway going away.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl get keys
  odockctl get keys -o wide --sort -createdAt --limit 20
  odockctl get key ci search -o json
  odockctl get key/ci model/support-fast
  odockctl get keys --filter team=search --filter revoked=false --jq '.items[].name'
  odockctl get keys,models --selector 'env=prod,tier in (1,2),!legacy'
  odockctl get keys --watch -o jsonl
  odockctl get models --all-organisations --fields name,organisation,spec.provider -o csv")]
pub struct Args {
    /// A kind and names, several kinds with commas, or kind/name.
    #[arg(required = true, value_name = "KIND [NAME…] | KIND,KIND | KIND/NAME…")]
    targets: Vec<String>,
    /// The resources of every organisation, whichever is chosen; for super admins.
    #[arg(short = 'A', long)]
    all_organisations: bool,
    /// Only resources whose name holds this text.
    #[arg(short = 'q', long, value_name = "TEXT")]
    search: Option<String>,
    /// Only resources of which this is true, such as team=search; an unknown field is an error that lists them. May be
    /// repeated.
    #[arg(long, visible_alias = "field", value_name = "FIELD=VALUE")]
    filter: Vec<String>,
    #[command(flatten)]
    by: ByLabels,
    /// The order: name, -name, createdAt or -createdAt.
    #[arg(long, value_name = "ORDER", value_parser = ["name", "-name", "createdAt", "-createdAt"], hide_possible_values = true, allow_hyphen_values = true)]
    sort: Option<String>,
    /// At most this many, or as many events of a watch; everything if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Go on where an earlier list ended.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Show what is there, and then each change.
    #[arg(short = 'w', long, conflicts_with_all = ["cursor", "sort"])]
    watch: bool,
    /// Show only changes, not what is there.
    #[arg(long, requires = "watch")]
    changes_only: bool,
}

/// Runs the command.
///
/// # Errors
/// The command line is wrong, or the gateway refuses.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let targets = target::targets(&args.targets)?;
    let query = query(&args, &targets)?;
    if args.watch {
        return watched(session, &args, &targets, query).await;
    }
    if let [Target { kind, names }] = &targets[..] {
        return for_kind!(*kind, T => if names.is_empty() {
            list::<T>(session, &args, &query).await
        } else {
            named::<T>(session, names).await
        });
    }
    mixed(session, &args, &query, &targets).await
}

/// Which part of a list is wanted.
fn query(args: &Args, targets: &[Target]) -> Result<ListQuery, CliError> {
    let mut filters = args.by.filters();
    for filter in &args.filter {
        let Some((field, value)) = filter.split_once('=').filter(|(field, _)| !field.is_empty()) else {
            return Err(CliError::usage(format!("`{filter}` is not of the form field=value")));
        };
        if filters.insert(field.to_owned(), value.to_owned()).is_some() {
            return Err(CliError::usage(format!("--filter {field} stands there twice")));
        }
    }
    let narrowed = !filters.is_empty() || args.search.is_some();
    if narrowed && targets.iter().any(|target| !target.names.is_empty()) && !args.watch {
        return Err(
            CliError::usage("names are given: there is nothing to search").hint("leave the names or the filters away")
        );
    }
    Ok(ListQuery { limit: None, cursor: args.cursor.clone(), q: args.search.clone(), sort: args.sort.clone(), filters })
}

async fn watched(session: &Session, args: &Args, targets: &[Target], query: ListQuery) -> Result<Exit, CliError> {
    let [Target { kind, names }] = targets else {
        return Err(CliError::usage("one kind can be watched at a time"));
    };
    watch::check(session)?;
    let subject = watch::Subject {
        names,
        everywhere: args.all_organisations,
        query,
        changes_only: args.changes_only,
        most: args.limit,
    };
    for_kind!(*kind, T => watch::run::<T>(session, &subject).await)
}

async fn list<T: Wire + Show>(session: &Session, args: &Args, query: &ListQuery) -> Result<Exit, CliError> {
    let most = args.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let Page { items, next_cursor } = page::<T>(session, args.all_organisations, query, most).await?;
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
    let about = |error: odock_client::ClientError| {
        let is_absent = error.status() == Some(404);
        let made = CliError::from(error).about(&format!("{} {name}", target::noun(T::KIND)));
        match is_absent {
            true => made.or_hint(format!("list them: odockctl get {}", target::nouns(T::KIND))),
            false => made,
        }
    };
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
async fn mixed(session: &Session, args: &Args, query: &ListQuery, targets: &[Target]) -> Result<Exit, CliError> {
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
            if names.is_empty() {
                let most = args.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
                items = page::<T>(session, args.all_organisations, query, most).await?.items;
            }
            if session.out.is_structured() {
                for item in &items {
                    let mut document = serde_json::to_value(item).unwrap_or_default();
                    document["kind"] = kind.as_str().into();
                    documents.push(document);
                }
            } else {
                if at > 0 && !items.is_empty() && session.out.format != Format::Name {
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
