//! A gateway on a socket, with an upstream that the test scripts.

use bytes::Bytes;
use entity::row::usage_record;
use entity::vocab::ProviderType;
use odock_gateway::config::Config;
use odock_gateway::gateway::Gateway;
use odock_gateway::serve::Running;
use odock_sim::Sim;
use reqwest::header::HeaderMap;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

use super::{Fleet, NewModel, Stack, eventually};

/// A running gateway with one organisation, whose provider is the simulated upstream.
pub(crate) struct TestGateway {
    pub(crate) sim: Sim,
    pub(crate) fleet: Fleet,
    pub(crate) running: Running,
    pub(crate) http: reqwest::Client,
    pub(crate) stack: Stack,
}

/// What a caller got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The published code of an error.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or("none").to_owned()
    }

    pub(crate) fn request_id(&self) -> String {
        self.headers["x-request-id"].to_str().unwrap().to_owned()
    }

    /// Panics unless the answer is this error, in OpenAI's shape, with the request's id.
    pub(crate) fn expect_error(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.text());
        assert_eq!(self.json()["error"]["request_id"], self.request_id());
        assert!(self.json()["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
        self
    }
}

/// A chat request.
pub(crate) fn chat(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "Say hello." }] })
}

/// A streamed chat request.
pub(crate) fn stream(model: &str) -> Value {
    json!({ "model": model, "stream": true, "messages": [{ "role": "user", "content": "Say hello." }] })
}

impl TestGateway {
    /// A gateway whose key may call the model `fast`.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// As [`TestGateway::start`], with another configuration.
    pub(crate) async fn start_with(configure: impl FnOnce(&mut Config)) -> Self {
        Self::start_at(ProviderType::OpenAi, "", configure).await
    }

    /// As [`TestGateway::start`], with a provider of another type, which the simulated upstream serves below `mount`.
    pub(crate) async fn start_at(kind: ProviderType, mount: &str, configure: impl FnOnce(&mut Config)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (stack, sim) = (Stack::new().await, Sim::start().await);
        let mut config = stack.config("a");
        configure(&mut config);
        let gateway = Gateway::start(config).await.unwrap();
        let fleet = Fleet::new(&gateway, kind, Some(sim.base_url() + mount)).await;
        fleet.model(NewModel::named("fast")).await;
        let running = Running::start(gateway).await.unwrap();
        Self { sim, fleet, running, http: reqwest::Client::builder().no_proxy().build().unwrap(), stack }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.address)
    }

    /// Sends a chat request with the test's key.
    pub(crate) async fn chat(&self, body: &Value) -> Answer {
        self.chat_bytes(serde_json::to_vec(body).unwrap()).await
    }

    /// Sends a body of JSON to a route.
    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.http.post(self.url(path)).bearer_auth(&self.fleet.secret);
        Self::send(request.header("content-type", "application/json").body(body)).await
    }

    /// Sends a JSON value to a route.
    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.post(path, serde_json::to_vec(body).unwrap()).await
    }

    /// Asks for something with the test's key.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        Self::send(self.http.get(self.url(path)).bearer_auth(&self.fleet.secret)).await
    }

    /// Sends any body to the chat route.
    pub(crate) async fn chat_bytes(&self, body: impl Into<reqwest::Body>) -> Answer {
        self.post("/v1/chat/completions", body).await
    }

    /// Sends a request and collects the answer.
    pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap_or_default() }
    }

    /// The one record of a request, once it has reached the database.
    pub(crate) async fn record(&self, request_id: &str) -> usage_record::Model {
        let rows = eventually(&format!("the record of {request_id}"), || async {
            let rows = self.records().await;
            let rows: Vec<_> = rows.into_iter().filter(|row| row.request_id == request_id).collect();
            (!rows.is_empty()).then_some(rows)
        })
        .await;
        assert_eq!(rows.len(), 1, "a request has one record");
        rows.into_iter().next().unwrap()
    }

    /// A record as it stands in the journal, for tests that write their own.
    pub(crate) async fn record_on_the_wire(&self) -> entity::usage::UsageRecord {
        let row = self.only_record().await;
        serde_json::from_value(json!({
            "id": row.id, "requestId": row.request_id, "at": row.at, "organisationId": row.organisation_id,
            "organisation": "acme", "apiKeyId": row.api_key_id, "apiKey": "ci", "endpoint": "/v1/chat/completions", "stream": false,
            "outcome": "ok", "status": 200, "tokens": {}, "usageSource": "missing", "latencyUs": 1, "overheadUs": 1
        }))
        .unwrap()
    }

    /// The only record there is, once it has reached the database.
    pub(crate) async fn only_record(&self) -> usage_record::Model {
        let rows =
            eventually("a record", || async { Some(self.records().await).filter(|rows| !rows.is_empty()) }).await;
        assert_eq!(rows.len(), 1);
        rows.into_iter().next().unwrap()
    }

    pub(crate) async fn records(&self) -> Vec<usage_record::Model> {
        usage_record::Entity::find()
            .filter(usage_record::Column::OrganisationId.eq(self.fleet.organisation))
            .order_by_asc(usage_record::Column::Id)
            .all(self.running.gateway.database.reader())
            .await
            .unwrap()
    }
}
