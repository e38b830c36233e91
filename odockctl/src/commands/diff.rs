//! `odockctl diff`: what an apply would change.

use std::sync::Arc;

use entity::Kind;
use entity::check;
use entity::manifest::ApplyRequest;
use entity::plan::{Action, Change, Plan, PlanSummary};
use odock_client::manifest::{Batch, ManifestSet, Secrets, process_env};
use odock_client::seal::Sealer;
use odock_client::{Client, ClientError};
use serde_json::Value;

use super::manner::Manner;
use super::validate::{Files, detail, mistakes};
use crate::delivery;
use crate::error::{CliError, Detail, Exit};
use crate::output::{Format, one_line};
use crate::plan_view;
use crate::session::Session;

/// Show what `apply` would change.
///
/// The gateway computes the plan by the same code that applies it, and writes nothing. Exit codes: 0 nothing differs,
/// 1 something differs, 64 the manifests are wrong, 70 the comparison failed.
#[derive(clap::Args, Clone, Debug)]
#[command(
    after_help = "Examples:\n  odockctl diff -f organisation/\n  odockctl diff -f organisation/ --owner platform-ci --prune"
)]
pub struct Args {
    /// Where the manifests are.
    #[command(flatten)]
    pub manifests: Declared,
    /// Under whose name they are compared.
    #[command(flatten)]
    pub manner: Manner,
}

/// Manifests whose secrets are fetched.
#[derive(clap::Args, Clone, Debug)]
pub struct Declared {
    /// Where the manifests are.
    #[command(flatten)]
    pub files: Files,
    /// Let `valueFrom: {exec: …}` run programs of this machine.
    #[arg(long)]
    pub allow_exec: bool,
}

impl Declared {
    /// Loads the manifests with the context's organisation as the default, by organisation.
    ///
    /// # Errors
    /// The manifests are wrong, or no gateway is chosen.
    pub fn load(&self, session: &Session) -> Result<(ManifestSet, Vec<Batch>), CliError> {
        if session.out.format == Format::Csv {
            return Err(CliError::usage("a plan has no rows; use -o table, json, jsonl, yaml, toml or name"));
        }
        // What is wrong with the files is said even where no gateway is chosen.
        let context = session.context();
        let set = self.files.load(context.as_ref().ok().and_then(|chosen| chosen.context.organisation.clone()))?;
        context?;
        let batches = set.batches().map_err(|found| mistakes(&found))?;
        Ok((set, batches))
    }

    /// Fetches the secrets and seals them for the gateway.
    ///
    /// # Errors
    /// A secret cannot be had, or the gateway does not say how to seal.
    pub async fn resolve(&self, session: &Session, client: &Client, set: &mut ManifestSet) -> Result<(), CliError> {
        if set.resources.iter().all(|resource| resource.secrets.is_empty()) {
            return Ok(());
        }
        let sealer =
            Sealer::new(&client.encryption_key().await?).map_err(|error| CliError::internal(error.to_string()))?;
        let secrets = Secrets { env: &process_env, store: Arc::clone(&session.store), allow_exec: self.allow_exec };
        set.resolve(&sealer, &secrets).await.map_err(|found| mistakes(&found))
    }
}

/// Runs the command.
///
/// # Errors
/// The manifests are wrong, or they cannot be compared.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let (mut set, batches) = args.manifests.load(session)?;
    let plan = compare(session, &args, &mut set, &batches).await.map_err(|error| {
        // 1 says that something differs, so no failure may end so; a manifest that is wrong is the caller's mistake.
        if error.exit() == Exit::Usage { error } else { error.ends(Exit::Internal) }
    })?;
    show(session, &plan)?;
    Ok(if differs(&plan) { Exit::Failed } else { Exit::Done })
}

async fn compare(session: &Session, args: &Args, set: &mut ManifestSet, batches: &[Batch]) -> Result<Plan, CliError> {
    let client = session.client().await?;
    args.manifests.resolve(session, &client, set).await?;
    let requests = requests(set, batches, &args.manner)?;
    Ok(joined(preview(session, &client, set, &requests).await?, true))
}

/// What an apply of one organisation sends.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The organisation and its manifests.
    pub batch: Batch,
    /// The body.
    pub request: ApplyRequest,
}

/// The requests of every organisation.
///
/// # Errors
/// The owner is not clear.
pub fn requests(set: &ManifestSet, batches: &[Batch], manner: &Manner) -> Result<Vec<Wanted>, CliError> {
    let wanted = |batch: &Batch| {
        let mut request = set.request(batch);
        manner.shape(set, &mut request)?;
        Ok(Wanted { batch: batch.clone(), request })
    };
    batches.iter().map(wanted).collect()
}

/// Whether a plan changes anything.
#[must_use]
pub fn differs(plan: &Plan) -> bool {
    plan.changes.iter().any(|change| change.action != Action::Unchanged)
}

