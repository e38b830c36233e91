//! `odockctl doctor`: why it does not work, from the configuration file to the role.

mod certificate;
mod identity;
mod local;
mod reach;

use crate::columns::{Finding, Verdict};
use crate::error::{CliError, Exit};
use crate::output::Format;
use crate::session::{Chosen, Session};

/// Find out why it does not work.
///
/// Looks at everything between this program and your role: the configuration file, proxies, DNS, the certificate, versions,
/// clocks, the credential and the organisation. Changes nothing. Ends with 1 if anything fails.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl doctor
  odockctl doctor --context prod -o json")]
pub struct Args {}

/// What the doctor writes down.
#[derive(Debug, Default)]
struct Report(Vec<Finding>);

impl Report {
    fn add(&mut self, check: &'static str, verdict: Verdict, found: impl Into<String>) {
        self.0.push(Finding { check, verdict, found: found.into(), hint: None });
    }

    fn advise(&mut self, check: &'static str, verdict: Verdict, found: impl Into<String>, hint: impl Into<String>) {
        self.0.push(Finding { check, verdict, found: found.into(), hint: Some(hint.into()) });
    }

    /// A check that failed, in the words of its error.
    fn fail(&mut self, check: &'static str, error: &CliError) {
        let hint = error.advice().map(str::to_owned);
        self.0.push(Finding { check, verdict: Verdict::Fail, found: error.message().to_owned(), hint });
    }

    fn skip(&mut self, checks: &[&'static str], why: &str) {
        checks.iter().for_each(|check| self.add(check, Verdict::Skip, why));
    }
}

/// Runs the command.
///
/// # Errors
/// stdout is closed.
pub async fn run(session: &Session, _: Args) -> Result<Exit, CliError> {
    let mut report = Report::default();
    look(session, &mut report).await;
    let Report(findings) = report;
    session.out.list(&findings, None)?;
    let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
    if matches!(session.out.format, Format::Table) {
        for Finding { check, hint, .. } in findings.iter().filter(|finding| finding.hint.is_some()) {
            session.out.note(&format!("{check}: {}", hint.as_deref().unwrap_or_default()));
        }
        session.out.note(match failed {
            0 => "nothing is in the way",
            _ => "begin with the first line that says FAIL: what follows may be its consequence",
        });
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

async fn look(session: &Session, report: &mut Report) {
    local::configuration(report);
    let chosen: Chosen = match session.context() {
        Ok(chosen) => chosen,
        Err(error) => {
            report.fail("context", &error);
            report.skip(&REMOTE, "no gateway is chosen");
            return;
        }
    };
    local::context(session, &chosen, report);
    local::proxy(&chosen, report);
    let reachable = reach::gateway(session, &chosen, report).await;
    local::credential(session, &chosen, report);
    local::keyring(session, &chosen, report).await;
    match reachable {
        true => identity::whoami(session, &chosen, report).await,
        false => report.skip(&["sign-in", "role", "organisation"], "the gateway cannot be asked"),
    }
}

/// Checks that need a gateway.
const REMOTE: [&str; 8] = ["proxy", "dns", "gateway", "version", "clock", "credential", "sign-in", "organisation"];
