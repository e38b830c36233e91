//! Wire formats of the upstreams: pure, no I/O.
//!
//! An [`operation::Operation`] is one kind of call of one family: how it is read, where it goes, what is sent, and what its
//! answer says of usage. A family's own routes send the caller's bytes on and edit only what policy demands.
//!
//! | file | what |
//! | --- | --- |
//! | `operation.rs` | the seam: what the pipeline asks of a wire format |
//! | `call.rs` | a call, understood as far as the gateway must |
//! | `json.rs`, `form.rs` | bodies that are read once and edited in place |
//! | `scan.rs` | the fields of a JSON object, found without building anything |
//! | `sse.rs`, `meter.rs` | streams: events, and what is read off them as they pass |
//! | `elements.rs` | streams that are one array |
//! | `usage.rs` | what a provider reports |
//! | `parts.rs` | something among the parts of a request, however deep |
//! | `plain.rs` | calls in JSON that are answered in one piece and write no text |
//! | `openai/`, `mistral/`, `vllm/` | the families |
//! | `address.rs` | base URLs, and addresses that are never called |

mod address;
pub mod anthropic;
pub mod call;
pub mod elements;
pub mod form;
pub mod gemini;
pub mod huggingface;
pub mod json;
pub mod meter;
pub mod mistral;
pub mod openai;
pub mod operation;
pub(crate) mod parts;
pub mod plain;
pub(crate) mod scan;
pub mod sse;
#[cfg(test)]
mod testing;
pub mod unified;
pub mod usage;
pub mod vllm;

pub use self::address::{Address, AddressError, is_link_local, with_query};

use entity::vocab::ProviderType;

/// The protocol that a route speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The gateway's own routes, which every provider serves.
    Odock,
    /// OpenAI's, which Azure OpenAI, vLLM and many others speak too.
    OpenAi,
    /// Anthropic's.
    Anthropic,
    /// Google Gemini's.
    Gemini,
    /// vLLM's, beyond what it shares with OpenAI.
    Vllm,
    /// Mistral's.
    Mistral,
    /// Hugging Face's.
    HuggingFace,
}

impl Family {
    /// Whether a provider of that type serves this family's routes.
    #[must_use]
    pub const fn is_served_by(self, provider: ProviderType) -> bool {
        use ProviderType as P;
        match self {
            Self::Odock => true,
            Self::OpenAi => matches!(provider, P::OpenAi | P::AzureOpenAi | P::Vllm | P::Custom),
            Self::Anthropic => matches!(provider, P::Anthropic),
            Self::Gemini => matches!(provider, P::Google),
            Self::Vllm => matches!(provider, P::Vllm),
            Self::Mistral => matches!(provider, P::Mistral),
            Self::HuggingFace => matches!(provider, P::HuggingFace),
        }
    }

    /// The family's name for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Odock => "Odock",
            Self::OpenAi => "OpenAI",
            Self::Anthropic => "Anthropic",
            Self::Gemini => "Gemini",
            Self::Vllm => "vLLM",
            Self::Mistral => "Mistral",
            Self::HuggingFace => "Hugging Face",
        }
    }
}
