//! OpenAI's protocol (<https://platform.openai.com/docs/api-reference/chat>), as its own servers, Azure, vLLM and many
//! others speak it.

pub mod chat;
pub mod stream;
pub mod usage;
