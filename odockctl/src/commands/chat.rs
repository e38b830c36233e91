//! `odockctl chat`: one message through the data plane, as an application would send it.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use entity::Nanos;
use odock_client::Client;
use odock_client::credential::{Lookup, NoStore};
use odock_client::http::{EventDecoder, Path, Request};
use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::error::{CliError, Exit};
use crate::output::{latency, money};
use crate::session::Session;

/// How long a stream may be silent.
const IDLE: Duration = Duration::from_secs(120);
/// How long to wait for the usage record of the request.
const RECORD_WAIT: Duration = Duration::from_millis(1_500);

/// Send a chat message through the gateway with a virtual key.
///
/// The answer goes to stdout as it comes; tokens, cost, time and request id go to stderr. The cost is looked up in the
/// usage record, if one is signed in. The virtual key comes from --key-file, --key-stdin or ODOCK_API_KEY.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl chat --model support-fast --key-file ./ci.key 'Say hello'
  echo 'Sum this up: …' | odockctl chat --model support-fast --key-file ./ci.key
  odockctl chat --model support-fast --key-stdin 'Say hello' -o json < ci.key")]
pub struct Args {
    /// The model, by its name in the organisation.
    #[arg(short, long, value_name = "NAME")]
    model: String,
    /// The message; from standard input if not given.
    #[arg(value_name = "MESSAGE")]
    message: Vec<String>,
    /// Instructions that stand before the message.
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// The most tokens of the answer.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_tokens: Option<u32>,
    /// Wait for the whole answer instead of streaming it.
    #[arg(long)]
    no_stream: bool,
    /// Read the virtual key from this file [env: ODOCK_API_KEY].
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Read the virtual key from standard input.
    #[arg(long, conflicts_with_all = ["key_file", "token_stdin"])]
    key_stdin: bool,
    /// The data plane's address, if it is not the management API's.
    #[arg(long, env = "ODOCK_DATA_URL", hide_env_values = true, value_name = "URL")]
    data_url: Option<Url>,
}

/// What came back.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_nanos: Option<Nanos>,
    duration_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_text_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// There is no key, or the gateway or the provider refuses.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    session.out.has_no_columns()?;
    let mut chosen = session.context()?;
    if let Some(url) = &args.data_url {
        chosen.context.url = url.clone();
    }
    // The data plane has no resources that a read-only context would protect.
    chosen.context.read_only = false;
    let key = virtual_key(&args).await?;
    let body = body(&args)?;
    let client = session.anonymous(&chosen)?.with_token(key);
    let begun = Instant::now();
    let mut answer = Answer::default();
    let result = if args.no_stream {
        whole(&client, &body, &mut answer).await
    } else {
        stream(session, &client, &body, &mut answer, begun).await
    };
    answer.duration_us = micros(begun);
    if let Err(error) = result {
        if !answer.content.is_empty() && !session.out.is_structured() {
            session.out.raw("\n")?;
        }
        return Err(error);
    }
    answer.cost_nanos = cost(session, answer.request_id.as_deref()).await;
    report(session, &args, &answer)
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The virtual key, from the same kinds of places as a token.
async fn virtual_key(args: &Args) -> Result<SecretString, CliError> {
    fn variable(name: &str) -> Option<std::ffi::OsString> {
        match name {
            "ODOCK_TOKEN" => std::env::var_os("ODOCK_API_KEY"),
            _ => None,
        }
    }
    let lookup = Lookup {
        token_file: args.key_file.as_deref(),
        token_stdin: args.key_stdin,
        env: &variable,
        oidc: None,
        locks: std::path::PathBuf::new(),
        reference: None,
        store: std::sync::Arc::new(NoStore("virtual keys are not kept")),
    };
    let hint = "use --key-file FILE, --key-stdin or ODOCK_API_KEY; make one: odockctl key create NAME --model MODEL";
    let found = lookup.kept().await.map_err(|error| {
        let text = error.to_string().replace("--token-", "--key-").replace("ODOCK_TOKEN", "ODOCK_API_KEY");
        CliError::new(Exit::NotSignedIn, "no_key", text).hint(hint)
    })?;
    found.ok_or_else(|| CliError::new(Exit::NotSignedIn, "no_key", "there is no virtual key").hint(hint))
}

fn body(args: &Args) -> Result<Value, CliError> {
    let message = if args.message.is_empty() { message_from_stdin(args)? } else { args.message.join(" ") };
    let mut messages = Vec::new();
    if let Some(system) = &args.system {
        messages.push(json!({ "role": "system", "content": system }));
    }
    messages.push(json!({ "role": "user", "content": message }));
    let mut body = json!({ "model": args.model, "messages": messages });
    if let Some(most) = args.max_tokens {
        body["max_tokens"] = most.into();
    }
    if !args.no_stream {
        body["stream"] = true.into();
        body["stream_options"] = json!({ "include_usage": true });
    }
    Ok(body)
}

