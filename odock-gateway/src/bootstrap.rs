//! First start.
/// Creates the super admin.
/// # Errors
/// Never.
pub async fn bootstrap(_: &crate::gateway::Gateway) -> anyhow::Result<Option<secrecy::SecretString>> { Ok(None) }
