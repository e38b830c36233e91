//! One file a noun or verb: its arguments, and what it does.

pub mod adopt;
pub mod apply;
pub mod audit;
pub mod auth;
pub mod can_i;
pub mod change;
pub mod chat;
pub mod completion;
pub mod context;
pub mod delete;
pub mod describe;
pub mod diff;
pub mod doctor;
pub mod drift;
pub mod edit;
pub mod explain;
pub mod export;
pub mod get;
pub mod grant;
pub mod help;
pub mod invite;
pub mod invoice;
pub mod key;
pub mod labels;
pub mod ledger;
pub mod limit;
pub mod login;
pub mod logout;
pub mod man;
pub mod manner;
pub mod model;
pub mod overlay;
pub mod patch;
pub mod plan;
pub mod provider;
pub mod request;
pub mod secrets;
pub mod simulate;
mod tail;
pub mod target;
pub mod token;
pub mod tui;
pub mod usage;
pub mod user;
pub mod validate;
pub mod version;
pub mod wait;
pub mod whoami;

use crate::cli::Command;
use crate::error::{CliError, Exit};
use crate::session::Session;

/// Runs a command.
///
/// # Errors
/// The command failed.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Login(args) => login::run(session, args).await,
        Command::Logout(args) => logout::run(session, args).await,
        Command::Whoami(args) => whoami::run(session, args).await,
        Command::Auth(command) => auth::run(session, command).await,
        Command::Context(command) => context::run(session, command).await,
        Command::Get(args) => get::run(session, args).await,
        Command::Describe(args) => describe::run(session, args).await,
        Command::Explain(args) => explain::run(session, &args),
        Command::Edit(args) => edit::run(session, args).await,
        Command::Patch(args) => patch::run(session, args).await,
        Command::Wait(args) => wait::run(session, args).await,
        Command::Delete(args) => delete::run(session, args).await,
        Command::Apply(args) => apply::run(session, args).await,
        Command::Diff(args) => diff::run(session, args).await,
        Command::Plan(args) => plan::run(session, args).await,
        Command::Drift(args) => drift::run(session, args).await,
        Command::Adopt(args) => adopt::run(session, args).await,
        Command::Export(args) => export::run(session, args).await,
        Command::Validate(args) => validate::run(session, args).await,
        Command::Key(command) => key::run(session, command).await,
        Command::Grant(args) => grant::run(session, args).await,
        Command::Ungrant(args) => grant::ungrant(session, args).await,
        Command::Usage(command) => usage::run(session, command).await,
        Command::Request(command) => request::run(session, command).await,
        Command::Simulate(args) => simulate::run(session, args).await,
        Command::Budget(command) => limit::budget(session, command).await,
        Command::Quota(command) => limit::quota(session, command).await,
        Command::Provider(command) => provider::run(session, command).await,
        Command::Model(command) => model::run(session, command).await,
        Command::Overlay(command) => overlay::run(session, command).await,
        Command::Invite(command) => invite::run(session, command).await,
        Command::User(command) => user::run(session, command).await,
        Command::Invoice(command) => invoice::run(session, command).await,
        Command::Ledger(command) => ledger::run(session, command).await,
        Command::Chat(args) => chat::run(session, args).await,
        Command::Audit(command) => audit::run(session, command).await,
        Command::Secrets(command) => secrets::run(session, command).await,
        Command::Token(command) => token::run(session, command).await,
        Command::Doctor(args) => doctor::run(session, args).await,
        Command::Completion(args) => completion::run(session, &args),
        Command::Man(args) => man::run(session, &args),
        Command::Version(args) => version::run(session, args).await,
        Command::Tui(args) => tui::run(session, &args),
        Command::Help(args) => help::run(session, &args),
    }
}
