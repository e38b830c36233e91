//! Hugging Face's protocol: the router's chat (<https://huggingface.co/docs/inference-providers>) and tasks of one model.
//!
//! | file | what |
//! | --- | --- |
//! | `backend.rs` | the providers behind the router, and which of them a call goes to |
//! | `chat.rs` | chat completions |
//! | `task.rs` | vectors, images, films and speech: what a caller asks and gets |
//! | `inputs.rs` | the body of a task |
//! | `dialect.rs` | a task in the words of each provider |
//! | `answer.rs` | what comes of a task: as it is, or in an envelope |
//! | `sound.rs` | how long a recording is |

pub mod answer;
pub mod backend;
pub mod chat;
pub mod dialect;
pub mod inputs;
pub mod job;
pub mod sound;
pub mod task;
