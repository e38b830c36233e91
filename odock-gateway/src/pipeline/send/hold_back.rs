//! Holds a stream back until it has content, so that until then another upstream can take over.

use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use super::stream::Opening;
use crate::models::Target;
use crate::pipeline::case::Stage;
use crate::providers::operation::BoxError;

/// Bytes that are held back at the most. Whoever says so much before its first content is not held back any longer.
const MOST: usize = 64 << 10;

/// What came of holding a stream back.
pub(super) enum Held {
    /// It has content, or is complete without any.
    Begun,
    /// No content came in time.
    Late,
    /// It broke off.
    Broke(BoxError),
    /// It began with an error.
    Error,
}

/// Reads a stream up to its first content, until `by` and not longer than it may be silent.
pub(super) async fn hold_back(opening: &mut Opening, target: &Target, by: Instant) -> Held {
    let mut bytes = 0;
    loop {
        let seen = opening.meter.seen();
        if seen.upstream_error {
            return Held::Error;
        }
        if seen.has_content || seen.is_complete() || bytes > MOST {
            return Held::Begun;
        }
        let Some(body) = &mut opening.body else {
            return Held::Broke("the stream ended without content".into());
        };
        let patience = by.min(Instant::now() + target.idle_timeout);
        match timeout_at(patience, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                if opening.attempt.reached(Stage::FirstByte).is_none() {
                    opening.attempt.mark(Stage::FirstByte);
                    opening.metrics.first_byte(opening.attempt.until(Stage::FirstByte));
                }
                bytes += data.len();
                opening.meter.feed(data, &mut opening.out);
            }
            Ok(Some(Err(error))) => return Held::Broke(error.into()),
            Ok(None) => {
                opening.body = None;
                opening.meter.finish(&mut opening.out);
            }
            Err(_) => return Held::Late,
        }
    }
}
