//! Golden answers of each family: what goes out, byte for byte, for a request and a script.

mod alike;
mod anthropic;
mod azure;
mod gemini;
mod huggingface;
mod mistral;
mod openai;
mod vllm;

use odock_sim::{Script, Sim};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::client;

/// Headers that the connection adds, or that change from run to run.
const OMITTED: &[&str] = &["date", "content-length", "transfer-encoding"];

/// A simulated upstream and the way to talk to one family of it.
pub(crate) struct Talk {
    pub(crate) sim: Sim,
    mount: &'static str,
    key: (&'static str, &'static str),
    further: Option<(&'static str, &'static str)>,
}

impl Talk {
    /// Starts one whose family is mounted there and takes its key in this header.
    pub(crate) async fn start(mount: &'static str, key: (&'static str, &'static str)) -> Self {
        Self { sim: Sim::start().await, mount, key, further: None }
    }

    /// Sends this header with each request.
    pub(crate) fn with_header(self, name: &'static str, value: &'static str) -> Self {
        Self { further: Some((name, value)), ..self }
    }

    /// Answers with this script from now on.
    pub(crate) fn script(&self, script: Script) -> &Self {
        self.sim.script(script);
        self
    }

    /// A request without a body.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.keyed(client().get(self.url(path)))
    }

    /// A request with a JSON body.
    pub(crate) fn post(&self, path: &str, body: Value) -> RequestBuilder {
        self.keyed(client().post(self.url(path)).json(&body))
    }

    /// A request with the fields and one file of a form.
    pub(crate) fn upload(&self, path: &str, fields: &[(&str, &str)], file: (&str, &[u8])) -> RequestBuilder {
        let mut body = Vec::new();
        for (name, value) in fields {
            let part = format!("--sim\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.into_bytes());
        }
        let (name, bytes) = file;
        let part = format!("--sim\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n");
        body.extend(part.into_bytes());
        body.extend(bytes);
        body.extend(b"\r\n--sim--\r\n");
        let call = client().post(self.url(path)).header("content-type", "multipart/form-data; boundary=sim");
        self.keyed(call.body(body))
    }

    /// A request without its key.
    pub(crate) fn without_key(&self, path: &str) -> RequestBuilder {
        let call = client().post(self.url(path)).json(&json!({}));
        self.further.iter().fold(call, |call, (name, value)| call.header(*name, *value))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{}{path}", self.sim.base_url(), self.mount)
    }

    fn keyed(&self, call: RequestBuilder) -> RequestBuilder {
        let headers = [self.key].into_iter().chain(self.further);
        headers.fold(call, |call, (name, value)| call.header(name, value))
    }

    /// The answer to a request as text: status, headers, body.
    pub(crate) async fn answer(&self, call: RequestBuilder) -> String {
        let response = call.send().await.unwrap();
        let head = head(&response);
        let body = response.bytes().await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap_or_else(|_| format!("{body:?}"));
        // The port changes from run to run; carriage returns would not survive in a file.
        format!("{head}\n{body}").replace(&self.sim.base_url(), "http://sim").replace('\r', "␍")
    }
}

fn head(response: &Response) -> String {
    let headers = response.headers().iter().filter(|(name, _)| !OMITTED.contains(&name.as_str()));
    let mut lines: Vec<_> = headers.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect();
    lines.sort();
    format!("{}\n{}", response.status(), lines.concat())
}

/// A tool call, as scripts have it.
pub(crate) fn weather() -> Script {
    Script::default().tool_call("weather", json!({"city": "Oslo"}))
}
