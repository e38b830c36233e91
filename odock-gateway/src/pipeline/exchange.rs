//! What rides along with a request through all stages.

use std::sync::Arc;

use axum::body::Body;
use http::request::Parts;

use super::case::Case;
use crate::gateway::Entered;
use crate::limits::Lease;
use crate::live::InFlight;

/// A request under way: its case file, its head and body, and every guard taken so far. Dropping it gives them back.
pub struct Exchange {
    /// The case file.
    pub case: Arc<Case>,
    /// The head as it came.
    pub head: Parts,
    /// The body, until it is decoded.
    pub body: Body,
    /// Bytes that the body may have.
    pub max_body: usize,
    /// The model that the path names, if it does.
    pub model_in_path: Option<String>,
    /// The guards, in the order in which they were taken.
    pub guards: Guards,
}

/// What was taken on behalf of a request.
#[derive(Default)]
pub struct Guards {
    /// A place among the requests that the process serves at once.
    pub(super) process: Option<Entered>,
    /// A place among the organisation's requests under way.
    pub(super) organisation: Option<InFlight>,
    /// Places under the limits of concurrency, but for the model's own.
    pub(super) places: Vec<Lease>,
    /// The place under the limit of concurrency of the model that serves at present.
    pub(super) model: Option<Lease>,
}