/// Writes a plan: as itself for programs, as text for people.
///
/// # Errors
/// stdout is closed.
pub fn show(session: &Session, plan: &Plan) -> Result<(), CliError> {
    match session.out.format {
        Format::Json | Format::Jsonl | Format::Yaml | Format::Toml => session.out.value(plan),
        Format::Name => {
            let changed = plan.changes.iter().filter(|change| change.action != Action::Unchanged);
            let name =
                |change: &Change| format!("{}/{}\n", change.kind.as_str().to_lowercase(), one_line(&change.name));
            session.out.raw(&changed.map(name).collect::<String>())
        }
        Format::Table | Format::Wide | Format::Csv => {
            session.out.raw(&plan_view::render(plan, &|style, text| session.out.paint(style, text)))
        }
    }
}

/// What applying would do in every organisation, one plan each. Nothing is written.
///
/// # Errors
/// The gateway refuses one of them: every mistake in all of them is reported.
pub async fn preview(
    session: &Session,
    client: &Client,
    set: &ManifestSet,
    wanted: &[Wanted],
) -> Result<Vec<Plan>, CliError> {
    let (mut plans, mut refused) = (Vec::new(), Vec::new());
    for Wanted { batch, request } in wanted {
        match client.organisation(&batch.organisation).apply(request, true).await {
            Ok(mut plan) => {
                delivery::tell(set, &batch.organisation, &mut plan);
                plans.push(plan);
            }
            Err(error) if is_new(set, batch, &error) => {
                let slug = &batch.organisation;
                session
                    .out
                    .note(&format!("The organisation {slug} does not exist yet: its references were not checked"));
                plans.push(plan_of_new(set, batch));
            }
            Err(error) => match refusal(set, batch, error) {
                Refusal::Mistakes(error, details) => refused.push((error, details)),
                Refusal::Failure(error) => return Err(error),
            },
        }
    }
    match refused.len() {
        0 => Ok(plans),
        1 => {
            let (error, details) = refused.remove(0);
            Err(error.details(details))
        }
        _ => {
            let exit = if refused.iter().all(|(error, _)| error.exit() == Exit::Conflict) {
                Exit::Conflict
            } else {
                Exit::Usage
            };
            let details: Vec<_> = refused.into_iter().flat_map(|(_, details)| details).collect();
            let message = format!("{} mistakes in the manifests; nothing was changed", details.len());
            Err(CliError::new(exit, "invalid", message).details(details))
        }
    }
}

/// Why the gateway did not make a plan.
pub enum Refusal {
    /// The manifests are wrong, and others may be, too.
    Mistakes(CliError, Vec<Detail>),
    /// Something else failed, and will fail again.
    Failure(CliError),
}

/// The gateway's refusal of a batch, with the lines that it is about.
#[must_use]
pub fn refusal(set: &ManifestSet, batch: &Batch, error: ClientError) -> Refusal {
    let slug = &batch.organisation;
    let (status, errors) = match &error {
        ClientError::Problem { problem, .. } => (problem.status, problem.errors.clone()),
        _ => (0, Vec::new()),
    };
    // What a guard keeps, or has moved, is about no line of the files: the words alone say it.
    let in_files = errors.iter().any(|error| error.manifest.is_some()) || !matches!(status, 409);
    let errors = if in_files { errors } else { Vec::new() };
    let details: Vec<_> = errors.iter().map(|it| detail(&set.diagnose(batch, it))).collect();
    let wrong = !details.is_empty();
    let made = CliError::from(error).about(&format!("organisation {slug}"));
    if wrong {
        let exit = if status == 409 { Exit::Conflict } else { Exit::Usage };
        let forced = details.iter().any(|detail| detail.code.as_deref() == Some("field_conflict"));
        let made = if forced { made.hint("to take the fields anyway: --force-conflicts") } else { made };
        return Refusal::Mistakes(made.ends(exit), details);
    }
    if status == 404 {
        let hint = "a super admin can create it: add a manifest of kind Organisation with that name";
        let message = format!("the organisation {slug} does not exist, or is not yours");
        return Refusal::Failure(CliError::new(Exit::NotFound, "not_found", message).hint(hint));
    }
    Refusal::Failure(made)
}

/// Whether a batch brings an organisation that the gateway does not know.
#[must_use]
pub fn is_new(set: &ManifestSet, batch: &Batch, error: &ClientError) -> bool {
    error.status() == Some(404) && declared(set, batch).is_some()
}

/// The organisation's own spec, if the batch declares it.
#[must_use]
pub fn declared<'a>(set: &'a ManifestSet, batch: &Batch) -> Option<&'a Value> {
    let members = batch.members.iter().filter_map(|index| set.resources.get(*index));
    members
        .map(|resource| &resource.manifest)
        .find(|manifest| manifest.kind == Kind::Organisation)
        .map(|manifest| &manifest.spec)
}

