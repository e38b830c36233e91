//! SIGHUP: settings that can change while the gateway runs.

use tokio::signal::unix::{SignalKind, signal};

use crate::config::{ConfigErrors, Loaded};
use crate::gateway::Gateway;
use crate::telemetry::log;

/// Settings that are taken over while the gateway runs.
const LIVE: [&str; 3] = ["log.level", "limits.global_policy", "limits.failure_mode"];

/// Reads the configuration anew whenever the process gets SIGHUP, and goes on with what it says. One that is wrong changes
/// nothing.
///
/// # Errors
/// The system delivers no signals.
pub fn on_hangup(
    gateway: &Gateway,
    mut running: Loaded,
    load: impl Fn() -> Result<Loaded, ConfigErrors> + Send + 'static,
) -> std::io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    let gateway = gateway.clone();
    tokio::spawn(async move {
        let stopping = gateway.stopping.clone();
        while let Some(Some(())) = stopping.run_until_cancelled(hangups.recv()).await {
            match load() {
                Ok(loaded) => {
                    take_over(&gateway, &running, &loaded);
                    running = loaded;
                }
                Err(errors) => {
                    tracing::error!(
                        "the configuration was read anew and is wrong; what runs goes on as it is: {errors}"
                    );
                }
            }
        }
    });
    Ok(())
}

fn take_over(gateway: &Gateway, running: &Loaded, new: &Loaded) {
    for warning in &new.warnings {
        tracing::warn!("{warning}");
    }
    let changed = running.differences(new);
    let (live, fixed): (Vec<&str>, Vec<&str>) = changed.iter().partition(|path| LIVE.contains(path));
    gateway.limits.set(&new.config.limits);
    let changed = if live.is_empty() { "nothing".to_owned() } else { live.join(", ") };
    // While the old level still holds: whoever makes the log quieter sees that it worked.
    tracing::info!(changed, "the configuration was read anew: {changed} changed");
    if !fixed.is_empty() {
        let fixed = fixed.join(", ");
        tracing::warn!(fixed, "a restart is needed before these settings change: {fixed}");
    }
    if let Err(error) = log::refilter(&new.config.log.filter) {
        tracing::error!(%error, "the log level could not be changed");
    }
}
