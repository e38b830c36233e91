//! `odockctl apply`: makes manifests true.

use std::path::PathBuf;

use entity::Kind;
use entity::plan::{Action, Plan};
use entity::resource::OrganisationSpec;
use odock_client::Client;
use odock_client::manifest::{ManifestSet, Secrets, process_env};

use super::diff::{Declared, Refusal, Wanted, declared, differs, is_new, joined, preview, refusal, requests, show};
use super::manner::Manner;
use crate::delivery::{self, AllowedSinks, Deliveries};
use crate::error::{CliError, Exit};
use crate::plan_view;
use crate::prompt::{Act, quoted};
use crate::session::{Session, interrupted};

/// Create and update what manifests declare.
///
/// The resources of an organisation are applied in one transaction, all or nothing, in the order of their dependencies
/// whatever the order of the files. Applying the same files again changes nothing. Fields that somebody else declared are
/// not overwritten, and nothing is deleted, unless that is asked for.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  odockctl apply -f organisation/ --dry-run
  odockctl apply -f organisation/ --owner platform-ci --prune
  odockctl apply --plan plan.json
  odockctl apply -f organisation/ --allow-sinks 'file:./keys/*'")]
pub struct Args {
    /// Where the manifests are.
    #[command(flatten)]
    pub manifests: Declared,
    /// Under whose name they are applied.
    #[command(flatten)]
    pub manner: Manner,
    /// Carry out exactly a plan that `odockctl plan --out` saved, or refuse.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "owner", "prune", "force_conflicts", "dry_run"])]
    pub plan: Option<PathBuf>,
    /// Let manifests deliver new secrets to sinks that match; `*` stands for anything. Without it a manifest's
    /// `deliverTo` is refused, for files come from repositories, and a sink is a way out.
    #[arg(long, value_name = "PATTERN")]
    pub allow_sinks: Vec<String>,
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
    let sinks = AllowedSinks::new(args.allow_sinks);
    let plan = if let Some(path) = &args.plan {
        session.must_write()?;
        super::plan::carry_out(session, path, &args.manifests, &sinks).await?
    } else {
        let (mut set, batches) = args.manifests.load(session)?;
        if !args.dry_run {
            session.must_write()?;
        }
        let wanted = requests(&set, &batches, &args.manner)?;
        let client = session.client().await?;
        args.manifests.resolve(session, &client, &mut set).await?;
        let wanted = wanted.into_iter().map(|it| with_secrets(&set, it)).collect::<Vec<_>>();
        if args.dry_run {
            joined(preview(session, &client, &set, &wanted).await?, true)
        } else {
            let secrets =
                Secrets { env: &process_env, store: session.store.clone(), allow_exec: args.manifests.allow_exec };
            write(session, &client, &set, wanted, (&sinks, &secrets)).await?
        }
    };
    show(session, &plan)?;
    if !args.dry_run {
        tell_of_new_keys(session, &plan);
    }
    Ok(if args.detailed_exitcode && differs(&plan) { Exit::Changes } else { Exit::Done })
}

/// The request with the manifests as they are now that their secrets are sealed.
fn with_secrets(set: &ManifestSet, wanted: Wanted) -> Wanted {
    let Wanted { batch, mut request } = wanted;
    request.resources = set.request(&batch).resources;
    Wanted { batch, request }
}

