//! A set of manifests that were read without error.

use std::collections::BTreeMap;
use std::sync::Arc;

use entity::check;
use entity::manifest::{ApplyRequest, Manifest};
use entity::problem::FieldError;
use entity::resource::Kind;

use super::diagnostic::{Diagnostic, Place};
use super::node::Node;
use super::read::place_of;
use super::secret::{KeySource, SecretRef};

/// A manifest that knows where it stands.
#[derive(Clone, Debug)]
pub struct Located {
    /// The manifest. Its secrets are absent until they are resolved.
    pub manifest: Manifest,
    /// The file as the user would write it.
    pub file: Arc<str>,
    /// The secrets to resolve.
    pub secrets: Vec<SecretRef>,
    /// How a virtual key gets its secret, where its manifest says so.
    pub key: Option<KeySource>,
    pub(super) node: Arc<Node>,
}

impl Located {
    /// Where the value at a pointer into the manifest stands, or what is around it.
    #[must_use]
    pub fn place(&self, pointer: &str) -> Place {
        place_of(&self.node, pointer, "")
    }

    /// The slug of the organisation that it belongs to: its own name if it is one.
    #[must_use]
    pub fn organisation(&self) -> Option<&str> {
        match self.manifest.kind {
            Kind::Organisation => Some(&self.manifest.metadata.name),
            _ => self.manifest.metadata.organisation.as_deref(),
        }
    }
}

/// The manifests of one organisation: what one apply sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The organisation's slug.
    pub organisation: String,
    /// Positions in [`ManifestSet::resources`].
    pub members: Vec<usize>,
}

/// Manifests that were read without error. Their order means nothing.
#[derive(Clone, Debug)]
pub struct ManifestSet {
    /// The manifests in the order of files and lines.
    pub resources: Vec<Located>,
    /// Under whose name the files say that they are applied.
    pub owner: Option<String>,
    pub(super) allow_env: Vec<String>,
}

impl ManifestSet {
    pub(super) const fn new(resources: Vec<Located>, owner: Option<String>, allow_env: Vec<String>) -> Self {
        Self { resources, owner, allow_env }
    }

    /// Variables beyond `ODOCK_*` that may be read.
    #[must_use]
    pub fn allow_env(&self) -> &[String] {
        &self.allow_env
    }

    /// The manifests by organisation.
    ///
    /// # Errors
    /// Those that name no organisation where there is no default.
    pub fn batches(&self) -> Result<Vec<Batch>, Vec<Diagnostic>> {
        let (mut batches, mut found) = (BTreeMap::<String, Vec<usize>>::new(), Vec::new());
        for (index, resource) in self.resources.iter().enumerate() {
            match resource.organisation() {
                Some(slug) => batches.entry(slug.into()).or_default().push(index),
                None => {
                    let place = resource.place("/metadata/organisation");
                    let diagnostic = Diagnostic::new(
                        &resource.file,
                        place,
                        check::code::MISSING,
                        "names no organisation, and there is no default",
                    );
                    found.push(
                        diagnostic
                            .pointer("/metadata/organisation")
                            .hint("write it into metadata, use --organisation, or choose a context that has one"),
                    );
                }
            }
        }
        if !found.is_empty() {
            return Err(found);
        }
        Ok(batches.into_iter().map(|(organisation, members)| Batch { organisation, members }).collect())
    }

    /// The body of the apply of a batch.
    #[must_use]
    pub fn request(&self, batch: &Batch) -> ApplyRequest {
        let manifest = |index: &usize| self.resources.get(*index).map(|resource| resource.manifest.clone());
        ApplyRequest { resources: batch.members.iter().filter_map(manifest).collect(), ..ApplyRequest::default() }
    }

    /// What the gateway says about a manifest of a batch, at the line that it is about.
    #[must_use]
    pub fn diagnose(&self, batch: &Batch, error: &FieldError) -> Diagnostic {
        let resource =
            error.manifest.and_then(|index| batch.members.get(index)).and_then(|index| self.resources.get(*index));
        let (file, place) = match resource {
            Some(resource) => (&*resource.file, place_of(&resource.node, &error.pointer, &error.code)),
            None => ("<gateway>", Place::default()),
        };
        Diagnostic::new(file, place, &error.code, error.message.clone()).pointer(error.pointer.clone())
    }
}
