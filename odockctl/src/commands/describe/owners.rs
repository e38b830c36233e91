//! Which owner declared which field.

use std::collections::BTreeMap;

use entity::plan::FieldOwner;
use odock_client::http::OrganisationApi;
use serde_json::{Value, json};

use crate::output::{instant, one_line};
use crate::plan_view::field_name;

/// The owners of a resource's fields; null if the user may not see them.
pub(super) async fn of(api: &OrganisationApi, resource: &Value) -> Value {
    let id = resource["id"].as_str().unwrap_or_default();
    api.owners(id).await.map_or(Value::Null, |owners| json!(owners))
}

/// The same for people: a line a field, with everybody who declared it.
pub(super) fn text(value: &Value) -> String {
    let Ok(owners) = serde_json::from_value::<Vec<FieldOwner>>(value.clone()) else {
        return "  owners of fields\n    not to be seen\n".to_owned();
    };
    let mut fields: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for FieldOwner { path, owner, by, at } in &owners {
        let hand = format!("{} (by {}, {})", one_line(owner), one_line(by), instant(*at));
        fields.entry(path).or_default().push(hand);
    }
    let mut text = "  owners of fields\n".to_owned();
    for (path, hands) in &fields {
        text.push_str(&format!("    {}: {}\n", field_name(path), hands.join("; ")));
    }
    if fields.is_empty() {
        text.push_str("    none: whoever declares a field first owns it\n");
    }
    text
}
