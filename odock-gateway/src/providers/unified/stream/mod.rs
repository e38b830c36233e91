//! Streams of every family as chat completion chunks.

mod anthropic;
mod emit;
mod gemini;
mod openai;

use std::collections::VecDeque;
use std::fmt::Debug;

use bytes::Bytes;
use entity::vocab::ProviderType;
use serde::de::IgnoredAny;

use self::emit::Emitter;
use super::language::Language;
use crate::providers::meter::{Meter, Seen};
use crate::providers::sse::{Frame, Framer, data};

/// What the chunks say of themselves.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The model's name in the organisation.
    pub model: String,
    /// The id of the answer where the provider gives none.
    pub id: String,
    /// When the answer began, in seconds since 1970.
    pub created: i64,
    /// Whether the caller asked for the usage chunk.
    pub wants_usage: bool,
}

/// Reads the events of one family and says the same in chunks.
trait Translate: Debug + Send {
    /// Takes the data of an event.
    fn event(&mut self, data: &[u8], to: &mut Emitter<'_>);

    /// The upstream's body has ended.
    fn end(&mut self, to: &mut Emitter<'_>);
}

/// A stream of any family on its way to a caller who gets OpenAI's events: each choice's role first, then deltas of content,
/// of reasoning as `reasoning_content`, of calls of tools, then the finish reason, then usage if the caller asked, then
/// `[DONE]`. Reasoning that its provider has signed comes once more as `content_blocks` when it is whole, to be sent back in
/// the next turn.
#[derive(Debug)]
pub struct Translator {
    framer: Framer,
    translate: Box<dyn Translate>,
    state: emit::State,
    seen: Seen,
}

impl Translator {
    /// A translator of a provider's streams.
    #[must_use]
    pub fn new(from: ProviderType, opening: Opening) -> Self {
        let translate: Box<dyn Translate> = match Language::of(from) {
            language @ (Language::OpenAi | Language::Mistral) => Box::new(openai::OpenAi::new(language)),
            Language::Anthropic => Box::<anthropic::Anthropic>::default(),
            Language::Gemini => Box::<gemini::Gemini>::default(),
        };
        Self { framer: Framer::default(), translate, state: emit::State::new(opening), seen: Seen::default() }
    }

    fn read(&mut self, event: &[u8], out: &mut VecDeque<Bytes>) {
        let Some(data) = data(event).filter(|data| !data.is_empty()) else { return };
        let mut emitter = Emitter { state: &mut self.state, seen: &mut self.seen, out };
        self.translate.event(&data, &mut emitter);
    }
}

fn is_whole(data: &[u8]) -> bool {
    data == b"[DONE]" || serde_json::from_slice::<IgnoredAny>(data).is_ok()
}

impl Meter for Translator {
    fn feed(&mut self, mut bytes: Bytes, out: &mut VecDeque<Bytes>) {
        while !self.seen.done {
            let Some(frame) = self.framer.next(&mut bytes) else { return };
            match frame {
                Frame::Event(event) => self.read(&event, out),
                // Half an event cannot be translated, and nobody can tell what it was.
                Frame::Part(_) | Frame::LastPart(_) => {
                    let mut emitter = Emitter { state: &mut self.state, seen: &mut self.seen, out };
                    emitter.error("the provider sent an event that is too large", None);
                }
            }
        }
    }

    fn finish(&mut self, out: &mut VecDeque<Bytes>) {
        // A last event without its blank line counts as one, since some servers forget it; half an event does not.
        let rest =
            self.framer.rest().filter(|event| !self.seen.done && data(event).is_some_and(|data| is_whole(&data)));
        if let Some(event) = rest {
            self.read(&event, out);
        }
        if !self.seen.done {
            let mut emitter = Emitter { state: &mut self.state, seen: &mut self.seen, out };
            self.translate.end(&mut emitter);
        }
    }

    fn fail(&mut self, error: &[u8], out: &mut VecDeque<Bytes>) {
        self.framer.clear();
        out.push_back(emit::event(error));
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }

    fn seen_mut(&mut self) -> &mut Seen {
        &mut self.seen
    }
}
