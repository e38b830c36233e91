//! `[ledger]`: how budgets and quotas are kept.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::check::Check;

/// How budgets and quotas are kept.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// How long a node may hold capacity without saying that it lives.
    pub lease_ttl: Duration,
    /// How often one node looks for what others left behind.
    pub worker_interval: Duration,
    /// How long a request waits for capacity that must be asked for.
    pub patience: Duration,
    /// What happens to requests while nobody can say what is left.
    pub failure_mode: LedgerFailure,
    /// What becomes of the requests of a node that is lost with its journal.
    pub on_node_loss: NodeLoss,
    /// Tokens of output that are set aside for a request whose caller and model name no cap.
    pub default_output_tokens: u32,
    /// Who is told when a window reaches a threshold.
    pub webhook: Option<Webhook>,
}

/// Who is told when a window reaches a threshold.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where the event is posted.
    pub url: Url,
    /// What it is signed with.
    pub secret: SecretString,
}

/// What happens to requests while nobody can say what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerFailure {
    /// They are answered with 503.
    Closed,
    /// They are served and charged; a limit may be passed.
    Open,
}

impl LedgerFailure {
    /// The word for it in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

/// What becomes of the requests of a node that is lost with its journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeLoss {
    /// They are charged what they had set aside.
    Charge,
    /// They are charged nothing.
    Release,
}

impl Ledger {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        let second = Duration::from_secs(1);
        let failure_mode = check.parsed("ledger.failure_mode", |text| match text {
            "closed" => Ok(LedgerFailure::Closed),
            "open" => Ok(LedgerFailure::Open),
            _ => Err(format!("\"{text}\" is neither \"closed\" nor \"open\"")),
        });
        let on_node_loss = check.parsed("ledger.on_node_loss", |text| match text {
            "charge" => Ok(NodeLoss::Charge),
            "release" => Ok(NodeLoss::Release),
            _ => Err(format!("\"{text}\" is neither \"charge\" nor \"release\"")),
        });
        Self {
            lease_ttl: check.duration("ledger.lease_ttl", second..=second * 3_600),
            worker_interval: check.duration("ledger.worker_interval", second / 10..=second * 3_600),
            patience: check.duration("ledger.patience", second / 100..=second * 30),
            failure_mode: failure_mode.unwrap_or(LedgerFailure::Closed),
            on_node_loss: on_node_loss.unwrap_or(NodeLoss::Charge),
            default_output_tokens: check.number("ledger.default_output_tokens", 1..=10_000_000),
            webhook: webhook(check),
        }
    }
}

fn webhook(check: &mut Check<'_>) -> Option<Webhook> {
    let secret = check.secret("ledger.webhook_secret");
    let url = check.parsed("ledger.webhook_url", |text| match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err("is not an http:// or https:// URL".to_owned()),
    });
    match (url, secret) {
        (Some(url), Some(secret)) => Some(Webhook { url, secret }),
        (Some(_), None) => {
            check.refuse("ledger.webhook_url", "has no secret to sign events with: set ledger.webhook_secret too");
            None
        }
        (None, Some(_)) => {
            check.refuse("ledger.webhook_secret", "has no webhook to sign for: set ledger.webhook_url too");
            None
        }
        (None, None) => None,
    }
}
