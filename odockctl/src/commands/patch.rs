//! `odockctl patch`: some fields of a resource, and no others.

mod set;

use entity::Kind;
use serde_json::{Value, json};

use super::change;
use super::target::{self, Target, noun};
use crate::error::{CliError, Exit};
use crate::merge;
use crate::session::Session;

/// Change some fields of a resource.
///
/// The patch is a merge patch (RFC 7396) of the spec: what it names is set, `null` removes, and lists are replaced as a
/// whole. The result is checked before it is sent. With --revision nothing is changed if somebody was faster.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl patch key ci --set policies.ratelimit.requests.per_minute=60
  odockctl patch model/support-fast --set slug=gpt-4.1-mini --unset providerKey
  odockctl patch provider openai -p '{\"enabled\": false}'
  odockctl patch key ci -p @patch.yaml --revision 3")]
pub struct Args {
    /// A kind and a name, or kind/name.
    #[arg(required = true, num_args = 1..=2, value_name = "KIND NAME | KIND/NAME")]
    target: Vec<String>,
    /// The patch as JSON or YAML; @FILE reads a file, @- standard input.
    #[arg(short, long, value_name = "PATCH")]
    patch: Option<String>,
    /// A field and its value, such as policies.ratelimit.requests.per_minute=60. May be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// A field to remove. May be repeated.
    #[arg(long, value_name = "PATH")]
    unset: Vec<String>,
    /// Only if the resource is at this revision still.
    #[arg(long, value_name = "N")]
    revision: Option<i64>,
}

/// Runs the command.
///
/// # Errors
/// The patch is wrong, or the gateway refuses.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let (kind, name) = one(&args.target)?;
    let mut patch = match &args.patch {
        Some(text) => unwrapped(read(text)?)?,
        None => json!({}),
    };
    for assignment in &args.set {
        merge::apply_nested(&mut patch, set::assignment(kind, assignment)?);
    }
    for path in &args.unset {
        merge::apply_nested(&mut patch, set::removal(kind, path)?);
    }
    if patch.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(
            CliError::usage("there is nothing to change").hint("use --set PATH=VALUE, --unset PATH or -p PATCH")
        );
    }
    session.must_write()?;
    let now = change::current(session, kind, &name).await?;
    let mut wanted = now.spec.clone();
    merge::apply(&mut wanted, &patch);
    change::check(kind, &now.name, &wanted)?;
    if merge::patch(&now.spec, &wanted).is_none() {
        session.out.note(&format!("{} {} is like that already", noun(kind), now.name));
        return Ok(Exit::Done);
    }
    change::send(session, kind, &now.name, &patch, args.revision).await?;
    Ok(Exit::Done)
}

/// The one resource that a command line names.
///
/// # Errors
/// It names none, or several.
pub fn one(words: &[String]) -> Result<(Kind, String), CliError> {
    let targets = target::targets(words)?;
    match &targets[..] {
        [Target { kind, names }] if names.len() == 1 => Ok((*kind, names.concat())),
        [Target { kind, names }] if names.is_empty() => Err(CliError::usage(format!("name the {}", noun(*kind)))
            .hint(format!("list them: odockctl get {}", target::nouns(*kind)))),
        _ => Err(CliError::usage("one resource at a time")),
    }
}

fn read(text: &str) -> Result<Value, CliError> {
    let content = match text.strip_prefix('@') {
        Some("-") => {
            std::io::read_to_string(std::io::stdin()).map_err(|error| CliError::io("standard input", &error))?
        }
        Some(path) => std::fs::read_to_string(path).map_err(|error| CliError::io(path, &error))?,
        None => text.to_owned(),
    };
    serde_saphyr::from_str(&content).map_err(|error| {
        CliError::usage(format!("the patch is neither JSON nor YAML: {}", first_line(&error.to_string())))
    })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The patch of the spec, also where somebody wrote `{"spec": …}` as for a manifest.
fn unwrapped(patch: Value) -> Result<Value, CliError> {
    let Value::Object(fields) = patch else {
        return Err(CliError::usage("a patch is an object, such as {\"enabled\": false}"));
    };
    match fields.get("spec") {
        Some(spec @ Value::Object(_)) if fields.len() == 1 => Ok(spec.clone()),
        Some(_) => Err(CliError::usage("only the spec can be patched").hint("write its fields, without `spec`")),
        None => Ok(Value::Object(fields)),
    }
}
