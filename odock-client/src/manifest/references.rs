//! References within a set of manifests.
//!
//! What is not in the set may be on the gateway, which checks every reference when it makes the plan. What is in the
//! set can be checked here, offline.

use std::collections::BTreeMap;

use entity::check::{code, nearest};
use entity::resource::Kind;
use serde_json::Value;

use super::Located;
use super::diagnostic::Diagnostic;

/// Finds models that ask for a key that their provider, declared beside them, does not have.
pub(super) fn check(resources: &[Located], found: &mut Vec<Diagnostic>) {
    let of_kind = |kind| resources.iter().filter(move |resource| resource.manifest.kind == kind);
    let keys: BTreeMap<_, Vec<&str>> = of_kind(Kind::Provider)
        .filter_map(|provider| {
            let keys = provider.manifest.spec.get("keys")?.as_array()?;
            let names = keys.iter().filter_map(|key| key.get("name")?.as_str()).collect();
            Some(((provider.organisation(), provider.manifest.metadata.name.as_str()), names))
        })
        .collect();
    for model in of_kind(Kind::Model) {
        let field = |name| model.manifest.spec.get(name).and_then(Value::as_str);
        let (Some(provider), Some(key)) = (field("provider"), field("providerKey")) else { continue };
        let Some(known) = keys.get(&(model.organisation(), provider)) else { continue };
        if known.contains(&key) {
            continue;
        }
        let pointer = "/spec/providerKey";
        let message = format!("the provider `{provider}` has no key named `{key}`");
        let diagnostic =
            Diagnostic::new(&model.file, model.place(pointer), code::BAD_REFERENCE, message).pointer(pointer);
        found.push(match nearest(key, known.iter().copied()) {
            Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
            None if known.is_empty() => diagnostic.hint("its `keys` are empty"),
            None => diagnostic.hint(format!("its keys are {}", known.join(", "))),
        });
    }
}
