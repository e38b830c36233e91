//! `odockctl adopt`: takes ownership of what is there.

use entity::manifest::ApplyRequest;

use super::diff::{Declared, preview, requests};
use super::export::{Place, manifests_of};
use super::labels::ByLabels;
use super::manner::Manner;
use super::target;
use crate::error::{CliError, Exit};
use crate::session::Session;

/// Take ownership of resources that exist, without changing them.
///
/// The owner takes the fields that nobody or a person has declared, as they are. Fields of another owner are left to it:
/// the command refuses, unless they are taken by force. What was adopted may be pruned later.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  odockctl adopt -f organisation/ --owner platform-ci
  odockctl adopt provider/openai model/fast --owner platform-ci")]
pub struct Args {
    /// Which resources: a kind and names, or kind/name. Instead of -f.
    #[arg(value_name = "KIND NAME… | KIND/NAME…", conflicts_with = "file")]
    targets: Vec<String>,
    /// Where the manifests are.
    #[command(flatten)]
    manifests: Declared,
    /// Under whose name.
    #[arg(long, value_name = "NAME", env = "ODOCK_OWNER", hide_env_values = true)]
    owner: Option<String>,
    /// Take fields of other owners, too.
    #[arg(long)]
    force_conflicts: bool,
}

/// Runs the command.
///
/// # Errors
/// Something does not exist, belongs to another owner, or the gateway refuses.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    session.must_write()?;
    let client = session.client().await?;
    if args.targets.is_empty() {
        let (mut set, batches) = args.manifests.load(session)?;
        args.manifests.resolve(session, &client, &mut set).await?;
        let manner = Manner { owner: args.owner, force_conflicts: args.force_conflicts, ..Manner::default() };
        let mut wanted = requests(&set, &batches, &manner)?;
        wanted.iter_mut().for_each(|one| one.request.adopt = true);
        let named = wanted.iter().all(|one| one.request.owner.is_some());
        if !named {
            return Err(nobody());
        }
        preview(session, &client, &set, &wanted).await?;
        let mut count = 0;
        for one in &wanted {
            let applied = client.organisation(&one.batch.organisation).apply(&one.request, false).await;
            count += applied.map_err(|error| super::apply::refused(&set, one, error))?.changes.len();
        }
        return told(session, count);
    }
    let Some(owner) = args.owner else { return Err(nobody()) };
    let mut resources = Vec::new();
    for target in target::targets(&args.targets)? {
        resources.extend(manifests_of(session, target.kind, &target.names, &ByLabels::default(), Place::Here).await?);
    }
    // An export says where a secret may come from; who adopts keeps the one that is there.
    for resource in &mut resources {
        let keys = resource.spec.get_mut("keys").and_then(serde_json::Value::as_array_mut);
        for key in keys.into_iter().flatten().filter_map(serde_json::Value::as_object_mut) {
            key.remove("valueFrom");
        }
    }
    let request = ApplyRequest {
        resources,
        owner: Some(owner),
        adopt: true,
        force_conflicts: args.force_conflicts,
        ..ApplyRequest::default()
    };
    let plan = session.api().await?.apply(&request, false).await?;
    told(session, plan.changes.len())
}

fn nobody() -> CliError {
    CliError::usage("adopting needs an owner").hint("name it: --owner NAME")
}

fn told(session: &Session, count: usize) -> Result<Exit, CliError> {
    let things = if count == 1 { "resource" } else { "resources" };
    session.out.note(&format!("adopted {count} {things}; none was changed"));
    Ok(Exit::Done)
}
