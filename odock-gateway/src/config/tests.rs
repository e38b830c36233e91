//! The whole of configuration, from its sources to typed settings.

use std::path::Path;
use std::time::Duration;

use super::*;

const NO_ENV: [(&str, &str); 0] = [];

fn load(env: &[(&str, &str)], file: &str) -> Result<Loaded, ConfigErrors> {
    load_with(&Flags::default(), env, file)
}

fn load_with(flags: &Flags, env: &[(&str, &str)], file: &str) -> Result<Loaded, ConfigErrors> {
    let dir = tempfile::tempdir().unwrap();
    if !file.is_empty() {
        std::fs::write(dir.path().join("odock.toml"), file).unwrap();
    }
    let home = ("HOME", "/home/someone");
    Config::load_from(flags, std::iter::once(&home).chain(env).copied(), dir.path())
}

fn problems(env: &[(&str, &str)], file: &str) -> Vec<String> {
    load(env, file).unwrap_err().problems.iter().map(ToString::to_string).collect()
}

#[test]
fn defaults_alone_are_a_valid_configuration() {
    let Loaded { config, warnings, .. } = load(&[], "").unwrap();
    assert_eq!(config.http.addr.to_string(), "127.0.0.1:8080");
    assert_eq!(config.data.dir, Path::new("/home/someone/.local/share/odock"));
    assert_eq!(config.database.url.redacted(), "sqlite:///home/someone/.local/share/odock/odock.db");
    assert_eq!(config.http.max_body_bytes, 10 << 20);
    assert_eq!(config.usage.flush_interval, Duration::from_millis(100));
    assert_eq!(config.usage.journal_when_full, WhenFull::Refuse);
    assert!(config.redis.is_none() && config.http.max_concurrent_requests.is_none());
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(Config::for_tests("/tmp/x").http.addr.port(), 0);
}

#[test]
fn default_toml_mentions_every_key_and_every_variable_and_nothing_else() {
    for key in keys::KEYS {
        let (section, name) = key.path.rsplit_once('.').unwrap();
        let body = DEFAULTS.split(&format!("\n[{section}]\n")).nth(1).unwrap();
        let body = body.split("\n[").next().unwrap();
        let starts = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{name} = "));
        assert!(body.lines().any(starts), "{} is not in default.toml", key.path);
        for variable in key.env.iter().filter(|name| !name.starts_with("PROVIDER_") || name.contains("KEY_")) {
            let documented = DEFAULTS.contains(variable) || section.starts_with("providers");
            assert!(documented, "{variable} is not in default.toml");
        }
    }
    // A key that is not in the table would be an unknown key, and so an error of every load.
    load(&[], "").unwrap();
}

#[test]
fn uncommenting_a_line_of_default_toml_is_all_it_takes_to_set_it() {
    let body: String = DEFAULTS
        .lines()
        .map(|line| match line.strip_prefix("# ").and_then(|rest| rest.split_once(" = ")) {
            Some((name, _)) if name.chars().all(|c| c.is_ascii_lowercase() || c == '_') => &line[2..],
            _ => line,
        })
        .map(|line| line.split("   ").next().unwrap_or(line).to_owned() + "\n")
        .collect();
    toml::from_str::<toml::Table>(&body).unwrap();
}

#[test]
fn each_source_wins_over_the_one_before() {
    let file = "[http]\nport = 1001\nhost = \"::1\"\n[log]\nlevel = \"warn\"\n";
    let env = [("HTTP_PORT", "1002"), ("LOG_LEVEL", "debug")];
    let flags = Flags { port: Some(1003), ..Flags::default() };
    let Loaded { config, effective, .. } = load_with(&flags, &env, file).unwrap();
    assert_eq!((config.http.addr.to_string().as_str(), config.log.filter.as_str()), ("[::1]:1003", "debug"));
    assert!(effective.contains("port = \"1003\" # flag --port\n"), "{effective}");
    assert!(effective.contains("level = \"debug\" # environment variable LOG_LEVEL\n"), "{effective}");
    assert!(effective.contains("odock.toml:3\n") && effective.contains("read_timeout = \"15s\" # default\n"));
}

