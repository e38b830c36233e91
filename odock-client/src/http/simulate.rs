//! Requests that are not sent.

use entity::simulation::Simulation;
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use super::{ApiKeys, ClientError, Request};

/// What to simulate.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Simulate {
    /// A chat completion as callers send it.
    Request(Value),
    /// The smallest request there is for a model of this name.
    Model(String),
}

impl ApiKeys {
    /// Says what each gate would say to a request with a key. Nothing is sent or taken.
    ///
    /// # Errors
    /// The call failed.
    pub async fn simulate(&self, name: &str, what: &Simulate) -> Result<Simulation, ClientError> {
        let request = Request::new(&self.of.client, Method::POST, &self.key(name)?.join("simulate"));
        request.harmless().json(what)?.read(&self.of.client).await
    }
}
