use serde_json::{Value, json};

use crate::support::{Gateway, Home, Run, TOKEN, whoami};

fn gateway() -> Gateway {
    let gateway = Gateway::start();
    gateway.on("GET /api/whoami", 200, &whoami());
    gateway.on("POST /api/auth/sign-out", 204, &json!(null));
    gateway.on("POST /api/auth/sign-in", 200, &signed_in("2099-01-01T00:00:00Z"));
    gateway
}

/// What signing in leads to, with an access token that expires then.
fn signed_in(expires: &str) -> Value {
    json!({
        "session": {
            "id": "0198c0de-0000-7000-8000-000000000009", "name": "laptop", "method": "one_time_token",
            "address": "192.0.2.7", "createdAt": "2026-11-01T10:00:00Z", "expiresAt": "2099-01-01T00:00:00Z", "current": true
        },
        "accessToken": TOKEN, "accessExpiresAt": expires, "refreshToken": "odock-ref-canary"
    })
}

/// A machine without a session bus.
fn home(token: &str) -> Home {
    let home = Home::empty().with("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    home.write("token", &format!("{token}\n"));
    home
}

#[test]
fn without_a_keyring_login_names_three_ways_out_and_writes_nothing() {
    let gateway = gateway();
    let home = home("odock-signin-canary");
    let error = home.run(&["login", "--url", &gateway.url, "--token-file", "token", "-o", "json"]).ends(1).error();
    assert_eq!(error["code"], "no_keyring");
    for way in ["ODOCK_TOKEN", "--store file", "exec:"] {
        assert!(error["hint"].as_str().unwrap().contains(way), "{error}");
    }
    assert!(gateway.lines().is_empty(), "the one-time token was spent for nothing");
    assert!(!home.path("config.toml").exists() && !home.path("credentials").exists());
}

#[test]
fn a_one_time_token_becomes_a_session_in_a_file() {
    let gateway = gateway();
    let home = home("odock-signin-canary");
    let run = home.run(&["login", "--url", &gateway.url, "--token-file", "token", "--store", "file"]).ends(0);
    assert!(run.stderr.contains("as ada@acme.example (ORG_ADMIN) until 2099-01-01T00:00:00Z"), "{}", run.stderr);
    let kept: Value = serde_json::from_str(&home.read("credentials/default.token")).unwrap();
    assert_eq!((&kept["accessToken"], &kept["refreshToken"]), (&TOKEN.into(), &"odock-ref-canary".into()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name: &str| std::fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("credentials/default.token"), mode("credentials")), (0o600, 0o700));
    }
    let config = home.read("config.toml");
    assert!(config.contains("organisation = \"acme\"") && !config.contains(TOKEN), "{config}");
    // The next command needs nothing more.
    assert_eq!(home.run(&["whoami", "--fields", "email", "-o", "csv"]).ends(0).stdout, "email\r\nada@acme.example\r\n");
    assert_eq!(gateway.credentials(), ["", &format!("Bearer {TOKEN}"), &format!("Bearer {TOKEN}")]);
}

#[test]
fn a_session_is_renewed_before_its_access_token_expires() {
    let gateway = Gateway::start();
    gateway.on("GET /api/whoami", 200, &whoami());
    gateway.on("POST /api/auth/sign-in", 200, &signed_in("2001-01-01T00:00:00Z"));
    let mut renewed = signed_in("2099-01-01T00:00:00Z");
    renewed["refreshToken"] = "odock-ref-second-canary".into();
    gateway.on("POST /api/auth/refresh", 200, &renewed);
    let home = home("odock-signin-canary");
    home.run(&["login", "--url", &gateway.url, "--token-file", "token", "--store", "file"]).ends(0);
    for _ in 0..2 {
        let run = home.run(&["whoami", "-vv"]).ends(0);
        assert!(!run.stderr.contains("canary") && !run.stdout.contains("canary"), "{}", run.stderr);
    }
    let refreshes = gateway.lines().iter().filter(|line| line.contains("/refresh")).count();
    assert_eq!(refreshes, 1);
    assert!(home.read("credentials/default.token").contains("odock-ref-second-canary"));
}