fn message_from_stdin(args: &Args) -> Result<String, CliError> {
    if args.key_stdin {
        return Err(CliError::usage("standard input holds the key; give the message as an argument"));
    }
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        return Err(CliError::usage("there is no message").hint("give it as an argument, or on standard input"));
    }
    let mut text = String::new();
    input.read_to_string(&mut text).map_err(|error| CliError::io("standard input", &error))?;
    if text.trim().is_empty() { Err(CliError::usage("the message is empty")) } else { Ok(text) }
}

/// One event of a stream, or a whole answer: the same shape but for `delta` and `message`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Completion {
    model: Option<String>,
    choices: Vec<Choice>,
    usage: Option<Value>,
    error: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    delta: Option<Message>,
    message: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<String>,
}

impl Answer {
    /// Takes over what a piece says, and returns its text.
    fn take(&mut self, piece: Completion) -> String {
        self.model = piece.model.or(self.model.take());
        self.usage = piece.usage.or(self.usage.take());
        let mut text = String::new();
        for choice in piece.choices {
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
            text.extend(choice.delta.or(choice.message).and_then(|message| message.content));
        }
        self.content.push_str(&text);
        text
    }
}

fn completions(client: &Client, body: &Value) -> Result<Request, CliError> {
    Ok(Request::new(client, Method::POST, &Path::fixed("v1/chat/completions")).json(body)?)
}

async fn whole(client: &Client, body: &Value, answer: &mut Answer) -> Result<(), CliError> {
    let reply = client.send(completions(client, body)?).await?;
    answer.request_id.clone_from(&reply.request_id);
    answer.take(reply.json()?);
    Ok(())
}

async fn stream(
    session: &Session,
    client: &Client,
    body: &Value,
    answer: &mut Answer,
    begun: Instant,
) -> Result<(), CliError> {
    let mut streaming = client.open(completions(client, body)?).await?;
    answer.request_id.clone_from(&streaming.request_id);
    let mut decoder = EventDecoder::new();
    while let Some(bytes) = streaming.chunk(IDLE).await? {
        for event in decoder.push(&bytes).map_err(|error| broken(answer, &error.to_string()))? {
            if event.data == "[DONE]" {
                return Ok(());
            }
            let piece: Completion = serde_json::from_str(&event.data)
                .map_err(|_| broken(answer, "an event of the stream is not understood"))?;
            if let Some(error) = &piece.error {
                let message = error["message"].as_str().unwrap_or("the stream ended with an error");
                return Err(CliError::new(Exit::Failed, error["code"].as_str().unwrap_or("upstream_error"), message));
            }
            let text = answer.take(piece);
            if !text.is_empty() {
                answer.first_text_us.get_or_insert_with(|| micros(begun));
                if !session.out.is_structured() {
                    session.out.text(&text)?;
                }
            }
        }
    }
    Err(broken(answer, "the stream ended before the answer was complete"))
}

fn broken(answer: &Answer, why: &str) -> CliError {
    let id = answer.request_id.as_deref().unwrap_or("unknown");
    CliError::new(Exit::Failed, "broken_stream", why)
        .hint(format!("look the request up: odockctl usage list --request-id {id}"))
}

/// What the request cost, if somebody is signed in and the record comes soon. No reason to fail.
async fn cost(session: &Session, request_id: Option<&str>) -> Option<Nanos> {
    let request_id = request_id?;
    let chosen = session.context().ok()?;
    if session.global.token_stdin || session.credential_source(&chosen).ok()?.is_none() {
        return None;
    }
    let api = session.api().await.ok()?;
    let begun = Instant::now();
    loop {
        match api.usage_record(request_id).await {
            Ok(record) => return record.cost_nanos,
            // The record is written behind the answer.
            Err(error) if error.status() == Some(404) && begun.elapsed() < RECORD_WAIT => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(_) => return None,
        }
    }
}

fn report(session: &Session, args: &Args, answer: &Answer) -> Result<Exit, CliError> {
    if session.out.is_structured() {
        session.out.value(answer)?;
        return Ok(Exit::Done);
    }
    if args.no_stream {
        session.out.text(&answer.content)?;
    }
    if !answer.content.ends_with('\n') {
        session.out.raw("\n")?;
    }
    let count = |name: &str| answer.usage.as_ref().and_then(|usage| usage[name].as_u64());
    let mut facts = Vec::new();
    if let (Some(input), Some(output)) = (count("prompt_tokens"), count("completion_tokens")) {
        facts.push(format!("{input} tokens in, {output} out"));
    }
    facts.extend(answer.cost_nanos.map(money));
    facts.push(latency(answer.duration_us));
    facts.extend(answer.first_text_us.map(|us| format!("first text after {}", latency(us))));
    facts.extend(
        answer.finish_reason.as_ref().filter(|reason| *reason != "stop").map(|reason| format!("ended by {reason}")),
    );
    facts.extend(answer.request_id.as_ref().map(|id| format!("request {id}")));
    session.out.note(&facts.join(" · "));
    Ok(Exit::Done)
}
