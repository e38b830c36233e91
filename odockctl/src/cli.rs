//! The command tree.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use url::Url;

use crate::commands;
use crate::output::{Format, When, jq};

/// Administers an Odock gateway.
///
/// Generic verbs take any kind (`odockctl get keys`, `odockctl describe model/support-fast`), particular acts live under
/// their noun (`odockctl key rotate ci`). stdout is data, stderr is talk.
#[derive(Debug, Parser)]
#[command(
    name = "odockctl",
    version,
    propagate_version = false,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 120,
    after_help = "Examples:
  odockctl login --url https://odock.acme.example --token-file ./token
  odockctl get keys -o wide
  odockctl apply -f manifests/ --yes
  odockctl usage tail

More: odockctl help exit-codes · odockctl help environment · odockctl help --json"
)]
pub struct Cli {
    /// Flags that every command has.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command has, each with an environment variable.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The named gateway to use, instead of the current one.
    #[arg(
        long,
        global = true,
        env = "ODOCK_CONTEXT",
        hide_env_values = true,
        value_name = "NAME",
        hide_short_help = true
    )]
    pub context: Option<String>,
    /// The organisation, by slug.
    #[arg(
        long,
        global = true,
        env = "ODOCK_ORGANISATION",
        hide_env_values = true,
        value_name = "NAME",
        hide_short_help = true
    )]
    pub organisation: Option<String>,
    /// The gateway's address. A context's token is not sent to another address.
    #[arg(long, global = true, env = "ODOCK_URL", hide_env_values = true, value_name = "URL", value_parser = address, hide_short_help = true)]
    pub url: Option<Url>,
    /// Read the token from this file [env: ODOCK_TOKEN, ODOCK_TOKEN_FILE].
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub token_file: Option<PathBuf>,
    /// Read the token from standard input.
    #[arg(long, global = true, conflicts_with = "token_file", hide_short_help = true)]
    pub token_stdin: bool,
    /// The service account to be, in a pipeline that has an OpenID token: organisation/name, or its name alone.
    #[arg(
        long,
        global = true,
        env = "ODOCK_SERVICE_ACCOUNT",
        hide_env_values = true,
        value_name = "NAME",
        hide_short_help = true
    )]
    pub as_service_account: Option<String>,
    /// The pipeline's OpenID token, where it is in a file [env: ODOCK_OIDC_TOKEN_FILE, ODOCK_OIDC_TOKEN].
    #[arg(long, global = true, value_name = "FILE", requires = "as_service_account", hide_short_help = true)]
    pub oidc_token_file: Option<PathBuf>,
    /// Trust only the certificates in this PEM file.
    #[arg(
        long,
        global = true,
        env = "ODOCK_CA_FILE",
        hide_env_values = true,
        value_name = "FILE",
        hide_short_help = true
    )]
    pub ca_file: Option<PathBuf>,
    /// How long one call may take, retries included, such as 30s.
    #[arg(long, global = true, env = "ODOCK_TIMEOUT", hide_env_values = true, value_name = "SPAN", default_value = "30s", value_parser = timeout, hide_short_help = true)]
    pub timeout: Duration,
    /// How often a failed call is tried again, where that is safe.
    #[arg(long, global = true, env = "ODOCK_RETRIES", hide_env_values = true, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=20), hide_short_help = true)]
    pub retries: u32,
    /// How to write data.
    #[arg(
        short,
        long,
        global = true,
        env = "ODOCK_OUTPUT",
        hide_env_values = true,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        help = "How to write data: table, wide, json, jsonl, yaml, toml, csv or name"
    )]
    pub output: Option<Format>,
    /// Only these fields: column headings, or paths in the JSON form such as spec.provider.
    #[arg(
        long,
        global = true,
        env = "ODOCK_FIELDS",
        hide_env_values = true,
        value_name = "A,B",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub fields: Option<Vec<String>>,
    /// A filter in jq's language for the JSON form; without -o, texts are printed without quotes.
    #[arg(long, global = true, env = "ODOCK_JQ", hide_env_values = true, value_name = "FILTER", value_parser = jq::Filter::parse, hide_short_help = true)]
    pub jq: Option<jq::Filter>,
    /// When to use colour: auto, always or never.
    #[arg(
        long,
        global = true,
        env = "ODOCK_COLOR",
        hide_env_values = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub color: When,
    /// Say nothing but data, warnings and errors.
    #[arg(long, global = true, env = "ODOCK_QUIET", hide_env_values = true, value_parser = FalseyValueParser::new(), hide_short_help = true)]
    pub quiet: bool,
    /// Say what goes over the wire, without secrets; twice for more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, hide_short_help = true)]
    pub verbose: u8,
    /// Answer every question with yes.
    #[arg(long, global = true, env = "ODOCK_YES", hide_env_values = true, value_parser = FalseyValueParser::new(), hide_short_help = true)]
    pub yes: bool,
    /// The name of a protected context, where nobody can type it.
    #[arg(long, global = true, value_name = "CONTEXT", hide_short_help = true)]
    pub confirm: Option<String>,
    /// Ask nothing: stop where a question would come.
    #[arg(long, global = true, env = "ODOCK_NO_INPUT", hide_env_values = true, value_parser = FalseyValueParser::new(), hide_short_help = true)]
    pub no_input: bool,
    /// Change nothing: stop before the first change.
    #[arg(long, global = true, env = "ODOCK_READ_ONLY", hide_env_values = true, value_parser = FalseyValueParser::new(), hide_short_help = true)]
    pub read_only: bool,
}

