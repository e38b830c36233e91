//! `[limits]`: the policy that holds for everything the gateway serves, and what happens while limits cannot be counted.

use entity::policy::Policies;
use serde_json::Value;

use super::check::Check;

/// The policy that holds for everything the gateway serves, and what happens while limits cannot be counted.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What everybody together may do; nothing is limited without it.
    pub global_policy: Option<Policies>,
    /// What happens while the hot store is away.
    pub failure_mode: FailureMode,
}

/// What happens while the hot store is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureMode {
    /// Each node counts by itself, at the same numbers.
    Local,
    /// Requests pass unlimited.
    Open,
    /// Limited requests are refused.
    Closed,
}

impl FailureMode {
    /// The word for it in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

impl Limits {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        Self {
            global_policy: check.parsed("limits.global_policy", policy),
            failure_mode: check.parsed("limits.failure_mode", failure_mode).unwrap_or(FailureMode::Local),
        }
    }
}

fn failure_mode(text: &str) -> Result<FailureMode, String> {
    match text {
        "local" => Ok(FailureMode::Local),
        "open" => Ok(FailureMode::Open),
        "closed" => Ok(FailureMode::Closed),
        _ => Err(format!("\"{text}\" is none of \"local\", \"open\", \"closed\"")),
    }
}

/// A policy as JSON, or `@` and the path of a file that holds it. With or without the `policies` around it.
fn policy(text: &str) -> Result<Policies, String> {
    let read;
    let (text, place) = match text.strip_prefix('@') {
        Some(path) => {
            read = std::fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
            (read.as_str(), format!("{path}: "))
        }
        None => (text, String::new()),
    };
    let value: Value = serde_json::from_str(text).map_err(|error| format!("{place}is not valid JSON: {error}"))?;
    let value = match value {
        Value::Object(mut map) if map.len() == 1 && map.contains_key("policies") => {
            map.remove("policies").unwrap_or_default()
        }
        value => value,
    };
    let wrong = entity::check::check_policies(&value);
    if wrong.is_empty() {
        return serde_json::from_value(value).map_err(|error| format!("{place}{error}"));
    }
    let all: Vec<String> =
        wrong.iter().map(|violation| format!("{}: {}", violation.pointer, violation.text())).collect();
    Err(format!("{place}{}", all.join("; ")))
}
