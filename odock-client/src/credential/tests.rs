use std::collections::HashMap;

use secrecy::ExposeSecret;

use super::*;

/// A place with every source in it.
struct Place {
    directory: tempfile::TempDir,
    variables: HashMap<&'static str, OsString>,
    store: Arc<dyn CredentialStore>,
}

impl Place {
    fn new() -> Self {
        let store = MemoryStore::default();
        store.set("prod", &SecretString::from("from-keyring")).unwrap();
        Self { directory: tempfile::tempdir().unwrap(), variables: HashMap::new(), store: Arc::new(store) }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn resolve(
        &self,
        token_file: Option<&Path>,
        reference: Option<&str>,
    ) -> Result<Option<Resolved>, CredentialError> {
        let reference = reference.map(|text| text.parse::<Reference>().unwrap());
        let env = |name: &str| self.variables.get(name).cloned();
        let lookup = Lookup {
            token_file,
            token_stdin: false,
            env: &env,
            oidc: None,
            locks: self.directory.path().to_owned(),
            reference: reference.as_ref(),
            store: Arc::clone(&self.store),
        };
        lookup.resolve().await
    }

    async fn token(&self, token_file: Option<&Path>, reference: Option<&str>) -> String {
        plain(&self.resolve(token_file, reference).await.unwrap().unwrap()).to_owned()
    }
}

fn plain(found: &Resolved) -> &str {
    match &found.credential {
        Credential::Token(token) => token.expose_secret(),
        Credential::Renewed(_) => panic!("a token that stays the same was wanted"),
    }
}

#[tokio::test]
async fn the_strongest_source_that_is_set_counts() {
    let mut place = Place::new();
    let named = place.file("named", "from-flag\n");
    assert!(place.resolve(None, None).await.unwrap().is_none());
    assert_eq!(place.token(None, Some("keyring:prod")).await, "from-keyring");
    place.variables.insert("ODOCK_TOKEN_FILE", place.file("variable", " from-variable-file \n").into());
    assert_eq!(place.token(None, Some("keyring:prod")).await, "from-variable-file");
    place.variables.insert("ODOCK_TOKEN", "from-variable".into());
    let found = place.resolve(None, Some("keyring:prod")).await.unwrap().unwrap();
    assert_eq!(plain(&found), "from-variable");
    assert_eq!(found.shadowed, Some(Reference::Keyring("prod".into())));
    assert_eq!(place.token(Some(&named), Some("keyring:prod")).await, "from-flag");
}

#[tokio::test]
async fn a_variable_set_to_nothing_is_not_set() {
    let mut place = Place::new();
    place.variables.insert("ODOCK_TOKEN", OsString::new());
    assert_eq!(place.token(None, Some("keyring:prod")).await, "from-keyring");
}

#[tokio::test]
async fn an_unusable_source_does_not_fall_through() {
    let mut place = Place::new();
    place.variables.insert("ODOCK_TOKEN", "two words".into());
    let error = place.resolve(None, Some("keyring:prod")).await.unwrap_err();
    assert!(matches!(error, CredentialError::Malformed { .. }));
    assert!(!error.to_string().contains("two words"));
    let empty = place.file("empty", "\n");
    assert!(matches!(place.resolve(Some(&empty), None).await, Err(CredentialError::Empty { .. })));
    let missing = place.directory.path().join("missing");
    assert!(matches!(place.resolve(Some(&missing), None).await, Err(CredentialError::Unreadable { .. })));
}

#[tokio::test]
async fn references_are_followed() {
    let mut place = Place::new();
    place.variables.insert("MINE", "from-mine".into());
    assert_eq!(place.token(None, Some("env:MINE")).await, "from-mine");
    assert_eq!(place.token(None, Some("exec:printf %s from-helper")).await, "from-helper");
    assert_eq!(place.token(None, Some("exec:[\"printf\", \"%s\", \"from-list\"]")).await, "from-list");
    let path = place.directory.path().join("kept/token");
    file::write(&path, &SecretString::from("from-file")).unwrap();
    assert_eq!(place.token(None, Some(&format!("file:{}", path.display()))).await, "from-file");
    place.variables.insert("HOME", place.directory.path().into());
    assert_eq!(place.token(None, Some("file:~/kept/token")).await, "from-file");
    file::remove(&path).unwrap();
    file::remove(&path).unwrap();
}

#[tokio::test]
async fn a_helper_that_fails_gives_no_token() {
    let place = Place::new();
    for helper in ["exec:false", "exec:/no/such/program"] {
        assert!(matches!(place.resolve(None, Some(helper)).await, Err(CredentialError::Unreadable { .. })), "{helper}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let path = place.file("exposed", "secret-token");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = place.resolve(None, Some(&format!("file:{}", path.display()))).await.unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
    let kept = place.directory.path().join("kept");
    file::write(&kept, &SecretString::from("x")).unwrap();
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_keyring_that_is_missing_says_so() {
    let place = Place { store: Arc::new(NoStore("no session bus")), ..Place::new() };
    let error = place.resolve(None, Some("keyring:prod")).await.unwrap_err();
    assert!(error.to_string().contains("no session bus"), "{error}");
}

#[tokio::test]
async fn a_keyring_that_hangs_is_given_up() {
    let (release, hang) = std::sync::mpsc::channel::<()>();
    tokio::time::pause();
    let call = bounded(move || {
        let _ = hang.recv();
        Ok(())
    });
    assert_eq!(call.await, Err(StoreError::TimedOut));
    drop(release);
}

#[test]
fn a_store_is_probed_by_using_it() {
    assert!(MemoryStore::default().probe().is_ok());
    assert!(NoStore("none").probe().is_err());
}

#[test]
fn references_are_written_as_they_are_read() {
    for text in ["keyring:prod@host:4000", "file:/run/token", "file:~/token", "env:MY_TOKEN", "exec:pass show odock"] {
        assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
    }
    let spaced: Reference = "exec:[\"my helper\",\"\"]".parse().unwrap();
    assert_eq!(spaced.to_string().parse::<Reference>().unwrap(), spaced);
    for (text, error) in [
        ("odock-pat-abc", ReferenceError::Literal),
        ("keyring:odock-pat-abc", ReferenceError::Literal),
        ("vault:x", ReferenceError::Scheme),
        ("prod", ReferenceError::Scheme),
        ("keyring:", ReferenceError::Empty),
        ("file:token", ReferenceError::Relative),
        ("env:A-B", ReferenceError::Variable),
        ("exec:[1]", ReferenceError::Command),
    ] {
        assert_eq!(text.parse::<Reference>(), Err(error), "{text}");
    }
}

/// A gateway that renews a session once for each refresh token, and counts how often.
async fn renewing() -> (url::Url, Arc<std::sync::Mutex<Vec<String>>>) {
    use axum::extract::State;
    use axum::http::StatusCode;
    use axum::routing::{get, post};
    type Used = Arc<std::sync::Mutex<Vec<String>>>;
    async fn refresh(State(used): State<Used>, body: String) -> (StatusCode, String) {
        let mut used = used.lock().unwrap();
        if used.contains(&body) {
            return (StatusCode::UNAUTHORIZED, "{}".into());
        }
        used.push(body);
        (StatusCode::OK, signed_in(used.len(), "2099-01-01T00:00:00Z").to_string())
    }
    async fn whoami(headers: axum::http::HeaderMap) -> (StatusCode, String) {
        let fresh = headers["authorization"] == "Bearer access-1";
        (if fresh { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, "{}".into())
    }
    let used = Used::default();
    let router = axum::Router::new().route("/api/auth/refresh", post(refresh)).route("/api/whoami", get(whoami));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let router = router.with_state(Arc::clone(&used));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, used)
}

fn signed_in(number: usize, expires: &str) -> serde_json::Value {
    serde_json::json!({
        "session": {
            "id": "0198c0de-0000-7000-8000-000000000009", "name": "laptop", "method": "password", "address": "192.0.2.7",
            "createdAt": "2026-11-01T10:00:00Z", "expiresAt": "2099-01-01T00:00:00Z", "current": true
        },
        "accessToken": format!("access-{number}"), "accessExpiresAt": expires, "refreshToken": format!("refresh-{number}")
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_share_a_session_renew_it_once() {
    let (url, used) = renewing().await;
    for kept in ["file", "keyring"] {
        used.lock().unwrap().clear();
        let place = Place::new();
        let first: entity::session::SignedIn = serde_json::from_value(signed_in(0, "2001-01-01T00:00:00Z")).unwrap();
        let line = KeptSession::from(&first).line();
        let path = place.directory.path().join("kept/token");
        let reference = if kept == "file" {
            file::write(&path, &line).unwrap();
            format!("file:{}", path.display())
        } else {
            place.store.set("shared", &line).unwrap();
            "keyring:shared".to_owned()
        };
        // As many programs as lookups: each reads what is kept, and renews it on its own.
        let mut calls = Vec::new();
        for _ in 0..8 {
            let found = place.resolve(None, Some(&reference)).await.unwrap().unwrap();
            let client = crate::Client::builder(url.clone()).build().unwrap().with_credential(found.credential);
            calls.push(tokio::spawn(async move {
                client.get::<serde_json::Value>(&crate::http::Path::fixed("api/whoami"), &serde_json::json!({})).await
            }));
        }
        for call in calls {
            call.await.unwrap().unwrap();
        }
        assert_eq!(*used.lock().unwrap(), [r#"{"refreshToken":"refresh-0"}"#], "{kept}");
        let found = place.resolve(None, Some(&reference)).await.unwrap().unwrap();
        assert!(matches!(found.credential, Credential::Renewed(_)));
        let debugged = format!("{found:?}");
        assert!(!debugged.contains("access-") && !debugged.contains("refresh-"), "{debugged}");
    }
}

#[test]
fn a_pipeline_is_recognised_by_what_it_offers() {
    use oidc::{Surroundings, detect};
    let with = |variables: &[(&'static str, &str)], given: Surroundings<'_>| {
        let variables: HashMap<&str, OsString> =
            variables.iter().map(|(name, value)| (*name, (*value).into())).collect();
        detect(given, &|name| variables.get(name).cloned()).map(|oidc| (oidc.source, oidc.account))
    };
    let nothing = Surroundings::default();
    let github = [("ACTIONS_ID_TOKEN_REQUEST_URL", "https://x"), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t")];
    assert_eq!(with(&github, nothing), None, "nobody said which service account");
    let named = Surroundings { account: Some("acme/deploy"), ..nothing };
    assert_eq!(with(&github, named), Some((OidcSource::GitHub, "acme/deploy".into())));
    assert_eq!(with(&github[..1], named), None);
    let alone = Surroundings { account: Some("deploy"), ..nothing };
    assert_eq!(with(&github, alone), None, "of which organisation?");
    let alone = Surroundings { organisation: Some("acme"), ..alone };
    assert_eq!(with(&github, alone).unwrap().1, "acme/deploy");
    let gitlab = [("ODOCK_OIDC_TOKEN", "a.b.c"), ("ODOCK_SERVICE_ACCOUNT", "acme/ci")];
    assert_eq!(with(&gitlab, nothing), Some((OidcSource::Variable("ODOCK_OIDC_TOKEN"), "acme/ci".into())));
    let file = Surroundings { file: Some(Path::new("/t")), ..nothing };
    assert_eq!(with(&gitlab, file).unwrap().0, OidcSource::File("/t".into()));
}
