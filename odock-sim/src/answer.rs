//! An answer as a list of steps, and the body that plays them.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use crate::{Script, recorder::Witness, socket::ResetSwitch, stream::Stream};

/// Makes the answer of one request as scripted, where nothing is wrong.
pub(crate) type Operation<'a> = Box<dyn Fn(&Script) -> Reply + Send + 'a>;

/// What a wire format makes of a request and a script.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A body in one piece.
    Whole {
        /// Its type.
        content_type: String,
        /// The bytes.
        body: Bytes,
    },
    /// A JSON body that tells of a failure.
    Failed {
        /// The status.
        status: StatusCode,
        /// The bytes.
        body: Bytes,
    },
    /// A body that comes bit by bit.
    Stream(Stream),
}

impl Reply {
    /// A JSON body in one piece.
    pub(crate) fn json(body: impl Into<Bytes>) -> Self {
        Self::whole("application/json", body)
    }

    /// A body of this type in one piece.
    pub(crate) fn whole(content_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self::Whole { content_type: content_type.into(), body: body.into() }
    }
}

/// One thing that an answer does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Hands these bytes to the connection.
    Write(Bytes),
    /// Hands over this many bytes that mean nothing, made as they are sent.
    Fill(Filler, u64),
    /// Lets the connection send what it was handed, in a segment of its own.
    Flush,
    /// Does nothing for a while.
    Wait(Duration),
    /// Does nothing any more.
    Stall,
    /// Closes the connection in the middle of the body.
    Close,
    /// Resets the connection in the middle of the body.
    Reset,
}

/// Bytes that mean nothing where they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filler {
    /// Blanks, as they may stand around JSON.
    Blanks,
    /// Lines of comment, as they may stand between server-sent events.
    Comments,
}

impl Filler {
    /// The next block of so many bytes that are left.
    pub(crate) fn block(self, left: u64) -> Bytes {
        static BLANKS: [u8; BLOCK] = [b' '; BLOCK];
        static COMMENTS: [u8; BLOCK] = comments();
        let block = match self {
            Self::Blanks => Bytes::from_static(&BLANKS),
            Self::Comments => Bytes::from_static(&COMMENTS),
        };
        block.slice(..usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK)))
    }
}

/// Size of a block of filler.
const BLOCK: usize = 64 << 10;

const fn comments() -> [u8; BLOCK] {
    let mut block = [b'.'; BLOCK];
    let mut at = 0;
    while at < BLOCK {
        block[at] = b':';
        block[at + 63] = b'\n';
        at += 64;
    }
    block
}

/// Everything of an answer but the connection.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    /// The length to declare, where it is not the body's own.
    pub(crate) declared_length: Option<usize>,
    /// The coding of the body.
    pub(crate) encoding: Option<&'static str>,
    pub(crate) steps: VecDeque<Step>,
}

impl Answer {
    /// A complete body, at once.
    pub(crate) fn whole(status: StatusCode, content_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            content_type: content_type.into(),
            declared_length: None,
            encoding: None,
            steps: VecDeque::from([Step::Write(body.into())]),
        }
    }

    /// A complete JSON body, at once.
    pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::whole(status, "application/json", body)
    }
}

/// Plays the steps of an answer as a response body.
pub(crate) struct Play {
    steps: VecDeque<Step>,
    pause: Option<Pin<Box<Sleep>>>,
    switch: ResetSwitch,
    witness: Witness,
}

impl Play {
    pub(crate) fn new(steps: VecDeque<Step>, switch: ResetSwitch, witness: Witness) -> Self {
        Self { steps, pause: None, switch, witness }
    }

    /// Takes the next step off the list; taking the last one ends the exchange as scripted.
    fn next(&mut self) -> Option<Step> {
        let step = self.steps.pop_front();
        if self.steps.is_empty() && !matches!(step, Some(Step::Stall | Step::Fill(..))) {
            self.witness.played();
        }
        step
    }
}

impl Body for Play {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            if let Some(pause) = &mut self.pause {
                match pause.as_mut().poll(cx) {
                    Poll::Ready(()) => self.pause = None,
                    Poll::Pending => return Poll::Pending,
                }
            }
            match self.next() {
                None => return Poll::Ready(None),
                Some(Step::Write(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Step::Fill(filler, left)) => {
                    let block = filler.block(left);
                    let left = left - block.len() as u64;
                    if left > 0 {
                        self.steps.push_front(Step::Fill(filler, left));
                    }
                    return Poll::Ready(Some(Ok(Frame::data(block))));
                }
                Some(Step::Flush) => {
                    // A pending body makes the connection flush; the wake-up makes it come back.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Wait(wait)) => self.pause = Some(Box::pin(tokio::time::sleep(wait))),
                Some(Step::Stall) => {
                    // Stays the next step: the connection polls again when the client goes away.
                    self.steps.push_front(Step::Stall);
                    return Poll::Pending;
                }
                Some(Step::Close) => return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
                Some(Step::Reset) => {
                    self.switch.arm();
                    return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let plain = self.steps.iter().all(|step| matches!(step, Step::Write(_)));
        let ready =
            self.steps.iter().map(|step| if let Step::Write(bytes) = step { bytes.len() } else { 0 }).sum::<usize>();
        match self.steps.len() {
            // Only a body in one piece has a length to declare; a stream of many writes is chunked.
            0 | 1 if plain => SizeHint::with_exact(ready as u64),
            _ => SizeHint::default(),
        }
    }
}
