//! Runs a gateway from start to orderly end.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{ConfigErrors, Loaded};
use crate::gateway::Gateway;
use crate::http::router;
use crate::http::server::{Planes, Server};
use crate::workers::Workers;
use crate::{bootstrap, management, reload};

/// How long what is left in memory may take to reach the database at the end.
const DRAIN: Duration = Duration::from_secs(10);

/// A gateway that listens.
pub struct Running {
    /// The gateway.
    pub gateway: Gateway,
    /// Where the data plane listens; the management API too, unless it has a listener of its own.
    pub address: SocketAddr,
    /// Where the management API listens.
    pub management_address: SocketAddr,
    /// The super admin's one-time sign-in token, if this start made one.
    pub sign_in_token: Option<secrecy::SecretString>,
    stop: CancellationToken,
    servers: tokio::task::JoinHandle<()>,
    /// Last: what they hold of the database is used until all is written.
    workers: Workers,
}

impl Running {
    /// Starts a gateway and binds its listeners.
    ///
    /// # Errors
    /// Says which part cannot be used, and why.
    pub async fn start(gateway: Gateway) -> anyhow::Result<Self> {
        let sign_in_token = bootstrap::bootstrap(&gateway).await.context("cannot create the super admin")?;
        let config = Arc::clone(&gateway.config);
        let workers = Workers::start(config.http.workers).context("cannot start threads for connections")?;
        gateway.telemetry.count_tasks_of(workers.crew().runtimes().cloned().chain([Handle::current()]).collect());
        let main = Server::bind(&config.http, config.http.addr, Some(workers.crew())).await?;
        let address = main.local_addr()?;
        let own = match config.http.management_addr {
            Some(address) => Some(Server::bind(&config.http, address, None).await?),
            None => None,
        };
        let management_address = own.as_ref().map_or(Ok(address), Server::local_addr)?;
        let (stop, grace) = (CancellationToken::new(), config.http.shutdown_grace);
        let data_plane = router::router(gateway.clone());
        let control_plane = management::router(gateway.clone());
        let servers = tokio::spawn({
            let stop = stop.clone();
            async move {
                match own {
                    Some(own) => {
                        tokio::join!(
                            main.serve(Planes::One(data_plane), stop.clone(), grace),
                            own.serve(Planes::One(control_plane), stop, grace)
                        );
                    }
                    None => main.serve(Planes::Both { data: data_plane, control: control_plane }, stop, grace).await,
                }
            }
        });
        Ok(Self { gateway, address, management_address, sign_in_token, stop, servers, workers })
    }

    /// Stops accepting, finishes what is under way within the configured grace, and writes out what is in memory.
    pub async fn stop(self) {
        self.gateway.stopping.cancel();
        self.stop.cancel();
        let grace = self.gateway.config.http.shutdown_grace;
        // A listener that panicked is as stopped as one that ended.
        let _ = tokio::join!(self.servers, self.gateway.jobs.drain(grace));
        self.gateway.stop(DRAIN).await;
        drop(self.workers);
    }
}

/// Serves until the process is told to stop. `load` reads the configuration anew.
///
/// # Errors
/// Says which part cannot be used, and why.
pub async fn serve(
    loaded: Loaded,
    load: impl Fn() -> Result<Loaded, ConfigErrors> + Send + 'static,
) -> anyhow::Result<()> {
    let running = Running::start(Gateway::start(loaded.config.clone()).await?).await?;
    reload::on_hangup(&running.gateway, loaded, load)?;
    announce(&running);
    stop_signal().await?;
    tracing::info!("stopping: requests under way are finished first; a second signal stops at once");
    tokio::select! {
        () = running.stop() => tracing::info!("stopped"),
        signalled = stop_signal() => {
            signalled?;
            tracing::warn!("stopped at once; usage that was not written waits in the journal");
        }
    }
    Ok(())
}

/// Waits for SIGTERM or SIGINT.
///
/// # Errors
/// When the system delivers no signals.
pub async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

fn announce(running: &Running) {
    let gateway = &running.gateway;
    tracing::info!(
        address = %running.address,
        management = %running.management_address,
        database = gateway.database.kind(),
        hot_store = gateway.hot.kind(),
        version = env!("CARGO_PKG_VERSION"),
        "listening on {}",
        running.address
    );
    if let Some(token) = &running.sign_in_token {
        // Straight to the terminal, never through the log, whose lines are kept.
        let _ = writeln!(
            std::io::stderr(),
            "\nThe super admin admin@localhost was created. Its sign-in token works once, within 24 hours:\n\n    {}\n\n\
             Put it into a file and run: odockctl login --url http://{} --token-file FILE\n",
            token.expose_secret(),
            running.management_address,
        );
    }
}
