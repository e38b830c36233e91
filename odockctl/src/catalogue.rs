//! Known models, as the command line finds them.

use odock_catalogue::{Catalogue, Damaged, Entry};

use crate::error::{CliError, Exit};

impl From<Damaged> for CliError {
    fn from(damaged: Damaged) -> Self {
        Self::internal(damaged.to_string())
    }
}

/// Finds a model of a catalogue by what its provider calls it, or by the name that an import gives it.
///
/// # Errors
/// It is not known.
pub fn find<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a Entry, CliError> {
    catalogue.find(name).ok_or_else(|| {
        let provider = catalogue.provider;
        let error =
            CliError::new(Exit::NotFound, "not_found", format!("the catalogue of {provider} has no model `{name}`"));
        match catalogue.nearest(name) {
            Some(meant) => error.hint(format!("did you mean {meant}?")),
            None => error.hint(
                "list it: odockctl model catalog; any other model can be declared without it, see: odockctl help apply",
            ),
        }
    })
}
