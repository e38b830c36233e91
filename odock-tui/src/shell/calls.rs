//! Reads and changes, as calls of the management API.

use std::sync::Arc;
use std::time::Duration;

use entity::Kind;
use entity::Timestamp;
use entity::page::MAX_LIMIT;
use entity::resource::{ApiKey, Budget, Overlay, OverlaySpec, Provider, Quota, RotateApiKey};
use odock_client::http::{ListQuery, OrganisationApi, SummaryQuery, UsageQuery};
use odock_client::{Client, ClientError};
use odock_tui::effects::{Change, KeyRef, Load, Mutation, ScopeRef};
use odock_tui::model::Scope;
use odock_tui::msg::{Answer, Failure, FailureKind, Mutated};
use odock_tui::screens::limit::Declared;
use secrecy::SecretString;
use serde_json::json;

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
        Load::Limits => Ok(Answer::Limits(inside(target, client).await?.limits().await.map_err(told)?)),
        Load::Declared => {
            let (api, query) = (inside(target, client).await?, ListQuery::default());
            let budgets: Vec<Budget> = api.list(&query).await.map_err(told)?;
            let quotas: Vec<Quota> = api.list(&query).await.map_err(told)?;
            Ok(Answer::Declared(budgets.iter().map(Declared::from).chain(quotas.iter().map(Declared::from)).collect()))
        }
        Load::Overlays => {
            let mut overlays: Vec<Overlay> =
                inside(target, client).await?.list(&ListQuery::default()).await.map_err(told)?;
            overlays.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(Answer::Overlays(overlays))
        }
        Load::Providers => {
            let providers: Vec<Provider> =
                inside(target, client).await?.list(&ListQuery::default()).await.map_err(told)?;
            Ok(Answer::Providers(providers))
        }
        Load::Test(name) => {
            let found = inside(target, client).await?.test_provider(&name, None).await.map_err(told)?;
            Ok(Answer::Test(Box::new(found)))
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
    match mutation {
        Mutation::Key { key, change } => change_key(&client, key, *change).await,
        Mutation::Overlay { scope, factor, seconds, reason } => {
            let ends = Timestamp::now().plus(Duration::from_secs(u64::from(*seconds)));
            let spec =
                OverlaySpec { scope: scope.scope.clone(), factor: *factor, reason: reason.clone(), starts: None, ends };
            set_overlay(&client, scope, spec).await
        }
        Mutation::EndOverlay { organisation, name } => {
            let ended = client.organisation(organisation).delete(Kind::Overlay, name, false).await;
            ended.map(|()| Mutated::Limits).map_err(|error| mutation_failure(&error))
        }
    }
}

/// Sets the overlay of a scope, in place of the one that has its name.
async fn set_overlay(client: &Client, scope: &ScopeRef, spec: OverlaySpec) -> Result<Mutated, Failure> {
    let (api, name) = (client.organisation(&scope.organisation), scope.overlay());
    let there = match api.get::<Overlay>(&name).await {
        Ok(there) => Some(there),
        Err(error) if error.status() == Some(404) => None,
        Err(error) => return Err(failure(&error)),
    };
    let set = match there {
        None => api.create::<Overlay>(&name, spec).await,
        Some(there) => {
            // Whatever the new one leaves out shall not stay behind from the old one.
            let patch = json!({
                "scope": { "type": spec.scope.r#type, "name": spec.scope.name },
                "factor": spec.factor, "reason": spec.reason, "starts": spec.starts, "ends": spec.ends,
            });
            api.patch::<Overlay>(&name, &patch, Some(there.revision)).await
        }
    };
    set.map(|_| Mutated::Limits).map_err(|error| mutation_failure(&error))
}

async fn change_key(client: &Client, key: &KeyRef, change: Change) -> Result<Mutated, Failure> {
    let keys = of(client, key).apikeys();
    let name = &key.name;
    let changed = match change {
        Change::Rotate { overlap_seconds } => {
            let how = RotateApiKey { overlap_seconds, expiry: None, pending: false };
            keys.rotate(name, &how).await.map(|issued| (issued.key, issued.secret))
        }
        Change::Revoke => keys.revoke(name).await.map(|key| (key, None)),
        Change::Unrevoke => keys.unrevoke(name).await.map(|key| (key, None)),
    };
    let (key, secret) = changed.map_err(|error| mutation_failure(&error))?;
    Ok(Mutated::Key { key: Box::new(key), secret: secret.map(SecretString::from) })
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
