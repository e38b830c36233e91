//! A request in the words of each family.

mod anthropic;
mod arguments;
mod gemini;
mod ids;
mod mistral;
mod offer;
mod openai;
mod place;

use entity::vocab::ProviderType;

use super::language::Language;
use super::loss::{Encoded, Loss, Unsupported};
use super::request::Request;

/// What a request is written for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'t> {
    pub(super) provider: ProviderType,
    /// The provider's name of the model.
    pub(super) slug: &'t str,
    /// The most tokens that the model can answer with, where that is known.
    pub(super) most_output: Option<u64>,
    /// The cap that policy puts on each answer, instead of the caller's.
    pub(super) cap: Option<u64>,
}

/// Writes a request.
pub(super) fn encode(request: &Request<'_>, target: Target<'_>) -> Result<Encoded, Unsupported> {
    let mut loss = Loss::default();
    let body = match Language::of(target.provider) {
        Language::OpenAi => openai::encode(request, target, &mut loss),
        Language::Mistral => mistral::encode(request, target, &mut loss),
        Language::Anthropic => anthropic::encode(request, target, &mut loss),
        Language::Gemini => gemini::encode(request, target, &mut loss),
    };
    loss.settle(request.drop_unsupported, body)
}