#[test]
fn all_problems_are_reported_at_once_with_their_sources() {
    let file = "[http]\nport = 70000\nread_timeout = 15\nprot = 1\n[htpt]\nx = 1\n[database]\nmax_open = \"many\"\n";
    let env =
        [("UPSTREAM_CONNECT_TIMEOUT", "soon"), ("USAGE_JOURNAL_WHEN_FULL", "panic"), ("HTTP_MAX_BODY_BYTES", "10MB?")];
    let found = problems(&env, file);
    let expected = [
        ("http.prot: unknown key", "odock.toml:4); did you mean `http.port`?"),
        ("htpt: unknown key", "odock.toml:5)"),
        ("http.port: 70000 is not a whole number from 0 to 65535", "odock.toml:2)"),
        ("http.read_timeout: 15 lacks a unit; write for example \"15s\"", "odock.toml:3)"),
        ("http.max_body_bytes: \"10MB?\" is not a size", "(environment variable HTTP_MAX_BODY_BYTES)"),
        ("database.max_open: \"many\" is not a whole number", "odock.toml:8)"),
        ("upstream.connect_timeout: \"soon\" is not a duration", "(environment variable UPSTREAM_CONNECT_TIMEOUT)"),
        ("usage.journal_when_full: \"panic\" is neither", "(environment variable USAGE_JOURNAL_WHEN_FULL)"),
    ];
    for (start, end) in expected {
        let hit = found.iter().any(|line| line.starts_with(start) && line.ends_with(end));
        assert!(hit, "no line {start} … {end} in {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn a_key_that_is_written_as_its_variable_or_in_the_wrong_place_is_recognised() {
    assert!(problems(&[], "HTTP_PORT = 1\n")[0].ends_with("did you mean `http.port`?"));
    assert!(problems(&[], "port = 1\n")[0].ends_with("did you mean `http.port`?"));
    assert!(problems(&[], "[http]\nmax_open = 1\n")[0].ends_with("did you mean `database.max_open`?"));
    assert!(problems(&[], "http = 1\n")[0].contains("is a section, not a value"));
    assert!(problems(&[], "[http.port]\n")[0].contains("takes a value, not a section"));
    assert!(!problems(&[], "zebra = 1\n")[0].contains("did you mean"));
}

#[test]
fn a_file_that_is_no_toml_says_where() {
    let found = problems(&[], "[http]\nport = = 1\n");
    assert!(found[0].contains("odock.toml:2)"), "{found:?}");
}

#[test]
fn a_named_file_must_exist() {
    let error = load(&[("ODOCK_CONFIG", "/nowhere/odock.toml")], "").unwrap_err().to_string();
    assert!(error.contains("/nowhere/odock.toml cannot be read"), "{error}");
}

#[test]
fn both_names_of_the_database_may_be_set_only_to_the_same() {
    let one = ("DATABASE_URL", "postgres://a@localhost/one");
    assert!(load(&[one, ("POSTGRES_DSN", one.1)], "").unwrap().config.database.url.is_postgres());
    let found = problems(&[one, ("POSTGRES_DSN", "postgres://a@localhost/two")], "");
    assert!(found[0].contains("DATABASE_URL and POSTGRES_DSN are both set, and differ"), "{found:?}");
}

#[test]
fn secrets_are_in_no_output() {
    let secret = "hunter2hunter2hunter2";
    let url = format!("postgres://odock:{secret}@localhost/odock");
    let redis = format!("redis://:{secret}@localhost:6379/1");
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("REDIS_URL", redis.as_str()),
        ("ODOCK_BOOTSTRAP_TOKEN", secret),
        ("PROVIDER_OPENAI_API_KEY", secret),
        ("CACHE_INVALIDATION_SECRET", secret),
    ];
    let loaded = load(&env, "").unwrap();
    let shown = format!("{loaded:?}");
    assert!(!shown.contains(secret), "{shown}");
    assert!(loaded.effective.contains("url = \"postgres://odock:********@localhost/odock\""), "{}", loaded.effective);
    assert!(loaded.effective.contains("api_key = \"********\" # environment variable PROVIDER_OPENAI_API_KEY"));

    let bad = [
        ("DATABASE_URL", format!("{secret}://{secret}:{secret}@{secret}:{secret}/")),
        ("REDIS_URL", format!("http://:{secret}@localhost")),
        ("PROVIDER_KEY_ENCRYPTION_PRIVATE_KEY", secret.to_owned()),
        ("PROVIDER_VLLM_BASE_URL", format!("https://user:{secret}@localhost/v1")),
    ];
    let env: Vec<(&str, &str)> = bad.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let found = problems(&env, "").join("\n");
    assert!(!found.contains(secret), "{found}");
}

#[test]
fn effective_settings_read_back_as_a_file() {
    let env = [("HTTP_TRUST_PROXY_HEADERS", "true"), ("HTTP_TRUSTED_PROXY_CIDRS", "10.0.0.0/8, 192.168.1.7")];
    let first = load(&env, "").unwrap();
    assert_eq!(first.config.http.trusted_proxies.len(), 2);
    let second = load(&[], &first.effective).unwrap();
    assert_eq!(format!("{:?}", second.config), format!("{:?}", first.config));
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    let loaded = load(&[("REDIS_URL", ""), ("HTTP_PORT", ""), ("DATABASE_URL", "")], "").unwrap();
    assert!(loaded.config.redis.is_none());
    assert_eq!(loaded.config.http.addr.port(), 8080);
}

#[test]
fn redis_is_given_as_a_url_or_in_parts() {
    let parts =
        [("REDIS_ADDR", "cache:6380"), ("REDIS_USERNAME", "odock"), ("REDIS_PASSWORD", "p@ss/word"), ("REDIS_DB", "3")];
    let redis = load(&parts, "").unwrap().config.redis.unwrap();
    assert_eq!(redis.url.expose(), "redis://odock:p%40ss%2Fword@cache:6380/3");
    assert_eq!(redis.url.redacted(), "redis://odock:********@cache:6380/3");
    assert_eq!((redis.connections, redis.key_prefix.as_str()), (20, "odock"));

    // The environment wins over the file, whichever form it takes.
    let redis = load(&[("REDIS_URL", "redis://b:1/0")], "[redis]\naddr = \"a:1\"\n").unwrap().config.redis.unwrap();
    assert_eq!(redis.url.expose(), "redis://b:1/0");
    let redis = load(&[("REDIS_ADDR", "a:1")], "[redis]\nurl = \"redis://b:1/0\"\n").unwrap().config.redis.unwrap();
    assert_eq!(redis.url.expose(), "redis://a:1/0");

    assert!(problems(&[("REDIS_ADDR", "a:1"), ("REDIS_URL", "redis://b:1")], "")[0].contains("are both set"));
    assert!(problems(&[("REDIS_PASSWORD", "x")], "")[0].contains("has no effect without redis.addr"));
    for bad in ["cache:port", "redis://x", ":6379", ""] {
        let loaded = load(&[("REDIS_ADDR", bad)], "");
        assert!(loaded.is_err() || bad.is_empty(), "{bad}");
    }
}

#[test]
fn database_urls_are_checked() {
    for good in ["sqlite:///var/odock.db", "sqlite:odock.db", "postgresql://localhost/x?sslmode=require"] {
        assert!(load(&[("DATABASE_URL", good)], "").is_ok(), "{good}");
    }
    for bad in ["sqlite::memory:", "sqlite:", "mysql://x/y", "host=db user=odock", "postgres://x/y?sslmode=maybe"] {
        assert!(problems(&[("DATABASE_URL", bad)], "")[0].starts_with("database.url: "), "{bad}");
    }
}

#[test]
fn settings_that_would_have_no_effect_are_refused_or_pointed_out() {
    assert!(problems(&[("HTTP_TRUST_PROXY_HEADERS", "true")], "")[0].contains("trusts nobody"));
    assert!(problems(&[("HTTP_ENABLE_TLS", "on")], "").len() == 2);
    assert!(problems(&[("PROVIDER_KEY_ENCRYPTION_KEY_ID", "k1")], "")[0].contains("both or neither"));
    assert!(problems(&[("HTTP_MANAGEMENT_ADDR", "127.0.0.1:8080")], "")[0].contains("main listener"));
    let warnings = load(&[("HTTP_TLS_CERT_FILE", "/x"), ("HTTP_TRUSTED_PROXY_CIDRS", "::1")], "").unwrap().warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn a_variable_with_a_slip_in_it_is_pointed_out_and_strangers_are_not() {
    let strangers = [
        ("HTTP_PROXY", "x"),
        ("REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("POSTGRES_DB", "x"),
        ("POSTGRES_USER", "x"),
        ("REDIS_PORT_6379_TCP_ADDR", "x"),
        ("ODOCK_TEST_STACK", "x"),
        ("RATELIMIT_FAILURE_MODE", "local"),
    ];
    assert_eq!(load(&strangers, "").unwrap().warnings, Vec::<String>::new());
    let warnings =
        load(&[("HTTP_PROT", "1"), ("POSTGRES_MAX_OPENED", "3"), ("ODOCK_DATADIR", "/x")], "").unwrap().warnings;
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings.iter().any(|line| line.contains("HTTP_PROT ") && line.ends_with("did you mean HTTP_PORT?")));
}

#[test]
fn the_data_directory_follows_xdg() {
    let dir = |env: &[(&str, &str)]| Config::load(&Flags::default(), env.iter().copied()).map(|it| it.config.data.dir);
    assert_eq!(dir(&[("XDG_DATA_HOME", "/data"), ("HOME", "/h")]).unwrap(), Path::new("/data/odock"));
    assert_eq!(dir(&[("XDG_DATA_HOME", "data"), ("HOME", "/h")]).unwrap(), Path::new("/h/.local/share/odock"));
    assert_eq!(dir(&[("ODOCK_DATA_DIR", "~/odock"), ("HOME", "/h")]).unwrap(), Path::new("/h/odock"));
    assert!(Config::load(&Flags::default(), NO_ENV).unwrap_err().to_string().contains("no home directory"));
}

#[test]
fn a_key_pair_is_taken_as_pem_or_base64() {
    use aws_lc_rs::encoding::AsDer;
    use base64::Engine;
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let key = aws_lc_rs::rsa::PrivateDecryptingKey::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der = key.as_der().unwrap().as_ref().to_vec();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64(&der));
    for form in [pem.clone(), pem.replace('\n', "\\n"), base64(pem.as_bytes()), base64(&der)] {
        let env = [("PROVIDER_KEY_ENCRYPTION_KEY_ID", "k1"), ("PROVIDER_KEY_ENCRYPTION_PRIVATE_KEY", form.as_str())];
        let pair = load(&env, "").unwrap().config.secrets.key_pair.unwrap();
        assert_eq!((pair.id.as_str(), pair.pkcs8_der()), ("k1", der.as_slice()));
    }
}

#[test]
fn log_filters_are_checked() {
    for good in ["debug", "WARN", "info,odock_gateway::pipeline=trace", "odock_gateway=debug"] {
        assert!(load(&[("LOG_LEVEL", good)], "").is_ok(), "{good}");
    }
    for bad in ["verbose", "info,x=loud", "info,a=b=c"] {
        assert!(load(&[("LOG_LEVEL", bad)], "").is_err(), "{bad}");
    }
}

#[test]
fn the_global_policy_is_read_from_text_or_file_and_its_mistakes_are_named() {
    let policy = r#"{"policies":{"ratelimit":{"requests":{"per_second":5}}}}"#;
    let loaded = |text: &str| load(&[("RATELIMIT_GLOBAL_POLICY", text)], "").unwrap().config.limits;
    let limits = loaded(policy);
    assert_eq!(limits.failure_mode, FailureMode::Local);
    assert_eq!(limits.global_policy.as_ref().unwrap().ratelimit.requests.per_second, Some(5));
    assert_eq!(loaded(r#"{"ratelimit":{"requests":{"per_second":5}}}"#).global_policy, limits.global_policy);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.json");
    std::fs::write(&path, policy).unwrap();
    assert_eq!(loaded(&format!("@{}", path.display())).global_policy, limits.global_policy);
    assert!(load(&[], "").unwrap().config.limits.global_policy.is_none());

    let found = |text: &str| problems(&[("RATELIMIT_GLOBAL_POLICY", text)], "").join("\n");
    for (text, expected) in [
        ("{", "limits.global_policy: is not valid JSON"),
        (r#"{"ratelimit":{"requests":{"per_second":-5}}}"#, "/ratelimit/requests/per_second: "),
        (r#"{"ratelimit":{"requests":{"per_secnd":5}}}"#, "/ratelimit/requests/per_secnd: "),
        (r#"{"ratelimit":{"requests":{"burst":5}}}"#, "/ratelimit/requests/burst: "),
        (r#"{"policies":{"ip":{"blocklist":["10.0.0.1/8"]}}}"#, "/ip/blocklist/0: "),
        ("@/nowhere/policy.json", "/nowhere/policy.json cannot be read"),
    ] {
        assert!(found(text).contains(expected), "{text}: {}", found(text));
    }
    assert!(problems(&[("RATELIMIT_FAILURE_MODE", "shut")], "")[0].contains("is none of"));
}
