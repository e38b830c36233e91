//! The live stream of finished requests and ticks.

use std::collections::VecDeque;
use std::time::Duration;

use entity::live::LiveEvent;
use futures_util::{Stream, StreamExt, stream};
use reqwest::Method;
use serde::Serialize;

use super::streaming::Streaming;
use super::{Client, ClientError, Event, EventDecoder, LiveQuery, Path, Request};

/// The gateway sends a heartbeat every 10 s; three missed ones are a dead connection.
const IDLE: Duration = Duration::from_secs(30);

struct Source {
    streaming: Streaming,
    decoder: EventDecoder,
    ready: VecDeque<Event>,
    path: String,
    over: bool,
}

/// Opens one connection and reads it until it ends or breaks.
pub(super) async fn open(
    client: &Client,
    path: &Path,
    query: &LiveQuery,
) -> Result<impl Stream<Item = Result<LiveEvent, ClientError>> + Send + Unpin + use<>, ClientError> {
    events(client, path, query, decode).await
}

/// Opens one connection and reads what `decode` makes of its events, until it ends or breaks.
pub(super) async fn events<T: Send + 'static, Q: Serialize>(
    client: &Client,
    path: &Path,
    query: &Q,
    decode: fn(&Event) -> Result<Option<T>, serde_json::Error>,
) -> Result<impl Stream<Item = Result<T, ClientError>> + Send + Unpin + use<T, Q>, ClientError> {
    let streaming = client.open(Request::new(client, Method::GET, path).query(query)?).await?;
    if !streaming.is_events() {
        let reason = "it is not a stream of events".to_owned();
        return Err(ClientError::Decode { url: path.to_string(), reason, request_id: streaming.request_id });
    }
    let source =
        Source { streaming, decoder: EventDecoder::new(), ready: VecDeque::new(), path: path.to_string(), over: false };
    Ok(stream::unfold(source, move |mut source| async move { source.next(decode).await.map(|event| (event, source)) })
        .boxed())
}

impl Source {
    async fn next<T>(
        &mut self,
        decode: fn(&Event) -> Result<Option<T>, serde_json::Error>,
    ) -> Option<Result<T, ClientError>> {
        loop {
            while let Some(event) = self.ready.pop_front() {
                match decode(&event) {
                    Ok(Some(event)) => return Some(Ok(event)),
                    Ok(None) => {}
                    Err(error) => return Some(Err(self.garbled(&error.to_string()))),
                }
            }
            if self.over {
                return None;
            }
            match self.streaming.chunk(IDLE).await {
                Ok(Some(bytes)) => match self.decoder.push(&bytes) {
                    Ok(events) => self.ready.extend(events),
                    Err(error) => return Some(Err(self.garbled(&error.to_string()))),
                },
                Ok(None) => return None,
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
    }

    fn garbled(&mut self, reason: &str) -> ClientError {
        self.over = true;
        self.ready.clear();
        ClientError::Decode {
            url: self.path.clone(),
            reason: reason.to_owned(),
            request_id: self.streaming.request_id.clone(),
        }
    }
}

/// Reads one event of the live stream; `None` for kinds that a newer gateway may send.
///
/// # Errors
/// The event's data is not what its name promises.
pub fn decode(event: &Event) -> Result<Option<LiveEvent>, serde_json::Error> {
    Ok(Some(match event.name.as_str() {
        "request" => LiveEvent::Request(serde_json::from_str(&event.data)?),
        "tick" => LiveEvent::Tick(serde_json::from_str(&event.data)?),
        "threshold" => LiveEvent::Threshold(serde_json::from_str(&event.data)?),
        "gap" => LiveEvent::Gap(serde_json::from_str(&event.data)?),
        _ => return Ok(None),
    }))
}