/// The plan of an organisation of which nothing exists.
fn plan_of_new(set: &ManifestSet, batch: &Batch) -> Plan {
    let mut manifests: Vec<_> =
        batch.members.iter().filter_map(|index| set.resources.get(*index)).map(|it| &it.manifest).collect();
    manifests.sort_by_key(|manifest| manifest.kind);
    let change = |manifest: &&entity::manifest::Manifest| Change {
        action: Action::Create,
        kind: manifest.kind,
        organisation: Some(batch.organisation.clone()).filter(|_| manifest.kind != Kind::Organisation),
        name: manifest.metadata.name.clone(),
        renamed_from: None,
        fields: check::diff(&Value::Null, &manifest.spec),
        consequences: Vec::new(),
    };
    let changes: Vec<Change> = manifests.iter().map(change).collect();
    let summary = PlanSummary { create: changes.len() as u64, ..PlanSummary::default() };
    Plan { dry_run: true, changes, summary, ..Plan::default() }
}

/// Several plans as one.
#[must_use]
pub fn joined(plans: Vec<Plan>, dry_run: bool) -> Plan {
    let empty = Plan { dry_run, ..Plan::default() };
    plans.into_iter().fold(empty, |mut all, plan| {
        all.changes.extend(plan.changes);
        all.summary.create += plan.summary.create;
        all.summary.update += plan.summary.update;
        all.summary.rename += plan.summary.rename;
        all.summary.unchanged += plan.summary.unchanged;
        all.summary.delete += plan.summary.delete;
        all.owner = plan.owner;
        all
    })
}

#[cfg(test)]
mod tests {
    use entity::problem::{FieldError, Problem};
    use odock_client::manifest::{Options, Source, load};

    use super::*;

    const NEW: &str = "
- {apiVersion: odock/v1, kind: Model, metadata: {name: fast, organisation: acme}, spec: {provider: openai}}
- {apiVersion: odock/v1, kind: Organisation, metadata: {name: acme}, spec: {displayName: Acme}}
- {apiVersion: odock/v1, kind: Team, metadata: {name: t, organisation: globex}, spec: {}}
";

    fn set() -> (ManifestSet, Vec<Batch>) {
        let source = Source::Text { name: "a.yaml".into(), text: NEW.into() };
        let set = load(&[source], &|_| None, &Options::default()).unwrap();
        let batches = set.batches().unwrap();
        (set, batches)
    }

    fn problem(status: u16, errors: Vec<FieldError>) -> ClientError {
        let code = if status == 404 { "not_found" } else { "invalid" };
        let problem =
            Problem { status, code: code.into(), title: "no".into(), hint: None, request_id: "r1".into(), errors };
        ClientError::Problem { problem: Box::new(problem), retry_after: None }
    }

    #[test]
    fn a_refusal_shows_the_line_that_it_is_about() {
        let (set, batches) = set();
        let error = FieldError {
            manifest: Some(0),
            kind: Some(Kind::Model),
            name: Some("fast".into()),
            pointer: "/spec/provider".into(),
            code: "bad_reference".into(),
            message: "there is no provider `openai`".into(),
        };
        let Refusal::Mistakes(refused, details) = refusal(&set, &batches[0], problem(422, vec![error])) else {
            panic!()
        };
        assert_eq!(refused.exit(), Exit::Usage);
        let text = refused.details(details).text("error:");
        assert!(text.contains("  a.yaml:2:100: /spec/provider: there is no provider `openai`\n"), "{text}");
        assert!(text.contains("request id: r1"), "{text}");
    }

    #[test]
    fn an_organisation_that_is_not_there_is_new_only_if_it_is_declared() {
        let (set, batches) = set();
        assert!(is_new(&set, &batches[0], &problem(404, vec![])));
        assert!(!is_new(&set, &batches[0], &problem(403, vec![])));
        assert!(!is_new(&set, &batches[1], &problem(404, vec![])));
        let Refusal::Failure(error) = refusal(&set, &batches[1], problem(404, vec![])) else { panic!() };
        assert_eq!(
            (error.exit(), error.message()),
            (Exit::NotFound, "the organisation globex does not exist, or is not yours")
        );
    }

    #[test]
    fn the_plan_of_a_new_organisation_begins_with_itself() {
        let (set, batches) = set();
        let plan = joined(vec![plan_of_new(&set, &batches[0]), plan_of_new(&set, &batches[1])], true);
        let kinds: Vec<_> = plan.changes.iter().map(|change| change.kind).collect();
        assert_eq!(kinds, [Kind::Organisation, Kind::Model, Kind::Team]);
        assert_eq!(plan.summary, PlanSummary { create: 3, ..PlanSummary::default() });
        assert!(differs(&plan));
    }
}
