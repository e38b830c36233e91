//! Manifests: files that declare resources.
