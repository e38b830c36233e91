//! The directory that holds the embedded database, the sealing key and the usage journal.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use anyhow::Context;
use entity::NodeId;

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

/// The file that names the processes that may hold something of budgets and quotas.
const NODES: &str = "nodes";

/// Writes down this process beside those that ran on the directory before and were not settled, and returns those.
///
/// That it cannot be written down is not fatal: what a process held then ends by itself, some seconds after it.
pub fn remember_node(dir: &Path, node: NodeId) -> Vec<NodeId> {
    let text = std::fs::read_to_string(dir.join(NODES)).unwrap_or_default();
    let before: Vec<NodeId> = text.lines().filter_map(|line| line.parse().ok()).collect();
    write_nodes(dir, before.iter().copied().chain([node]));
    before
}

/// Only this process may still hold something.
pub fn only_node(dir: &Path, node: NodeId) {
    write_nodes(dir, [node]);
}

/// This process has given back everything.
pub fn forget_node(dir: &Path) {
    write_nodes(dir, []);
}

fn write_nodes(dir: &Path, nodes: impl IntoIterator<Item = NodeId>) {
    let text: String = nodes.into_iter().map(|node| format!("{node}\n")).collect();
    if let Err(error) = std::fs::write(dir.join(NODES), text) {
        tracing::warn!(%error, "could not write down which process holds something of budgets and quotas");
    }
}
