//! Who the gateway takes the user for, and what that may do.

use std::time::Duration;

use entity::Timestamp;
use odock_client::http::Path;
use serde_json::Value;

use super::Report;
use crate::columns::Verdict::{Fail, Ok as Good, Skip, Warn};
use crate::error::CliError;
use crate::output::instant;
use crate::session::{Chosen, Session};

/// Days before its end from which a token is worth a word.
const SOON: Duration = Duration::from_hours(7 * 24);

/// Whether the token works, whom it belongs to, and whether the organisation is there.
pub(super) async fn whoami(session: &Session, chosen: &Chosen, report: &mut Report) {
    let who = match signed_in(session).await {
        Ok(who) => who,
        Err(error) => {
            report.fail("sign-in", &error);
            return report.skip(&["role", "organisation"], "nobody is signed in");
        }
    };
    let text = |pointer: &str| who.pointer(pointer).and_then(Value::as_str);
    // Users have an e-mail address, service accounts a name.
    let name = ["/email", "/serviceAccount", "/name"].into_iter().find_map(text).unwrap_or("somebody");
    match text("/token/expiresAt").and_then(|at| at.parse::<Timestamp>().ok()) {
        // A pipeline's token is short on purpose.
        Some(at) if at <= Timestamp::now().plus(SOON) && text("/email").is_some() => report.advise(
            "sign-in",
            Warn,
            format!("{name}; the token ends {}", instant(at)),
            "sign in again before that: odockctl login",
        ),
        Some(at) => report.add("sign-in", Good, format!("{name}; the token ends {}", instant(at))),
        None => report.add("sign-in", Good, name),
    }
    report.add(
        "role",
        Good,
        format!("{} of {}", text("/role").unwrap_or("none"), text("/organisation").unwrap_or("no organisation")),
    );
    let Some(organisation) = &chosen.context.organisation else {
        return report.advise(
            "organisation",
            Warn,
            "none is chosen",
            "odockctl context add NAME --organisation SLUG; or use --organisation",
        );
    };
    match exists(session, organisation).await {
        Ok(()) => report.add("organisation", Good, format!("{organisation} is there")),
        Err(error) if error.exit() == crate::error::Exit::NotFound => report.advise(
            "organisation",
            Fail,
            format!("{organisation} does not exist, or is not yours"),
            "list yours: odockctl get organisations",
        ),
        // Not every role may read it.
        Err(error) if error.exit() == crate::error::Exit::Forbidden && text("/organisation") == Some(organisation) => {
            report.add("organisation", Skip, format!("{organisation} is yours; the role may not read it"));
        }
        Err(error) => report.fail("organisation", &error),
    }
}

/// The answer to "who am I", as JSON: what it holds depends on who asks.
async fn signed_in(session: &Session) -> Result<Value, CliError> {
    Ok(session.client().await?.get(&Path::fixed("api/whoami"), &Value::Object(Default::default())).await?)
}

async fn exists(session: &Session, organisation: &str) -> Result<(), CliError> {
    session.client().await?.organisation(organisation).show().await?;
    Ok(())
}
