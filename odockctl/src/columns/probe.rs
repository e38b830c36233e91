//! Tests of providers as a table.

use entity::probe::ProviderTest;
use entity::vocab::{ProbeOutcome, ProviderType};

use super::or_dash;
use crate::output::{Column, Show, latency, yes_no};

impl Show for ProviderTest {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("PROVIDER", "provider", |t| t.provider.clone()),
                Column::new("KEY", "key", |t| or_dash(t.key.as_ref())),
                Column::new("RESULT", "outcome", |t| t.outcome.to_string()),
                Column::new("REACHABLE", "reachable", |t| yes_no(t.reachable)),
                Column::new("CREDENTIAL", "credentialAccepted", |t| {
                    let word = |accepted| if accepted { "accepted" } else { "refused" };
                    or_dash(t.credential_accepted.map(word))
                }),
                Column::new("LATENCY", "latencyUs", |t| or_dash(t.latency_us.map(latency))),
                Column::new("MODELS", "models", |t| or_dash(t.models)),
                Column::wide("TYPE", "type", |t| t.r#type.to_string()),
                Column::wide("STATUS", "status", |t| or_dash(t.status)),
                Column::wide("URL", "url", |t| or_dash(t.url.as_ref())),
                Column::wide("DETAIL", "detail", |t| t.detail.clone()),
                Column::wide("MESSAGE", "message", |t| or_dash(t.message.as_ref())),
            ]
        }
    }

    fn example() -> Self {
        Self {
            provider: "openai".into(),
            r#type: ProviderType::OpenAi,
            key: Some("primary".into()),
            url: Some("https://api.openai.com/v1/models".into()),
            outcome: ProbeOutcome::Ok,
            reachable: true,
            credential_accepted: Some(true),
            status: Some(200),
            latency_us: Some(123_456),
            models: Some(7),
            detail: "it answers, and takes the credential".into(),
            message: Some("example".into()),
        }
    }

    fn handle(&self) -> String {
        format!("provider/{}", self.provider)
    }
}
