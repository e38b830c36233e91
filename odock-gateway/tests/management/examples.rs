//! The example of two organisations, as a super admin applies it: read, sealed and sent as the command line does.

use std::path::Path;
use std::sync::Arc;

use http::Method;
use odock_client::credential::NoStore;
use odock_client::manifest::{Options, Secrets, Source, load};
use odock_client::seal::Sealer;
use serde_json::json;

use crate::support::Api;

fn env(name: &str) -> Option<String> {
    (name == "ODOCK_OPENAI_KEY").then(|| "sk-example-of-a-key".to_owned())
}

#[tokio::test]
async fn a_directory_stands_up_two_organisations() {
    let api = Api::start().await;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/configs/two-organisations");
    let mut set = load(&[Source::Path(directory)], &env, &Options::default()).unwrap();
    let sealer = Sealer::new(&api.gateway.sealing.public()).unwrap();
    set.resolve(&sealer, &Secrets { env: &env, store: Arc::new(NoStore("there is none here")), allow_exec: false })
        .await
        .unwrap();
    let batches = set.batches().unwrap();
    let slugs: Vec<&str> = batches.iter().map(|batch| batch.organisation.as_str()).collect();
    assert_eq!((slugs, set.owner.as_deref()), (vec!["acme", "globex"], Some("platform-ci")));
    for round in 0..2 {
        for batch in &batches {
            let mut request = set.request(batch);
            request.owner = set.owner.clone();
            request.prune = round == 1;
            let path = format!("/api/organisations/{}/apply", batch.organisation);
            let body = serde_json::to_value(&request).unwrap();
            let plan = api.send(Method::POST, &path, Some(&api.root), Some(body)).await.expect(200);
            let (made, same) = if round == 0 { (7, 0) } else { (0, 7) };
            let expected = json!({"create": made, "update": 0, "rename": 0, "unchanged": same, "delete": 0});
            assert_eq!(plan.body["summary"], expected, "{}", batch.organisation);
        }
    }
    // What is protected stays, and each organisation is alone.
    let path = "/api/organisations/globex/providers/openai";
    api.delete(path, Some(&api.root)).await.problem(409, "guarded");
    let ada = api.sign_in("admin@acme.example").await;
    api.get("/api/organisations/acme/models/fast", Some(&ada)).await.expect(200);
    api.get("/api/organisations/globex/models/fast", Some(&ada)).await.problem(404, "not_found");
}
