//! Simulated upstreams: providers that answer exactly as told, and misbehave exactly as told.
//!
//! Tests and the benchmark use the library; `odock-sim` is the same thing as a program. What is here, in the order
//! that a request meets it:
//!
//! | file | what |
//! | --- | --- |
//! | `server.rs` | the listener and its connections; [`Sim`], the handle that tests hold |
//! | `socket.rs`, `tap.rs` | a TCP stream that can be told to end with a reset, and a copy of what it received |
//! | `recorder.rs` | what was received, and whether the client stayed to the end: [`Recorded`] |
//! | `family.rs` | the provider families, and which of them a request is for |
//! | `request.rs`, `multipart.rs` | a request as a wire format reads it |
//! | `script.rs` | what to answer: [`Script`], with builders for code and a JSON form for people |
//! | `convention.rs` | model names that ask for a script, such as `sim-error-500` |
//! | `openai/` | chat completions, completions, responses, embeddings, images, audio, models |
//! | `azure/` | the same below deployments or `/openai/v1`, with Azure's errors |
//! | `anthropic/` | messages, token counts, models |
//! | `gemini/` | content (whole, as events, as a growing array), token counts, embeddings, models |
//! | `vllm/` | OpenAI's operations, and tokenize, detokenize, pooling, classify, score, rerank |
//! | `mistral/` | chat, fill-in-the-middle, embeddings, moderations, documents, models |
//! | `huggingface/` | the router's chat, tasks of one model, jobs of fal-ai and Replicate |
//! | `files.rs`, `media.rs` | what the links of answers lead to |
//! | `text.rs`, `json.rs` | texts in pieces and their tokens; objects whose fields keep their order |
//! | `stream.rs` | the events of an answer, at their pace and with their faults |
//! | `transit.rs` | what is done to any answer on its way out: padding, compression, faults of bodies in one piece |
//! | `answer.rs` | an answer as a list of steps (write, wait, stall, reset) and the body that plays them |
//!
//! A family is found by its mount point (`/anthropic`, `/azure`, `/gemini`, `/huggingface`, `/mistral`, `/vllm`), or
//! without one by the paths and headers that only it has; what is left is OpenAI's, below any base path. A further
//! family is a further folder and one line in `family.rs`.
//!
//! ```no_run
//! # async fn example() {
//! use std::time::Duration;
//! use odock_sim::{Script, Sim};
//!
//! let sim = Sim::start().await;
//! sim.script(Script::default().text("Hello").latency(Duration::from_millis(20)));
//! sim.enqueue(Script::default().status(503)); // the next request only
//! println!("{}/v1", sim.base_url());
//! # }
//! ```

mod answer;
mod anthropic;
mod azure;
mod convention;
mod family;
mod files;
mod gemini;
mod huggingface;
mod json;
mod media;
mod mistral;
mod multipart;
mod openai;
mod recorder;
mod request;
mod script;
mod server;
mod socket;
mod stream;
mod tap;
mod text;
mod transit;
mod vllm;

pub use convention::NAMES as MODEL_NAMES;
pub use recorder::{Outcome, Recorded};
pub use script::{Access, Fault, Job, Payload, Script, Tokens, ToolCall, UsageReport};
pub use server::{Options, Sim};
