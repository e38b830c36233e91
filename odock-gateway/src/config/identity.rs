//! `[identity]`: how long people stay signed in, and whose word is taken for who they are.

use std::path::PathBuf;
use std::time::Duration;

use entity::check;
use entity::resource::Kind;
use entity::vocab::IdentityKind;
use secrecy::SecretString;
use url::Url;

use super::check::Check;
use super::raw::{Table, Value};

/// GitHub itself; a GitHub Enterprise Server is another issuer.
pub const GITHUB: &str = "https://github.com";
const PROVIDERS: &str = "identity.providers";

/// How long people stay signed in, and whose word is taken for who they are.
#[derive(Clone, Debug)]
pub struct Identity {
    /// How long the access token of a session works.
    pub access_ttl: Duration,
    /// How long a session lasts that is not renewed.
    pub session_ttl: Duration,
    /// How long a token works that was given for another issuer's.
    pub exchange_ttl: Duration,
    /// Certificate authorities that are trusted besides the system's when issuers are asked.
    pub ca_file: Option<PathBuf>,
    /// Whether issuers on this machine may be asked in clear.
    pub allow_plain_loopback: bool,
    /// Identity providers that people sign in with.
    pub providers: Vec<IdentityProvider>,
}

/// An identity provider that people sign in with.
#[derive(Clone, Debug)]
pub struct IdentityProvider {
    /// What it is called.
    pub name: String,
    /// Its protocol.
    pub kind: IdentityKind,
    /// What it calls itself, byte by byte.
    pub issuer: String,
    /// Where GitHub's API is.
    pub api_url: Option<Url>,
    /// What it knows the gateway by.
    pub client_id: String,
    /// The gateway's secret, unless it is a public client.
    pub client_secret: Option<SecretString>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Domains of e-mail addresses that may come in; any when empty.
    pub allowed_domains: Vec<String>,
    /// What happens to somebody who is not known.
    pub unknown: Unknown,
}

/// What happens to somebody whom an identity provider knows and the gateway does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// They are refused.
    Refused,
    /// They become a user of this organisation who waits for approval.
    Pending(String),
}

impl Identity {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        let minute = Duration::from_secs(60);
        let day = minute * 60 * 24;
        let identity = Self {
            access_ttl: check.duration("identity.access_ttl", minute..=day),
            session_ttl: check.duration("identity.session_ttl", minute..=day * 366),
            exchange_ttl: check.duration("identity.exchange_ttl", minute..=minute * 60),
            ca_file: check.path("identity.ca_file"),
            allow_plain_loopback: check.flag("identity.allow_plain_loopback"),
            providers: Vec::new(),
        };
        if identity.session_ttl < identity.access_ttl {
            check.refuse("identity.session_ttl", "is shorter than identity.access_ttl");
        }
        let mut providers: Vec<IdentityProvider> = Vec::new();
        for (index, table) in check.tables(PROVIDERS).iter().enumerate() {
            let mut problems = Vec::new();
            let provider = Reader { table, problems: &mut problems }.provider();
            if let Some(provider) = provider {
                if providers.iter().any(|other| other.name == provider.name) {
                    problems.push(format!("`{}` is the name of another provider already", provider.name));
                }
                providers.push(provider);
            }
            for problem in problems {
                check.refuse(PROVIDERS, format!("number {}: {problem}", index + 1));
            }
        }
        Self { providers, ..identity }
    }
}

const FIELDS: [&str; 11] = [
    "name",
    "kind",
    "issuer",
    "api_url",
    "client_id",
    "client_secret_file",
    "client_secret_env",
    "scopes",
    "allowed_domains",
    "unknown",
    "organisation",
];

