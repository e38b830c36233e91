//! `odockctl drift`: what is not as the manifests say, and whose doing that is.

use entity::Timestamp;
use entity::plan::{Action, Change, FieldChange, Plan, Touch};
use odock_client::Client;
use odock_client::http::AuditQuery;
use serde::Serialize;
use serde_json::Value;

use super::diff::{Declared, joined, preview, requests};
use super::manner::Manner;
use crate::error::{CliError, Exit};
use crate::output::{Style, instant, one_line};
use crate::session::Session;

/// Audit events that are searched for who deleted something.
const EVENTS: usize = 2_000;

/// Find what is not as the manifests say: changed by somebody else, or changed in the files.
///
/// The gateway remembers what was applied last, and who has declared each field since. Exit codes: 0 nothing differs,
/// 1 something differs, 64 the manifests are wrong, 70 the comparison failed.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  odockctl drift -f organisation/ --owner platform-ci
  odockctl drift -f organisation/ --owner platform-ci -o json")]
pub struct Args {
    /// Where the manifests are.
    #[command(flatten)]
    pub manifests: Declared,
    /// Under whose name they were applied. Needed where it is not the one that applies without a name.
    #[arg(long, value_name = "NAME", env = "ODOCK_OWNER", hide_env_values = true)]
    pub owner: Option<String>,
}

/// Why something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Cause {
    /// Somebody else changed it after it was applied.
    Drift,
    /// The files changed after they were applied.
    File,
    /// Both did.
    Both,
}

impl Cause {
    const fn words(self) -> &'static str {
        match self {
            Self::Drift => "changed there",
            Self::File => "changed in the files",
            Self::Both => "changed there and in the files",
        }
    }
}

/// Something that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Difference {
    cause: Cause,
    kind: entity::Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
    name: String,
    /// The field; nothing for a whole resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<Value>,
    /// What the files say.
    #[serde(skip_serializing_if = "Option::is_none")]
    declared: Option<Value>,
    /// What was applied last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_applied: Option<Value>,
    /// Who changed it, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by: Option<Touch>,
    what: String,
}

/// Runs the command.
///
/// # Errors
/// The manifests are wrong, or they cannot be compared.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let (mut set, batches) = args.manifests.load(session)?;
    let compared = async {
        let client = session.client().await?;
        args.manifests.resolve(session, &client, &mut set).await?;
        let manner = Manner { owner: args.owner.clone(), force_conflicts: true, ..Manner::default() };
        let mut wanted = requests(&set, &batches, &manner)?;
        for one in &mut wanted {
            // What the files no longer hold differs, too. Guards are for those who delete.
            one.request.prune = one.request.owner.is_some();
            one.request.max_deletes = Some(1_000_000);
            one.request.prune_active = true;
        }
        let plan = joined(preview(session, &client, &set, &wanted).await?, true);
        differences(&client, &plan).await
    };
    let found = compared.await.map_err(|error: CliError| {
        // 1 says that something differs, so no failure may end so.
        if error.exit() == Exit::Usage { error } else { error.ends(Exit::Internal) }
    })?;
    if session.out.is_structured() {
        session.out.value(&serde_json::json!({ "differences": found }))?;
    } else {
        session.out.raw(&rendered(session, &found))?;
    }
    Ok(if found.is_empty() { Exit::Done } else { Exit::Failed })
}

async fn differences(client: &Client, plan: &Plan) -> Result<Vec<Difference>, CliError> {
    let mut found = Vec::new();
    for change in &plan.changes {
        match change.action {
            Action::Unchanged => {}
            Action::Update | Action::Rename => found.extend(change.fields.iter().map(|field| of_field(change, field))),
            Action::Delete => found.push(whole(change, Cause::File, None, "is no longer in the files")),
            Action::Create => {
                let gone = deletion(client, change).await?;
                found.push(match gone {
                    Some(by) => whole(change, Cause::Drift, Some(by), "was deleted"),
                    None => whole(change, Cause::File, None, "is new in the files"),
                });
            }
        }
    }
    Ok(found)
}

fn whole(change: &Change, cause: Cause, changed_by: Option<Touch>, what: &str) -> Difference {
    Difference {
        cause,
        kind: change.kind,
        organisation: change.organisation.clone(),
        name: change.name.clone(),
        field: None,
        live: None,
        declared: None,
        last_applied: None,
        changed_by,
        what: what.to_owned(),
    }
}

