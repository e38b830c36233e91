//! Rules for texts: names, addresses, URLs, amounts, instants.

use super::{Violation, code};
use crate::policy::{Cidr, Factor};
use crate::{Money, Timestamp, calendar, envelope};

/// Why a text is refused, and what to write instead.
pub(super) struct Complaint {
    message: String,
    hint: Option<String>,
}

impl Complaint {
    pub(super) fn at(self, pointer: &str) -> Violation {
        Violation { pointer: pointer.into(), code: code::INVALID, message: self.message, hint: self.hint }
    }
}

fn complain(message: impl Into<String>) -> Complaint {
    Complaint { message: message.into(), hint: None }
}

fn advise(message: impl Into<String>, hint: impl Into<String>) -> Complaint {
    Complaint { message: message.into(), hint: Some(hint.into()) }
}

/// What a text must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// A name that people choose and that stands in URLs.
    Name,
    /// An organisation's name.
    Slug,
    /// A user's name.
    Email,
    /// One line for people.
    Line,
    /// Several lines for people.
    Prose,
    /// What an upstream calls a model.
    UpstreamName,
    /// Where a provider is.
    BaseUrl,
    /// Who issues tokens.
    Issuer,
    /// Azure's `api-version`.
    ApiVersion,
    /// Decimal USD.
    Money,
    /// RFC 3339.
    Time,
    /// First and last characters of a secret.
    Preview,
    /// Hex of 32 bytes.
    Fingerprint,
    /// The envelope's algorithm.
    Algorithm,
    /// Names one of the gateway's encryption keys.
    KeyId,
    /// Bytes of an envelope.
    Base64,
    /// A network or an address.
    Cidr,
    /// A decimal factor.
    Factor,
    /// A name of the IANA time zone database.
    Timezone,
}

impl Rule {
    pub(super) fn check(self, text: &str) -> Result<(), Complaint> {
        match self {
            Self::Name => name(text),
            Self::Slug => slug(text),
            Self::Email => email(text),
            Self::Line => line(text, 256),
            Self::Prose => prose(text, 2_048),
            Self::UpstreamName => line(text, 256),
            Self::BaseUrl => base_url(text),
            Self::Issuer => issuer(text),
            Self::ApiVersion => api_version(text),
            Self::Money => text.parse::<Money>().map(drop).map_err(|error| complain(error.to_string())),
            Self::Time => time(text),
            Self::Preview => line(text, 64),
            Self::Fingerprint => fingerprint(text),
            Self::Algorithm => algorithm(text),
            Self::KeyId => line(text, 128),
            Self::Base64 => base64(text),
            Self::Cidr => text.parse::<Cidr>().map(drop).map_err(|error| complain(error.to_string())),
            Self::Factor => text.parse::<Factor>().map(drop).map_err(|error| complain(error.to_string())),
            Self::Timezone => timezone(text),
        }
    }
}

/// Why `text` cannot be an organisation's slug; the pointer is empty.
///
/// # Errors
/// The reason.
pub fn check_slug(text: &str) -> Result<(), Violation> {
    slug(text).map_err(|complaint| complaint.at(""))
}

/// Why `text` cannot be an e-mail address; the pointer is empty.
///
/// # Errors
/// The reason.
pub fn check_email(text: &str) -> Result<(), Violation> {
    email(text).map_err(|complaint| complaint.at(""))
}

/// A value as messages quote it: one short line.
pub(super) fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(60).map(|c| if hidden(c) { '\u{FFFD}' } else { c }).collect();
    let more = if text.chars().nth(60).is_some() { "…" } else { "" };
    format!("`{shown}{more}`")
}

/// Characters that cannot be seen, or that change how their neighbours are seen.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

fn size(text: &str, most: usize) -> Result<(), Complaint> {
    if text.is_empty() {
        return Err(complain("may not be empty"));
    }
    if text.chars().nth(most).is_some() {
        return Err(complain(format!("has {} characters; at most {most} are allowed", text.chars().count())));
    }
    Ok(())
}

fn visible(text: &str) -> Result<(), Complaint> {
    match text.chars().find(|c| hidden(*c)) {
        Some(c) => Err(complain(format!("{} holds the invisible character U+{:04X}", quoted(text), u32::from(c)))),
        None => Ok(()),
    }
}

fn line(text: &str, most: usize) -> Result<(), Complaint> {
    size(text, most)?;
    visible(text)
}

fn prose(text: &str, most: usize) -> Result<(), Complaint> {
    if text.is_empty() {
        return Ok(());
    }
    size(text, most)?;
    text.split(['\n', '\t']).try_for_each(visible)
}

