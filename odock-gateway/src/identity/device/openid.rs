//! Any OpenID provider with the device authorisation grant.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entity::Timestamp;
use reqwest::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;
use url::form_urlencoded;

use super::{DeviceError, External, Poll, grant, refused, unfinished, wrong};
use crate::config::IdentityProvider;
use crate::identity::fetch::Fetcher;
use crate::identity::jwt::Token;
use crate::identity::keys::{Keys, Known};
use crate::identity::{ProveError, prove};

pub(super) async fn begin(
    fetcher: &Fetcher,
    keys: &Keys,
    provider: &IdentityProvider,
    now: Timestamp,
) -> Result<Value, DeviceError> {
    let known = keys.of(&provider.issuer, None, now).await?;
    let url = endpoint(provider, &known, "device_authorization_endpoint")?;
    let fields = vec![("scope", provider.scopes.join(" "))];
    let (status, answer) = ask(fetcher, provider, &known, &url, fields).await?;
    match answer["error"].as_str() {
        Some(error) => Err(refused(provider, error, &answer)),
        None if status.is_success() => Ok(answer),
        None => Err(wrong(provider, format!("answered {} when it was asked for a code", status.as_u16()))),
    }
}

pub(super) async fn poll(
    fetcher: &Fetcher,
    keys: &Keys,
    provider: &IdentityProvider,
    device_code: &SecretString,
    now: Timestamp,
) -> Result<Poll, DeviceError> {
    let known = keys.of(&provider.issuer, None, now).await?;
    let url = endpoint(provider, &known, "token_endpoint")?;
    let (_, answer) = ask(fetcher, provider, &known, &url, grant(device_code).to_vec()).await?;
    if let Some(state) = unfinished(provider, &answer)? {
        return Ok(state);
    }
    let id_token = answer["id_token"].as_str();
    let id_token = id_token.ok_or_else(|| wrong(provider, "gave no ID token; is `openid` among its `scopes`?"))?;
    let mut token = Token::read(id_token).map_err(ProveError::from)?;
    if token.issuer() != provider.issuer {
        return Err(wrong(provider, "gave a token of another issuer"));
    }
    prove(keys, &mut token, now).await?;
    // OpenID Connect Core 1.0, section 3.1.3.7.
    let party = token.text("azp");
    let several = token.claims().get("aud").and_then(Value::as_array).is_some_and(|all| all.len() > 1);
    if !token.is_for(&provider.client_id)
        || party.is_some_and(|party| party != provider.client_id)
        || (several && party.is_none())
    {
        return Err(wrong(provider, "gave a token that is meant for somebody else"));
    }
    let subject = token.text("sub").filter(|subject| (1..=255).contains(&subject.len()));
    let subject = subject.ok_or_else(|| wrong(provider, "gave a token without a subject"))?.to_owned();
    let mut claims = Value::Object(token.claims().clone());
    if claims.get("email").is_none() {
        claims = more(fetcher, provider, &known, &subject, &answer).await?.unwrap_or(claims);
    }
    // Some providers send it as text.
    let verified = claims["email_verified"] == true || claims["email_verified"] == "true";
    Ok(Poll::Done(External {
        issuer: provider.issuer.clone(),
        subject,
        email: claims["email"].as_str().filter(|_| verified).map(str::to_lowercase),
        name: claims["name"].as_str().map(super::visible),
    }))
}

/// What the user-info endpoint says of the same person (section 5.3).
async fn more(
    fetcher: &Fetcher,
    provider: &IdentityProvider,
    known: &Known,
    subject: &str,
    tokens: &Value,
) -> Result<Option<Value>, DeviceError> {
    let (Ok(url), Some(access)) = (endpoint(provider, known, "userinfo_endpoint"), tokens["access_token"].as_str())
    else {
        return Ok(None);
    };
    let (status, answer) = fetcher.send(&url, |client, url| client.get(url).bearer_auth(access)).await?;
    if !status.is_success() {
        return Ok(None);
    }
    if answer["sub"].as_str() != Some(subject) {
        return Err(wrong(provider, "says that its token is of one person and its profile of another"));
    }
    Ok(Some(answer))
}

async fn ask(
    fetcher: &Fetcher,
    provider: &IdentityProvider,
    known: &Known,
    url: &Url,
    mut fields: Vec<(&'static str, String)>,
) -> Result<(reqwest::StatusCode, Value), DeviceError> {
    let methods = known.discovery["token_endpoint_auth_methods_supported"].as_array();
    // Without a list, it is the basic method (OpenID Connect Discovery 1.0, section 3).
    let basic = methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
    let mut basic_value = None;
    fields.push(("client_id", provider.client_id.clone()));
    match &provider.client_secret {
        Some(secret) if basic => {
            let pair = format!("{}:{}", encoded(&provider.client_id), encoded(secret.expose_secret()));
            basic_value = Some(format!("Basic {}", STANDARD.encode(pair)));
        }
        Some(secret) => fields.push(("client_secret", secret.expose_secret().to_owned())),
        None => {}
    }
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    let answer = fetcher.send(url, |client, url| {
        let request = client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
        match basic_value {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        }
    });
    Ok(answer.await?)
}

/// As RFC 6749, section 2.3.1 wants it before it is joined.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn endpoint(provider: &IdentityProvider, known: &Known, name: &str) -> Result<Url, DeviceError> {
    let url = known.discovery[name].as_str().and_then(|url| Url::parse(url).ok());
    url.ok_or_else(|| wrong(provider, format!("has no `{name}` in its discovery document")))
}
