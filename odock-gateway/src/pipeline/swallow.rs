//! Reads what a refused caller is still sending.

use std::time::Duration;

use axum::body::Body;
use http::HeaderMap;
use http::header::EXPECT;
use http_body_util::BodyExt;

/// The largest body that is read for nothing, and how long it may take.
const MOST: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_millis(250);

/// How much of a body that is too large is read after its refusal, and how long that may take.
const MOST_AFTERWARDS: u64 = 64 << 20;
const PATIENCE_AFTERWARDS: Duration = Duration::from_secs(10);

/// Goes on reading, after its caller has been told, what it is still sending of a body that is too large. A connection that
/// is closed while something comes in on it is reset, and the caller would see that in place of the refusal.
///
/// A caller that waits to be asked for its body (`Expect: 100-continue`) has not sent it, and is not asked.
pub(in crate::pipeline) fn swallow_afterwards(headers: &HeaderMap, mut body: Body) {
    if headers.contains_key(EXPECT) {
        return;
    }
    let reading = async move {
        let mut left = MOST_AFTERWARDS;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, bytes::Bytes::len) as u64;
            let Some(less) = left.checked_sub(length) else { return };
            left = less;
        }
    };
    tokio::spawn(tokio::time::timeout(PATIENCE_AFTERWARDS, reading));
}

/// Reads a small body to its end, or what is left of one, and forgets it. A connection on which a body was left unread has to be closed, and a caller that sends
/// its next request on it at that moment sees an error instead of its refusal.
///
/// A caller that waits to be asked for its body (`Expect: 100-continue`) has not sent it, and is not asked.
pub(in crate::pipeline) async fn swallow(headers: &HeaderMap, mut body: Body) {
    if headers.contains_key(EXPECT) {
        return;
    }
    let reading = async {
        let mut left = MOST;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, bytes::Bytes::len);
            if length > left {
                return;
            }
            left -= length;
        }
    };
    // Whoever sends slowly keeps a place for no longer than this.
    let _ = tokio::time::timeout(PATIENCE, reading).await;
}