/// Applies every batch, each in one transaction, after asking where the context is protected.
///
/// # Errors
/// A guard refuses, or the gateway does.
pub async fn write(
    session: &Session,
    client: &Client,
    set: &ManifestSet,
    mut wanted: Vec<Wanted>,
    (sinks, secrets): (&AllowedSinks, &Secrets<'_>),
) -> Result<Plan, CliError> {
    let protected = session.context()?.context.protected;
    let prunes = wanted.iter().any(|it| it.request.prune);
    let delivers = set.resources.iter().any(|resource| resource.key.is_some());
    // What may not leave is refused before anything is asked or written.
    let mut deliveries = Deliveries::of(set, sinks)?;
    if protected || prunes || delivers || wanted.len() > 1 {
        // One organisation is one transaction. Several are looked at first, so that a mistake in one changes none.
        let plans = preview(session, client, set, &wanted).await?;
        deliveries.meet(client, &plans).await?;
        let plan = joined(plans, true);
        if !differs(&plan) && deliveries.is_empty() {
            return Ok(Plan { dry_run: false, ..plan });
        }
        if protected || plan.summary.delete > 0 {
            session.out.note(&plan_view::render(&plan, &|style, text| session.out.paint_talk(style, text)));
            session.confirm(&Act::new(format!("Apply: {}", plan_view::summary(&plan)))).await?;
        }
    }
    deliveries.draw(session, secrets, set.allow_env(), &mut wanted).await?;
    let mut plans: Vec<Plan> = Vec::new();
    for one in &wanted {
        if session.is_interrupted() {
            tell_what_was_done(session, &wanted, plans.len());
            return Err(interrupted());
        }
        match apply(session, client, set, one).await {
            Ok(mut plan) => {
                delivery::tell(set, &one.batch.organisation, &mut plan);
                plans.push(plan);
            }
            Err(error) => {
                tell_what_was_done(session, &wanted, plans.len());
                return Err(deliveries.failed(error));
            }
        }
    }
    deliveries.hand_over(session, client).await?;
    Ok(joined(plans, false))
}

async fn apply(session: &Session, client: &Client, set: &ManifestSet, wanted: &Wanted) -> Result<Plan, CliError> {
    let Wanted { batch, request } = wanted;
    let api = client.organisation(&batch.organisation);
    match api.apply(request, false).await {
        Ok(plan) => Ok(plan),
        Err(error) if is_new(set, batch, &error) => {
            create(client, set, wanted).await?;
            let applied = api.apply(request, false).await;
            let mut plan = applied.map_err(|error| {
                let slug = &batch.organisation;
                session.out.warn(&format!("The organisation {slug} was created; nothing in it was"));
                refused(set, wanted, error)
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
        Err(error) => Err(refused(set, wanted, error)),
    }
}

/// A refusal, with its lines; and where nobody knows whether it was applied, how to find out.
pub fn refused(set: &ManifestSet, wanted: &Wanted, error: odock_client::ClientError) -> CliError {
    let unknown = error.status().is_none_or(|status| status >= 500);
    let made = match refusal(set, &wanted.batch, error) {
        Refusal::Mistakes(error, details) => error.details(details),
        Refusal::Failure(error) => error,
    };
    if unknown && made.exit() == Exit::Unreachable {
        return made.hint(
            "either everything was applied or nothing: `odockctl diff` with the same files says which, and applying \
             them again is safe",
        );
    }
    made
}

async fn create(client: &Client, set: &ManifestSet, wanted: &Wanted) -> Result<(), CliError> {
    let slug = &wanted.batch.organisation;
    let spec = declared(set, &wanted.batch).cloned().unwrap_or_default();
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
fn tell_what_was_done(session: &Session, wanted: &[Wanted], done: usize) {
    if wanted.len() < 2 {
        return;
    }
    let names =
        |wanted: &[Wanted]| wanted.iter().map(|it| it.batch.organisation.as_str()).collect::<Vec<_>>().join(", ");
    let (done, open) = wanted.split_at(done.min(wanted.len()));
    let list = |wanted| if names(wanted).is_empty() { "none".to_owned() } else { names(wanted) };
    session.out.warn(&format!("Applied: {}. Not applied: {}", list(done), list(open)));
}

/// New keys have a secret that nobody has seen.
fn tell_of_new_keys(session: &Session, plan: &Plan) {
    let sealed = |change: &&entity::plan::Change| change.consequences.iter().any(|line| line.contains("`reveal`"));
    let new = plan.changes.iter().filter(|it| it.action == Action::Create && it.kind == Kind::ApiKey);
    for change in new.filter(sealed) {
        let within =
            change.organisation.as_ref().map(|slug| format!(" --organisation {}", quoted(slug))).unwrap_or_default();
        session.out.note(&format!(
            "Show the secret of key {} once: odockctl key reveal {}{within}",
            change.name,
            quoted(&change.name)
        ));
    }
}
