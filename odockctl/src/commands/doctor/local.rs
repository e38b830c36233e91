//! What can be seen without asking anybody.

use std::net::IpAddr;

use odock_client::credential::{Reference, Source, bounded};
use url::Url;

use super::Report;
use crate::columns::Verdict::{Fail, Ok as Good, Skip, Warn};
use crate::session::{Chosen, Session};

/// The configuration file: there, readable, understood, and nobody else's to change.
pub(super) fn configuration(report: &mut Report) {
    let path = match Session::config_path() {
        Ok(path) => path,
        Err(error) => return report.fail("configuration", &error),
    };
    let shown = path.display().to_string();
    if !path.exists() {
        return report.advise(
            "configuration",
            Warn,
            format!("{shown} does not exist"),
            "make one: odockctl login --url URL; or odockctl context add NAME --url URL",
        );
    }
    if let Some(mode) = writable_by_others(&path) {
        return report.advise(
            "configuration",
            Fail,
            format!("{shown} can be changed by others (mode {mode:04o}), who could send your token elsewhere"),
            format!("chmod 600 {shown}"),
        );
    }
    match odock_client::context::ConfigFile::load(&path) {
        Ok(config) => report.add("configuration", Good, format!("{shown}, {} contexts", config.contexts().len())),
        Err(error) => report.fail("configuration", &error.into()),
    }
}

#[cfg(unix)]
fn writable_by_others(path: &std::path::Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o022 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn writable_by_others(_: &std::path::Path) -> Option<u32> {
    None
}

/// The context: which one, what stands before it, and whether its token travels in the open.
pub(super) fn context(session: &Session, chosen: &Chosen, report: &mut Report) {
    let url = &chosen.context.url;
    let name = chosen.name.as_deref().unwrap_or("none, --url stands alone");
    let marks = [(chosen.context.read_only, "read-only"), (chosen.context.protected, "protected")];
    let marks: Vec<&str> = marks.into_iter().filter_map(|(set, mark)| set.then_some(mark)).collect();
    let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
    let found = format!("{name}{marks}, {url}");
    if url.scheme() == "http" && !is_loopback(url) {
        return report.advise(
            "context",
            Warn,
            format!("{found}: the token travels without encryption"),
            "use an https address",
        );
    }
    match session.env("ODOCK_CONTEXT").is_some() || session.env("ODOCK_URL").is_some() {
        true => report.add("context", Good, format!("{found} (from ODOCK_CONTEXT or ODOCK_URL)")),
        false => report.add("context", Good, found),
    }
}

/// Whether an address is this machine's own.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// The variable whose proxy requests to an address go through.
pub(super) fn proxy_variable(url: &Url, variable: impl Fn(&str) -> Option<String>) -> Option<&'static str> {
    let set = |name: &&'static str| variable(name).is_some_and(|value| !value.is_empty());
    // As a CGI script's, HTTP_PROXY in capitals may come from a request's header; it is not heeded there.
    let names: &[&'static str] = match url.scheme() {
        "https" => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    let found = names.iter().copied().find(|name| set(name))?;
    let spared = variable("NO_PROXY").or_else(|| variable("no_proxy")).unwrap_or_default();
    (!is_spared(url, &spared)).then_some(found)
}

/// Whether `NO_PROXY` names the host: itself, a domain above it, its address, or everything.
fn is_spared(url: &Url, spared: &str) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let address: Option<IpAddr> = host.parse().ok();
    spared.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let domain = entry.trim_start_matches('.');
        entry == "*"
            || host.eq_ignore_ascii_case(domain)
            || (address.is_none() && host.to_ascii_lowercase().ends_with(&format!(".{}", domain.to_ascii_lowercase())))
    })
}

/// Proxies.
pub(super) fn proxy(chosen: &Chosen, report: &mut Report) {
    match proxy_variable(&chosen.context.url, |name| std::env::var(name).ok()) {
        // Its value may hold a password.
        Some(name) => report.advise(
            "proxy",
            Warn,
            format!("{name} is set: requests go through a proxy"),
            "if it is not meant for this gateway, add its host to NO_PROXY",
        ),
        None => report.add("proxy", Good, "none"),
    }
}

/// Where the token comes from, and what was noted about it.
pub(super) fn credential(session: &Session, chosen: &Chosen, report: &mut Report) {
    match session.credential_source(chosen) {
        Err(error) => report.fail("credential", &error),
        Ok(None) => report.fail("credential", &crate::session::not_signed_in(chosen)),
        Ok(Some(source)) => {
            let own = matches!(source, Source::Context(_));
            let found = format!("{source}, kept in: {}", source.storage());
            match chosen.context.credential.as_ref().filter(|_| !own) {
                Some(shadowed) => report.advise(
                    "credential",
                    Warn,
                    format!("{found}; it stands before the context's {shadowed}"),
                    "to use the context's own, unset ODOCK_TOKEN and ODOCK_TOKEN_FILE",
                ),
                None => report.add("credential", Good, found),
            }
        }
    }
}

/// The keyring, if the context keeps its token there.
pub(super) async fn keyring(session: &Session, chosen: &Chosen, report: &mut Report) {
    let Some(Reference::Keyring(account)) = &chosen.context.credential else {
        return report.add("keyring", Skip, "the context does not use it");
    };
    let (account, store) = (account.clone(), session.store.clone());
    let asked = bounded(move || store.get(&account)).await;
    match asked {
        Ok(Some(_)) => report.add("keyring", Good, "it answers and holds the token"),
        Ok(None) => report.advise(
            "keyring",
            Fail,
            "it answers, but holds no token for this context",
            "sign in again: odockctl login",
        ),
        Err(error) => report.advise(
            "keyring",
            Fail,
            error.to_string(),
            "unlock it; or keep the token elsewhere: odockctl login --help",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_apply_by_scheme_and_exception() {
        let through = |url: &str, set: &'static [(&str, &str)]| {
            let variable = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            proxy_variable(&url.parse().unwrap(), variable)
        };
        assert_eq!(through("https://odock.acme.example", &[("HTTPS_PROXY", "http://p")]), Some("HTTPS_PROXY"));
        assert_eq!(through("http://odock.acme.example", &[("HTTPS_PROXY", "http://p")]), None);
        assert_eq!(through("https://a.acme.example", &[("all_proxy", "x"), ("NO_PROXY", "b, .acme.example")]), None);
        assert_eq!(
            through("https://acme.example", &[("https_proxy", "x"), ("no_proxy", "cme.example")]),
            Some("https_proxy")
        );
        assert_eq!(through("http://10.0.0.7:1", &[("HTTP_PROXY", "x"), ("NO_PROXY", "10.0.0.7")]), None);
        assert_eq!(through("http://10.0.0.7:1", &[("HTTP_PROXY", ""), ("NO_PROXY", "")]), None);
        assert_eq!(through("https://a", &[("HTTPS_PROXY", "x"), ("NO_PROXY", "*")]), None);
    }

    #[test]
    fn this_machine_is_known() {
        for (url, own) in
            [("http://localhost:1", true), ("http://127.0.0.9", true), ("http://[::1]", true), ("http://a", false)]
        {
            assert_eq!(is_loopback(&url.parse().unwrap()), own, "{url}");
        }
    }
}