#[test]
fn a_password_signs_in_and_is_never_an_argument() {
    let gateway = gateway();
    let home = Home::empty();
    let words = ["login", "--url", &gateway.url, "--email", "ada@acme.example", "--password-stdin", "--store", "file"];
    home.run_with_input(&words, "correct horse canary\n").ends(0);
    let sent: Value = serde_json::from_str(&gateway.bodies()[0]).unwrap();
    assert_eq!((&sent["email"], &sent["password"]), (&"ada@acme.example".into(), &"correct horse canary".into()));
    home.run(&["login", "--url", &gateway.url, "--password", "x"]).ends(64);
    home.run_with_input(&["login", "--url", &gateway.url, "--password-stdin"], "x").ends(64);
}

/// What the gateway answers to somebody who wants to sign in with GitHub.
fn device_prompt() -> Value {
    json!({
        "handle": "odock-dev-canary", "provider": "github", "userCode": "WDJB-MJHT",
        "verificationUri": "https://github.com/login/device", "expiresAt": "2099-01-01T00:00:00Z", "interval": 1
    })
}

#[test]
fn a_code_that_is_typed_at_github_signs_in() {
    let gateway = gateway();
    gateway.on("POST /api/auth/device", 200, &device_prompt());
    // GitHub wants to be asked less often, and the gateway says how often.
    gateway.on("POST /api/auth/device/poll", 200, &json!({ "interval": 2 }));
    gateway.on("POST /api/auth/device/poll", 200, &json!({ "signedIn": signed_in("2099-01-01T00:00:00Z") }));
    let home = Home::empty();
    let begun = std::time::Instant::now();
    let words = ["login", "--url", &gateway.url, "--provider", "github", "--store", "file", "--quiet"];
    let run = home.run(&words).ends(0);
    assert!(begun.elapsed() >= std::time::Duration::from_secs(3), "one second, and then two");
    for told in ["https://github.com/login/device", "WDJB-MJHT"] {
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
    assert!(!run.stderr.contains("canary") && !run.stdout.contains("canary"), "{}", run.stderr);
    let polls = gateway.requests().into_iter().filter(|sent| sent.line.ends_with("/device/poll"));
    assert_eq!(polls.map(|sent| sent.body).collect::<Vec<_>>(), vec![r#"{"handle":"odock-dev-canary"}"#; 2]);
    assert_eq!(home.run(&["whoami", "--fields", "email", "-o", "csv"]).ends(0).stdout, "email\r\nada@acme.example\r\n");
}

#[test]
fn a_sign_in_that_is_declined_or_too_late_ends() {
    for (status, code, title, exit) in [
        (403, "forbidden", "github says that it was declined", 5),
        (401, "token_expired", "the sign-in is over, or never began", 4),
    ] {
        let gateway = gateway();
        gateway.on("POST /api/auth/device", 200, &device_prompt());
        gateway.refuse("POST /api/auth/device/poll", status, code, title);
        let run = Home::empty().run(&["login", "--url", &gateway.url, "--device", "--store", "file"]).ends(exit);
        assert!(run.stderr.contains(title), "{}", run.stderr);
    }
}

#[test]
fn an_invitation_is_delivered_and_accepted() {
    let gateway = gateway();
    let invitation = json!({
        "id": "0198c0de-0000-7000-8000-00000000000a", "email": "grace@acme.example", "role": "MANAGER", "organisation": "acme",
        "drafts": false, "status": "PENDING", "invitedBy": "ada@acme.example", "preview": "odock-inv-3kF…9Qz",
        "createdAt": "2026-11-01T10:00:00Z", "expiresAt": "2099-01-01T00:00:00Z"
    });
    let path = "/api/organisations/acme/invitations";
    gateway.on(&format!("POST {path}"), 201, &json!({ "invitation": invitation, "token": "odock-inv-canary" }));
    gateway.on(&format!("GET {path}"), 200, &json!({ "items": [invitation] }));
    let act = |act: &str| format!("POST {path}/0198c0de-0000-7000-8000-00000000000a/{act}");
    gateway.on(&act("revoke"), 200, &invitation);
    gateway.on("POST /api/invitations/accept", 200, &signed_in("2099-01-01T00:00:00Z"));
    let home = Home::of(&gateway);
    let words = ["invite", "create", "grace@acme.example", "--role", "MANAGER", "--secret-out", "file:./invitation"];
    let run = home.run(&words).ends(0);
    assert!(run.stderr.contains("odockctl invite accept --url") && !run.stderr.contains("canary"), "{}", run.stderr);
    assert!(home.run(&["invite", "list"]).ends(0).stdout.contains("PENDING"));
    home.run(&["invite", "revoke", "grace@acme.example"]).ends(12);
    home.run(&["invite", "revoke", "grace@acme.example", "--yes"]).ends(0);
    home.run(&["invite", "revoke", "nobody@acme.example", "--yes"]).ends(6);
    let grace = Home::empty();
    grace.write("invitation", "odock-inv-canary\n");
    let words = [
        "invite",
        "accept",
        "--url",
        &gateway.url,
        "--token-file",
        "invitation",
        "--password-stdin",
        "--store",
        "file",
    ];
    grace.run_with_input(&words, "correct horse battery").ends(0);
    let accepted = gateway.requests().into_iter().rfind(|request| request.line.contains("/accept")).unwrap();
    let sent: Value = serde_json::from_str(&accepted.body).unwrap();
    assert_eq!((&sent["token"], &sent["password"]), (&"odock-inv-canary".into(), &"correct horse battery".into()));
    grace.run(&["whoami"]).ends(0);
}

#[test]
fn a_pipeline_is_a_service_account_by_its_openid_token() {
    let gateway = gateway();
    let given = json!({
        "access_token": "odock-sat-canary", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer", "expires_in": 900, "scopes": ["read"], "service_account": "acme/deploy", "rule": "main"
    });
    gateway.on("POST /api/auth/exchange", 200, &given);
    let home = Home::empty()
        .with("ODOCK_URL", &gateway.url)
        .with("ODOCK_SERVICE_ACCOUNT", "acme/deploy")
        .with("ODOCK_OIDC_TOKEN", "a.pipelines.token");
    home.run(&["whoami"]).ends(0);
    let sent: Value = serde_json::from_str(&gateway.bodies()[0]).unwrap();
    assert_eq!(
        (&sent["subject_token"], &sent["service_account"]),
        (&"a.pipelines.token".into(), &"acme/deploy".into())
    );
    assert_eq!(gateway.credentials(), ["", "Bearer odock-sat-canary"]);
    let status = home.run(&["auth", "status", "--offline"]).ends(0).stdout;
    assert!(status.contains("the OpenID token in ODOCK_OIDC_TOKEN, as acme/deploy"), "{status}");
    // What is stronger goes first.
    let home = home.with("ODOCK_TOKEN", TOKEN);
    home.run(&["whoami"]).ends(0);
    assert_eq!(gateway.credentials().last().unwrap(), &format!("Bearer {TOKEN}"));
}

#[test]
fn status_says_where_the_credential_comes_from_online_and_offline() {
    let gateway = gateway();
    let home = home(TOKEN);
    home.run(&["login", "--url", &gateway.url, "--token-file", "token", "--store", "file"]).ends(0);
    let status = |words: &[&str]| -> Value {
        let run = home.run(&[&["auth", "status", "-o", "json"], words].concat()).ends(0);
        serde_json::from_str(&run.stdout).unwrap()
    };
    let asked = gateway.lines().len();
    let offline = status(&["--offline"]);
    assert_eq!(gateway.lines().len(), asked);
    assert_eq!((&offline["email"], &offline["storage"]), (&"ada@acme.example".into(), &"file".into()));
    assert_eq!((&offline["scopes"], &offline["checked"]), (&json!(["read", "write"]), &false.into()));
    assert_eq!(status(&[])["role"], "ORG_ADMIN");
    let shadowing = home.with("ODOCK_TOKEN", TOKEN);
    let run = shadowing.run(&["auth", "status"]).ends(0);
    assert!(
        run.stdout.contains("credential:    ODOCK_TOKEN") && run.stdout.contains("stands before: file:"),
        "{}",
        run.stdout
    );
}

#[test]
fn logout_revokes_and_forgets() {
    let gateway = gateway();
    let home = home(TOKEN);
    home.run(&["login", "--url", &gateway.url, "--token-file", "token", "--store", "file"]).ends(0);
    home.run(&["logout"]).ends(0);
    assert_eq!(gateway.lines().last().unwrap(), "POST /api/auth/sign-out");
    assert!(!home.path("credentials/default.token").exists());
    home.run(&["whoami"]).ends(4);
    home.run(&["logout"]).ends(4);
}

#[test]
fn a_token_that_is_refused_is_not_kept() {
    let gateway = Gateway::start();
    gateway.refuse("GET /api/whoami", 401, "unauthorized", "the token is not known");
    let home = home(TOKEN);
    home.run(&["login", "--url", &gateway.url, "--token-file", "token", "--store", "file"]).ends(4);
    assert!(!home.path("credentials/default.token").exists() && !home.path("config.toml").exists());
}

#[test]
fn a_token_comes_from_standard_input_and_is_never_an_argument() {
    let gateway = gateway();
    let home = home("");
    home.run_with_input(&["login", "--url", &gateway.url, "--token-stdin", "--store", "file"], TOKEN).ends(0);
    home.run(&["login", "--url", &gateway.url]).ends(64);
    home.run(&["login", "--url", &gateway.url, "--token", "x"]).ends(64);
    home.run_with_input(&["login", "--url", &gateway.url, "--token-stdin"], "sk-odock-virtual").ends(64);
}

#[test]
fn contexts_are_added_used_and_removed() {
    let home = Home::empty();
    home.run(&["context", "add", "dev", "--url", "http://localhost:4000", "--organisation", "acme"]).ends(0);
    home.run(&[
        "context",
        "add",
        "prod",
        "--url",
        "https://odock.acme.example",
        "--protected",
        "--context-color",
        "red",
    ])
    .ends(0);
    home.run(&["context", "add", "prod", "--credential", "env:PROD_TOKEN", "--use"]).ends(0);
    insta::assert_snapshot!(home.run(&["context", "list", "-o", "wide"]).ends(0).stdout);
    insta::assert_snapshot!(home.read("config.toml"));
    home.run(&["context", "use", "dev"]).ends(0);
    assert_eq!(home.run(&["context", "show", "-o", "name"]).ends(0).stdout, "context/dev\n");
    home.run(&["context", "validate"]).ends(0);
    home.run(&["context", "remove", "dev"]).ends(12);
    home.run(&["context", "remove", "dev", "--yes"]).ends(0);
    home.run(&["context", "use", "dev"]).ends(64);
    home.run(&["context", "add", "bad", "--url", "https://a", "--credential", "odock-pat-literal"]).ends(64);
}

#[test]
fn a_context_that_moves_forgets_its_credential() {
    let home = Home::empty();
    home.run(&["context", "add", "x", "--url", "https://a.example", "--credential", "env:TOKEN_OF_A"]).ends(0);
    home.run(&["context", "add", "x", "--url", "https://a.example/odock"]).ends(0);
    assert!(home.read("config.toml").contains("TOKEN_OF_A"));
    home.run(&["context", "add", "x", "--url", "https://b.example"]).ends(0);
    assert!(!home.read("config.toml").contains("TOKEN_OF_A"));
}

#[test]
fn own_tokens_are_made_and_revoked_by_name() {
    let gateway = gateway();
    let token = whoami()["token"].clone();
    gateway.on("GET /api/auth/tokens", 200, &json!({ "items": [token] }));
    gateway.on("POST /api/auth/tokens", 201, &json!({ "token": token, "secret": "odock-pat-new-canary" }));
    gateway.on(&format!("DELETE /api/auth/tokens/{}", token["id"].as_str().unwrap()), 204, &json!(null));
    let home = Home::of(&gateway);
    let run = home
        .run(&["token", "create", "ci", "--scope", "read", "--expires", "2099-01-01", "--secret-out", "file:./t"])
        .ends(0);
    assert!(!run.stdout.contains("new-canary") && !run.stderr.contains("new-canary"));
    assert_eq!(home.read("t"), "odock-pat-new-canary\n");
    assert_eq!(gateway.bodies()[0], r#"{"name":"ci","scopes":["read"],"expiresAt":"2099-01-01T00:00:00Z"}"#);
    home.run(&["token", "revoke", "laptop"]).ends(12);
    home.run(&["token", "revoke", "laptop", "--yes"]).ends(0);
    home.run(&["token", "revoke", "unknown", "--yes"]).ends(6);
}

#[test]
fn the_matrix_is_shown_as_a_table() {
    let gateway = Gateway::start();
    let rows = json!([{ "resource": "apikey", "action": "read", "ORG_ADMIN": true, "USER": false }]);
    gateway.on("GET /api/auth/matrix", 200, &json!({ "items": rows }));
    let shown = Home::of(&gateway).run(&["auth", "matrix"]).ends(0).stdout;
    assert_eq!(shown.lines().count(), 2, "{shown}");
    assert!(shown.contains("apikey") && shown.contains("yes"));
}

#[test]
fn a_file_that_is_not_ours_is_not_deleted() {
    let gateway = gateway();
    let home = home(TOKEN);
    let own = home.path("token");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let reference = format!("file:{}", own.display());
    home.run(&["context", "add", "x", "--url", &gateway.url, "--credential", &reference]).ends(0);
    let run = home.run(&["logout"]).ends(0);
    assert!(run.stderr.contains("the context still asks file:"), "{}", run.stderr);
    home.run(&["context", "remove", "x", "--yes"]).ends(0);
    assert!(own.exists());
}

#[test]
fn a_token_from_standard_input_serves_a_whole_command() {
    let gateway = Gateway::start();
    for name in ["a", "b"] {
        gateway.on(&format!("GET /api/organisations/acme/apikeys/{name}"), 200, &crate::support::key(name));
    }
    let home = Home::empty().with("ODOCK_URL", &gateway.url).with("ODOCK_ORGANISATION", "acme");
    home.run_with_input(&["get", "keys", "a", "b", "--token-stdin"], TOKEN).ends(0);
    assert_eq!(gateway.credentials(), [format!("Bearer {TOKEN}"), format!("Bearer {TOKEN}")]);
}

#[test]
fn without_a_home_an_address_is_enough() {
    let gateway = Gateway::start();
    gateway.on("GET /api/whoami", 200, &whoami());
    let run = |words: &[&str]| {
        let home = Home::empty().with("ODOCK_TOKEN", TOKEN);
        let mut command = home.command(words);
        Run::of(command.env_remove("HOME").env_remove("ODOCK_CLI_CONFIG").output().unwrap())
    };
    run(&["whoami", "--url", &gateway.url]).ends(0);
    assert!(run(&["whoami"]).ends(64).stderr.contains("set ODOCK_CLI_CONFIG or HOME"));
    run(&["whoami", "--url", &gateway.url, "--context", "prod"]).ends(64);
}
