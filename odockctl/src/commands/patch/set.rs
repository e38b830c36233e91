//! `--set path=value`: a value in the type that its field has.

use entity::Kind;
use entity::check::{Description, describe, nearest};
use serde_json::{Value, json};

use crate::error::CliError;

/// The merge patch of `path=value`.
///
/// # Errors
/// There is no such field, or the value is not of its type.
pub fn assignment(kind: Kind, text: &str) -> Result<Value, CliError> {
    let Some((path, value)) = text.split_once('=') else {
        return Err(CliError::usage(format!("`{text}` is not of the form path=value")));
    };
    let (steps, field) = find(kind, path)?;
    Ok(nested(&steps, typed(path, &field, value)?))
}

/// The merge patch that removes a field.
///
/// # Errors
/// There is no such field.
pub fn removal(kind: Kind, path: &str) -> Result<Value, CliError> {
    let (steps, _) = find(kind, path)?;
    Ok(nested(&steps, Value::Null))
}

fn nested(steps: &[String], value: Value) -> Value {
    steps.iter().rev().fold(value, |value, step| json!({ step: value }))
}

/// The field at a dotted path of the spec; `spec.` before it is understood.
fn find(kind: Kind, path: &str) -> Result<(Vec<String>, Description), CliError> {
    let whole = describe(kind);
    let spec = whole.fields.into_iter().find(|field| field.name == "spec");
    let mut at = spec.ok_or_else(|| CliError::internal("a kind has no spec"))?;
    let own = at.fields.iter().any(|field| field.name == "spec");
    let rest = if own { path } else { path.strip_prefix("spec.").unwrap_or(path) };
    let mut steps = Vec::new();
    for step in rest.split('.') {
        if at.r#type.starts_with("[]") {
            return Err(CliError::usage(format!("{path}: `{}` is a list, which is replaced as a whole", at.name))
                .hint(format!("use -p '{{\"{}\": […]}}', or odockctl edit", at.name)));
        }
        // The fields of a map stand for any of its words.
        let next = match at.r#type.strip_prefix("map of ") {
            Some(inner) => Some(Description { r#type: inner.to_owned(), ..at.clone() }),
            None => at.fields.iter().find(|field| field.name == step).cloned(),
        };
        let Some(next) = next else {
            let names: Vec<&str> = at.fields.iter().map(|field| field.name.as_str()).collect();
            let guess = nearest(step, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            let known = || format!("there are: {}", names.join(", "));
            return Err(CliError::usage(format!("{path}: there is no field `{step}` in {}", at.name))
                .hint(guess.unwrap_or_else(known)));
        };
        steps.push(step.to_owned());
        at = next;
    }
    Ok((steps, at))
}

fn typed(path: &str, field: &Description, value: &str) -> Result<Value, CliError> {
    let wanted = |what: &str| CliError::usage(format!("{path} must be {what}, not `{value}`"));
    match field.r#type.as_str() {
        "string" => Ok(value.into()),
        "integer" => value.parse::<i64>().map(Value::from).map_err(|_| wanted("a whole number")),
        "boolean" => value.parse::<bool>().map(Value::from).map_err(|_| wanted("true or false")),
        "[]string" if !value.trim_start().starts_with('[') => {
            Ok(value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect())
        }
        other => {
            let what = if other.starts_with("[]") { "a list in JSON" } else { "an object in JSON" };
            serde_json::from_str(value).map_err(|_| wanted(what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_type_of_their_field() {
        let set = |text| assignment(Kind::ApiKey, text).map_err(|error| error.message().to_owned());
        assert_eq!(
            set("policies.ratelimit.requests.per_minute=60"),
            Ok(json!({"policies": {"ratelimit": {"requests": {"per_minute": 60}}}}))
        );
        assert_eq!(set("spec.team=7"), Ok(json!({"team": "7"})));
        assert_eq!(set("models=a, b"), Ok(json!({"models": ["a", "b"]})));
        assert_eq!(set("policies.shadow=true"), Ok(json!({"policies": {"shadow": true}})));
        assert_eq!(set("routing.chat.maxRetries=2"), Ok(json!({"routing": {"chat": {"maxRetries": 2}}})));
        assert_eq!(set("expiry="), Ok(json!({"expiry": ""})));
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |kind, text| {
            let error = assignment(kind, text).unwrap_err();
            error.text("")
        };
        assert!(wrong(Kind::ApiKey, "polices.shadow=true").contains("did you mean `policies`?"));
        assert!(wrong(Kind::ApiKey, "policies.shadow=maybe").contains("must be true or false"));
        assert!(wrong(Kind::Provider, "keys.primary=1").contains("replaced as a whole"));
        assert!(wrong(Kind::Provider, "enabled").contains("path=value"));
        assert_eq!(removal(Kind::Model, "providerKey").unwrap(), json!({"providerKey": null}));
    }
}
