//! A pipeline's OpenID token for a service account's (RFC 8693).

use axum::Json;
use axum::extract::State;
use entity::check::code;
use entity::identity::{ACCESS_TOKEN, Exchange, Exchanged, ID_TOKEN, JWT, TOKEN_EXCHANGE};
use entity::resource::TrustRule;
use entity::row::{organisation, service_account};
use entity::vocab::{OrganisationStatus, ServiceTokenKind};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::{Refused, Stranger, begin_attempt, checked, needed_secret, settle};
use crate::credential::{self, CredentialKind};
use crate::gateway::Gateway;
use crate::identity::{MAX_TOKEN, Misfit, ProveError, Token, fitting};
use crate::management::access::guard;
use crate::management::audit::{DONE, Deed};
use crate::management::body::{Document, Fields};
use crate::management::problem::{ApiError, Code, shortened};
use crate::management::refusals::{BodyRefusals, Refusals};
use crate::store;
use crate::store::service_accounts::NewToken;

/// Exchanges an OpenID token that a service account trusts for a short-lived token of that service account.
#[utoipa::path(
    post, path = "/api/auth/exchange", tag = "session", operation_id = "exchange", request_body = Exchange, security(()),
    responses((status = 200, description = "The service account's token.", body = Exchanged), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn exchange(
    State(gateway): State<Gateway>,
    stranger: Stranger,
    Document(body): Document,
) -> Result<Json<Exchanged>, ApiError> {
    let (account, token) = read(body)?;
    let attempt = begin_attempt(&gateway, &stranger, "exchange", None, false).await?;
    let outcome = give(&gateway, &stranger, &account, &token).await;
    let outcome = outcome.map_err(|refused| Refused { who: Some(account.clone()), ..refused });
    Ok(Json(settle(&gateway, &stranger, "exchange", attempt, outcome).await?))
}

fn read(body: Value) -> Result<(String, SecretString), ApiError> {
    let mut fields = Fields::of(body)?;
    if fields.text("grant_type").is_some_and(|grant| grant != TOKEN_EXCHANGE) {
        fields.report::<()>("grant_type", code::INVALID, format!("must be {TOKEN_EXCHANGE}"));
    }
    if fields.text("subject_token_type").is_some_and(|kind| kind != JWT && kind != ID_TOKEN) {
        fields.report::<()>("subject_token_type", code::INVALID, format!("must be {JWT} or {ID_TOKEN}"));
    }
    let token = needed_secret(&mut fields, "subject_token", MAX_TOKEN);
    let account = fields.line("service_account");
    if account.as_ref().is_some_and(|account| !account.contains('/')) {
        fields.report::<()>("service_account", code::INVALID, "must be of the form organisation/name");
    } else if account.is_none() && !fields.has_error("service_account") {
        fields.report::<()>("service_account", code::MISSING, "`service_account` is missing");
    }
    fields.finish()?;
    Ok((checked(account)?, checked(token)?))
}

async fn give(
    gateway: &Gateway,
    stranger: &Stranger,
    account: &str,
    token: &SecretString,
) -> Result<Exchanged, Refused> {
    let bad = |error: &dyn std::fmt::Display| guard::unauthorized(error.to_string());
    let mut token = Token::read(token.expose_secret()).map_err(|error| bad(&error))?;
    let found = look_up(gateway, account).await?;
    // Of whom there is nothing is as of whom there is something that trusts others: nobody learns which accounts there are,
    // and no issuer is asked for its keys that nobody trusts.
    let trusting = found.filter(|(_, account)| account.trust.0.iter().any(|rule| rule.issuer == token.issuer()));
    let Some((organisation, row)) = trusting else {
        let title = format!("no rule of `{}` trusts the issuer {}", shortened(account), shortened(token.issuer()));
        return Err(Refused { why: Some(unproven(&token)), ..guard::unauthorized(title).into() });
    };
    let refused = |error: ApiError, why: Value| Refused {
        organisation: Some(organisation.id),
        why: Some(why),
        ..Refused::from(error)
    };
    let now = gateway.clock.now();
    if let Err(error) = gateway.identity.prove(&mut token, now).await {
        let why = unproven(&token);
        return Err(match &error {
            ProveError::Token(_) => refused(bad(&error), why),
            ProveError::Keys(_) => refused(
                ApiError::new(Code::Unavailable, format!("the issuer's keys cannot be had: {error}"))
                    .hint("try again in a moment"),
                why,
            ),
        });
    }
    let rule = fitting(&row.trust.0, &token).map_err(|misfits| {
        let error = ApiError::new(Code::Forbidden, told(&misfits, &token))
            .hint("an administrator of the organisation finds the rules that failed in the audit log");
        refused(error, rejected(&misfits, &token))
    })?;
    let usable = !row.disabled && organisation.status == OrganisationStatus::Active;
    if !usable {
        let error = ApiError::new(Code::Forbidden, "the service account is disabled, or its organisation suspended");
        return Err(refused(error, proven(rule, &token)));
    }
    issue(gateway, stranger, (&organisation, &row), rule, &token)
        .await
        .map_err(|error| refused(error, proven(rule, &token)))
}

async fn look_up(
    gateway: &Gateway,
    account: &str,
) -> Result<Option<(organisation::Model, service_account::Model)>, ApiError> {
    let Some((slug, name)) = account.split_once('/') else { return Ok(None) };
    let db = gateway.database.reader();
    let Some(organisation) = store::organisations::find(db, slug).await? else { return Ok(None) };
    let account = store::service_accounts::named(db, organisation.id, name).await?;
    Ok(account.map(|account| (organisation, account)))
}

async fn issue(
    gateway: &Gateway,
    stranger: &Stranger,
    (organisation, account): (&organisation::Model, &service_account::Model),
    rule: &TrustRule,
    token: &Token,
) -> Result<Exchanged, ApiError> {
    let now = gateway.clock.now();
    let secret = credential::generate(CredentialKind::ServiceToken)?;
    let text = secret.expose_secret();
    // No longer than the pipeline's own token, whose time is the pipeline's.
    let expires_at = now.plus(gateway.config.identity.exchange_ttl).min(token.ends());
    let scopes = account.scopes.0.clone();
    let tx = gateway.database.begin().await?;
    if !rule.reusable && !store::service_accounts::use_up(&tx, token.digest(), token.ends(), now).await? {
        tx.commit().await?;
        return Err(guard::unauthorized("the token was exchanged before, and works once")
            .hint("ask the pipeline for a new one, or make the trust rule `reusable`"));
    }
    store::service_accounts::forget(&tx, account.id, now).await?;
    let new = NewToken {
        account: account.id,
        kind: ServiceTokenKind::Exchanged,
        name: format!("{} {}", rule.name, shortened(token.text("sub").unwrap_or_default())),
        hash: credential::hash(text),
        preview: credential::preview(text),
        scopes: scopes.clone(),
        proof: Some(proven(rule, token)),
        expires_at,
    };
    let row = store::service_accounts::insert(&tx, new, now).await?;
    let name = format!("{}/{}", organisation.slug, account.name);
    let deed = Deed {
        verb: "exchange",
        resource: "session",
        id: Some(row.id.0),
        name: Some(name.clone()),
        before: None,
        after: Some(proven(rule, token)),
    };
    store::audit::append(&tx, stranger.actor(Some(&name)).did(deed, Some(organisation.id), now, DONE)).await?;
    tx.commit().await?;
    Ok(Exchanged {
        access_token: text.to_owned(),
        issued_token_type: ACCESS_TOKEN.into(),
        token_type: "Bearer".into(),
        expires_in: expires_at.since(now).as_secs(),
        scopes,
        service_account: name,
        rule: rule.name.clone(),
    })
}

/// What a token says about itself that nobody has proven: who it says to be, and nothing more.
fn unproven(token: &Token) -> Value {
    let claims: Map<String, Value> = ["sub", "aud"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), token.claims().get(name)?.clone())))
        .collect();
    json!({"issuer": shortened(token.issuer()), "proven": token.is_proven(), "claims": short(&claims)})
}

