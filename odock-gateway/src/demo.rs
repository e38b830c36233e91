//! Shows it all at work on one machine: a gateway on embedded defaults, a simulated provider, a sample organisation, and
//! light traffic.

mod sample;
mod traffic;

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use entity::session::CreateToken;
use entity::vocab::Scope;
use odock_client::Client;
use odock_sim::{Script, Sim};
use secrecy::{ExposeSecret, SecretString};

use crate::cli::DemoArgs;
use crate::config::Config;
use crate::gateway::Gateway;
use crate::serve::{Running, stop_signal};

/// Runs the demo until the process is told to stop.
///
/// # Errors
/// Says which part could not be started, and why.
pub async fn run(args: DemoArgs, config: Config) -> anyhow::Result<()> {
    let dir = config.data.dir.clone();
    let sim = Sim::start().await;
    sim.script(
        Script::default()
            .latency(Duration::from_millis(180))
            .chunk_delay(Duration::from_millis(25))
            .text(sample::ANSWER),
    );
    let running = Running::start(Gateway::start(config).await?).await?;
    let management = url::Url::parse(&format!("http://{}", running.management_address))?;
    let sign_in =
        running.sign_in_token.clone().context("this data directory belongs to a gateway that is in use already")?;
    let signed_in = Client::builder(management.clone()).build()?.sign_in(&sign_in, Some("demo")).await?;
    let client = Client::builder(management).token(signed_in.access_token.into()).build()?;
    // The demo may run for longer than a session's access token.
    let wanted = CreateToken { name: "demo".into(), scopes: vec![Scope::Read, Scope::Write], expires_at: None };
    let token = SecretString::from(client.create_token(&wanted).await?.secret);
    let client = client.with_token(token.clone());
    sample::apply(&client, &sim.base_url()).await?;
    let keys = sample::reveal(&client).await?;
    let token_file = write_token(&dir, &token)?;
    tell(&running, keys.playground.expose_secret(), &token_file)?;
    let traffic = (!args.no_traffic).then(|| tokio::spawn(traffic::run(running.address, keys)));
    stop_signal().await?;
    if let Some(traffic) = traffic {
        traffic.abort();
    }
    running.stop().await;
    Ok(())
}

/// Puts the administrator's token where only this user can read it.
fn write_token(dir: &Path, token: &SecretString) -> anyhow::Result<PathBuf> {
    let path = dir.join("admin-token");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(file, "{}", token.expose_secret())?;
    Ok(path)
}

fn tell(running: &Running, key: &str, token_file: &Path) -> anyhow::Result<()> {
    let (address, token) = (running.address, token_file.display());
    let access = format!("--url http://{} --organisation acme --token-file {token}", running.management_address);
    let program = |name: &str| beside(name).unwrap_or_else(|| format!("cargo run --quiet --package {name} --"));
    writeln!(
        std::io::stdout(),
        "Odock is listening on http://{address}, with the organisation acme, a simulated provider and light traffic.\n\
         It is all gone when you stop it with Ctrl-C.\n\
         \n\
         Ask a model something, as an application would:\n\
         \n\
         curl -sS http://{address}/v1/chat/completions -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
         -d '{{\"model\":\"support-fast\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello!\"}}]}}'\n\
         \n\
         See what it cost, as an administrator would:\n\
         \n\
         {} {access} usage summary\n\
         \n\
         Watch it live:\n\
         \n\
         {} {access}\n",
        program("odockctl"),
        program("odock-tui"),
    )?;
    std::io::stdout().flush()?;
    Ok(())
}

/// A program that was built or installed beside this one.
fn beside(name: &str) -> Option<String> {
    let path = std::env::current_exe().ok()?.with_file_name(name);
    path.exists().then(|| path.display().to_string())
}
