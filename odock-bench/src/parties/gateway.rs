//! The gateway as a process: its own command line, told by the environment alone.

use std::path::Path;
use std::process::ExitCode;

use super::process::Launch;
use super::provision;
use super::servers::Servers;

/// The one-time token of the gateway's first administrator. It opens a gateway that lives as long as the benchmark, on
/// loopback.
pub(crate) const BOOTSTRAP_TOKEN: &str = "odock-bench-one-time-bootstrap-token-0123456789";

/// Serves until the process is told to stop.
pub(crate) fn run() -> ExitCode {
    odock_gateway::cli::run(["odock-gateway".into(), "serve".into()])
}

/// How to start a gateway on its embedded defaults, or on these servers.
pub(crate) fn launch(name: &'static str, data_dir: &Path, servers: Option<&Servers>, governed: bool) -> Launch {
    let mut launch = Launch::new(name, "__gateway")
        .env("ODOCK_DATA_DIR", data_dir.display())
        .env("ODOCK_BOOTSTRAP_TOKEN", BOOTSTRAP_TOKEN)
        .env("HTTP_HOST", "127.0.0.1")
        .port_in_env("HTTP_PORT");
    if governed {
        launch = launch.env("RATELIMIT_GLOBAL_POLICY", provision::limits(provision::Scope::Global));
    }
    if let Some(servers) = servers {
        launch = launch
            .env("DATABASE_URL", servers.database_url())
            .env("REDIS_URL", servers.redis_url())
            .env("REDIS_KEY_PREFIX", servers.name())
            .env("CACHE_INVALIDATION_CHANNEL", format!("{}:cache-invalidation", servers.name()));
    }
    launch
}
