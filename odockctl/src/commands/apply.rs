//! `odockctl apply`: makes manifests true.

use entity::Kind;
use entity::plan::{Action, Plan};
use entity::resource::OrganisationSpec;
use odock_client::Client;
use odock_client::manifest::{Batch, ManifestSet};

use super::diff::{Declared, Refusal, declared, differs, is_new, joined, preview, refusal, show};
use crate::error::{CliError, Exit};
use crate::plan_view;
use crate::prompt::{Act, quoted};
use crate::session::{Session, interrupted};

/// Create and update what manifests declare.
///
/// The resources of an organisation are applied in one transaction, all or nothing, in the order of their dependencies
/// whatever the order of the files. Applying the same files again changes nothing. Nothing is ever deleted.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:\n  odockctl apply -f organisation/ --dry-run\n  odockctl apply -f organisation/")]
pub struct Args {
    /// Where the manifests are.
    #[command(flatten)]
    pub manifests: Declared,
    /// Show what would change and write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// End with 2 when there were changes, with 0 when there were none.
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// Runs the command.
///
/// # Errors
/// The manifests are wrong, a guard refuses, or the gateway does.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let (mut set, batches) = args.manifests.load(session)?;
    if !args.dry_run {
        session.must_write()?;
    }
    let client = session.client().await?;
    args.manifests.resolve(session, &client, &mut set).await?;
    let plan = if args.dry_run {
        preview(session, &client, &set, &batches).await?
    } else {
        write(session, &client, &set, &batches).await?
    };
    show(session, &plan)?;
    if !args.dry_run {
        tell_of_new_keys(session, &plan);
    }
    Ok(if args.detailed_exitcode && differs(&plan) { Exit::Changes } else { Exit::Done })
}

/// Applies every batch, each in one transaction, after asking where the context is protected.
///
/// # Errors
/// A guard refuses, or the gateway does.
pub async fn write(session: &Session, client: &Client, set: &ManifestSet, batches: &[Batch]) -> Result<Plan, CliError> {
    let protected = session.context()?.context.protected;
    if protected || batches.len() > 1 {
        // One organisation is one transaction. Several are looked at first, so that a mistake in one changes none.
        let plan = preview(session, client, set, batches).await?;
        if !differs(&plan) {
            return Ok(Plan { dry_run: false, ..plan });
        }
        if protected {
            session.out.note(&plan_view::render(&plan, &|style, text| session.out.paint_talk(style, text)));
            session.confirm(&Act::new(format!("Apply: {}", plan_view::summary(&plan)))).await?;
        }
    }
    let mut plans: Vec<Plan> = Vec::new();
    for batch in batches {
        if session.is_interrupted() {
            tell_what_was_done(session, batches, plans.len());
            return Err(interrupted());
        }
        match apply(session, client, set, batch).await {
            Ok(plan) => plans.push(plan),
            Err(error) => {
                tell_what_was_done(session, batches, plans.len());
                return Err(error);
            }
        }
    }
    Ok(joined(plans, false))
}

async fn apply(session: &Session, client: &Client, set: &ManifestSet, batch: &Batch) -> Result<Plan, CliError> {
    let api = client.organisation(&batch.organisation);
    let request = set.request(batch);
    match api.apply(&request, false).await {
        Ok(plan) => Ok(plan),
        Err(error) if is_new(set, batch, &error) => {
            create(client, set, batch).await?;
            let applied = api.apply(&request, false).await;
            let mut plan = applied.map_err(|error| {
                let slug = &batch.organisation;
                session.out.warn(&format!("The organisation {slug} was created; nothing in it was"));
                refused(set, batch, error)
            })?;
            // To the gateway the organisation was there already; to the user it is new.
            if let Some(own) =
                plan.changes.iter_mut().find(|it| it.kind == Kind::Organisation && it.action == Action::Unchanged)
            {
                own.action = Action::Create;
                plan.summary.unchanged = plan.summary.unchanged.saturating_sub(1);
                plan.summary.create += 1;
            }
            Ok(plan)
        }
        Err(error) => Err(refused(set, batch, error)),
    }
}

fn refused(set: &ManifestSet, batch: &Batch, error: odock_client::ClientError) -> CliError {
    match refusal(set, batch, error) {
        Refusal::Mistakes(error, details) => error.details(details),
        Refusal::Failure(error) => error,
    }
}

async fn create(client: &Client, set: &ManifestSet, batch: &Batch) -> Result<(), CliError> {
    let slug = &batch.organisation;
    let spec = declared(set, batch).cloned().unwrap_or_default();
    let spec: OrganisationSpec = serde_json::from_value(spec).map_err(|error| CliError::internal(error.to_string()))?;
    match client.admin().create_organisation(slug, spec).await {
        Ok(_) => Ok(()),
        Err(error) if error.status() == Some(403) => {
            let message = format!("the organisation {slug} does not exist, and only a super admin can create it");
            Err(CliError::new(Exit::Forbidden, "forbidden", message))
        }
        Err(error) => Err(CliError::from(error).about(&format!("organisation {slug}"))),
    }
}

/// With several organisations, each is a transaction of its own: what stands must be said.
fn tell_what_was_done(session: &Session, batches: &[Batch], done: usize) {
    if batches.len() < 2 {
        return;
    }
    let names =
        |batches: &[Batch]| batches.iter().map(|batch| batch.organisation.as_str()).collect::<Vec<_>>().join(", ");
    let (done, open) = batches.split_at(done.min(batches.len()));
    let list = |batches| if names(batches).is_empty() { "none".to_owned() } else { names(batches) };
    session.out.warn(&format!("Applied: {}. Not applied: {}", list(done), list(open)));
}

/// New keys have a secret that nobody has seen.
fn tell_of_new_keys(session: &Session, plan: &Plan) {
    for change in plan.changes.iter().filter(|it| it.action == Action::Create && it.kind == Kind::ApiKey) {
        let within =
            change.organisation.as_ref().map(|slug| format!(" --organisation {}", quoted(slug))).unwrap_or_default();
        session.out.note(&format!(
            "Show the secret of key {} once: odockctl key reveal {}{within}",
            change.name,
            quoted(&change.name)
        ));
    }
}
