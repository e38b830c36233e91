//! A body in pieces, so that a large one need not be copied to be edited, nor held in memory to be sent.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;

use crate::spool::{Piece, SpooledPiece};

/// Pieces of a body whose length is known.
#[derive(Debug)]
pub(super) struct Pieces {
    pieces: VecDeque<Piece>,
    /// A read of what stands in a file, under way.
    reading: Option<JoinHandle<io::Result<(Bytes, SpooledPiece)>>>,
    left: u64,
}

impl Pieces {
    pub(super) fn new(pieces: VecDeque<Piece>) -> Self {
        let left = pieces.iter().map(Piece::len).sum();
        Self { pieces, reading: None, left }
    }

    /// Bytes that are still to be sent.
    pub(super) fn len(&self) -> u64 {
        self.left
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = ready!(Pin::new(reading).poll(cx));
                self.reading = None;
                let (bytes, rest) = match read.map_err(io::Error::other).flatten() {
                    Ok(read) => read,
                    Err(error) => return Poll::Ready(Some(Err(error))),
                };
                if !rest.is_empty() {
                    self.pieces.push_front(Piece::Spooled(rest));
                }
                return Poll::Ready(Some(Ok(bytes)));
            }
            match self.pieces.pop_front() {
                None => return Poll::Ready(None),
                Some(Piece::Bytes(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Piece::Spooled(mut piece)) => {
                    // A disk may take its time.
                    self.reading = Some(tokio::task::spawn_blocking(move || piece.read().map(|bytes| (bytes, piece))));
                }
            }
        }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let read = ready!(self.poll_read(cx));
        if let Some(Ok(bytes)) = &read {
            self.left = self.left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(read.map(|read| read.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.reading.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
