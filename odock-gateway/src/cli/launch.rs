//! Where the subcommands enter the rest of the program.

use crate::cli::DemoArgs;
use crate::config::Config;

/// Serves until the process is asked to stop.
pub(super) async fn serve(_config: Config) -> anyhow::Result<()> {
    anyhow::bail!("serving is not connected yet")
}

/// Runs the demo until the process is asked to stop.
pub(super) async fn demo(_args: DemoArgs, _config: Config) -> anyhow::Result<()> {
    anyhow::bail!("the demo is not connected yet")
}

/// The OpenAPI document, as JSON for people.
pub(super) fn openapi() -> anyhow::Result<String> {
    anyhow::bail!("the OpenAPI document is not connected yet")
}
