//! Anthropic's protocol (<https://platform.claude.com/docs/en/api/messages>).

pub mod usage;
