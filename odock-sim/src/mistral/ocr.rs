//! Documents, read page by page.

use serde_json::{Value, json};

use crate::{
    Script, UsageReport,
    answer::Reply,
    json::Object,
    request::{Asked, Inbound},
};

/// Reads a request to read a document. The pages are those that it asks for, or as many as are scripted.
pub(super) fn ask<'a>(inbound: &Inbound<'a>) -> Asked<'a> {
    Asked::of_object(inbound, None, |fields, model| {
        let document = fields.required("document")?;
        let known = ["document_url", "image_url", "file_id"].iter().any(|name| !document[*name].is_null());
        if !known {
            return Err("Input tag found using 'type' does not match any of the expected tags.".to_owned());
        }
        let size = document.to_string().len();
        let wanted = fields
            .get("pages")
            .and_then(Value::as_array)
            .map(|pages| pages.iter().filter_map(Value::as_u64).collect::<Vec<_>>());
        Ok(Box::new(move |script| {
            let pages = wanted.clone().unwrap_or_else(|| (0..script.pages).collect());
            Reply::json(answer(script, &model, &pages, size).into_bytes())
        }))
    })
}

fn answer(script: &Script, model: &str, pages: &[u64], size: usize) -> Object {
    let fields = [("pages_processed", json!(pages.len())), ("doc_size_bytes", json!(size))];
    let usage = || Object::new().overlaid(&fields, &script.usage_detail);
    Object::new()
        .with("pages", pages.iter().map(|index| page(script, *index)).collect::<Vec<_>>())
        .with("model", model)
        .with("document_annotation", ())
        .maybe("usage_info", (script.usage_report != UsageReport::Never).then(usage))
}

fn page(script: &Script, index: u64) -> Object {
    Object::new()
        .with("index", index)
        .with("markdown", &script.text)
        .with("images", [(); 0])
        .with("dimensions", json!({"dpi": 200, "height": 2200, "width": 1700}))
}
