//! A collection as it changes: what is there, then each change, over one connection that the caller renews.

use std::collections::VecDeque;
use std::time::Duration;

use entity::Kind;
use futures_util::{Stream, StreamExt, stream};
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::streaming::Streaming;
use super::{Client, ClientError, Event, EventDecoder, ListQuery, Path, Request, Wire};

/// The gateway sends a bookmark every 10 s; three missed ones are a dead connection.
const IDLE: Duration = Duration::from_secs(30);

/// One event of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent<T> {
    /// It was there when the watch began, or was created since.
    Added(T),
    /// It was changed.
    Modified(T),
    /// It is gone.
    Deleted {
        /// Its id.
        id: String,
        /// Its name, if it is known still.
        name: Option<String>,
    },
    /// Everything up to here was told; the first one follows what was there when the watch began.
    Bookmark,
    /// Something may have been missed, for this reason; everything is told again.
    Gap(String),
}

/// An event with the id at which a later watch can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched<T> {
    /// What happened.
    pub event: WatchEvent<T>,
    /// The place in the stream, if the watch can go on from it.
    pub id: Option<String>,
}

/// Opens one connection and reads it until it ends or breaks.
pub(super) async fn open<T: Wire>(
    client: &Client,
    path: &Path,
    query: &ListQuery,
    since: Option<&str>,
) -> Result<impl Stream<Item = Result<Watched<T>, ClientError>> + Send + Unpin + use<T>, ClientError> {
    let mut request = Request::new(client, Method::GET, path).query(query)?;
    request.inner.url_mut().query_pairs_mut().append_pair("watch", "true");
    if let Some(since) = since.and_then(|since| HeaderValue::from_str(since).ok()) {
        request.inner.headers_mut().insert("last-event-id", since);
    }
    let streaming = client.open(request).await?;
    let source = Source {
        is_events: streaming.is_events(),
        streaming,
        decoder: EventDecoder::new(),
        ready: VecDeque::new(),
        path: path.to_string(),
        over: false,
    };
    if !source.is_events {
        return Err(source.garbled("it is not a stream of events; the gateway may be older than this program"));
    }
    Ok(stream::unfold(source, |mut source| async move { source.next().await.map(|event| (event, source)) }).boxed())
}

struct Source {
    streaming: Streaming,
    is_events: bool,
    decoder: EventDecoder,
    ready: VecDeque<Event>,
    path: String,
    over: bool,
}

impl Source {
    async fn next<T: Wire>(&mut self) -> Option<Result<Watched<T>, ClientError>> {
        loop {
            while let Some(event) = self.ready.pop_front() {
                match decode(&event) {
                    Ok(Some(watched)) => return Some(Ok(watched)),
                    Ok(None) => {}
                    Err(_) => {
                        self.over = true;
                        return Some(Err(self.garbled(&format!("an event is no {} of this version", name(T::KIND)))));
                    }
                }
            }
            if self.over {
                return None;
            }
            match self.streaming.chunk(IDLE).await {
                Ok(Some(bytes)) => match self.decoder.push(&bytes) {
                    Ok(events) => self.ready.extend(events),
                    Err(error) => {
                        self.over = true;
                        return Some(Err(self.garbled(&error.to_string())));
                    }
                },
                Ok(None) => return None,
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
    }

    fn garbled(&self, reason: &str) -> ClientError {
        ClientError::Decode {
            url: self.path.clone(),
            reason: reason.to_owned(),
            request_id: self.streaming.request_id.clone(),
        }
    }
}

const fn name(kind: Kind) -> &'static str {
    kind.as_str()
}

/// Reads one event; `None` for kinds of events that a newer gateway may send.
fn decode<T: DeserializeOwned>(event: &Event) -> Result<Option<Watched<T>>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Told<T> {
        object: T,
    }
    #[derive(Deserialize)]
    struct Gone {
        id: String,
        name: Option<String>,
    }
    #[derive(Deserialize)]
    struct Reason {
        #[serde(default)]
        reason: String,
    }
    let told = match event.name.as_str() {
        "ADDED" => WatchEvent::Added(serde_json::from_str::<Told<T>>(&event.data)?.object),
        "MODIFIED" => WatchEvent::Modified(serde_json::from_str::<Told<T>>(&event.data)?.object),
        "DELETED" => {
            let Gone { id, name } = serde_json::from_str::<Told<Gone>>(&event.data)?.object;
            WatchEvent::Deleted { id, name }
        }
        "BOOKMARK" => WatchEvent::Bookmark,
        "GAP" => WatchEvent::Gap(serde_json::from_str::<Reason>(&event.data)?.reason),
        _ => return Ok(None),
    };
    Ok(Some(Watched { event: told, id: event.id.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(name: &str, data: &Value) -> Option<WatchEvent<Value>> {
        let event = Event { name: name.into(), data: data.to_string(), id: Some("7".into()) };
        let watched: Option<Watched<Value>> = decode(&event).unwrap();
        watched.map(|watched| {
            assert_eq!(watched.id.as_deref(), Some("7"));
            watched.event
        })
    }

    #[test]
    fn events_are_read_by_their_names() {
        let object = json!({"name": "ci"});
        assert_eq!(read("ADDED", &json!({"type": "ADDED", "object": object})), Some(WatchEvent::Added(object)));
        assert_eq!(
            read("DELETED", &json!({"object": {"id": "1", "name": null}})),
            Some(WatchEvent::Deleted { id: "1".into(), name: None })
        );
        assert_eq!(read("BOOKMARK", &json!({"revision": "7"})), Some(WatchEvent::Bookmark));
        assert_eq!(read("GAP", &json!({"reason": "restored"})), Some(WatchEvent::Gap("restored".into())));
        assert_eq!(read("RENAMED", &json!(1)), None);
    }
}
