//! Gemini's protocol (<https://ai.google.dev/api/generate-content>).

pub mod usage;
