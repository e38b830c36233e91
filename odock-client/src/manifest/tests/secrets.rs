//! Secrets come from elsewhere and leave sealed.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use entity::envelope::{ALGORITHM, EncryptionKey};
use secrecy::SecretString;

use super::*;
use crate::credential::{CredentialStore, MemoryStore};
use crate::seal::Sealer;

fn sealer() -> Sealer {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let public = private.public_key();
    let document: aws_lc_rs::encoding::PublicKeyX509Der<'_> = public.as_der().unwrap();
    let der = document.as_ref().to_vec();
    let key = EncryptionKey {
        key_id: "k1".into(),
        alg: ALGORITHM.into(),
        public_key: BASE64_STANDARD.encode(der),
        fingerprint_key: BASE64_STANDARD.encode([7; 32]),
    };
    Sealer::new(&key).unwrap()
}

fn provider(keys: &str) -> String {
    format!("apiVersion: odock/v1\nkind: Provider\nmetadata: {{name: a}}\nspec:\n  type: OPENAI\n  keys:\n{keys}")
}

async fn resolve(directory: &Path, keys: &str, allow_exec: bool) -> Result<Value, Vec<String>> {
    let file = directory.join("p.yaml");
    std::fs::write(&file, provider(keys)).unwrap();
    let options = Options { organisation: Some("acme".into()), allow_env: vec!["CI_*".into()] };
    let mut set = load(&[Source::Path(file)], &env, &options).map_err(|found| told(&found))?;
    let store = MemoryStore::default();
    store.set("openai", &SecretString::from("sk-ring-0123456789abcdef")).unwrap();
    let secrets = Secrets { env: &env, store: Arc::new(store), allow_exec };
    set.resolve(&sealer(), &secrets).await.map_err(|found| told(&found))?;
    Ok(set.resources[0].manifest.spec["keys"].clone())
}

#[tokio::test]
async fn secrets_are_fetched_and_sealed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("key"), "sk-file-0123456789abcdef\r\n").unwrap();
    let keys = "  - {name: a, valueFrom: {env: ODOCK_OPENAI_KEY}}\n  - {name: b, valueFrom: {file: key}}\n  - {name: c, valueFrom: {keyring: openai}}\n  - {name: d, valueFrom: {exec: [printf, 'sk-exec-%s', 0123456789abcdef]}}\n  - {name: e}\n";
    let keys = resolve(dir.path(), keys, true).await.unwrap();
    let previews: Vec<_> =
        keys.as_array().unwrap().iter().map(|key| key.pointer("/secret/preview").and_then(Value::as_str)).collect();
    assert_eq!(previews, [Some("sk-p…cdef"), Some("sk-f…cdef"), Some("sk-r…cdef"), Some("sk-e…cdef"), None]);
    assert!(keys[0]["secret"]["sealed"]["ciphertext"].is_string());
    assert!(!keys.to_string().contains("0123456789"));
}

#[tokio::test]
async fn secrets_that_cannot_be_had_are_all_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("empty"), " \n").unwrap();
    std::fs::write(dir.path().join("lines"), "hunter2\nhunter2").unwrap();
    std::fs::write(dir.path().join("big"), "h".repeat(20_000)).unwrap();
    let sources = [
        "env: ODOCK_UNSET",
        "env: HOME",
        "env: ODOCK_TOKEN",
        "env: CI_KEY",
        "file: missing",
        "file: empty",
        "file: lines",
        "file: big",
        "keyring: nobody",
        "exec: 'false'",
    ];
    let keys: String = sources
        .iter()
        .enumerate()
        .map(|(at, source)| format!("  - {{name: k{at}, valueFrom: {{{source}}}}}\n"))
        .collect();
    let told = resolve(dir.path(), &keys, true).await.unwrap_err();
    assert_eq!(told.len(), sources.len(), "{told:#?}");
    for (at, (told, part)) in told
        .iter()
        .zip([
            "is not set",
            "is not read",
            "is not read",
            "is not set",
            "cannot be read",
            "is empty",
            "more than one line",
            "KiB",
            "has no entry",
            "failed",
        ])
        .enumerate()
    {
        assert!(
            told.contains(part) && told.contains(&format!("p.yaml:{}:", 7 + at)) && !told.contains("hunter2"),
            "{told}"
        );
    }
    let told = resolve(dir.path(), "  - {name: a, valueFrom: {exec: printf sk-1}}\n", false).await.unwrap_err();
    assert!(told[0].contains("--allow-exec"), "{told:?}");
}

#[test]
fn secrets_do_not_stand_in_files() {
    for (keys, part) in [
        ("  - {name: a, secret: sk-hunter2}\n", "secrets do not stand in files"),
        ("  - {name: a, secret: {preview: hunter2, fingerprint: x}}\n", "secrets do not stand in files"),
        ("  - {name: a, valueFrom: sk-hunter2}\n", "not the secret"),
        ("  - {name: a, valueFrom: {}}\n", "exactly one"),
        ("  - {name: a, valueFrom: {env: ''}}\n", "not empty"),
        ("  - {name: a, valueFrom: {value: sk-hunter2}}\n", "comes from"),
        ("  - {name: a, valueFrom: {exec: []}}\n", "command line"),
        ("  - {name: a, value: sk-hunter2}\n", "is not a field"),
        ("  - {name: a, valueFrom: {env: X}, valueFrom: {env: Y}}\n", "twice"),
        ("  - sk-hunter2\n", "must be an object"),
    ] {
        let told = bad("p.yaml", &provider(keys));
        assert!(told.len() == 1 && told[0].contains(part) && !told[0].contains("hunter2"), "{told:?}");
    }
}
