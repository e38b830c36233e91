//! Saved plans: exactly what was looked at, or nothing.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, manifest};

fn set() -> Vec<Value> {
    vec![
        manifest("Provider", "openai", json!({"type": "OPENAI", "timeoutMs": 5000})),
        manifest("Model", "fast", json!({"provider": "openai"})),
    ]
}

async fn apply(api: &Api, body: &Value, dry_run: bool) -> Answer {
    api.acme(Method::POST, &format!("apply?dryRun={dry_run}"), Some(body.clone())).await
}

/// The body that carries out the plan of another body.
async fn planned(api: &Api, body: Value) -> Value {
    let plan = apply(api, &body, true).await.expect(200).body;
    let mut body = body;
    body["plan"] = json!({"digest": plan["digest"], "base": plan["base"]});
    body
}

#[tokio::test]
async fn a_plan_is_carried_out_once_and_is_stale_then() {
    let api = Api::with_organisations().await;
    let body = planned(&api, json!({"resources": set(), "owner": "ci"})).await;
    let dry = apply(&api, &body, true).await.expect(200);
    let done = apply(&api, &body, false).await.expect(200);
    assert_eq!((&dry.body["digest"], &done.body["digest"]), (&body["plan"]["digest"], &body["plan"]["digest"]));
    let stale = apply(&api, &body, false).await.problem(409, "stale_plan");
    assert_eq!(stale.body["errors"].as_array().unwrap().len(), 2, "{:#}", stale.body);
    assert!(stale.text("/errors/0/message").contains("the provider `openai` is there now, at revision 1"));
}

#[tokio::test]
async fn a_plan_is_refused_when_anything_that_it_read_has_moved() {
    let api = Api::with_organisations().await;
    apply(&api, &json!({"resources": set(), "owner": "ci"}), false).await.expect(200);
    // The provider is only referred to; it was read all the same.
    let model = || json!({"resources": [manifest("Model", "best", json!({"provider": "openai"}))], "owner": "ci"});
    let body = planned(&api, model()).await;
    api.acme(Method::PATCH, "providers/openai", Some(json!({"enabled": false}))).await.expect(200);
    let stale = apply(&api, &body, false).await.problem(409, "stale_plan");
    assert!(
        stale.text("/title").contains("the provider `openai` is at revision 2; the plan read revision 1"),
        "{:#}",
        stale.body
    );
    api.acme(Method::GET, "models/best", None).await.problem(404, "not_found");

    let body = planned(&api, model()).await;
    api.acme(Method::DELETE, "models/fast", None).await.expect(204);
    apply(&api, &body, false).await.expect(200);

    // What pruning would concern now was not concerned then.
    let pruning = || json!({"resources": [set()[0]], "owner": "ci", "prune": true, "forceConflicts": true});
    let body = planned(&api, pruning()).await;
    let more = json!({"resources": [manifest("Team", "new", json!({}))], "owner": "ci"});
    apply(&api, &more, false).await.expect(200);
    let stale = apply(&api, &body, false).await.problem(409, "stale_plan");
    assert!(stale.text("/title").contains("the team `new` is concerned now"), "{:#}", stale.body);
    let mut other = planned(&api, pruning()).await;
    other["plan"]["digest"] = "0".into();
    apply(&api, &other, false).await.problem(409, "stale_plan");
}
