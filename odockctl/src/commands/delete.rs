//! `odockctl delete`: resources that shall not be any more.

use entity::Kind;

use super::labels::ByLabels;
use super::target::{self, Target, noun};
use crate::error::{CliError, Exit};
use crate::prompt::Act;
use crate::session::{Session, interrupted};

/// Delete resources.
///
/// A resource that others refer to is not deleted unless --cascade deletes those, too. Usage records and the audit log
/// keep the names.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl delete key ci
  odockctl delete provider/openai --cascade
  odockctl delete keys ci search --yes
  odockctl delete keys --selector env=test --yes")]
pub struct Args {
    /// A kind and names, kind/name, or with --selector a kind.
    #[arg(required = true, value_name = "KIND NAME… | KIND/NAME… | KIND")]
    targets: Vec<String>,
    #[command(flatten)]
    by: ByLabels,
    /// Delete what refers to them, too.
    #[arg(long)]
    cascade: bool,
}

/// Runs the command.
///
/// # Errors
/// A guard or the gateway refuses.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let targets = args.by.choose(session, target::targets(&args.targets)?).await?;
    if args.by.selector.is_some() && targets.iter().all(|target| target.names.is_empty()) {
        return Ok(Exit::Done);
    }
    if let Some(open) = targets.iter().find(|target| target.names.is_empty() && args.by.selector.is_none()) {
        return Err(CliError::usage(format!("name the {} to delete", target::nouns(open.kind))).hint(format!(
            "list them: odockctl get {}; or choose by labels: --selector env=test",
            target::nouns(open.kind)
        )));
    }
    session.must_write()?;
    let things: Vec<(Kind, &String)> =
        targets.iter().flat_map(|Target { kind, names }| names.iter().map(|name| (*kind, name))).collect();
    session.confirm(&act(session, &things, args.cascade)?).await?;
    let client = session.client().await?;
    for (done, (kind, name)) in things.iter().enumerate() {
        if session.is_interrupted() {
            tell_the_rest(session, &things, done);
            return Err(interrupted());
        }
        let deleted = match kind {
            Kind::Organisation => client.admin().delete_organisation(name, args.cascade).await,
            _ => client.organisation(&session.organisation()?).delete(*kind, name, args.cascade).await,
        };
        if let Err(error) = deleted {
            tell_the_rest(session, &things, done);
            return Err(refused(error, *kind, name, args.cascade));
        }
        session.out.note(&format!("deleted {} {name}", noun(*kind)));
    }
    Ok(Exit::Done)
}

fn act(session: &Session, things: &[(Kind, &String)], cascade: bool) -> Result<Act, CliError> {
    let place = match things {
        [(Kind::Organisation, _), ..] => String::new(),
        _ => format!(" of {}", session.organisation()?),
    };
    let what = match things {
        [(kind, name)] => format!("Delete {} {name}{place}", noun(*kind)),
        _ => format!("Delete {} resources{place}", things.len()),
    };
    let act = Act::new(what)
        .to(things.iter().filter(|_| things.len() > 1).map(|(kind, name)| format!("{} {name}", noun(*kind))));
    Ok(if cascade { act.so("Everything that refers to them is deleted, too.") } else { act })
}

fn refused(error: odock_client::ClientError, kind: Kind, name: &str, cascade: bool) -> CliError {
    let referred = error.code() == "conflict" && !cascade;
    let made = CliError::from(error).about(&format!("{} {name}", noun(kind)));
    // The gateway's own advice is for callers of its API.
    if referred { made.hint("delete what refers to it first, or add --cascade") } else { made }
}

/// After a failure among several: what was done stands.
fn tell_the_rest(session: &Session, things: &[(Kind, &String)], done: usize) {
    if things.len() > 1 {
        let list = |things: &[(Kind, &String)]| {
            let names: Vec<_> = things.iter().map(|(kind, name)| format!("{} {name}", noun(*kind))).collect();
            if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
        };
        let (gone, left) = things.split_at(done);
        session.out.warn(&format!("deleted: {}; not deleted: {}", list(gone), list(left)));
    }
}
