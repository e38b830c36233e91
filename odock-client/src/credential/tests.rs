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
            reference: reference.as_ref(),
            store: Arc::clone(&self.store),
        };
        lookup.resolve().await
    }

    async fn token(&self, token_file: Option<&Path>, reference: Option<&str>) -> String {
        self.resolve(token_file, reference).await.unwrap().unwrap().token.expose_secret().to_owned()
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
    assert_eq!(found.token.expose_secret(), "from-variable");
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
