//! Forms with files, as callers send them and as they reach the upstream.

use odock_sim::Script;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, NewModel, TestGateway};

/// A form to send.
pub(super) struct Form {
    boundary: &'static str,
    body: Vec<u8>,
}

impl Form {
    pub(super) fn new() -> Self {
        Self::bounded_by("----test0123456789")
    }

    pub(super) fn bounded_by(boundary: &'static str) -> Self {
        Self { boundary, body: Vec::new() }
    }

    pub(super) fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("Content-Disposition: form-data; name=\"{name}\""), value.as_bytes())
    }

    pub(super) fn file(self, name: &str, content: &[u8]) -> Self {
        let disposition = format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"a.bin\"");
        self.part(&format!("{disposition}\r\nContent-Type: application/octet-stream"), content)
    }

    fn part(mut self, head: &str, content: &[u8]) -> Self {
        self.body.extend_from_slice(format!("--{}\r\n{head}\r\n\r\n", self.boundary).as_bytes());
        self.body.extend_from_slice(content);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    pub(super) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    pub(super) fn body(&self) -> Vec<u8> {
        [&self.body[..], format!("--{}--\r\n", self.boundary).as_bytes()].concat()
    }

    pub(super) fn request(&self, gw: &TestGateway, path: &str) -> reqwest::RequestBuilder {
        let request = gw.http.post(gw.url(path)).bearer_auth(&gw.fleet.secret);
        request.header("content-type", self.content_type()).body(self.body())
    }

    pub(super) async fn send(&self, gw: &TestGateway, path: &str) -> Answer {
        TestGateway::send(self.request(gw, path)).await
    }
}

const EDITS: &str = "/v1/images/edits";

fn edit(image: &[u8]) -> Form {
    Form::new().text("model", "fast").text("prompt", "A bigger dot").file("image[]", image)
}

/// Any bytes, boundaries of other forms among them.
fn noise(length: usize) -> Vec<u8> {
    b"\x89PNG\r\n\x00\xff\r\n------test01234567\r\n--".iter().copied().cycle().take(length).collect()
}

#[tokio::test]
async fn a_form_reaches_the_upstream_byte_for_byte_but_for_the_models_name() {
    let gw = TestGateway::start().await;
    gw.fleet.model(NewModel { slug: Some("gpt-image-1"), ..NewModel::named("alias") }).await;
    // A small one stays in memory, a large one does not.
    for length in [10, 3 << 20] {
        let image = noise(length);
        let form = |model: &str| {
            Form::new().file("image[]", &image).text("model", model).text("prompt", "A bigger dot").file("mask", b"m")
        };
        let answer = form("alias").send(&gw, EDITS).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = gw.sim.requests().pop().unwrap();
        assert!(sent.body == form("gpt-image-1").body(), "{length}");
        assert_eq!(sent.header("content-type"), Some(&*form("alias").content_type()));
        assert_eq!(sent.header("content-length"), Some(&*sent.body.len().to_string()));
    }
    let data_dir = &gw.running.gateway.config.data.dir;
    let files: Vec<_> = std::fs::read_dir(data_dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(files.iter().all(|name| !name.to_string_lossy().starts_with(".tmp")), "{files:?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_form_is_said_precisely() {
    let gw = TestGateway::start().await;
    let plain = || Form::new().file("image", b"x");
    let cases = [
        (plain().text("prompt", "x"), "\"model\" is missing: the form needs a text field of that name"),
        (plain().text("model", ""), "\"model\" is empty"),
        (plain().text("model", "fast").text("model", "fast"), "\"model\" stands twice"),
        (plain().file("model", b"fast"), "\"model\" must be a text field"),
        (plain().text("model", "fast").text("n", "some"), "\"n\" must be a whole number of 1 or more"),
        (plain().text("model", "fast").text("stream", "yes"), "\"stream\" must be true or false"),
        (Form::new().text("model", "fast"), "\"image\" is missing"),
    ];
    for path in [EDITS, "/v1/images/variations"] {
        for (form, expected) in &cases {
            let answer = form.send(&gw, path).await;
            answer.expect_error(400, "invalid_request_body");
            assert!(answer.text().contains(&expected.replace('"', "\\\"")), "{}", answer.text());
        }
        let answer = gw.post_json(path, &json!({"model": "fast", "prompt": "x"})).await;
        answer.expect_error(400, "invalid_request_body");
        assert!(answer.text().contains("multipart/form-data"), "{}", answer.text());
        let form = edit(b"x");
        let half = form.body()[..60].to_vec();
        let answer = TestGateway::send(form.request(&gw, path).body(half)).await;
        answer.expect_error(400, "invalid_request_body");
        assert!(answer.text().contains("not complete"), "{}", answer.text());
    }
    assert!(gw.sim.requests().is_empty(), "nothing of it reached the upstream");
}

#[tokio::test]
async fn an_upload_may_be_larger_than_other_bodies_but_not_without_end() {
    let gw = TestGateway::start_with(|config| {
        config.http.max_body_bytes = 64 << 10;
        config.http.max_upload_bytes = 1 << 20;
    })
    .await;
    assert_eq!(edit(&noise(900_000)).send(&gw, EDITS).await.status, 200);
    // Refused by its head alone: a caller who is still sending might see the connection break instead.
    let head = format!(
        "POST {EDITS} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {}\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n",
        gw.fleet.secret,
        edit(b"").content_type(),
        2 << 20
    );
    let mut socket = TcpStream::connect(gw.running.address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    socket.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 413");
    // A few bytes too many, of which no one was told.
    let unannounced = edit(&noise(1 << 20));
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        unannounced.body().chunks(60_000).map(|piece| Ok(piece.to_vec())).collect();
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    TestGateway::send(unannounced.request(&gw, EDITS).body(stream)).await.expect_error(413, "payload_too_large");
    let large = gw.post("/v1/embeddings", vec![b' '; 100 << 10]).await;
    large.expect_error(413, "payload_too_large");
}

#[tokio::test]
async fn the_same_form_is_known_again_whatever_its_boundary_is() {
    let gw = TestGateway::start().await;
    let form = |boundary, image: &[u8]| {
        Form::bounded_by(boundary).text("model", "fast").text("prompt", "x").file("image", image)
    };
    let send = async |form: Form| TestGateway::send(form.request(&gw, EDITS).header("idempotency-key", "edit-1")).await;
    let first = send(form("one", &noise(400_000))).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let again = send(form("another", &noise(400_000))).await;
    assert_eq!((again.status, again.text()), (200, first.text()));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    send(form("one", &noise(400_001))).await.expect_error(422, "idempotency_key_reused");
    assert_eq!(gw.sim.requests().len(), 1);
}

#[tokio::test]
async fn an_upload_whose_upstream_fails_leaves_one_record() {
    let gw = TestGateway::start().await;
    gw.sim.script(Script::default().reset());
    let answer = edit(&noise(1 << 20)).send(&gw, EDITS).await;
    answer.expect_error(502, "upstream_error");
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.endpoint.as_str(), record.status), (EDITS, 502));
}
