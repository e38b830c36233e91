//! Moving what is sealed for older keys to the newest.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use entity::envelope::EncryptionKey;
use entity::row::provider_api_key;
use http::Method;
use odock_client::seal::Sealer;
use odock_gateway::config::{KeyPair, Secrets};
use odock_gateway::rewrap::check_keys;
use odock_gateway::secrets::Sealing;
use sea_orm::EntityTrait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::support::Api;

const CANARY: &str = "sk-canary-of-the-provider";

fn pair(id: &str) -> (KeyPair, PrivateDecryptingKey) {
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    (KeyPair::new(id, der.as_ref().to_vec()), key)
}

/// A secret sealed as by a client that still knew the old key.
fn sealed_for(id: &str, key: &PrivateDecryptingKey, api: &Api) -> Value {
    let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    let known = EncryptionKey {
        key_id: id.into(),
        public_key: BASE64_STANDARD.encode(der.as_ref()),
        ..api.gateway.sealing.public()
    };
    serde_json::to_value(Sealer::new(&known).unwrap().seal(&SecretString::from(CANARY)).unwrap()).unwrap()
}

#[tokio::test]
async fn what_is_sealed_for_an_older_key_is_moved_in_batches_and_opens() {
    let ((new, _), (old, key)) = (pair("new"), pair("old"));
    let (kept, previous) = (new.clone(), old.clone());
    let api =
        Api::start_with(move |config| config.secrets = Secrets { key_pair: Some(new), previous: vec![old] }).await;
    api.post("/api/admin/organisations", Some(&api.root), json!({"name": "acme", "spec": {}})).await.expect(201);
    let keys: Vec<Value> =
        (0..3).map(|n| json!({"name": format!("k{n}"), "secret": sealed_for("old", &key, &api)})).collect();
    api.create("providers", "openai", json!({"type": "OPENAI", "keys": keys})).await.expect(201);

    let shown = api.get("/api/admin/secrets", Some(&api.root)).await.expect(200);
    let of = |id: &str, live: bool, number: u64| json!({"keyId": id, "live": live, "providerKeys": number, "virtualKeys": 0});
    assert_eq!(shown.body, json!({"newest": "new", "keys": [of("new", true, 0), of("old", true, 3)]}));
    // Without the old key nothing of this could be opened: a gateway that lost it does not start.
    let dir = tempfile::tempdir().unwrap();
    let lost = Sealing::load(&Secrets { key_pair: Some(kept.clone()), previous: Vec::new() }, dir.path()).unwrap();
    let refused = check_keys(&api.gateway.database, &lost).await.unwrap_err().to_string();
    assert!(
        refused.contains("3 provider key(s) for `old`") && refused.contains("odockctl secrets rewrap"),
        "{refused}"
    );
    let whole = Sealing::load(&Secrets { key_pair: Some(kept), previous: vec![previous] }, dir.path()).unwrap();
    check_keys(&api.gateway.database, &whole).await.unwrap();

    let path = "/api/admin/secrets/rewrap";
    let first = api.send(Method::POST, path, Some(&api.root), Some(json!({"limit": 2}))).await.expect(200);
    assert_eq!(first.body, json!({"moved": 2, "left": 1}));
    let second = api.send(Method::POST, path, Some(&api.root), None).await.expect(200);
    assert_eq!(second.body, json!({"moved": 1, "left": 0}));
    let third = api.send(Method::POST, path, Some(&api.root), None).await.expect(200);
    assert_eq!(third.body, json!({"moved": 0, "left": 0}));
    check_keys(&api.gateway.database, &lost).await.unwrap();
    for row in provider_api_key::Entity::find().all(api.gateway.database.reader()).await.unwrap() {
        let secret = api.gateway.sealing.open(&row.sealed).unwrap();
        assert_eq!((row.sealed.key_id.as_str(), secret.expose_secret()), ("new", CANARY));
        assert_eq!(row.fingerprint, api.gateway.sealing.fingerprint(&secret));
    }
    let audit = api.get("/api/admin/audit", Some(&api.root)).await.expect(200).body.to_string();
    assert!(audit.contains("rewrap") && !audit.contains(CANARY));
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    api.send(Method::POST, path, Some(&ada), None).await.expect(403);
    api.get("/api/admin/secrets", Some(&ada)).await.expect(403);
}
