//! The Odock gateway: data plane and management API in one binary.

pub mod config;
