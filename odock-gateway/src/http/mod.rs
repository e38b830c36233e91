//! The edge: listeners, the routes of the data plane, and the shapes of its dialects.

pub mod address;
pub mod dialect;
mod gemini;
mod governed;
mod health;
mod invalidate;
mod jobs;
mod keys;
mod models;
mod patience;
pub mod router;
pub mod server;
