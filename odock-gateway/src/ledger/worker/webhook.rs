//! Posts events to whoever wants to be told.
//!
//! The body is JSON. `Odock-Signature: t=<unix seconds>,v1=<hex>` carries HMAC-SHA-256 over `<t>.<body>`, keyed with the
//! configured secret, so that a receiver can tell the sender and refuse what is old. Any 2xx counts as taken; anything else is
//! tried again after pauses that grow to ten minutes, for a day.

use std::fmt::Write;
use std::time::Duration;

use aws_lc_rs::hmac;
use entity::Timestamp;
use sea_orm::DbErr;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::config;
use crate::store::{Database, thresholds};
use crate::telemetry::metrics::Metrics;

/// How long the receiver may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Events posted in one round, at most.
const ROUND: usize = 50;

/// Posts events.
pub(crate) struct Webhook {
    url: url::Url,
    key: hmac::Key,
    http: Result<reqwest::Client, String>,
}

impl Webhook {
    pub(crate) fn new(config: config::Webhook) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, config.secret.expose_secret().as_bytes());
        let http = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
        Self { url: config.url, key, http: http.map_err(|error| error.to_string()) }
    }

    /// Posts what nobody has taken yet, oldest first.
    pub(crate) async fn deliver(&self, database: &Database, metrics: &Metrics) -> Result<(), DbErr> {
        let http = match &self.http {
            Ok(http) => http,
            Err(error) => return Err(DbErr::Custom(format!("no HTTP client for the webhook: {error}"))),
        };
        for event in thresholds::undelivered(database, ROUND).await? {
            let body = json!({
                "id": event.id,
                "type": "threshold.reached",
                "at": event.at,
                "organisation": event.organisation,
                "kind": event.kind,
                "name": event.name,
                "metric": event.metric,
                "threshold": event.threshold,
                "used": event.used,
                "limit": event.limit,
                "windowStart": event.window.0,
                "windowEnd": event.window.1,
            });
            let body = body.to_string();
            let signature = sign(&self.key, Timestamp::now(), &body);
            let posting = http.post(self.url.clone()).header("content-type", "application/json");
            let posting = posting.header("odock-signature", signature).body(body);
            let taken = match posting.send().await {
                Ok(answer) if answer.status().is_success() => Ok(()),
                Ok(answer) => Err(format!("it answered with status {}", answer.status().as_u16())),
                // Without the URL, which may hold a token.
                Err(error) => Err(error.without_url().to_string()),
            };
            if let Err(error) = &taken {
                tracing::warn!(error, event = %event.id, attempt = event.attempts + 1, "the webhook did not take an event");
            }
            metrics.ledger().posted(taken.is_ok());
            thresholds::attempted(database, event.id, taken.is_ok()).await?;
        }
        Ok(())
    }
}

fn sign(key: &hmac::Key, now: Timestamp, body: &str) -> String {
    let seconds = now.0.div_euclid(1_000_000);
    let tag = hmac::sign(key, format!("{seconds}.{body}").as_bytes());
    tag.as_ref().iter().fold(format!("t={seconds},v1="), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_published_one() {
        // echo -n '1000.{}' | openssl dgst -sha256 -hmac secret
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        assert_eq!(
            sign(&key, Timestamp(1_000_999_999), "{}"),
            "t=1000,v1=026360fb6284f077f1148b1ae7c62679730497810a6a0321574de01e8b009e7a"
        );
    }
}
