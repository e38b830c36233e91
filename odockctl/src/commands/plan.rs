//! `odockctl plan`: what an apply would do, to be looked at, saved, and carried out as it is.

use std::path::{Path, PathBuf};

use entity::plan::Plan;
use odock_client::manifest::{Batch, Secrets, process_env};
use odock_client::seal::Sealer;
use serde_json::Value;

use super::diff::{Declared, Wanted, differs, joined, preview, requests, show};
use super::manner::Manner;
use crate::delivery::{AllowedSinks, DeclaredKey, Deliveries};
use crate::error::{CliError, Exit};
use crate::plan_file::{Part, PlanFile};
use crate::plan_view;
use crate::prompt::Act;
use crate::session::{Session, interrupted};

/// Show what `apply` would do, and save it to be carried out later.
///
/// A saved plan holds no secret, and the revision of everything that it was made from: `odockctl apply --plan FILE` does
/// exactly what it says, or refuses with 7 because something has changed since.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  odockctl plan -f organisation/
  odockctl plan -f organisation/ --owner platform-ci --prune --out plan.json --report plan.md --detailed-exitcode")]
pub struct Args {
    /// Where the manifests are.
    #[command(flatten)]
    pub manifests: Declared,
    /// Under whose name they would be applied.
    #[command(flatten)]
    pub manner: Manner,
    /// Save the plan in this file.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write what would change into this file, too: Markdown if it ends in .md, else JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// End with 2 when there are changes, with 0 when there are none.
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// Runs the command.
///
/// # Errors
/// The manifests are wrong, or the gateway refuses.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let (mut set, batches) = args.manifests.load(session)?;
    let client = session.client().await?;
    args.manifests.resolve(session, &client, &mut set).await?;
    let wanted = requests(&set, &batches, &args.manner)?;
    let plans = preview(session, &client, &set, &wanted).await?;
    let plan = joined(plans.clone(), true);
    if let Some(path) = &args.out {
        let keys = set.resources.iter().filter_map(|resource| {
            Some(DeclaredKey {
                file: resource.file.to_string(),
                organisation: resource.organisation()?.to_owned(),
                key: resource.manifest.metadata.name.clone(),
                source: resource.key.clone()?,
            })
        });
        let gateway = session.context()?.context.url.to_string();
        PlanFile::new(&gateway, &set, wanted, plans, keys.collect()).save(path)?;
        session.out.note(&format!("the plan is in {}; carry it out: odockctl apply --plan {0}", path.display()));
    }
    if let Some(path) = &args.report {
        report(&plan, path)?;
    }
    show(session, &plan)?;
    Ok(if args.detailed_exitcode && differs(&plan) { Exit::Changes } else { Exit::Done })
}

/// Writes a plan for people to read elsewhere, such as below a pull request.
fn report(plan: &Plan, path: &Path) -> Result<(), CliError> {
    let text = if path.extension().is_some_and(|extension| extension == "md") {
        let view = plan_view::render(plan, &|_, text| text.to_owned());
        // A fence that nothing in the plan can close.
        let longest = view.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        format!("### Plan: {}\n\n{fence}diff\n{view}{fence}\n", plan_view::summary(plan))
    } else {
        format!("{}\n", serde_json::to_string_pretty(plan).map_err(|error| CliError::internal(error.to_string()))?)
    };
    std::fs::write(path, text).map_err(|error| CliError::io(&path.display().to_string(), &error))
}

