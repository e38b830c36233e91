//! Manifests: files that declare resources.
//!
//! [`load`] reads YAML, JSON and TOML into trees in which every value knows its line and column, expands `${VAR}` in
//! texts, takes the references to secrets out, checks everything against the rules that the gateway applies too
//! ([`entity::check`]) and answers with a [`ManifestSet`] or with everything that is wrong, never with the first error.
//! [`ManifestSet::resolve`] then fills the secrets in, sealed, and [`ManifestSet::diagnose`] finds the line that an
//! answer of the gateway is about.

mod diagnostic;
mod expand;
mod json;
mod node;
mod plain;
mod read;
mod references;
mod resolve;
mod secret;
mod set;
mod source;
#[cfg(test)]
mod tests;
mod toml;
mod yaml;

use entity::check;

pub use diagnostic::{Diagnostic, Place, code};
pub use read::{Options, load};
pub use resolve::Secrets;
pub use secret::{KeyOrigin, KeySource, SecretRef, ValueFrom};
pub use set::{Batch, Located, ManifestSet};
pub use source::Source;

/// Looks an environment variable up.
pub type Env<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// The program's own environment. A variable that is no UTF-8 counts as not set.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The same key twice in one object.
fn repeated(file: &str, place: Place, key: &str, earlier: Place) -> Diagnostic {
    let shown: String = key.chars().take(60).collect();
    let message = format!("the key `{shown}` stands here twice; it is already at {}:{}", earlier.line, earlier.column);
    Diagnostic::new(file, place, check::code::DUPLICATE, message)
}
