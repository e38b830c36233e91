//! `odockctl edit`: a resource in an editor.

mod editor;
mod sheet;

use serde_json::Value;

use self::editor::Draft;
use self::sheet::Sheet;
use super::change::{self, Current};
use super::patch::one;
use super::target::noun;
use crate::error::{CliError, Exit};
use crate::merge;
use crate::session::{Session, interrupted};

/// Change a resource in an editor.
///
/// Opens what was declared in $ODOCK_EDITOR, $VISUAL or $EDITOR. Only what you change is sent, and only if the resource is
/// still what you saw; if somebody was faster, the editor opens again with both changes. After a mistake it opens again
/// with the mistake above. An empty file changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl edit key ci
  EDITOR='code --wait' odockctl edit model/support-fast")]
pub struct Args {
    /// A kind and a name, or kind/name.
    #[arg(required = true, num_args = 1..=2, value_name = "KIND NAME | KIND/NAME")]
    target: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// There is no editor, the file was saved empty, or the gateway refuses and the text was not changed any more.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let (kind, name) = one(&args.target)?;
    session.must_write()?;
    let program = editor::program(session)?;
    let mut now = change::current(session, kind, &name).await?;
    let mut draft = Draft::new(&now.name)?;
    let mut sheet = Sheet { kind, remarks: Vec::new() };
    let mut text = sheet.write(&now, &now.text);
    loop {
        draft.write(&text)?;
        editor::open(&program, draft.path()).await?;
        if session.is_interrupted() {
            return Err(kept(interrupted(), draft));
        }
        let saved = draft.read()?;
        let Some(body) = sheet::without_remarks(&saved) else {
            return Err(CliError::new(Exit::Guard, "empty", "the file was saved empty: nothing was changed"));
        };
        let wanted = match sheet.read(&now, &body).and_then(|spec| change::check(kind, &now.name, &spec).map(|()| spec))
        {
            Ok(spec) => spec,
            Err(error) => {
                // Saved as it was: whoever edits has nothing to add.
                if saved == text {
                    return Err(kept(error, draft));
                }
                sheet.remarks = sheet::complaint(&error);
                text = sheet.again(&now, &body);
                continue;
            }
        };
        let Some(patch) = merge::patch(&now.spec, &wanted) else {
            session.out.note("nothing was changed");
            return Ok(Exit::Done);
        };
        match change::send(session, kind, &now.name, &patch, Some(now.revision)).await {
            Ok(()) => return Ok(Exit::Done),
            Err(error) if error.code() == "stale_revision" => {
                let fresh = change::current(session, kind, &name).await?;
                sheet.remarks = meanwhile(&now, &fresh, &patch);
                let mut merged = fresh.spec.clone();
                merge::apply(&mut merged, &patch);
                text = sheet.write(&fresh, &yaml(&merged)?);
                now = fresh;
            }
            Err(error) if error.exit() == Exit::Usage || error.exit() == Exit::Conflict => {
                if saved == text {
                    return Err(kept(error, draft));
                }
                sheet.remarks = sheet::complaint(&error);
                text = sheet.again(&now, &body);
            }
            Err(error) => return Err(kept(error.about(&format!("{} {}", noun(kind), now.name)), draft)),
        }
    }
}

/// What somebody else changed while the editor was open.
fn meanwhile(seen: &Current, fresh: &Current, own: &Value) -> Vec<String> {
    let theirs = merge::patch(&seen.spec, &fresh.spec).map(|patch| merge::paths(&patch)).unwrap_or_default();
    let own = merge::paths(own);
    let mut remarks = vec![format!(
        "Somebody changed it meanwhile (revision {} to {}): {}.",
        seen.revision,
        fresh.revision,
        theirs.join(", ")
    )];
    let both: Vec<&str> = theirs.iter().filter(|path| own.contains(path)).map(String::as_str).collect();
    remarks.push(match both.is_empty() {
        true => "Below are their changes and yours. Save to go on.".to_owned(),
        false => format!("You both changed {}: below is yours. Save to overwrite theirs.", both.join(", ")),
    });
    remarks
}

fn yaml(spec: &Value) -> Result<String, CliError> {
    serde_saphyr::to_string(spec).map_err(|error| CliError::internal(error.to_string()))
}

/// An error that leaves the text where its writer can find it.
fn kept(error: CliError, draft: Draft) -> CliError {
    match draft.keep() {
        Some(path) => error.hint(format!("your text is kept in {}", path.display())),
        None => error,
    }
}
