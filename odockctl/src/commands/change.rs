//! What `edit` and `patch` share: a resource as it is, and a merge patch of its spec.

use entity::Kind;
use entity::check::check_spec;
use odock_client::ClientError;
use odock_client::http::Wire;
use serde_json::Value;

use super::get::fetch;
use super::target::{for_kind, noun};
use crate::error::{CliError, Detail, Exit, Place};
use crate::merge;
use crate::output::Show;
use crate::session::Session;

/// A resource as the gateway shows it now.
#[derive(Clone, Debug)]
pub struct Current {
    /// Its name, as the gateway spells it.
    pub name: String,
    /// Its organisation.
    pub organisation: Option<String>,
    /// Counts its changes.
    pub revision: i64,
    /// What it is declared to be.
    pub spec: Value,
    /// The same as YAML, fields in the order of their declaration.
    pub text: String,
}

/// A resource by name or id.
///
/// # Errors
/// The gateway refuses.
pub async fn current(session: &Session, kind: Kind, name: &str) -> Result<Current, CliError> {
    for_kind!(kind, T => {
        let found = fetch::<T>(session, name).await?;
        Ok(Current {
            spec: serde_json::to_value(&found.spec).map_err(|error| CliError::internal(error.to_string()))?,
            text: serde_saphyr::to_string(&found.spec).map_err(|error| CliError::internal(error.to_string()))?,
            revision: found.revision,
            organisation: found.organisation,
            name: found.name,
        })
    })
}

/// Sends a merge patch of a spec, and writes what the resource is now in structured formats.
///
/// # Errors
/// The gateway refuses; `stale_revision` when the resource moved on.
pub async fn send(
    session: &Session,
    kind: Kind,
    name: &str,
    patch: &Value,
    revision: Option<i64>,
) -> Result<(), CliError> {
    for_kind!(kind, T => {
        let changed = sent::<T>(session, name, patch, revision).await;
        let changed = changed.map_err(|error| refused(error, kind, name))?;
        if session.out.is_structured() {
            session.out.one(&changed)?;
        }
    });
    session.out.note(&format!("changed {} {name}: {}", noun(kind), merge::paths(patch).join(", ")));
    Ok(())
}

async fn sent<T: Wire + Show>(
    session: &Session,
    name: &str,
    patch: &Value,
    revision: Option<i64>,
) -> Result<T, ClientError> {
    let wrong = |error: CliError| ClientError::Invalid(error.message().to_owned());
    let client = session.client().await.map_err(wrong)?;
    if T::KIND == Kind::Organisation {
        let changed = client.admin().patch_organisation(name, patch, revision).await?;
        // The type is `Organisation`, which only the kind knows.
        return serde_json::from_value(serde_json::to_value(changed).unwrap_or_default())
            .map_err(|error| ClientError::Invalid(error.to_string()));
    }
    let organisation = session.organisation().map_err(wrong)?;
    client.organisation(&organisation).patch(name, patch, revision).await
}

fn refused(error: ClientError, kind: Kind, name: &str) -> CliError {
    CliError::from(error).about(&format!("{} {name}", noun(kind)))
}

/// Refuses a patch that would leave a wrong spec, with everything that is wrong.
///
/// # Errors
/// What is wrong, each with its pointer.
pub fn check(kind: Kind, name: &str, spec: &Value) -> Result<(), CliError> {
    let wrong = check_spec(kind, spec);
    if wrong.is_empty() {
        return Ok(());
    }
    let count = crate::output::count(u64::try_from(wrong.len()).unwrap_or(u64::MAX), "mistake");
    let details = wrong.into_iter().map(|violation| Detail {
        message: violation.text(),
        code: Some(violation.code.to_owned()),
        source: Some(Place { pointer: Some(format!("/spec{}", violation.pointer)), ..Place::default() }),
    });
    Err(CliError::new(Exit::Usage, "invalid", format!("{} {name}: {count}, nothing was changed", noun(kind)))
        .details(details.collect())
        .hint(format!("see what may stand there: odockctl explain {} --recursive", noun(kind))))
}
