//! Under whose name manifests are applied, and what that may do beside creating and updating.

use entity::manifest::ApplyRequest;
use entity::ownership::{DEFAULT_OWNER, check_owner};
use odock_client::manifest::ManifestSet;

use crate::error::{CliError, Exit};

/// Under whose name manifests are applied, and how far that goes.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Manner {
    /// The name under which the fields of the manifests are owned, such as platform-ci. Files may name it themselves, by
    /// `owner:` beside their `resources`; both must agree.
    #[arg(long, value_name = "NAME", env = "ODOCK_OWNER", hide_env_values = true)]
    pub owner: Option<String>,
    /// Take fields that somebody else changed, rather than stop.
    #[arg(long)]
    pub force_conflicts: bool,
    /// Delete what this owner applied before and the manifests no longer hold. Needs an owner.
    #[arg(long)]
    pub prune: bool,
    /// The most resources that --prune deletes.
    #[arg(long, value_name = "N", default_value_t = 10, requires = "prune")]
    pub max_deletes: u32,
    /// Let --prune delete keys that were used within the last day.
    #[arg(long, requires = "prune")]
    pub prune_active: bool,
}

impl Manner {
    /// The owner that is meant, if one is named here or in the files.
    ///
    /// # Errors
    /// Both name one, and not the same; or it is no name.
    pub fn owner(&self, set: &ManifestSet) -> Result<Option<String>, CliError> {
        if let Some(owner) = &self.owner {
            check_owner(owner).map_err(|violation| CliError::usage(format!("--owner: {}", violation.text())))?;
        }
        match (&self.owner, &set.owner) {
            (Some(flag), Some(file)) if flag != file => {
                Err(CliError::usage(format!("--owner is {flag}, but the files are of the owner {file}")))
            }
            (flag, file) => Ok(flag.clone().or_else(|| file.clone())),
        }
    }

    /// Puts all that into the request of an apply.
    ///
    /// # Errors
    /// As of [`Manner::owner`], or there is nobody to prune for.
    pub fn shape(&self, set: &ManifestSet, request: &mut ApplyRequest) -> Result<(), CliError> {
        request.owner = self.owner(set)?;
        if self.prune && request.owner.is_none() {
            return Err(CliError::new(
                Exit::Usage,
                "usage",
                "--prune deletes what an owner applied before, and none is named",
            )
            .hint(format!(
                "name the owner: --owner NAME, or `owner:` in the files (without one it is `{DEFAULT_OWNER}`)"
            )));
        }
        request.prune = self.prune;
        request.max_deletes = self.prune.then_some(self.max_deletes);
        request.prune_active = self.prune_active;
        request.force_conflicts = self.force_conflicts;
        Ok(())
    }
}