/// Carries out a saved plan, or refuses.
///
/// # Errors
/// It was changed, is of another gateway, is stale, or a secret is not the one that it was made with.
pub async fn carry_out(
    session: &Session,
    path: &Path,
    declared: &Declared,
    sinks: &AllowedSinks,
) -> Result<Plan, CliError> {
    let file = PlanFile::read(path)?;
    let chosen = session.context()?;
    if file.gateway != chosen.context.url.as_str() {
        let message = format!("the plan was made with {}, and this is {}", file.gateway, chosen.context.url);
        return Err(CliError::new(Exit::Guard, "other_gateway", message).hint("choose its context: --context NAME"));
    }
    let client = session.client().await?;
    let secrets = Secrets { env: &process_env, store: session.store.clone(), allow_exec: declared.allow_exec };
    let allow_env = &declared.files.allow_env;
    let mut deliveries = Deliveries::declared(file.keys.clone().into_iter(), sinks)?;
    let mut wanted = Vec::with_capacity(file.organisations.len());
    let mut planned = Vec::with_capacity(file.organisations.len());
    let needs_sealing = file.organisations.iter().any(|part| !part.secrets.is_empty());
    let sealer = match needs_sealing {
        true => {
            Some(Sealer::new(&client.encryption_key().await?).map_err(|error| CliError::internal(error.to_string()))?)
        }
        false => None,
    };
    for mut part in file.organisations {
        if let Some(sealer) = &sealer {
            seal(&mut part, sealer, &secrets, allow_env).await?;
        }
        let members = (0..part.request.resources.len()).collect();
        wanted.push(Wanted { batch: Batch { organisation: part.organisation, members }, request: part.request });
        planned.push(part.plan);
    }
    let whole = joined(planned.clone(), true);
    if chosen.context.protected || whole.summary.delete > 0 {
        session.out.note(&plan_view::render(&whole, &|style, text| session.out.paint_talk(style, text)));
        session.confirm(&Act::new(format!("Carry out the plan: {}", plan_view::summary(&whole)))).await?;
    }
    deliveries.meet(&client, &planned).await?;
    if wanted.len() > 1 {
        // Each organisation is a transaction of its own: a stale part is found before any is carried out.
        for one in &wanted {
            client.organisation(&one.batch.organisation).apply(&one.request, true).await.map_err(refused)?;
        }
    }
    deliveries.draw(session, &secrets, allow_env, &mut wanted).await?;
    let mut plans = Vec::with_capacity(wanted.len());
    for one in &wanted {
        if session.is_interrupted() {
            return Err(interrupted());
        }
        let applied = client.organisation(&one.batch.organisation).apply(&one.request, false).await;
        plans.push(applied.map_err(|error| deliveries.failed(refused(error)))?);
    }
    deliveries.hand_over(session, &client).await?;
    Ok(joined(plans, false))
}

fn refused(error: odock_client::ClientError) -> CliError {
    let unknown = error.status().is_none_or(|status| status >= 500);
    let made = CliError::from(error);
    if unknown && made.exit() == Exit::Unreachable {
        return made.hint(
            "either everything was applied or nothing: carry the plan out again; if it was applied, it is refused as stale",
        );
    }
    made
}

/// Fetches the secrets of a part again, and refuses those that are others now.
async fn seal(part: &mut Part, sealer: &Sealer, secrets: &Secrets<'_>, allow_env: &[String]) -> Result<(), CliError> {
    for wanted in &part.secrets {
        let Some(manifest) = part.request.resources.get_mut(wanted.resource) else { continue };
        let pointer = wanted.secret.pointer.strip_prefix("/spec").unwrap_or(&wanted.secret.pointer);
        let Some(field) = manifest.spec.pointer_mut(pointer) else {
            // It was optional, and was not there when the plan was made.
            continue;
        };
        let place = format!("{} {}, {pointer}", manifest.kind, manifest.metadata.name);
        let secret = secrets.fetch(&wanted.secret.from, allow_env).await.map_err(|(message, hint)| {
            let error = CliError::new(Exit::Usage, "secret", format!("{place}: {message}"));
            match hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        })?;
        let sealed = sealer.seal(&secret).map_err(|error| CliError::internal(error.to_string()))?;
        if field.get("fingerprint").and_then(Value::as_str) != Some(sealed.fingerprint.as_str()) {
            let message = format!("{place}: the secret is not the one that the plan was made with");
            return Err(
                CliError::new(Exit::Conflict, "stale_plan", message).hint("make the plan anew, and look at it again")
            );
        }
        *field = serde_json::to_value(sealed).map_err(|error| CliError::internal(error.to_string()))?;
    }
    Ok(())
}
