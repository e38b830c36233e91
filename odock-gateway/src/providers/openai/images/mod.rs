//! Images: `POST …/images/generations`, `…/edits` and `…/variations` (OpenAI API reference, "Images").
//!
//! The gpt-image models report tokens, the others nothing: then the images are what is counted. The images are counted in
//! any case, so that a model may be priced by the image.

mod answer;
mod edits;
mod events;
mod generations;

pub use self::edits::{EDITS, Edits, VARIATIONS};
pub use self::generations::{GENERATIONS, Generations};

use entity::usage::TokenUsage;

/// Tokens of one image of the answer at the most: a large one of high quality, and the three partial ones that a stream
/// may show before (OpenAI guide "Image generation", "Cost and latency").
const MOST_TOKENS: u64 = 6_240 + 3 * PARTIAL_TOKENS;
/// Tokens of a partial image.
const PARTIAL_TOKENS: u64 = 100;

/// What an image call consumed where nothing is reported.
fn estimated(input: u64, output: u64) -> TokenUsage {
    let total = input.saturating_add(output);
    TokenUsage { input_text: input, output_image: output, total, ..TokenUsage::default() }
}
