//! The models that the gateway knows.

use std::collections::BTreeSet;

use http::Method;
use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn known_models_are_listed_filtered_and_shown_to_everybody_who_is_signed_in() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "USER").await;
    api.get("/api/catalogue", None).await.problem(401, "unauthorized");
    let (mut seen, mut path) = (BTreeSet::new(), "/api/catalogue?limit=25".to_owned());
    let mut count = 0;
    loop {
        let page = api.get(&path, Some(&ada)).await.expect(200).body;
        for model in page["items"].as_array().unwrap() {
            count += 1;
            seen.insert(format!("{} {}", model["provider"].as_str().unwrap(), model["slug"].as_str().unwrap()));
            assert!(model["taken"].is_string() && !model["sources"].as_array().unwrap().is_empty(), "{model:#}");
        }
        match page["nextCursor"].as_str() {
            Some(cursor) => path = format!("/api/catalogue?limit=25&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), count, "pages repeat nothing");
    assert!(count > 150, "{count} models");
    let narrowed = api.get("/api/catalogue?provider=OPENAI&type=chat&q=4.1-MINI", Some(&ada)).await.expect(200);
    assert_eq!(narrowed.body["items"].as_array().unwrap().len(), 1, "{:#}", narrowed.body);
    assert_eq!(narrowed.body["items"][0]["pricing"]["input"]["text_cost_per_1k_tokens"], "0.0004");
    let visual = api.get("/api/catalogue?capability=vision&limit=1000", Some(&ada)).await.expect(200).body;
    assert!(visual["items"].as_array().unwrap().iter().all(|it| it["capabilities"].to_string().contains("vision")));
    for wrong in ["provider=NOBODY", "type=poem", "colour=red", "cursor=x", "limit=0"] {
        api.get(&format!("/api/catalogue?{wrong}"), Some(&ada)).await.problem(400, "bad_request");
    }
    for name in ["openai%2Fgpt-oss-120b:groq", "gpt-oss-120b-groq"] {
        let one = api.get(&format!("/api/catalogue/huggingface/{name}"), Some(&ada)).await.expect(200);
        assert_eq!(one.text("/slug"), "openai/gpt-oss-120b:groq");
    }
    let missing = api.get("/api/catalogue/OPENAI/gpt-4.1-mnii", Some(&ada)).await.problem(404, "not_found");
    assert!(missing.body["hint"].as_str().unwrap().contains("gpt-4.1-mini"));
    api.get("/api/catalogue/nobody/x", Some(&ada)).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_the_catalogue_says_of_a_model_can_be_declared() {
    let api = Api::with_organisations().await;
    let keys = json!([{"name": "main", "secret": crate::support::sealed(&api.gateway, "sk-upstream")}]);
    let provider = json!({"type": "OPENAI", "baseUrl": "https://api.openai.com", "keys": keys});
    api.create("providers", "openai", provider).await.expect(201);
    let known = api.get("/api/catalogue/openai/gpt-4.1-mini", Some(&api.root)).await.expect(200).body;
    let spec = json!({
        "type": known["type"], "provider": "openai", "capabilities": known["capabilities"], "pricing": known["pricing"],
        "config": {"contextWindow": known["contextWindow"], "maxOutputTokens": known["maxOutputTokens"]},
    });
    api.create("models", known["name"].as_str().unwrap(), spec).await.expect(201);
    let there = api.acme(Method::GET, "models/gpt-4.1-mini", None).await.expect(200);
    assert_eq!(there.body["spec"]["pricing"], known["pricing"]);
}
