//! The families' own routes, against simulated upstreams of each family.

mod azure;
mod forms;
mod images;
mod mistral;
mod openai;
mod vllm;