struct Reader<'a> {
    table: &'a Table,
    problems: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn refuse<T>(&mut self, problem: impl Into<String>) -> Option<T> {
        self.problems.push(problem.into());
        None
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.table.fields.get(name)? {
            Value::Text(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            other => {
                let problem = format!("`{name}` takes a text, not {}", other.kind());
                self.refuse(problem)
            }
        }
    }

    fn needed(&mut self, name: &str) -> Option<String> {
        let text = self.text(name);
        if text.is_none() { self.refuse(format!("`{name}` is missing")) } else { text }
    }

    fn list(&mut self, name: &str) -> Option<Vec<String>> {
        match self.table.fields.get(name)? {
            Value::List(items) => Some(items.clone()),
            Value::Text(text) => Some(text.split_whitespace().map(str::to_owned).collect()),
            other => {
                let problem = format!("`{name}` takes a list, not {}", other.kind());
                self.refuse(problem)
            }
        }
    }

    fn provider(mut self) -> Option<IdentityProvider> {
        let unknown_fields: Vec<String> =
            self.table.fields.keys().filter(|name| !FIELDS.contains(&name.as_str())).cloned().collect();
        for name in unknown_fields {
            let near = check::nearest(&name, FIELDS.iter().copied());
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            self.refuse::<()>(format!("unknown key `{name}`{hint}"));
        }
        let name = self.needed("name");
        if let Some(name) = &name
            && !check::check_name(Kind::Organisation, name).is_empty()
        {
            self.refuse::<()>("`name` must be of small letters, digits and hyphens");
        }
        let kind = self.needed("kind").and_then(|word| match word.parse::<IdentityKind>() {
            Ok(kind) => Some(kind),
            Err(_) => self.refuse("`kind` is neither \"openid\" nor \"github\""),
        });
        let issuer = match (self.text("issuer"), kind) {
            (None, Some(IdentityKind::GitHub)) => Some(GITHUB.to_owned()),
            (None, _) => self.refuse("`issuer` is missing"),
            (Some(issuer), _) => Some(issuer),
        };
        if issuer.as_deref().is_some_and(|issuer| Url::parse(issuer).is_err()) {
            self.refuse::<()>("`issuer` is not a URL");
        }
        let api_url = match self.text("api_url").map(|text| Url::parse(&text)) {
            Some(Ok(url)) => Some(url),
            Some(Err(_)) => self.refuse("`api_url` is not a URL"),
            None => None,
        };
        let client_id = self.needed("client_id");
        let client_secret = self.secret();
        let scopes = self.list("scopes").unwrap_or_else(|| {
            let usual: &[&str] =
                if kind == Some(IdentityKind::GitHub) { &["user:email"] } else { &["openid", "email", "profile"] };
            usual.iter().map(|scope| (*scope).to_owned()).collect()
        });
        let allowed_domains = self.list("allowed_domains").unwrap_or_default();
        let organisation = self.text("organisation");
        let unknown = match (self.text("unknown").as_deref(), organisation) {
            (None | Some("refused"), None) => Some(Unknown::Refused),
            (None | Some("refused"), Some(_)) => {
                self.refuse("`organisation` says where unknown people wait; it needs `unknown = \"pending\"`")
            }
            (Some("pending"), Some(organisation)) => Some(Unknown::Pending(organisation)),
            (Some("pending"), None) => self.refuse("`unknown = \"pending\"` needs the `organisation` they wait in"),
            (Some(_), _) => self.refuse("`unknown` is neither \"refused\" nor \"pending\""),
        };
        Some(IdentityProvider {
            name: name?,
            kind: kind?,
            issuer: issuer?,
            api_url,
            client_id: client_id?,
            client_secret,
            scopes,
            allowed_domains: allowed_domains.iter().map(|domain| domain.to_lowercase()).collect(),
            unknown: unknown?,
        })
    }

    fn secret(&mut self) -> Option<SecretString> {
        match (self.text("client_secret_file"), self.text("client_secret_env")) {
            (Some(_), Some(_)) => {
                self.refuse("`client_secret_file` and `client_secret_env` are both set; keep one of them")
            }
            (Some(path), None) => match std::fs::read_to_string(&path) {
                Ok(text) if !text.trim().is_empty() => Some(SecretString::from(text.trim())),
                Ok(_) => self.refuse(format!("`client_secret_file` {path} is empty")),
                Err(error) => self.refuse(format!("`client_secret_file` {path} cannot be read: {error}")),
            },
            (None, Some(name)) => match &self.table.secret {
                Some(secret) => Some(secret.clone()),
                None => self.refuse(format!("the environment variable {name} of `client_secret_env` is not set")),
            },
            (None, None) => None,
        }
    }
}
