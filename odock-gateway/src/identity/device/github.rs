//! GitHub, which speaks OAuth with a device flow but no OpenID.
//! <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#device-flow>

use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::{DeviceError, External, Poll, grant, refused, unfinished, wrong};
use crate::config::{GITHUB, IdentityProvider};
use crate::identity::fetch::{FetchError, Fetcher};

pub(super) async fn begin(fetcher: &Fetcher, provider: &IdentityProvider) -> Result<Value, DeviceError> {
    let url = address(provider, &provider.issuer, "login/device/code")?;
    let fields = vec![("client_id", provider.client_id.clone()), ("scope", provider.scopes.join(" "))];
    let (status, answer) = post(fetcher, &url, &fields).await?;
    match answer["error"].as_str() {
        Some(error) => Err(refused(provider, error, &answer)),
        None if status.is_success() => Ok(answer),
        None => Err(wrong(provider, format!("answered {} when it was asked for a code", status.as_u16()))),
    }
}

pub(super) async fn poll(
    fetcher: &Fetcher,
    provider: &IdentityProvider,
    device_code: &SecretString,
) -> Result<Poll, DeviceError> {
    let url = address(provider, &provider.issuer, "login/oauth/access_token")?;
    let mut fields = vec![("client_id", provider.client_id.clone())];
    fields.extend(grant(device_code));
    let (status, answer) = post(fetcher, &url, &fields).await?;
    // Errors come with status 200, and mean what they say whatever the status.
    if let Some(state) = unfinished(provider, &answer)? {
        return Ok(state);
    }
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        return Err(FetchError::failed(&url, format!("answered {}", status.as_u16())).into());
    }
    let access = answer["access_token"].as_str().ok_or_else(|| wrong(provider, "gave no access token"))?;
    let api = match &provider.api_url {
        Some(url) => url.to_string(),
        None if provider.issuer == GITHUB => "https://api.github.com".to_owned(),
        None => format!("{}/api/v3", provider.issuer.trim_end_matches('/')),
    };
    let user = get(fetcher, provider, &api, "user", access).await?;
    // The number stays when the login changes hands.
    let subject = user["id"].as_u64().ok_or_else(|| wrong(provider, "did not say who it is"))?;
    let addresses = get(fetcher, provider, &api, "user/emails", access).await?;
    let primary = addresses.as_array().into_iter().flatten().find(|it| it["primary"] == true && it["verified"] == true);
    Ok(Poll::Done(External {
        issuer: provider.issuer.clone(),
        subject: subject.to_string(),
        email: primary.and_then(|it| it["email"].as_str()).map(str::to_lowercase),
        name: user["name"].as_str().or_else(|| user["login"].as_str()).map(super::visible),
    }))
}

async fn post(
    fetcher: &Fetcher,
    url: &Url,
    fields: &[(&'static str, String)],
) -> Result<(StatusCode, Value), DeviceError> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let asked = fetcher.send(url, |client, url| {
        client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body)
    });
    Ok(asked.await?)
}

async fn get(
    fetcher: &Fetcher,
    provider: &IdentityProvider,
    api: &str,
    path: &str,
    access: &str,
) -> Result<Value, DeviceError> {
    let url = address(provider, api, path)?;
    let (status, answer) = fetcher
        .send(&url, |client, url| client.get(url).bearer_auth(access).header("x-github-api-version", "2022-11-28"))
        .await?;
    if status.is_success() {
        Ok(answer)
    } else {
        let hint = if path == "user/emails" { "; is `user:email` among its `scopes`?" } else { "" };
        Err(wrong(provider, format!("answered {} to a question for {path}{hint}", status.as_u16())))
    }
}

fn address(provider: &IdentityProvider, base: &str, path: &str) -> Result<Url, DeviceError> {
    let url = Url::parse(&format!("{}/{path}", base.trim_end_matches('/')));
    url.map_err(|_| wrong(provider, "has an address that is no URL"))
}