fn name(text: &str) -> Result<(), Complaint> {
    line(text, 128)?;
    let shown = quoted(text);
    if text.contains('/') {
        return Err(complain(format!("{shown} holds `/`, which names may not")));
    }
    if text.trim() != text {
        return Err(complain(format!("{shown} begins or ends with a space")));
    }
    if matches!(text, "." | "..") {
        return Err(complain(format!("{shown} cannot be a name, because it cannot stand in a URL")));
    }
    if text.len() >= 32 && uuid::Uuid::try_parse(text).is_ok() {
        return Err(advise(format!("{shown} is an id, not a name"), "ids are given by the gateway; choose a name"));
    }
    Ok(())
}

fn slug(text: &str) -> Result<(), Complaint> {
    size(text, 64)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.chars().all(allowed) && !text.starts_with('-') && !text.ends_with('-') {
        return Ok(());
    }
    let mut better: String =
        text.chars().flat_map(char::to_lowercase).map(|c| if allowed(c) { c } else { '-' }).collect();
    while better.contains("--") {
        better = better.replace("--", "-");
    }
    let better = better.trim_matches('-');
    let message = format!("{} is not a slug: lower-case letters, digits and inner `-` only", quoted(text));
    Err(if better.is_empty() { complain(message) } else { advise(message, format!("for example `{better}`")) })
}

fn email(text: &str) -> Result<(), Complaint> {
    line(text, 254)?;
    let label = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let local = |part: &str| {
        !part.is_empty()
            && part.len() <= 64
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && !part.chars().any(|c| c.is_whitespace() || "/()<>[]:;@\\,\"".contains(c))
    };
    match text.rsplit_once('@') {
        Some((before, after)) if local(before) && after.split('.').all(label) => Ok(()),
        _ => Err(advise(format!("{} is not an e-mail address", quoted(text)), "write it like name@example.com")),
    }
}

