//! OpenAI's protocol (<https://platform.openai.com/docs/api-reference/chat>), as its own servers, Azure, vLLM and many
//! others speak it.

pub mod chat;
pub mod completions;
pub mod embeddings;
mod error;
pub(super) mod files;
pub(super) mod generation;
pub mod images;
pub mod responses;
mod searches;
pub mod stream;
pub mod usage;
