//! The events of images that come about: partial ones, then the whole.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::PARTIAL_TOKENS;
use super::answer::reported;
use crate::providers::meter::{ReadEvents, Seen, Verdict};
use crate::providers::openai::error;
use crate::providers::sse::LARGE_EVENT;
use crate::providers::usage::Reported;

/// Reads the events of an image call. Each image ends with an event that has its usage.
#[derive(Debug)]
pub(super) struct EventReader {
    /// Images that are still to come.
    awaited: u64,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default, borrow)]
    r#type: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
}

impl EventReader {
    /// A reader of a stream that so many images are asked of.
    pub(super) fn new(images: u64) -> Self {
        Self { awaited: images.max(1) }
    }

    fn image(&mut self, usage: Option<&str>, seen: &mut Seen) {
        let all = [seen.reported.take(), reported(usage, 1)];
        seen.reported = all.into_iter().flatten().reduce(together);
        self.awaited = self.awaited.saturating_sub(1);
        seen.finished = true;
        seen.done = self.awaited == 0;
    }
}

impl ReadEvents for EventReader {
    fn read(&mut self, data: &[u8], seen: &mut Seen) -> Verdict {
        let Ok(event) = serde_json::from_slice::<Event<'_>>(data) else { return Verdict::Pass };
        let name = event.r#type.as_deref().unwrap_or_default();
        if name.ends_with(".partial_image") {
            seen.has_content = true;
            // Its bytes say nothing of its tokens. Four bytes stand for one where tokens are estimated.
            seen.content_bytes += 4 * PARTIAL_TOKENS as usize;
        } else if name.ends_with(".completed") {
            seen.has_content = true;
            self.image(event.usage.map(RawValue::get), seen);
        } else if name == "error" || name.ends_with(".failed") {
            seen.upstream_error = true;
        }
        Verdict::Pass
    }

    fn error_event(&self) -> Option<&'static str> {
        Some("error")
    }

    fn error_data(&self, body: &[u8]) -> Option<Vec<u8>> {
        error::event_data(body, None)
    }

    fn max_event(&self) -> usize {
        LARGE_EVENT
    }
}

/// Two reports as one.
fn together(first: Reported, second: Reported) -> Reported {
    let (mut tokens, more) = (first.tokens, second.tokens);
    tokens.input_text = tokens.input_text.saturating_add(more.input_text);
    tokens.input_image = tokens.input_image.saturating_add(more.input_image);
    tokens.input_cached = tokens.input_cached.saturating_add(more.input_cached);
    tokens.output_text = tokens.output_text.saturating_add(more.output_text);
    tokens.output_image = tokens.output_image.saturating_add(more.output_image);
    tokens.units = tokens.units.saturating_add(more.units);
    tokens.total = tokens.total.saturating_add(more.total);
    Reported { tokens, raw: second.raw.or(first.raw) }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bytes::Bytes;

    use super::*;
    use crate::providers::meter::{EventMeter, Meter};
    use crate::providers::sse::MAX_EVENT;

    fn read(images: u64, stream: &str) -> (Seen, String) {
        let mut meter = EventMeter::new(EventReader::new(images));
        let mut out = VecDeque::new();
        for piece in stream.as_bytes().chunks(100_000) {
            meter.feed(Bytes::copy_from_slice(piece), &mut out);
        }
        meter.finish(&mut out);
        (meter.seen().clone(), String::from_utf8(out.into_iter().flatten().collect()).unwrap())
    }

    fn completed(base64: &str) -> String {
        let usage = r#"{"total_tokens":60,"input_tokens":10,"output_tokens":50,"input_tokens_details":{"text_tokens":10,"image_tokens":0}}"#;
        format!(
            "event: image_generation.completed\ndata: {{\"type\":\"image_generation.completed\",\"b64_json\":\"{base64}\",\"usage\":{usage}}}\n\n"
        )
    }

    const PARTIAL: &str = "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"partial_image_index\":0,\"b64_json\":\"eA==\"}\n\n";

    #[test]
    fn an_image_of_many_megabytes_has_its_usage_read() {
        let stream = format!("{PARTIAL}{}", completed(&"A".repeat(MAX_EVENT + 1)));
        let (seen, text) = read(1, &stream);
        assert!(text == stream && seen.done && seen.has_content);
        let tokens = seen.reported.unwrap().tokens;
        assert_eq!((tokens.units, tokens.output_image, tokens.total), (1, 50, 60));
    }

    #[test]
    fn several_images_add_up() {
        let (seen, _) = read(2, &completed("eA=="));
        assert!(seen.finished && !seen.done);
        let (seen, _) = read(2, &completed("eA==").repeat(2));
        let tokens = seen.reported.unwrap().tokens;
        assert!(seen.done && tokens.adds_up());
        assert_eq!((tokens.units, tokens.output_image, tokens.total), (2, 100, 120));
    }

    #[test]
    fn a_stream_that_breaks_off_is_charged_for_what_it_showed() {
        let (seen, _) = read(1, PARTIAL);
        assert!(!seen.is_complete() && seen.reported.is_none());
        assert_eq!(seen.content_bytes, 400);
        let (seen, _) =
            read(1, "event: error\ndata: {\"type\":\"error\",\"error\":{\"code\":\"moderation_blocked\"}}\n\n");
        assert!(seen.upstream_error);
    }
}