/// Never quotes the URL, because it may hold a password.
fn base_url(text: &str) -> Result<(), Complaint> {
    let like = "write it like https://api.openai.com";
    size(text, 2_048)?;
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('\\') {
        return Err(advise(
            "is not a URL: spaces, backslashes, control characters and letters beyond ASCII are not allowed",
            like,
        ));
    }
    let lower = text.to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return Err(advise("is not an http:// or https:// URL", like));
    }
    let url = url::Url::parse(text).map_err(|error| advise(format!("is not a URL: {error}"), like))?;
    if !url.username().is_empty()
        || url.password().is_some()
        || text.split('/').nth(2).is_some_and(|authority| authority.contains('@'))
    {
        return Err(advise("holds a user name or password", "credentials belong into the provider's `keys`"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(advise("holds a query (`?…`) or a fragment (`#…`)", "Azure's api-version is `config.apiVersion`"));
    }
    Ok(())
}

/// The `iss` of OpenID tokens: compared byte by byte, and where the issuer's keys are found. In clear only on this machine.
fn issuer(text: &str) -> Result<(), Complaint> {
    let like = "write it exactly as the tokens have it, like https://token.actions.githubusercontent.com";
    base_url(text)?;
    let url = url::Url::parse(text).map_err(|error| advise(format!("is not a URL: {error}"), like))?;
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || local { Ok(()) } else { Err(advise("is not an https:// URL", like)) }
}

fn api_version(text: &str) -> Result<(), Complaint> {
    let fits =
        (1..=40).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    if fits {
        Ok(())
    } else {
        Err(advise(format!("{} is not an api-version", quoted(text)), "write it like 2024-10-21"))
    }
}

fn time(text: &str) -> Result<(), Complaint> {
    match text.parse::<Timestamp>() {
        Ok(_) => Ok(()),
        Err(_) => Err(advise(
            format!("{} is not an instant", quoted(text)),
            "write it like 2027-06-30T00:00:00Z, with its zone",
        )),
    }
}

fn fingerprint(text: &str) -> Result<(), Complaint> {
    let hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if hex { Ok(()) } else { Err(complain("is not a fingerprint: 64 lower-case hexadecimal digits")) }
}

fn algorithm(text: &str) -> Result<(), Complaint> {
    if text == envelope::ALGORITHM {
        Ok(())
    } else {
        Err(complain(format!("is not `{}`, the only algorithm", envelope::ALGORITHM)))
    }
}

fn timezone(text: &str) -> Result<(), Complaint> {
    match calendar::zone(text) {
        Some(_) => Ok(()),
        None => Err(advise(format!("{} is not a time zone", quoted(text)), "write it like Europe/Paris or UTC")),
    }
}

/// The alphabet and the padding; whether the bytes open is for the gateway to find out.
fn base64(text: &str) -> Result<(), Complaint> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let fits = !digits.is_empty()
        && text.len() <= 65_536
        && text.len().is_multiple_of(4)
        && padding <= 2
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    if fits { Ok(()) } else { Err(complain("is not standard base64 with padding")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(rule: Rule, texts: &[&str]) {
        for text in texts {
            assert!(rule.check(text).is_ok(), "{rule:?} refuses {text:?}");
        }
    }

    fn refuses(rule: Rule, texts: &[&str]) {
        for text in texts {
            assert!(rule.check(text).is_err(), "{rule:?} accepts {text:?}");
        }
    }

    #[test]
    fn names_can_stand_in_urls_and_on_terminals() {
        accepts(Rule::Name, &["a", "support-fast", "gpt 4.1 (EU)", "modèle", "日本", &"x".repeat(128)]);
        refuses(
            Rule::Name,
            &["", " a", "a ", "a/b", ".", "..", "a\nb", "a\u{7}", "a\u{202E}b", "\u{FEFF}a", &"x".repeat(129)],
        );
        refuses(Rule::Name, &["0198c0de-0000-7000-8000-000000000000", "0198c0de000070008000000000000000"]);
    }

    #[test]
    fn slugs_are_lower_case_words() {
        accepts(Rule::Slug, &["acme", "acme-2", "7"]);
        refuses(Rule::Slug, &["", "Acme", "a_b", "-a", "a-", "é", &"x".repeat(65)]);
        assert_eq!(slug("Acme  Corp!").err().unwrap().hint.unwrap(), "for example `acme-corp`");
    }

    #[test]
    fn e_mail_addresses_have_their_shape() {
        accepts(Rule::Email, &["ada@example.com", "a.b+c@x.co", "admin@localhost", "jürgen@exämple.de"]);
        refuses(
            Rule::Email,
            &["", "ada", "@x", "a@", "a@@b", "a b@c.d", "a@b..c", "a/b@c.d", ".a@b.c", "a@-b.c", "a@b.c\n"],
        );
    }

    #[test]
    fn base_urls_hold_an_address_and_nothing_else() {
        accepts(
            Rule::BaseUrl,
            &["https://api.openai.com", "http://127.0.0.1:8000/v1/", "HTTP://[::1]:1", "https://x.azure.com/openai"],
        );
        refuses(
            Rule::BaseUrl,
            &[
                "",
                "api.openai.com",
                "ftp://x",
                "https://",
                "https:x",
                "https://x y",
                "https://x?",
                "https://x#",
                "http://x:99999",
            ],
        );
        refuses(
            Rule::BaseUrl,
            &[
                "https://u@x",
                "https://u:p@x",
                "https://@x",
                "https://:@x",
                "https:\\\\x",
                "https://é.com",
                "file:///etc/passwd",
            ],
        );
        assert!(!base_url("https://ada:hunter2@x").err().unwrap().message.contains("hunter2"));
    }

    #[test]
    fn issuers_are_asked_in_secret() {
        accepts(
            Rule::Issuer,
            &["https://gitlab.com", "https://oidc.eks.eu-west-1.amazonaws.com/id/AB", "http://127.0.0.1:1"],
        );
        refuses(
            Rule::Issuer,
            &["", "gitlab.com", "http://gitlab.com", "https://a@b", "https://x?y", "http://10.0.0.1"],
        );
    }

    #[test]
    fn times_name_their_zone() {
        accepts(Rule::Time, &["2027-06-30T00:00:00Z", "2027-06-30T02:00:00+02:00", "2027-06-30 00:00:00.5Z"]);
        refuses(Rule::Time, &["", "2027-06-30", "2027-06-30T00:00:00", "2027-13-01T00:00:00Z", "tomorrow"]);
    }

    #[test]
    fn sealed_bytes_are_base64() {
        accepts(Rule::Base64, &["QUJD", "QUI=", "QQ=="]);
        refuses(Rule::Base64, &["", "=", "====", "QUJ", "Q===", "QU JD", "QU-_"]);
    }

    #[test]
    fn quotes_stay_short_and_visible() {
        assert_eq!(quoted("a\u{1b}[31m"), "`a\u{FFFD}[31m`");
        assert_eq!(quoted(&"x".repeat(61)).chars().count(), 63);
    }
}
