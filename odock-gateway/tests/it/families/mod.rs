//! The families' own routes, against simulated upstreams of each family.

mod anthropic;
mod azure;
mod forms;
mod gemini;
mod huggingface;
mod images;
mod mistral;
mod openai;
mod vllm;
