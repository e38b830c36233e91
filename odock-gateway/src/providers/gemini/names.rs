//! Where bodies name the model although the path does, and must agree with it.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::providers::json::place;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default, borrow)]
    model: Option<&'a RawValue>,
    #[serde(default, borrow, rename = "generateContentRequest", alias = "generate_content_request")]
    inner: Option<Named<'a>>,
    #[serde(default, borrow)]
    requests: Option<Vec<Named<'a>>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(default, borrow)]
    model: Option<&'a RawValue>,
}

/// The places of the model's name in a body that counts or embeds. A body of another shape has none: its upstream says what
/// is wrong with it.
pub(super) fn places(body: &[u8]) -> Vec<Range<usize>> {
    let Ok(text) = std::str::from_utf8(body) else { return Vec::new() };
    let Ok(named) = serde_json::from_str::<Body<'_>>(text) else { return Vec::new() };
    let inner = named.inner.and_then(|inner| inner.model);
    let several = named.requests.into_iter().flatten().filter_map(|request| request.model);
    named.model.into_iter().chain(inner).chain(several).map(|raw| place(text, raw.get())).collect()
}

/// The model that a path means by `models/…` or `tunedModels/…`.
#[must_use]
pub fn in_path(path: &str) -> Option<&str> {
    let name = path.strip_prefix("models/").or_else(|| path.strip_prefix("tunedModels/"))?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_wherever_they_must_agree() {
        let body = r#"{"model":"models/a","requests":[{"model":"models/b","content":{"model":"no"}},{"content":{}},{"model":null}],
            "generateContentRequest":{"model":"models/c","contents":[{"model":"no"}]}}"#;
        let found: Vec<_> = places(body.as_bytes()).into_iter().map(|at| &body[at]).collect();
        assert_eq!(found, ["\"models/a\"", "\"models/c\"", "\"models/b\""]);
        for odd in ["[]", "oops", r#"{"requests":7}"#, r#"{"requests":[7]}"#] {
            assert!(places(odd.as_bytes()).is_empty(), "{odd}");
        }
    }

    #[test]
    fn collections_are_no_part_of_a_name() {
        assert_eq!(in_path("models/flash"), Some("flash"));
        assert_eq!(in_path("tunedModels/mine"), Some("mine"));
        assert!(in_path("models/").is_none() && in_path("files/x").is_none());
    }
}
