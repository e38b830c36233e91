//! What can be waited for.

use entity::{Kind, Timestamp};
use serde_json::Value;

use crate::error::CliError;
use crate::output::jq::Filter;

/// A condition of a resource.
#[derive(Clone, Debug)]
pub enum Condition {
    /// It exists.
    Create,
    /// It does not exist.
    Delete,
    /// It can do what it is for.
    Ready,
    /// A filter finds something true in it.
    Jq(String, Filter),
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create => f.write_str("there"),
            Self::Delete => f.write_str("gone"),
            Self::Ready => f.write_str("ready"),
            Self::Jq(code, _) => write!(f, "as {code}"),
        }
    }
}

impl Condition {
    /// Reads `create`, `delete`, `ready` or `jq:FILTER`.
    ///
    /// # Errors
    /// It is none of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "create" => Ok(Self::Create),
            "delete" => Ok(Self::Delete),
            "ready" => Ok(Self::Ready),
            _ => match text.strip_prefix("jq:") {
                Some(code) => Ok(Self::Jq(code.to_owned(), Filter::parse(code)?)),
                None => Err("a condition is create, delete, ready or jq:FILTER".to_owned()),
            },
        }
    }

    /// Why a resource does not meet the condition; none if it does.
    ///
    /// # Errors
    /// The filter fails on the resource.
    pub fn unmet(&self, kind: Kind, resource: Option<&Value>) -> Result<Option<String>, CliError> {
        let absent = || Some("it does not exist".to_owned());
        Ok(match (self, resource) {
            (Self::Delete, None) | (Self::Create, Some(_)) => None,
            (Self::Delete, Some(resource)) => Some(format!("it exists, at revision {}", resource["revision"])),
            (_, None) => absent(),
            (Self::Ready, Some(resource)) => not_ready(kind, resource),
            (Self::Jq(_, filter), Some(resource)) => {
                let (mut met, mut last) = (false, "nothing".to_owned());
                filter.run(&resource.to_string(), |found| {
                    met |= found.is_true();
                    last = found.json();
                    Ok(())
                })?;
                (!met).then(|| format!("the filter finds {}", last.chars().take(200).collect::<String>()))
            }
        })
    }
}

/// Why a resource cannot do what it is for.
fn not_ready(kind: Kind, resource: &Value) -> Option<String> {
    let at = |pointer: &str| resource.pointer(pointer);
    let text = |pointer: &str| at(pointer).and_then(Value::as_str);
    let no = |reason: String| Some(reason);
    match kind {
        Kind::Organisation | Kind::User => match text("/spec/status") {
            Some("ACTIVE") | None => None,
            Some(status) => no(format!("its status is {status}")),
        },
        Kind::Provider if at("/spec/enabled") == Some(&Value::Bool(false)) => no("it is disabled".to_owned()),
        Kind::Provider => {
            let keys = at("/spec/keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let usable = keys.iter().any(|key| key["revoked"] != true && key["secret"].is_object());
            let breakers = at("/status/breakers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let resting: Vec<&str> = breakers
                .iter()
                .filter(|breaker| breaker["state"] == "open")
                .filter_map(|breaker| breaker["model"].as_str())
                .collect();
            match (keys.is_empty() || usable, resting.is_empty()) {
                (false, _) => no("none of its keys can be used".to_owned()),
                (true, false) => no(format!("its models {} rest", resting.join(", "))),
                (true, true) => None,
            }
        }
        Kind::ApiKey => {
            let expired =
                text("/spec/expiry").and_then(|at| at.parse().ok()).is_some_and(|at: Timestamp| at <= Timestamp::now());
            match (text("/status/revokedAt"), expired, text("/status/state")) {
                (Some(at), ..) => no(format!("it was revoked at {at}")),
                (None, true, _) => no("it has expired".to_owned()),
                (None, false, Some("PENDING" | "pending")) => no("its secret is not acknowledged yet".to_owned()),
                _ => None,
            }
        }
        Kind::Budget | Kind::Quota => match at("/spec/active") {
            Some(Value::Bool(false)) => no("it is not active".to_owned()),
            _ => None,
        },
        Kind::Overlay => match at("/status/inForce") {
            Some(Value::Bool(true)) => None,
            _ => no("it is not in force".to_owned()),
        },
        Kind::ServiceAccount => match at("/spec/disabled") {
            Some(Value::Bool(true)) => no("it is disabled".to_owned()),
            _ => None,
        },
        Kind::Team | Kind::Model => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn unmet(condition: &str, kind: Kind, resource: Option<Value>) -> Option<String> {
        Condition::parse(condition).unwrap().unmet(kind, resource.as_ref()).unwrap()
    }

    #[test]
    fn existence_is_asked_for_both_ways() {
        let there = || Some(json!({"revision": 4}));
        assert_eq!(unmet("create", Kind::Team, None).as_deref(), Some("it does not exist"));
        assert_eq!(unmet("create", Kind::Team, there()), None);
        assert_eq!(unmet("delete", Kind::Team, there()).as_deref(), Some("it exists, at revision 4"));
        assert_eq!(unmet("delete", Kind::Team, None), None);
    }

    #[test]
    fn ready_says_what_stands_in_the_way() {
        let revoked = json!({"spec": {}, "status": {"revokedAt": "2026-11-03T00:00:00Z"}});
        assert_eq!(
            unmet("ready", Kind::ApiKey, Some(revoked)).as_deref(),
            Some("it was revoked at 2026-11-03T00:00:00Z")
        );
        let expired = json!({"spec": {"expiry": "2020-01-01T00:00:00Z"}, "status": {}});
        assert_eq!(unmet("ready", Kind::ApiKey, Some(expired)).as_deref(), Some("it has expired"));
        assert_eq!(unmet("ready", Kind::ApiKey, Some(json!({"spec": {}, "status": {}}))), None);
        let off = json!({"spec": {"enabled": false, "keys": []}});
        assert_eq!(unmet("ready", Kind::Provider, Some(off)).as_deref(), Some("it is disabled"));
        let keyless = json!({"spec": {"keys": [{"name": "a", "revoked": true, "secret": {}}]}});
        assert_eq!(unmet("ready", Kind::Provider, Some(keyless)).as_deref(), Some("none of its keys can be used"));
    }

    #[test]
    fn filters_decide_by_their_results() {
        let spec = || Some(json!({"spec": {"n": 3}}));
        assert_eq!(unmet("jq:.spec.n > 2", Kind::Team, spec()), None);
        assert_eq!(unmet("jq:.spec.n > 3", Kind::Team, spec()).as_deref(), Some("the filter finds false"));
        assert_eq!(unmet("jq:empty", Kind::Team, spec()).as_deref(), Some("the filter finds nothing"));
        assert!(Condition::parse("jq:(").is_err());
        assert!(Condition::parse("readiness").is_err());
    }
}
