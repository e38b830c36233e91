//! Where the subcommands enter the rest of the program.

use crate::cli::DemoArgs;
use crate::config::{Config, ConfigErrors, Loaded};

/// Serves until the process is asked to stop.
pub(super) async fn serve(
    loaded: Loaded,
    load: impl Fn() -> Result<Loaded, ConfigErrors> + Send + 'static,
) -> anyhow::Result<()> {
    crate::serve::serve(loaded, load).await
}

/// Runs the demo until the process is asked to stop.
pub(super) async fn demo(args: DemoArgs, config: Config) -> anyhow::Result<()> {
    Box::pin(crate::demo::run(args, config)).await
}

/// The OpenAPI document, as JSON for people.
pub(super) fn openapi() -> anyhow::Result<String> {
    Ok(crate::management::openapi().to_pretty_json()?)
}
