//! The families' own routes, against simulated upstreams of each family.

mod anthropic;
mod gemini;
mod huggingface;
