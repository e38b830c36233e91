//! A request as a wire format reads it.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Method, header::AUTHORIZATION};
use serde_json::{Map, Value};

use crate::{
    Script,
    answer::{Operation, Reply},
};

/// One request, with the path below the mount point of its family.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inbound<'a> {
    pub(crate) method: &'a Method,
    /// The whole path.
    pub(crate) path: &'a str,
    /// The path below the family's mount point, with its leading slash.
    pub(crate) route: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
    /// Counts the requests; it makes the ids of answers.
    pub(crate) number: u64,
}

impl<'a> Inbound<'a> {
    /// The text of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The key of an `Authorization` header with this scheme.
    pub(crate) fn authorization(&self, scheme: &str) -> Option<&'a str> {
        let value = self.headers.get(AUTHORIZATION)?.to_str().ok()?;
        value.strip_prefix(scheme)?.strip_prefix(' ').map(str::trim)
    }

    /// The value of a query parameter, as it is written.
    pub(crate) fn parameter(&self, name: &str) -> Option<&'a str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// The URL of a path on this server, as the client would write it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.header("host").unwrap_or("localhost"))
    }

    /// The body as a JSON object, or what is wrong with it.
    pub(crate) fn object(&self) -> Result<Fields, String> {
        match serde_json::from_slice(self.body) {
            Ok(Value::Object(fields)) => Ok(Fields(fields)),
            Ok(_) => Err(unreadable("it is not a JSON object")),
            Err(error) => Err(unreadable(&error.to_string())),
        }
    }
}

/// What is said of a body that is not the JSON it should be.
pub(crate) fn unreadable(why: &str) -> String {
    format!("We could not parse the JSON body of your request: {why}.")
}

/// The fields of a request body.
#[derive(Debug, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// A field that is there and not `null`.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A field that the request cannot do without.
    pub(crate) fn required(&self, name: &str) -> Result<&Value, String> {
        self.get(name).ok_or_else(|| missing(name))
    }

    /// The text of a field.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The number of a field.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_u64()
    }

    /// Whether a field is `true`.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The model that the body names.
    pub(crate) fn model(&self) -> Option<String> {
        self.text("model").map(str::to_owned)
    }

    /// Reads one field as a list: what is not a list is its only item.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<&Value>, String> {
        Ok(match self.required(name)? {
            Value::Array(items) => items.iter().collect(),
            one => vec![one],
        })
    }
}

/// What is said of a field that is not there.
pub(crate) fn missing(name: &str) -> String {
    format!("Missing required parameter: '{name}'.")
}

/// What a request asks for, as far as its script and its answer depend on it.
pub(crate) struct Asked<'a> {
    /// The model, whose name may ask for a script.
    pub(crate) model: Option<Cow<'a, str>>,
    /// How to answer, or what is wrong with the request.
    pub(crate) operation: Result<Operation<'a>, String>,
    /// Whether anyone is answered, whatever the script says of keys.
    pub(crate) public: bool,
}

impl<'a> Asked<'a> {
    /// Makes an operation of a body that is a JSON object.
    pub(crate) fn of_object(
        inbound: &Inbound<'a>,
        model_of_path: Option<&'a str>,
        operation: impl FnOnce(Fields, String) -> Result<Operation<'a>, String>,
    ) -> Self {
        match inbound.object() {
            Ok(fields) => {
                let model = fields.model().or_else(|| model_of_path.map(str::to_owned));
                let named = model.clone().ok_or_else(|| "you must provide a model parameter".to_owned());
                Self::new(model.map(Cow::Owned), named.and_then(|model| operation(fields, model)))
            }
            Err(problem) => Self::new(model_of_path.map(Cow::Borrowed), Err(problem)),
        }
    }

    /// An answer that needs nothing of the body.
    pub(crate) fn plain(operation: impl Fn(&Script) -> Reply + Send + 'a) -> Self {
        Self::new(None, Ok(Box::new(operation)))
    }

    /// A request that cannot be read.
    pub(crate) fn unreadable(problem: String) -> Self {
        Self::new(None, Err(problem))
    }

    /// A request of this model, and what comes of it.
    pub(crate) fn new(model: Option<Cow<'a, str>>, operation: Result<Operation<'a>, String>) -> Self {
        Self { model, operation, public: false }
    }

    /// The same for anyone, with a key or without.
    pub(crate) fn public(self) -> Self {
        Self { public: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_by_their_whole_name() {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        let inbound = Inbound {
            method: &Method::GET,
            path: "/",
            route: "/",
            query: "monkey=1&key=abc&alt=sse",
            headers: &headers,
            body: &body,
            number: 1,
        };
        assert_eq!(inbound.parameter("key"), Some("abc"));
        assert_eq!(inbound.parameter("al"), None);
    }
}
