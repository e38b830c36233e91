//! The directory that holds the embedded database, the sealing key and the usage journal.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use anyhow::Context;

/// Makes the directory with mode 0700, and sees to it that nobody else can look into one that exists.
///
/// # Errors
/// When it cannot be made or its mode cannot be set.
pub fn prepare(dir: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(|| {
        format!("cannot create the data directory {}: set ODOCK_DATA_DIR to one that can be written", dir.display())
    })?;
    let mode = std::fs::metadata(dir)
        .with_context(|| format!("cannot read the data directory {}", dir.display()))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).with_context(|| {
            format!("the data directory {} is open to others and cannot be closed to them", dir.display())
        })?;
    }
    Ok(())
}
