//! Errors in the shape that each family's own SDKs understand.

pub mod openai;
