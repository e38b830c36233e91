//! A gateway that gives scripted answers, and a home directory to run the program in.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};

/// The token of every test; it must show up nowhere.
pub const TOKEN: &str = "odock-pat-canary-0123456789";

#[derive(Default)]
struct Script {
    answers: HashMap<String, Vec<(u16, &'static str, String)>>,
    log: Vec<Sent>,
}

/// A request that the gateway got.
#[derive(Clone)]
pub struct Sent {
    pub line: String,
    pub headers: HashMap<String, String>,
    pub body: String,
}

/// A gateway that answers what it was told to. Without instructions it answers 404.
#[derive(Clone)]
pub struct Gateway {
    pub url: String,
    script: Arc<Mutex<Script>>,
}

impl Gateway {
    pub fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let (sender, receiver) = std::sync::mpsc::channel();
        let shared = Arc::clone(&script);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                axum::serve(listener, Router::new().fallback(answer).with_state(shared)).await.unwrap();
            });
        });
        Self { url: format!("http://{}/", receiver.recv().unwrap()), script }
    }

    /// Answers a request line; told several times, one after the other, the last for ever.
    pub fn on(&self, line: &str, status: u16, body: &Value) -> &Self {
        let kind = if status < 400 { "application/json" } else { "application/problem+json" };
        self.raw(line, status, kind, &body.to_string())
    }

    /// Answers with any content.
    pub fn raw(&self, line: &str, status: u16, kind: &'static str, body: &str) -> &Self {
        let mut script = self.script.lock().unwrap();
        script.answers.entry(line.to_owned()).or_default().push((status, kind, body.to_owned()));
        drop(script);
        self
    }

    /// Refuses a request line as the gateway does.
    pub fn refuse(&self, line: &str, status: u16, code: &str, title: &str) -> &Self {
        self.on(line, status, &json!({ "status": status, "code": code, "title": title, "requestId": "req-9" }))
    }

    /// Refuses everything that it was not told about.
    pub fn refuse_all(&self, status: u16, code: &str, title: &str) -> &Self {
        self.refuse("*", status, code, title)
    }

    /// Answers everything that it was not told about with any content.
    pub fn raw_all(&self, status: u16, kind: &'static str, body: &str) -> &Self {
        self.raw("*", status, kind, body)
    }

    /// Unlearns an answer.
    pub fn forget(&self, line: &str) {
        self.script.lock().unwrap().answers.remove(line);
    }

    /// The request lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }

    /// The `Authorization` headers so far.
    pub fn credentials(&self) -> Vec<String> {
        self.requests()
            .into_iter()
            .map(|mut request| request.headers.remove("authorization").unwrap_or_default())
            .collect()
    }

    /// The bodies so far.
    pub fn bodies(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.body).collect()
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Sent> {
        self.script.lock().unwrap().log.clone()
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let line = format!("{} {}", head.method, head.uri);
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let mut script = script.lock().unwrap();
    let body = String::from_utf8_lossy(&body).into_owned();
    script.log.push(Sent { line: line.clone(), headers: headers.collect(), body });
    let path = format!("{} {}", head.method, head.uri.path());
    let known = |key: &String| script.answers.contains_key(key);
    let key = [line, path].into_iter().find(known).unwrap_or_else(|| "*".to_owned());
    let not_found = || {
        (
            404,
            "application/problem+json",
            json!({ "status": 404, "code": "not_found", "title": "there is no such thing", "requestId": "req-9" })
                .to_string(),
        )
    };
    let (status, kind, text) = match script.answers.get_mut(&key) {
        Some(answers) if answers.len() > 1 => answers.remove(0),
        Some(answers) => answers.first().cloned().unwrap_or_else(not_found),
        None => not_found(),
    };
    drop(script);
    Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("x-request-id", "req-9")
        .body(Body::from(text))
        .unwrap()
}

/// A home directory with nothing in it, or with a context of a gateway.
pub struct Home {
    directory: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    pub fn empty() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// A home that is signed in to a gateway, about the organisation acme.
    pub fn of(gateway: &Gateway) -> Self {
        let home = Self::empty();
        home.write(
            "config.toml",
            &format!("current = \"test\"\n\n[contexts.test]\nurl = \"{}\"\norganisation = \"acme\"\n", gateway.url),
        );
        home.with("ODOCK_TOKEN", TOKEN)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    /// The program with arguments, in this home, with nothing of the machine's own environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_odockctl"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root())
            .env("ODOCK_CLI_CONFIG", self.path("config.toml"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.root())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// Runs the program with something on its standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Run {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Run::of(child.wait_with_output().unwrap())
    }
}

/// How the program ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(output: std::process::Output) -> Self {
        let run = Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!run.stdout.contains(TOKEN) && !run.stderr.contains(TOKEN), "the token was printed: {run:?}");
        run
    }

    /// The run, which must have ended with this code.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// The error as the one JSON object that stderr holds.
    #[track_caller]
    pub fn error(&self) -> Value {
        assert_eq!(self.stdout, "", "stdout holds data after an error");
        serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("{error}: {}", self.stderr))
    }

    /// Both streams as one text, with what changes from run to run replaced.
    pub fn shown(&self, gateway: &Gateway) -> String {
        let text = format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr);
        text.replace(&gateway.url, "http://GATEWAY/").replace(gateway.url.trim_end_matches('/'), "http://GATEWAY")
    }
}

/// A virtual key as the gateway shows it.
pub fn key(name: &str) -> Value {
    json!({
        "id": "0198c0de-0000-7000-8000-000000000001", "name": name, "organisation": "acme", "revision": 2,
        "createdAt": "2026-11-01T10:00:00.123456Z", "updatedAt": "2026-11-02T10:00:00Z",
        "spec": { "type": "TEAM", "team": "search", "models": ["support-fast"] },
        "status": { "preview": "sk-odock-3kF…9Qz", "revealed": true, "rotations": 1 }
    })
}

/// A page of virtual keys.
pub fn keys(names: &[&str]) -> Value {
    json!({ "items": names.iter().map(|name| key(name)).collect::<Vec<_>>() })
}

/// A virtual key with a secret.
pub fn issued(name: &str) -> Value {
    json!({ "key": key(name), "secret": "sk-odock-secret-canary" })
}

/// Who the token belongs to.
pub fn whoami() -> Value {
    json!({
        "userId": "0198c0de-0000-7000-8000-000000000002", "email": "ada@acme.example", "role": "ORG_ADMIN", "organisation": "acme",
        "token": {
            "id": "0198c0de-0000-7000-8000-000000000003", "name": "laptop", "preview": "odock-pat-3kF…9Qz",
            "scopes": ["read", "write"], "createdAt": "2026-11-01T10:00:00Z", "expiresAt": "2099-01-01T00:00:00Z"
        }
    })
}

/// The record of a request.
pub fn record(id: &str) -> Value {
    json!({
        "id": "0198c0de-0000-7000-8000-000000000004", "requestId": id, "at": "2026-11-23T10:00:00Z",
        "organisationId": "0198c0de-0000-7000-8000-000000000005", "organisation": "acme",
        "apiKeyId": "0198c0de-0000-7000-8000-000000000001", "apiKey": "ci", "model": "support-fast", "provider": "openai",
        "endpoint": "/v1/chat/completions", "stream": true, "outcome": "ok", "status": 200,
        "tokens": { "inputText": 12, "outputText": 5, "total": 17 }, "usageSource": "reported", "costNanos": 12_800,
        "latencyUs": 345_678, "firstByteUs": 120_000, "overheadUs": 210
    })
}
