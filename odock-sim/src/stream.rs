//! Streams: the events that a wire format makes, and what is done to them on the way out.

use bytes::Bytes;
use http::StatusCode;

use crate::{
    Fault, Script,
    answer::{Answer, Filler, Step},
};

/// Content type of server-sent events.
pub(crate) const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// The events of one answer, each as it is written.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) content_type: &'static str,
    /// What comes before the content.
    pub(crate) opening: Vec<Bytes>,
    /// The content chunks, which delays and faults count.
    pub(crate) contents: Vec<Bytes>,
    /// What comes after the content.
    pub(crate) closing: Vec<Bytes>,
    /// How an error shows in the middle.
    pub(crate) error: Bytes,
    /// An event that cannot be read.
    pub(crate) broken: Bytes,
}

impl Stream {
    /// Plays the events as scripted: its pace, its faults, and its pieces.
    pub(crate) fn answer(self, script: &Script, status: StatusCode) -> Answer {
        let content_type = self.content_type.to_owned();
        let mut steps = self.steps(script);
        if let Some(size) = script.split_events {
            steps = split(steps, size);
        }
        Answer { status, content_type, declared_length: None, encoding: None, steps: steps.into() }
    }

    fn steps(self, script: &Script) -> Vec<Step> {
        let kept = stop_at(script.fault.as_ref()).unwrap_or(usize::MAX);
        let mut steps = Vec::with_capacity(self.opening.len() + self.contents.len() + self.closing.len() + 1);
        if kept > 0 {
            steps.extend(self.opening.into_iter().map(Step::Write));
            if script.fault == Some(Fault::Garbage) {
                steps.push(Step::Write(self.broken));
            }
            for (at, chunk) in self.contents.into_iter().take(kept).enumerate() {
                if at > 0 && !script.chunk_delay.is_zero() {
                    steps.push(Step::Wait(script.chunk_delay));
                }
                steps.push(Step::Write(chunk));
            }
        }
        match script.fault {
            Some(Fault::StallAfter(_)) => steps.extend([Step::Flush, Step::Stall]),
            Some(Fault::CutAfter(_)) => steps.extend([Step::Flush, Step::Reset]),
            Some(Fault::CloseAfter(_) | Fault::HalfBody) => steps.extend([Step::Flush, Step::Close]),
            Some(Fault::EndAfter(_)) => {}
            Some(Fault::ErrorAfter(_)) => steps.push(Step::Write(self.error)),
            None | Some(Fault::StallBeforeHeaders | Fault::Reset | Fault::Garbage) => {
                if script.padding > 0 {
                    let filler = if self.content_type == EVENT_STREAM { Filler::Comments } else { Filler::Blanks };
                    // A line of comment may have been cut short, so that the filler ends with the end of a line.
                    steps.extend([Step::Fill(filler, script.padding), Step::Write(Bytes::from_static(b"\n"))]);
                }
                steps.extend(self.closing.into_iter().map(Step::Write));
            }
        }
        steps
    }
}

/// The number of content chunks after which a fault ends the answer.
fn stop_at(fault: Option<&Fault>) -> Option<usize> {
    match fault? {
        Fault::StallAfter(chunks)
        | Fault::CutAfter(chunks)
        | Fault::CloseAfter(chunks)
        | Fault::EndAfter(chunks)
        | Fault::ErrorAfter(chunks) => Some(*chunks),
        Fault::HalfBody => Some(1),
        Fault::StallBeforeHeaders | Fault::Reset | Fault::Garbage => None,
    }
}

/// A server-sent event with data only.
pub(crate) fn data_event(json: &[u8]) -> Bytes {
    [b"data: ", json, b"\n\n"].concat().into()
}

/// A server-sent event with a name.
pub(crate) fn named_event(name: &str, json: &str) -> String {
    format!("event: {name}\ndata: {json}\n\n")
}

/// Cuts all writes into pieces of this many bytes, each sent by itself; pauses and faults stay where they are.
fn split(steps: Vec<Step>, size: usize) -> Vec<Step> {
    let mut cut = Vec::new();
    let mut pending = Vec::new();
    for step in steps {
        match step {
            Step::Write(bytes) => pending.extend_from_slice(&bytes),
            other => {
                flush_pieces(&mut cut, &mut pending, size);
                cut.push(other);
            }
        }
    }
    flush_pieces(&mut cut, &mut pending, size);
    cut
}

fn flush_pieces(cut: &mut Vec<Step>, pending: &mut Vec<u8>, size: usize) {
    for piece in pending.chunks(size) {
        cut.extend([Step::Write(Bytes::copy_from_slice(piece)), Step::Flush]);
    }
    pending.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_keeps_bytes_and_pauses_in_order() {
        let steps = vec![Step::Write("abcdef".into()), Step::Write("g".into()), Step::Stall];
        let cut = split(steps, 3);
        let written: Vec<_> = cut
            .iter()
            .filter_map(|step| match step {
                Step::Write(bytes) => Some(bytes.as_ref()),
                _ => None,
            })
            .collect();
        assert_eq!(written, [&b"abc"[..], b"def", b"g"]);
        assert_eq!(cut.last(), Some(&Step::Stall));
    }
}
