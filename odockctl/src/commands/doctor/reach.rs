//! The way to the gateway: name, connection, certificate, version, clock.

use std::time::Duration;

use entity::Timestamp;
use odock_client::ClientError;
use odock_client::http::Probe;

use super::{Report, certificate, local};
use crate::columns::Verdict::{Fail, Ok as Good, Skip, Warn};
use crate::error::CliError;
use crate::output::{instant, latency};
use crate::session::{Chosen, Session};

/// Days before its end from which a certificate is worth a word.
const SOON: Duration = Duration::from_hours(14 * 24);
/// How far clocks may be apart; signatures and tokens allow for a minute.
const SKEW: Duration = Duration::from_secs(30);

/// Whether the gateway answers.
pub(super) async fn gateway(session: &Session, chosen: &Chosen, report: &mut Report) -> bool {
    dns(chosen, report).await;
    let client = match session.anonymous(chosen) {
        Ok(client) => client,
        Err(error) => {
            report.fail("gateway", &error);
            report.skip(&["certificate", "version", "clock"], "no connection could be tried");
            return false;
        }
    };
    match client.probe().await {
        Ok(probe) => {
            let took = latency(u64::try_from(probe.took.as_micros()).unwrap_or(u64::MAX));
            report.add("gateway", Good, format!("answered in {took}, connection included"));
            encryption(chosen, &probe, report);
            version(&probe, report);
            clock(&probe, report);
            true
        }
        Err(error) => {
            failed(error, report);
            report.skip(&["version", "clock"], "the gateway did not answer");
            false
        }
    }
}

fn failed(error: ClientError, report: &mut Report) {
    let is_tls = matches!(error, ClientError::Tls { .. });
    let error = CliError::from(error);
    match is_tls {
        true => report.fail("certificate", &error),
        false => report.fail("gateway", &error),
    }
}

/// Whether the gateway's name leads somewhere.
async fn dns(chosen: &Chosen, report: &mut Report) {
    let url = &chosen.context.url;
    let Some(url::Host::Domain(host)) = url.host() else {
        return report.add("dns", Skip, "the address needs no name");
    };
    if local::proxy_variable(url, |name| std::env::var(name).ok()).is_some() {
        return report.add("dns", Skip, "the proxy looks the name up");
    }
    let port = url.port_or_known_default().unwrap_or(443);
    let asked = tokio::time::timeout(Duration::from_secs(5), tokio::net::lookup_host((host, port))).await;
    let hint = "check the spelling, and the machine's DNS servers";
    match asked {
        Err(_) => report.advise("dns", Fail, format!("{host}: no answer within 5 s"), hint),
        Ok(Err(error)) => report.advise("dns", Fail, format!("{host}: {error}"), hint),
        Ok(Ok(addresses)) => {
            let mut found: Vec<String> = addresses.map(|address| address.ip().to_string()).collect();
            found.dedup();
            match found.is_empty() {
                true => report.advise("dns", Fail, format!("{host} has no address"), hint),
                false => report.add("dns", Good, format!("{host} is {}", found.join(", "))),
            }
        }
    }
}

fn encryption(chosen: &Chosen, probe: &Probe, report: &mut Report) {
    if chosen.context.url.scheme() == "http" {
        return report.add("certificate", Skip, "the connection is not encrypted");
    }
    let Some((from, until)) = probe.certificate.as_deref().and_then(certificate::validity) else {
        return report.add("certificate", Good, "trusted");
    };
    let now = Timestamp::now();
    let found = format!("trusted, valid from {} until {}", instant(from), instant(until));
    if until <= now.plus(SOON) {
        let days = until.since(now).as_secs() / 86_400;
        return report.advise("certificate", Warn, format!("{found}: {days} days left"), "have it renewed");
    }
    report.add("certificate", Good, found);
}

fn version(probe: &Probe, report: &mut Report) {
    const OWN: &str = env!("CARGO_PKG_VERSION");
    let theirs = probe.version.version.as_str();
    let found = format!("odockctl {OWN}, gateway {theirs} ({}, {})", probe.version.database, probe.version.hot_store);
    match release(OWN) == release(theirs) {
        true => report.add("version", Good, found),
        false => report.advise(
            "version",
            Warn,
            found,
            "use the odockctl of the gateway's release: fields that only one of them knows are refused or not shown",
        ),
    }
}

/// Major and minor version.
fn release(version: &str) -> Option<(&str, &str)> {
    let mut parts = version.split('.');
    Some((parts.next()?, parts.next()?))
}

fn clock(probe: &Probe, report: &mut Report) {
    let Some(theirs) = probe.clock else { return report.add("clock", Skip, "the gateway did not say its time") };
    let own = Timestamp::now();
    let apart = own.since(theirs).max(theirs.since(own)).saturating_sub(probe.took);
    // Theirs is cut to the second.
    if apart <= SKEW {
        return report.add("clock", Good, "agrees with the gateway's");
    }
    let side = if own > theirs { "ahead of" } else { "behind" };
    report.advise(
        "clock",
        Fail,
        format!("this machine's clock is {} s {side} the gateway's", apart.as_secs()),
        "set the clock that is wrong: expiries and signatures depend on it",
    );
}
