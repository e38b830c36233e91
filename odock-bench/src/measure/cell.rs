//! What is sent, over how many connections: one line of the report each.

use std::fmt;

use bytes::Bytes;
use serde::{Serialize, Serializer};

use super::requests;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An ordinary prompt, answered in one piece.
    Unary,
    /// An ordinary prompt, answered as a stream.
    Stream,
    /// The same in Anthropic's words, answered as a stream.
    Messages,
    /// An ordinary prompt on the route that speaks to every family; those who have no such route are asked in OpenAI's words.
    Unified,
    /// A prompt of 200 KB, answered in one piece.
    Large,
}

/// A kind of request over so many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) kind: Kind,
    pub(crate) connections: usize,
}

/// Connections for large prompts.
const FEW: usize = 4;

/// Connections for streams, most of whose time is spent waiting for the next chunk.
const SOME: usize = 16;

impl Cell {
    /// Streams, over some connections.
    pub(crate) const STREAM: Self = Self { kind: Kind::Stream, connections: SOME };
    /// Streams of Anthropic's, over some connections.
    pub(crate) const MESSAGES: Self = Self { kind: Kind::Messages, connections: SOME };
    /// The unified route, over some connections.
    pub(crate) const UNIFIED: Self = Self { kind: Kind::Unified, connections: SOME };
    /// Large prompts, over a few connections.
    pub(crate) const LARGE: Self = Self { kind: Kind::Large, connections: FEW };

    /// Ordinary requests over this many connections.
    pub(crate) const fn unary(connections: usize) -> Self {
        Self { kind: Kind::Unary, connections }
    }

    /// Every cell of a round.
    pub(crate) fn all(unary: &[usize]) -> Vec<Self> {
        let others = [Self::STREAM, Self::MESSAGES, Self::UNIFIED, Self::LARGE];
        unary.iter().map(|connections| Self::unary(*connections)).chain(others).collect()
    }

    /// The request body.
    pub(crate) fn body(self) -> Bytes {
        match self.kind {
            Kind::Unary | Kind::Unified => requests::chat(false),
            Kind::Stream => requests::chat(true),
            Kind::Messages => requests::messages(),
            Kind::Large => requests::large(),
        }
    }
}

impl Cell {
    /// Where it goes: at a gateway, or at the simulated upstream, be it directly or passed through.
    pub(crate) const fn path(self, gateway: bool) -> &'static str {
        match (self.kind, gateway) {
            (Kind::Messages, true) => "/v1/messages",
            (Kind::Messages, false) => "/anthropic/v1/messages",
            (Kind::Unified, true) => "/v1/llm/chat",
            (Kind::Unified, false) | (Kind::Unary | Kind::Stream | Kind::Large, _) => "/v1/chat/completions",
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Unary => write!(f, "unary-{}", self.connections),
            Kind::Stream => f.write_str("stream"),
            Kind::Messages => f.write_str("messages-stream"),
            Kind::Unified => f.write_str("unified"),
            Kind::Large => f.write_str("prompt-200k"),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