fn proven(rule: &TrustRule, token: &Token) -> Value {
    json!({"rule": rule.name, "issuer": token.issuer(), "proven": true, "claims": short(token.claims())})
}

fn rejected(misfits: &[Misfit], token: &Token) -> Value {
    let misfits: Vec<Value> = misfits.iter().map(Misfit::to_json).collect();
    json!({"issuer": token.issuer(), "proven": true, "claims": short(token.claims()), "misfits": misfits})
}

/// What the caller may hear: what its own token says, not what the rules want.
fn told(misfits: &[Misfit], token: &Token) -> String {
    let mut parts: Vec<String> = Vec::new();
    for misfit in misfits.iter().filter(|misfit| misfit.claim != "iss") {
        let part = match &misfit.found {
            Some(Value::String(found)) => format!("`{}` is `{}`", misfit.claim, shortened(found)),
            Some(found) => format!("`{}` is {}", misfit.claim, shortened(&found.to_string())),
            None => format!("`{}` is missing", misfit.claim),
        };
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let claims: Vec<&str> = token.claims().keys().map(String::as_str).take(40).collect();
    format!("no trust rule takes this token: {}. Its claims are {}", parts.join("; "), claims.join(", "))
}

/// Claims as they are noted: not more than a page of them.
fn short(claims: &Map<String, Value>) -> Value {
    let cut = |value: &Value| match value {
        Value::String(text) => Value::String(text.chars().take(256).collect()),
        Value::Array(items) => Value::Array(items.iter().take(16).cloned().collect()),
        other => other.clone(),
    };
    let whole: Map<String, Value> = claims.iter().take(64).map(|(name, value)| (name.clone(), cut(value))).collect();
    let whole = Value::Object(whole);
    if whole.to_string().len() <= 8 << 10 { whole } else { json!("more than 8 KiB of claims") }
}
