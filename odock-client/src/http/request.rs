//! A request before it is sent, and its answer.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue, IF_MATCH};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::retry::Repeat;
use super::{Client, ClientError, Path};

/// The header by which the gateway knows a write that is sent again.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// One call, ready to be sent and sent again.
#[derive(Debug)]
pub struct Request {
    pub(super) inner: reqwest::Request,
    pub(super) repeat: Repeat,
    /// Whether it leaves everything as it is, so that a read-only client may send it.
    pub(super) harmless: bool,
}

impl Request {
    /// A request of `path`. `GET` is harmless; everything else is a write, which carries an `Idempotency-Key` of its own, so
    /// that the gateway carries it out once, however often it is sent.
    #[must_use]
    pub fn new(client: &Client, method: Method, path: &Path) -> Self {
        let harmless = method == Method::GET;
        let repeat = if harmless { Repeat::Safe } else { Repeat::Keyed { again: false } };
        let mut request = Self { inner: reqwest::Request::new(method, client.address(path)), repeat, harmless };
        if !harmless {
            request.draw_key();
        }
        request
    }

    /// Declares that the request changes nothing, whatever its method says.
    #[must_use]
    pub fn harmless(mut self) -> Self {
        self.harmless = true;
        self.without_key(Repeat::Safe)
    }

    /// Declares that the request does the same however often it is carried out.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeat = Repeat::Keyed { again: true };
        self
    }

    /// Declares that the request may be sent by a read-only client: it changes only the caller's own session. It is not sent
    /// again if it may have arrived: where callers prove who they are, no keys are known.
    #[must_use]
    pub fn of_the_session(mut self) -> Self {
        self.harmless = true;
        self.without_key(Repeat::Unsent)
    }

    /// Without a key, it is repeated as `repeat` says.
    pub(super) fn without_key(mut self, repeat: Repeat) -> Self {
        self.inner.headers_mut().remove(IDEMPOTENCY_KEY);
        self.repeat = repeat;
        self
    }

    /// Makes it another request in the eyes of the gateway.
    pub(super) fn draw_key(&mut self) {
        // 32 hexadecimal digits are a header's value.
        if let Ok(value) = HeaderValue::from_str(&uuid::Uuid::new_v4().simple().to_string()) {
            self.inner.headers_mut().insert(IDEMPOTENCY_KEY, value);
        }
    }

    /// Adds a query string.
    ///
    /// # Errors
    /// The query is no flat struct.
    pub fn query(mut self, query: &impl Serialize) -> Result<Self, ClientError> {
        let text = serde_json::to_value(query)
            .map_err(|e| ClientError::Invalid(format!("the query cannot be written: {e}")))?;
        let fields = text.as_object().ok_or_else(|| ClientError::Invalid("the query is not a struct".into()))?;
        for (name, value) in fields {
            let plain = match value {
                serde_json::Value::Null => continue,
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            self.inner.url_mut().query_pairs_mut().append_pair(name, &plain);
        }
        Ok(self)
    }

    /// Adds a JSON body.
    ///
    /// # Errors
    /// The body cannot be written as JSON.
    pub fn json(mut self, body: &impl Serialize) -> Result<Self, ClientError> {
        let bytes =
            serde_json::to_vec(body).map_err(|e| ClientError::Invalid(format!("the body cannot be written: {e}")))?;
        *self.inner.body_mut() = Some(bytes.into());
        self.inner.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        Ok(self)
    }

    /// Says that the body is a merge patch (RFC 7396), for `revision` of the resource if one is given.
    #[must_use]
    pub fn merge_patch(mut self, revision: Option<i64>) -> Self {
        let headers = self.inner.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/merge-patch+json"));
        if let Some(value) = revision.and_then(|revision| HeaderValue::from_str(&format!("\"{revision}\"")).ok()) {
            headers.insert(IF_MATCH, value);
        }
        self
    }

    /// Sends it and reads the answer as `T`.
    ///
    /// # Errors
    /// The call failed, or its answer is no `T`.
    pub async fn read<T: DeserializeOwned>(self, client: &Client) -> Result<T, ClientError> {
        client.send(self).await?.json()
    }

    /// Sends it and wants no content.
    ///
    /// # Errors
    /// The call failed.
    pub async fn done(self, client: &Client) -> Result<(), ClientError> {
        client.send(self).await.map(drop)
    }
}

/// A successful answer.
#[derive(Debug)]
pub struct Answer {
    pub(super) url: String,
    /// The handle of the request in the gateway's logs.
    pub request_id: Option<String>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Reads the body as `T`.
    ///
    /// # Errors
    /// It is no `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| ClientError::Decode {
            url: self.url.clone(),
            reason: without_values(&error),
            request_id: self.request_id.clone(),
        })
    }
}

/// Where and how JSON failed to be read, without the value that serde would quote: it may be a secret.
fn without_values(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "a field is missing or has another type than expected",
        serde_json::error::Category::Eof => "it ends early",
        _ => "it is not JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}
