//! The demo.
/// Runs it.
/// # Errors
/// Never.
pub async fn run(_: crate::cli::DemoArgs, _: crate::config::Config) -> anyhow::Result<()> { Ok(()) }
