//! Moderation: which categories a text falls into. Nothing simulated is harmful unless a script's body says so.

use serde_json::{Map, Value, json};

use crate::{
    UsageReport,
    answer::Reply,
    json::Object,
    request::{Asked, Inbound},
    text::{Counts, text_bytes},
};

const CATEGORIES: [&str; 9] = [
    "sexual",
    "hate_and_discrimination",
    "violence_and_threats",
    "dangerous_and_criminal_content",
    "selfharm",
    "health",
    "financial",
    "law",
    "pii",
];

/// Reads a request to moderate texts, or conversations.
pub(super) fn ask<'a>(inbound: &Inbound<'a>) -> Asked<'a> {
    let number = inbound.number;
    let chats = inbound.route.ends_with("/chat/moderations");
    Asked::of_object(inbound, None, move |fields, model| {
        let input = fields.required("input")?;
        let prompt_bytes = text_bytes(input);
        let results = match input {
            Value::Array(items) if !chats || items.first().is_some_and(Value::is_array) => items.len(),
            _ => 1,
        };
        Ok(Box::new(move |script| {
            let counts = Counts::of_prompt(script, prompt_bytes);
            let fields = [
                ("prompt_tokens", json!(counts.prompt)),
                ("total_tokens", json!(counts.total())),
                ("completion_tokens", json!(0)),
            ];
            let usage = || Object::new().overlaid(&fields, &script.usage_detail);
            let answer = Object::new()
                .with("id", format!("mod-sim-{number}"))
                .maybe("usage", (script.usage_report != UsageReport::Never).then(usage))
                .with("model", &model)
                .with("results", vec![result(); results]);
            Reply::json(answer.into_bytes())
        }))
    })
}

fn result() -> Value {
    let of_each = |value: Value| CATEGORIES.map(|name| (name.to_owned(), value.clone())).into_iter().collect();
    let (categories, scores): (Map<_, _>, Map<_, _>) = (of_each(json!(false)), of_each(json!(0.001)));
    json!({"categories": categories, "category_scores": scores})
}