/// What was applied last tells the two apart: who declares still what was applied then has changed nothing.
fn of_field(change: &Change, field: &FieldChange) -> Difference {
    let FieldChange { path, old, new, last_applied, changed_by } = field;
    let cause = match last_applied {
        // Somebody else declared it otherwise, and perhaps took it by force.
        None if changed_by.is_some() => Cause::Drift,
        None => Cause::File,
        Some(_) if last_applied == new => Cause::Drift,
        Some(_) if last_applied == old => Cause::File,
        Some(_) => Cause::Both,
    };
    let changed_by = changed_by.clone().filter(|_| cause != Cause::File);
    let what = if cause == Cause::File && last_applied.is_none() && changed_by.is_none() {
        "is new in the files"
    } else {
        cause.words()
    };
    Difference {
        field: Some(path.trim_start_matches(['/', '@']).replace('/', ".").replace("~1", "/").replace("~0", "~")),
        live: old.clone(),
        declared: new.clone(),
        last_applied: last_applied.clone(),
        ..whole(change, cause, changed_by, what)
    }
}

/// Who deleted a resource of this name last, as the audit log has it.
async fn deletion(client: &Client, change: &Change) -> Result<Option<Touch>, CliError> {
    let organisation = change.organisation.as_deref().unwrap_or(&change.name);
    let page = match client.organisation(organisation).audit(&AuditQuery::default(), EVENTS).await {
        Ok(page) => page,
        // Of an organisation that is still to be made there is no log.
        Err(error) if error.status() == Some(404) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let kind = match change.kind {
        entity::Kind::ServiceAccount => "service-account".to_owned(),
        kind => kind.as_str().to_lowercase(),
    };
    let about = |event: &&entity::audit::AuditEvent| {
        event.resource == kind && event.name.as_deref() == Some(&change.name) && event.outcome == "done"
    };
    let last = page.items.iter().find(about);
    Ok(last.filter(|event| event.verb == "delete").map(|event| Touch {
        owner: entity::ownership::MANUAL.to_owned(),
        by: event.actor.clone(),
        at: event.at,
    }))
}

fn rendered(session: &Session, found: &[Difference]) -> String {
    if found.is_empty() {
        return "nothing differs\n".to_owned();
    }
    let mut text = String::new();
    let mut heading = String::new();
    for one in found {
        let within = one.organisation.as_deref().map(|slug| format!(" ({})", one_line(slug))).unwrap_or_default();
        let this = format!("{} {}{within}", one.kind, one_line(&one.name));
        if this != heading {
            text.push_str(&format!("{this}\n"));
            heading = this;
        }
        let style = if one.cause == Cause::File { Style::Yellow } else { Style::Red };
        let what = session.out.paint(style, &one.what);
        let by = one.changed_by.as_ref().map(who).unwrap_or_default();
        match &one.field {
            None => text.push_str(&format!("    {what}{by}\n")),
            Some(field) => text.push_str(&format!(
                "    {}  {what}{by}: there {}, in the files {}\n",
                one_line(field),
                shown(&one.live),
                shown(&one.declared)
            )),
        }
    }
    let count = |cause| found.iter().filter(|one| one.cause == cause).count();
    let (drift, file, both) = (count(Cause::Drift), count(Cause::File), count(Cause::Both));
    text.push_str(&format!("\n{drift} changed there, {file} changed in the files, {both} changed in both\n"));
    text
}

fn who(touch: &Touch) -> String {
    let owner = match touch.owner.as_str() {
        entity::ownership::MANUAL => String::new(),
        owner => format!(" (owner {})", one_line(owner)),
    };
    format!(" by {}{owner} at {}", one_line(&touch.by), when(touch.at))
}

fn when(at: Timestamp) -> String {
    instant(at)
}

fn shown(value: &Option<Value>) -> String {
    match value {
        None => "not set".to_owned(),
        Some(Value::String(text)) => one_line(text),
        Some(other) => one_line(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cause(old: Value, new: Value, last: Value, touched: bool) -> Cause {
        let given = |value: Value| Some(value).filter(|value| !value.is_null());
        let touch = Touch { owner: "manual".into(), by: "ada@x".into(), at: Timestamp(1) };
        let field = FieldChange {
            path: "/a".into(),
            old: given(old),
            new: given(new),
            last_applied: given(last),
            changed_by: touched.then_some(touch),
        };
        let change = Change {
            action: Action::Update,
            kind: entity::Kind::Team,
            organisation: None,
            name: "t".into(),
            renamed_from: None,
            fields: vec![],
            consequences: vec![],
        };
        of_field(&change, &field).cause
    }

    #[test]
    fn what_was_applied_last_tells_drift_from_a_changed_file() {
        assert_eq!(cause(json!(2), json!(1), json!(1), true), Cause::Drift);
        assert_eq!(cause(json!(1), json!(2), json!(1), false), Cause::File);
        assert_eq!(cause(json!(3), json!(2), json!(1), true), Cause::Both);
        assert_eq!(cause(json!(1), Value::Null, json!(1), false), Cause::File);
        assert_eq!(cause(Value::Null, json!(1), json!(1), true), Cause::Drift);
        assert_eq!(cause(Value::Null, json!(1), Value::Null, false), Cause::File);
        assert_eq!(cause(json!(["a"]), json!([]), Value::Null, true), Cause::Drift);
    }
}