fn address(text: &str) -> Result<Url, String> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()).ok_or_else(|| {
        // Not repeated: somebody may have put a token here.
        "this is no http or https URL, such as https://odock.acme.example".to_owned()
    })
}

fn timeout(text: &str) -> Result<Duration, String> {
    let span = crate::span::duration(text)?;
    if span.is_zero() { Err("a call needs some time".to_owned()) } else { Ok(span) }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign in to a gateway and keep the token.
    Login(commands::login::Args),
    /// Revoke the kept token and forget it.
    Logout(commands::logout::Args),
    /// Show who the token belongs to.
    Whoami(commands::whoami::Args),
    /// Show the credential in use, or who may do what.
    #[command(subcommand)]
    Auth(commands::auth::Command),
    /// Manage named gateways.
    #[command(subcommand, visible_alias = "ctx")]
    Context(commands::context::Command),
    /// List resources of a kind, or show some by name.
    Get(commands::get::Args),
    /// Show everything that bears on one resource.
    Describe(commands::describe::Args),
    /// Explain what may stand in a manifest.
    Explain(commands::explain::Args),
    /// Change a resource in an editor.
    Edit(commands::edit::Args),
    /// Change some fields of a resource.
    Patch(commands::patch::Args),
    /// Wait until resources are as they shall be.
    Wait(commands::wait::Args),
    /// Delete resources.
    Delete(commands::delete::Args),
    /// Make manifests true.
    Apply(commands::apply::Args),
    /// Show what apply would change.
    Diff(commands::diff::Args),
    /// Show what apply would do, and save it to be carried out later.
    Plan(commands::plan::Args),
    /// Find what is not as the manifests say, and whose doing that is.
    Drift(commands::drift::Args),
    /// Take ownership of resources that exist.
    Adopt(commands::adopt::Args),
    /// Write what there is as manifests.
    Export(commands::export::Args),
    /// Check manifests without a gateway.
    Validate(commands::validate::Args),
    /// Create, rotate and revoke virtual keys.
    #[command(subcommand)]
    Key(commands::key::Command),
    /// Try what was configured for a provider.
    #[command(subcommand)]
    Provider(commands::provider::Command),
    /// See which models are known, and import them with their limits and list prices.
    #[command(subcommand)]
    Model(commands::model::Command),
    /// Let keys call models.
    Grant(commands::grant::Args),
    /// Stop keys from calling models.
    Ungrant(commands::grant::UngrantArgs),
    /// See what was used, and what is being used.
    #[command(subcommand)]
    Usage(commands::usage::Command),
    /// Look into one request.
    #[command(subcommand)]
    Request(commands::request::Command),
    /// Say what each gate would say to a request that is not sent.
    Simulate(commands::simulate::Args),
    /// See how budgets stand.
    #[command(subcommand)]
    Budget(commands::limit::Budget),
    /// See how quotas stand.
    #[command(subcommand)]
    Quota(commands::limit::Quota),
    /// Scale the limits of a scope for a while.
    #[command(subcommand)]
    Overlay(commands::overlay::Command),
    /// See what a period cost, line by line.
    #[command(subcommand)]
    Invoice(commands::invoice::Command),
    /// See whether the books agree with the usage records.
    #[command(subcommand)]
    Ledger(commands::ledger::Command),
    /// Send a chat message through the gateway with a virtual key.
    Chat(commands::chat::Args),
    /// See who did what.
    #[command(subcommand)]
    Audit(commands::audit::Command),
    /// See what is sealed for which key, and move it to the newest.
    #[command(subcommand)]
    Secrets(commands::secrets::Command),
    /// Let people in who wait, or turn them away.
    #[command(subcommand)]
    User(commands::user::Command),
    /// Invite people, and accept an invitation.
    #[command(subcommand)]
    Invite(commands::invite::Command),
    /// Manage your own access tokens, and those of service accounts.
    #[command(subcommand)]
    Token(commands::token::Command),
    /// Find out why it does not work.
    Doctor(commands::doctor::Args),
    /// Print a completion script.
    Completion(commands::completion::Args),
    /// Print manual pages.
    Man(commands::man::Args),
    /// Show the version.
    Version(commands::version::Args),
    /// Open the dashboard.
    Tui(commands::tui::Args),
    /// Explain a command or a topic.
    Help(commands::help::Args),
}
