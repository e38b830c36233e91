//! The providers behind Hugging Face's router, and which of them a call goes to.
//!
//! A model's slug may end in the provider, as the router's own names do: `org/model:groq`. Where it does not, a caller may
//! add one to the model's name. A slug that names one is the administrator's choice, and no caller's.

use crate::providers::call::{Call, DecodeError};
use crate::providers::operation::Place;

/// Hugging Face's own inference, which serves what no other provider is named for.
const OWN: &str = "hf-inference";

/// A model as one of the providers behind the router knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend<'a> {
    /// The provider's name in the router's paths; `None` if the router may choose.
    pub provider: Option<&'a str>,
    /// The provider's name of the model.
    pub model: &'a str,
}

impl<'a> Backend<'a> {
    /// The provider that a slug names, if it does.
    #[must_use]
    pub fn pinned(slug: &'a str) -> Self {
        match slug.rsplit_once(':') {
            Some((model, provider)) if !model.is_empty() && !provider.is_empty() => {
                Self { provider: Some(provider), model }
            }
            _ => Self { provider: None, model: slug },
        }
    }

    /// The provider that a call goes to at a place.
    ///
    /// # Errors
    /// When caller and slug name different ones, or the caller's is no name of one.
    pub fn of(call: &'a Call, place: &Place<'a>) -> Result<Self, DecodeError> {
        let Self { provider: pinned, model } = Self::pinned(place.slug);
        let chosen = call.variant.as_deref();
        if let Some(chosen) = chosen.filter(|chosen| !is_name(chosen)) {
            let chosen: String = chosen.chars().take(64).collect();
            return Err(DecodeError::new(format!("\"{chosen}\" is not the name of an inference provider")));
        }
        if let (Some(pinned), Some(chosen)) = (pinned, chosen)
            && pinned != chosen
        {
            let message =
                format!("the model is served by the inference provider {pinned}: ask for it without \":{chosen}\"");
            return Err(DecodeError::new(message));
        }
        Ok(Self { provider: pinned.or(chosen), model })
    }

    /// The name of the model that the router understands, the provider included.
    #[must_use]
    pub fn slug(&self) -> String {
        match self.provider {
            Some(provider) => format!("{}:{provider}", self.model),
            None => self.model.to_owned(),
        }
    }

    /// The provider that does a task. The router chooses none for tasks.
    #[must_use]
    pub fn doer(&self) -> &'a str {
        self.provider.unwrap_or(OWN)
    }
}

/// Whether a text could be a provider's name, or a wish such as `fastest`: nothing that changes a path.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use entity::vocab::ProviderType;
    use http::HeaderMap;

    use super::*;
    use crate::providers::call::Asked;
    use crate::providers::huggingface::chat::CHAT;
    use crate::providers::operation::Operation;
    use crate::providers::testing::Upstream;

    fn slug(model: &str, slug: &str) -> Result<String, String> {
        let asked = Asked { model: None, query: None, headers: &HeaderMap::new() };
        let body = serde_json::json!({"model": model}).to_string();
        let mut call = CHAT.decode(&asked, Bytes::from(body)).unwrap();
        call.resolve(|name| matches!(name, "llama" | "own:name"));
        let upstream = Upstream::at("https://x");
        let place = upstream.place(ProviderType::HuggingFace, slug);
        Backend::of(&call, &place).map(|backend| backend.slug()).map_err(|error| error.to_string())
    }

    #[test]
    fn slug_and_caller_may_name_the_provider() {
        assert_eq!(slug("llama", "meta/llama").unwrap(), "meta/llama");
        assert_eq!(slug("llama", "meta/llama:groq").unwrap(), "meta/llama:groq");
        assert_eq!(slug("llama:groq", "meta/llama").unwrap(), "meta/llama:groq");
        assert_eq!(slug("llama:groq", "meta/llama:groq").unwrap(), "meta/llama:groq");
        assert_eq!(slug("own:name", "meta/llama").unwrap(), "meta/llama", "a name with a colon is a name");
        assert_eq!(slug("unknown:groq", "meta/llama").unwrap(), "meta/llama", "for the route to refuse");
    }

    #[test]
    fn a_caller_does_not_undo_what_the_slug_says() {
        assert!(
            slug("llama:together", "meta/llama:groq").unwrap_err().contains("served by the inference provider groq")
        );
        for odd in ["llama:../x", "llama:a/b", "llama:A", "llama:a b"] {
            assert!(slug(odd, "meta/llama").unwrap_err().contains("not the name"), "{odd}");
        }
    }
}
