//! Reads and changes, as calls of the management API.

use std::sync::Arc;

use entity::page::MAX_LIMIT;
use entity::resource::{ApiKey, RotateApiKey};
use odock_client::http::{ListQuery, OrganisationApi, SummaryQuery, UsageQuery};
use odock_client::{Client, ClientError};
use odock_tui::effects::{Change, KeyRef, Load, Mutation};
use odock_tui::model::Scope;
use odock_tui::msg::{Answer, Failure, FailureKind, Mutated};
use secrecy::SecretString;

use super::target::{Target, contexts};

/// Requests that are fetched when nothing is known yet.
const RECENT: usize = 200;
/// Requests that are fetched at the most after a gap.
const MISSED: usize = 2_000;
/// Keys that are fetched at the most across organisations.
const KEYS: usize = 20_000;

/// Fetches something.
pub(crate) async fn load(target: &Target, load: Load) -> Result<Answer, Failure> {
    if load == Load::Contexts {
        return contexts().map(Answer::Contexts);
    }
    let client = target.client(false).await?;
    fetch(target, &client, load).await
}

async fn fetch(target: &Target, client: &Client, load: Load) -> Result<Answer, Failure> {
    let told = |error: ClientError| failure(&error);
    match load {
        Load::WhoAmI => Ok(Answer::WhoAmI(Box::new(client.whoami().await.map_err(told)?))),
        Load::Version => Ok(Answer::Version(client.version().await.map_err(told)?)),
        Load::Keys => match target.scope(client).await? {
            Scope::Organisation(slug) => {
                let keys = client.organisation(&slug).list(&ListQuery::default()).await.map_err(told)?;
                Ok(Answer::Keys(keys))
            }
            Scope::Everything => {
                let query = ListQuery { limit: Some(MAX_LIMIT), ..ListQuery::default() };
                let keys = client.admin().list(&query, KEYS).await.map_err(told)?;
                Ok(Answer::Keys(keys.items))
            }
        },
        Load::Key(key) => {
            let found: ApiKey = of(client, &key).get(&key.name).await.map_err(told)?;
            Ok(Answer::Key(Box::new(found)))
        }
        Load::History(key) => {
            let rotations = of(client, &key).apikeys().history(&key.name).await.map_err(told)?;
            Ok(Answer::History(rotations))
        }
        Load::Recent(since) => {
            let most = if since.is_some() { MISSED } else { RECENT };
            let limit = u32::try_from(most).unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
            let query = UsageQuery { from: since, limit: Some(limit), ..UsageQuery::default() };
            let page = inside(target, client).await?.usage(&query, most).await.map_err(told)?;
            let more = page.next_cursor.is_some();
            Ok(Answer::Recent(page.items, more))
        }
        Load::Record(id) => {
            let record = inside(target, client).await?.usage_record(&id).await.map_err(told)?;
            Ok(Answer::Record(Box::new(record)))
        }
        Load::Summary(since) => {
            let query = SummaryQuery { from: Some(since), ..SummaryQuery::default() };
            let summary = inside(target, client).await?.usage_summary(&query).await.map_err(told)?;
            Ok(Answer::Summary(Box::new(summary)))
        }
        Load::Contexts => contexts().map(Answer::Contexts),
    }
}

fn of(client: &Client, key: &KeyRef) -> OrganisationApi {
    client.organisation(&key.organisation)
}

/// The organisation that is looked at.
async fn inside(target: &Target, client: &Client) -> Result<OrganisationApi, Failure> {
    match target.scope(client).await? {
        Scope::Organisation(slug) => Ok(client.organisation(&slug)),
        Scope::Everything => {
            let hint = "start with --organisation NAME";
            Err(Failure::new(FailureKind::Other, "this needs one organisation").hint(hint))
        }
    }
}

/// Changes something. Never repeated: an answer that did not come says nothing about what was done.
pub(crate) async fn mutate(target: Arc<Target>, mutation: &Mutation) -> Result<Mutated, Failure> {
    let client = target.client(false).await?;
    let keys = of(&client, &mutation.key).apikeys();
    let name = &mutation.key.name;
    let changed = match mutation.change {
        Change::Rotate { overlap_seconds } => {
            let how = RotateApiKey { overlap_seconds, expiry: None };
            keys.rotate(name, &how).await.map(|issued| (issued.key, issued.secret))
        }
        Change::Revoke => keys.revoke(name).await.map(|key| (key, None)),
        Change::Unrevoke => keys.unrevoke(name).await.map(|key| (key, None)),
    };
    let (key, secret) = changed.map_err(|error| mutation_failure(&error))?;
    Ok(Mutated { key: Box::new(key), secret: secret.map(SecretString::from) })
}

/// A failed call in the core's terms.
pub(crate) fn failure(error: &ClientError) -> Failure {
    let kind = match error {
        ClientError::Unreachable { .. } => FailureKind::Unreachable,
        ClientError::Timeout { .. } => FailureKind::Timeout,
        _ => match error.status() {
            Some(401) => FailureKind::SignedOut,
            Some(403) => FailureKind::Forbidden,
            Some(404) => FailureKind::NotFound,
            Some(409 | 412) => FailureKind::Conflict,
            _ => FailureKind::Other,
        },
    };
    // The banner has little room, and the address stands elsewhere on the screen.
    let text = match error {
        ClientError::Unreachable { reason, .. } => reason.clone(),
        ClientError::Timeout { after, .. } => format!("no answer within {} s", after.as_secs()),
        error => error.to_string(),
    };
    let mut failure = Failure::new(kind, text);
    failure.hint = error.hint().map(str::to_owned);
    failure.request_id = error.request_id().map(str::to_owned);
    failure
}

/// A failed change: where the request may have arrived, nobody knows whether it was carried out.
fn mutation_failure(error: &ClientError) -> Failure {
    let mut told = failure(error);
    if matches!(error, ClientError::Unreachable { sent: true, .. } | ClientError::Decode { .. }) {
        told.kind = FailureKind::Ended;
    }
    told
}
