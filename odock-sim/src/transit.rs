//! What is done to a finished answer on its way out, whatever its wire format.

use std::{collections::VecDeque, io::Write as _};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use crate::{
    Fault, Script,
    answer::{Answer, Filler, Step},
};

/// Sends a body in one piece as scripted: longer, compressed, and cut short.
pub(crate) fn whole(script: &Script, answer: &mut Answer) {
    if script.padding > 0 {
        answer.steps.push_back(Step::Fill(Filler::Blanks, script.padding));
    }
    finish(script, answer);
    if let Some(fault) = &script.fault {
        misbehave(fault, answer);
    }
}

/// Sends a stream as scripted: with what trails it, and compressed.
pub(crate) fn stream(script: &Script, answer: &mut Answer) {
    finish(script, answer);
}

fn finish(script: &Script, answer: &mut Answer) {
    let complete = !matches!(answer.steps.back(), Some(Step::Stall | Step::Close | Step::Reset));
    if let Some(trailing) = script.trailing.as_ref().filter(|_| complete) {
        answer.steps.push_back(Step::Write(trailing.clone().into()));
    }
    if script.gzip {
        answer.steps = compressed(std::mem::take(&mut answer.steps), complete);
        answer.encoding = Some("gzip");
    }
}

/// Compresses what is written. Whatever is waited for comes after all that was written before it, readable.
fn compressed(steps: VecDeque<Step>, complete: bool) -> VecDeque<Step> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut out = VecDeque::new();
    for step in steps {
        match step {
            Step::Write(bytes) => put(&mut encoder, &bytes),
            Step::Fill(filler, mut left) => {
                while left > 0 {
                    let block = filler.block(left);
                    left -= block.len() as u64;
                    put(&mut encoder, &block);
                }
            }
            other => {
                drain(&mut encoder, &mut out);
                out.push_back(other);
            }
        }
    }
    if complete {
        // A vector takes all that is written to it.
        out.extend(encoder.finish().ok().map(|rest| Step::Write(rest.into())));
    } else {
        drain(&mut encoder, &mut out);
    }
    out
}

fn put(encoder: &mut GzEncoder<Vec<u8>>, bytes: &Bytes) {
    let _ = encoder.write_all(bytes); // a vector takes all that is written to it
}

fn drain(encoder: &mut GzEncoder<Vec<u8>>, out: &mut VecDeque<Step>) {
    let _ = encoder.flush();
    let ready = std::mem::take(encoder.get_mut());
    if !ready.is_empty() {
        out.push_back(Step::Write(ready.into()));
    }
}

/// Applies a fault to a body that was to be sent in one piece.
fn misbehave(fault: &Fault, answer: &mut Answer) {
    let Some(Step::Write(body)) = answer.steps.front().cloned() else { return };
    let half = body.slice(..body.len() / 2);
    let end = match fault {
        Fault::StallBeforeHeaders | Fault::Reset | Fault::ErrorAfter(_) => return,
        Fault::Garbage | Fault::EndAfter(_) => {
            answer.steps = [Step::Write(half)].into();
            return;
        }
        Fault::StallAfter(_) => Step::Stall,
        Fault::CutAfter(_) => Step::Reset,
        Fault::CloseAfter(_) | Fault::HalfBody => Step::Close,
    };
    answer.declared_length = Some(body.len());
    answer.steps = [Step::Write(half), Step::Flush, end].into();
}
