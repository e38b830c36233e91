//! Simulated upstreams: providers that answer exactly as told, and misbehave exactly as told.
//!
//! Tests and the benchmark use the library; `odock-sim` is the same thing as a program. What is here, in the order
//! that a request meets it:
//!
//! | file | what |
//! | --- | --- |
//! | `server.rs` | the listener and its connections; [`Sim`], the handle that tests hold |
//! | `socket.rs` | a TCP stream that can be told to end with a reset |
//! | `recorder.rs` | what was received, and whether the client stayed to the end: [`Recorded`] |
//! | `script.rs` | what to answer: [`Script`], with builders for code and a JSON form for people |
//! | `convention.rs` | model names that ask for a script, such as `sim-error-500` |
//! | `openai.rs` | the OpenAI family's wire format: request in, [`Answer`](answer::Answer) out |
//! | `answer.rs` | an answer as a list of steps (write, wait, stall, reset) and the body that plays them |
//!
//! A further provider family is a further wire-format file beside `openai.rs`, and one line in `server.rs` that says
//! which paths are its own.
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
mod convention;
mod openai;
mod recorder;
mod script;
mod server;
mod socket;

pub use convention::NAMES as MODEL_NAMES;
pub use recorder::{Outcome, Recorded};
pub use script::{Access, Fault, Payload, Script, Tokens, ToolCall, UsageReport};
pub use server::{Options, Sim};
