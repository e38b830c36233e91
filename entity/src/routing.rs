//! Smart routing: where else a call may go when its upstream fails.
//!
//! An organisation switches it on; a virtual key says, for each type of model, what it wants.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::vocab::{FailoverTrigger, ModelType, NativeFamily, RoutingStrategy};
use crate::wire::is_default;

/// Attempts after the first that a policy may ask for.
pub const MOST_RETRIES: u32 = 10;

/// Whether an organisation's keys are routed as their policies say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "db", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RoutingSwitch {
    /// Whether it is on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub enabled: bool,
}

/// A virtual key's routing: a policy for each type of model that is routed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "db", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Routing(pub BTreeMap<ModelType, RoutingPolicy>);

/// How calls of one type of model find their upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoutingPolicy {
    /// Which candidate is tried first.
    #[serde(default = "failover")]
    #[cfg_attr(feature = "openapi", schema(default = "failover"))]
    pub strategy: RoutingStrategy,
    /// Models that may serve calls of the unified route. Those that the key may not call are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<RoutingCandidate>,
    /// Models that are tried after the one that was asked for, on the native routes of a family.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub native_fallback: BTreeMap<NativeFamily, Vec<String>>,
    /// What has another candidate tried.
    #[serde(default = "triggers")]
    pub failover_on: BTreeSet<FailoverTrigger>,
    /// Attempts after the first, 0 to 10.
    #[serde(default = "retries")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 10, default = 2))]
    pub max_retries: u32,
    /// Milliseconds before each further attempt, 0 to 60 000; a quarter more or less is added at random.
    #[serde(default = "delay")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 60_000, default = 100))]
    pub retry_delay_ms: u32,
    /// When a second candidate is asked though the first may still answer; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hedge: Option<Hedge>,
}

/// When a second candidate is asked though the first may still answer. Whichever answers first serves; the other is
/// cancelled, and what it had read is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hedge {
    /// So many percent of the first candidate's latest answers came earlier, 50 to 99.
    #[serde(default = "percentile")]
    #[cfg_attr(feature = "openapi", schema(minimum = 50, maximum = 99, default = 95))]
    pub percentile: u8,
    /// Milliseconds before which no second candidate is asked, 1 to 60 000.
    #[serde(default = "least_delay")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 60_000, default = 50))]
    pub min_delay_ms: u32,
}

/// A model that may serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoutingCandidate {
    /// The model's name in the organisation.
    pub model_name: String,
    /// Its place: the lowest number is tried first, 1 to 1 000.
    #[serde(default = "first")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000, default = 1))]
    pub priority: u32,
}

const fn failover() -> RoutingStrategy {
    RoutingStrategy::Failover
}

fn triggers() -> BTreeSet<FailoverTrigger> {
    BTreeSet::from([FailoverTrigger::ServerError, FailoverTrigger::Timeout])
}

const fn retries() -> u32 {
    2
}

const fn delay() -> u32 {
    100
}

const fn first() -> u32 {
    1
}

const fn percentile() -> u8 {
    95
}

const fn least_delay() -> u32 {
    50
}

impl Default for RoutingPolicy {
    fn default() -> Self {
        Self {
            strategy: failover(),
            candidates: Vec::new(),
            native_fallback: BTreeMap::new(),
            failover_on: triggers(),
            max_retries: retries(),
            retry_delay_ms: delay(),
            hedge: None,
        }
    }
}

impl RoutingPolicy {
    /// The candidates from the lowest priority to the highest; those of the same one in the order in which they stand.
    #[must_use]
    pub fn by_priority(&self) -> Vec<&str> {
        let mut sorted: Vec<&RoutingCandidate> = self.candidates.iter().collect();
        sorted.sort_by_key(|candidate| candidate.priority);
        sorted.into_iter().map(|candidate| candidate.model_name.as_str()).collect()
    }

    /// Whether a failure of that kind has another candidate tried.
    #[must_use]
    pub fn fails_over_on(&self, trigger: FailoverTrigger) -> bool {
        self.failover_on.contains(&trigger) || self.failover_on.contains(&FailoverTrigger::Any)
    }

    /// Every model that it names, with its place in the policy as a JSON pointer.
    pub fn names(&self) -> impl Iterator<Item = (String, &str)> {
        let candidates = self.candidates.iter().enumerate();
        let candidates = candidates
            .map(|(index, candidate)| (format!("/candidates/{index}/modelName"), candidate.model_name.as_str()));
        let fallback = self.native_fallback.iter().flat_map(|(family, names)| {
            let place = move |index| format!("/nativeFallback/{family}/{index}");
            names.iter().enumerate().map(move |(index, name)| (place(index), name.as_str()))
        });
        candidates.chain(fallback)
    }
}

impl Routing {
    /// The policy for a type of model.
    #[must_use]
    pub fn of(&self, model: ModelType) -> Option<&RoutingPolicy> {
        self.0.get(&model)
    }

    /// Every model that it names: the type that it must have, its place as a JSON pointer, and its name.
    pub fn names(&self) -> impl Iterator<Item = (ModelType, String, &str)> {
        self.0.iter().flat_map(|(kind, policy)| {
            policy.names().map(move |(place, name)| (*kind, format!("/{kind}{place}"), name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_the_documented_default() {
        let routing: Routing = serde_json::from_str(r#"{"chat":{"candidates":[{"modelName":"a"}]}}"#).unwrap();
        let policy = routing.of(ModelType::Chat).unwrap();
        assert_eq!(policy.strategy, RoutingStrategy::Failover);
        assert_eq!((policy.max_retries, policy.retry_delay_ms), (2, 100));
        assert!(policy.fails_over_on(FailoverTrigger::ServerError) && policy.fails_over_on(FailoverTrigger::Timeout));
        assert!(!policy.fails_over_on(FailoverTrigger::RateLimit));
        assert_eq!(routing.of(ModelType::Embeddings), None);
    }

    #[test]
    fn the_lowest_priority_comes_first_and_equals_keep_their_order() {
        let policy: RoutingPolicy = serde_json::from_str(
            r#"{"candidates":[{"modelName":"c","priority":3},{"modelName":"a"},{"modelName":"b"}]}"#,
        )
        .unwrap();
        assert_eq!(policy.by_priority(), ["a", "b", "c"]);
    }

    #[test]
    fn every_name_knows_its_place() {
        let routing: Routing = serde_json::from_str(
            r#"{"chat":{"candidates":[{"modelName":"a"}],"nativeFallback":{"openai":["b","c"]}}}"#,
        )
        .unwrap();
        let places: Vec<(String, &str)> = routing.names().map(|(_, place, name)| (place, name)).collect();
        assert_eq!(
            places,
            [
                ("/chat/candidates/0/modelName".into(), "a"),
                ("/chat/nativeFallback/openai/0".into(), "b"),
                ("/chat/nativeFallback/openai/1".into(), "c"),
            ]
        );
    }
}
