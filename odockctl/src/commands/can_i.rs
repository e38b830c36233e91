//! `odockctl auth can-i`: whether one may do something.

use entity::access::{Access, Permission};

use crate::error::{CliError, Exit};
use crate::output::{Column, Show};
use crate::session::Session;

/// Say whether you may do something.
///
/// Answered by the gateway, from the table that it enforces. Prints yes or no; ends with 0 for yes and 1 for no.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl auth can-i create provider
  odockctl auth can-i rotate key/ci
  odockctl auth can-i --list
  odockctl auth can-i delete organisation -o json")]
pub struct Args {
    /// What you would do: get, list, create, update, delete, or an act such as rotate.
    #[arg(value_name = "VERB", required_unless_present = "list")]
    verb: Option<String>,
    /// To what: a kind, or kind/name; also other things of `odockctl auth matrix`, such as audit.
    #[arg(value_name = "KIND[/NAME]", required_unless_present = "list")]
    what: Option<String>,
    /// List everything that you may do.
    #[arg(long, conflicts_with_all = ["verb", "what"])]
    list: bool,
}

/// Runs the command.
///
/// # Errors
/// The gateway refuses, or knows no such verb or kind.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let client = session.client().await?;
    let (Some(verb), Some(what)) = (args.verb, args.what) else {
        let answer = client.can_i(None, None).await?;
        session.out.list(&answer.permissions, None)?;
        return Ok(Exit::Done);
    };
    let (kind, name) = what.split_once('/').map_or((what.as_str(), None), |(kind, name)| (kind, Some(name)));
    let answer = client.can_i(Some((&verb, kind)), name).await?;
    if session.out.is_structured() {
        session.out.value(&answer)?;
    } else {
        session.out.text(if answer.allowed { "yes\n" } else { "no\n" })?;
        session.out.note(&answer.reason);
    }
    Ok(if answer.allowed { Exit::Done } else { Exit::Failed })
}

impl Show for Permission {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("RESOURCE", "resource", |p| p.resource.clone()),
                Column::new("VERB", "verb", |p| p.verb.clone()),
                Column::new("ACCESS", "access", |p| p.access.as_str().to_owned()),
                Column::new("METHOD", "method", |p| p.method.clone()),
                Column::new("PATH", "path", |p| p.path.clone()),
            ]
        }
    }

    fn example() -> Self {
        Self {
            verb: "rotate".into(),
            resource: "apikey".into(),
            access: Access::Teams,
            in_scope: true,
            method: "POST".into(),
            path: "/api/organisations/{organisation}/apikeys/{name}/rotate".into(),
        }
    }

    fn handle(&self) -> String {
        format!("{} {}", self.verb, self.resource)
    }
}
