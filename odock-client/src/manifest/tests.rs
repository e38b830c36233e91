//! Files in, manifests or diagnostics out.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use entity::envelope::{ALGORITHM, EncryptionKey};
use entity::problem::FieldError;
use entity::resource::Kind;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::credential::{CredentialStore, MemoryStore};
use crate::seal::Sealer;

fn env(name: &str) -> Option<String> {
    Some(match name {
        "ODOCK_NAME" => "search".into(),
        "ODOCK_MS" => "2500".into(),
        "ODOCK_EVIL" => "x\nspec: {role: ORG_ADMIN}\n---\nkind: Organisation # ${HOME} \"}, ]".into(),
        "ODOCK_OPENAI_KEY" => "sk-proj-0123456789abcdef".into(),
        _ => return None,
    })
}

fn from(name: &str, text: &str) -> Result<ManifestSet, Vec<Diagnostic>> {
    let options = Options { organisation: Some("acme".into()), allow_env: vec![] };
    load(&[Source::Text { name: name.into(), text: text.into() }], &env, &options)
}

fn good(name: &str, text: &str) -> Vec<Value> {
    let set = from(name, text).unwrap_or_else(|found| panic!("{}", told(&found).join("\n")));
    set.resources.iter().map(|resource| serde_json::to_value(&resource.manifest).unwrap()).collect()
}

fn told(found: &[Diagnostic]) -> Vec<String> {
    found.iter().map(|it| format!("{it}").replace("\n  hint: ", " | ")).collect()
}

fn bad(name: &str, text: &str) -> Vec<String> {
    told(&from(name, text).err().unwrap_or_else(|| panic!("this was accepted:\n{text:.500}")))
}

fn team(name: &str, description: &str) -> Value {
    json!({"apiVersion": "odock/v1", "kind": "Team", "metadata": {"organisation": "acme", "name": name}, "spec": {"description": description}})
}

#[test]
fn ten_mistakes_are_ten_diagnostics() {
    let text = r#"# ten mistakes
apiVersion: odock/v1
kind: Provider
metadata: {organisation: acme, name: openai}
spec:
  type: OPENIA
  base_url: https://api.openai.com
  timeoutMs: "soon"
  keys:
    - name: primary
      secret: sk-live-hunter2
    - name: primary
      valueFrom: {env: ODOCK_OPENAI_KEY, file: x}
---
apiVersion: odock/v1
kind: Model
metadata: {organisation: acme, name: fast}
spec:
  provider: openai
  providerKey: secondary
  pricing: {input: {text_cost_per_1k_tokens: 0.0004}}
---
apiVersion: odock/v1
kind: ApiKey
metadata:
  organisation: acme
  name: ci
spec: {type: TEAM, expiry: 30 June}
---
apiVersion: odock/v1
kind: ApiKey
metadata: {organisation: acme, name: ci}
spec: {type: ORGANISATION, models: ["${ODOCK_UNSET}"]}
"#;
    assert_eq!(
        bad("all.yaml", text),
        [
            "all.yaml:6:9: /spec/type: `OPENIA` is not one of OPENAI, ANTHROPIC, GOOGLE, AZURE_OPENAI, VLLM, MISTRAL, HUGGINGFACE, CUSTOM | did you mean `OPENAI`?",
            "all.yaml:7:3: /spec/base_url: `base_url` is not a field of a Provider's spec | did you mean `baseUrl`?",
            "all.yaml:8:14: /spec/timeoutMs: must be a whole number, not a string",
            "all.yaml:11:7: /spec/keys/0/secret: secrets do not stand in files | write `valueFrom: {env: ODOCK_…}`, or `file`, `keyring` or `exec`",
            "all.yaml:12:13: /spec/keys/1/name: `primary` stands in this list twice; it is already entry 1",
            "all.yaml:13:18: /spec/keys/1/valueFrom: `valueFrom` names exactly one source | write `{env: ODOCK_…}`, or `file`, `keyring` or `exec`",
            "all.yaml:21:46: /spec/pricing/input/text_cost_per_1k_tokens: must be a decimal string, not a number | money is written in quotes: \"0.0004\"",
            "all.yaml:28:7: /spec/team: `team` is missing: a key of type TEAM belongs to a team",
            "all.yaml:28:28: /spec/expiry: `30 June` is not an instant | write it like 2027-06-30T00:00:00Z, with its zone",
            "all.yaml:32:38: /metadata/name: ApiKey `ci` of acme is declared twice; it is already at all.yaml:27:9",
            "all.yaml:33:37: the variable `ODOCK_UNSET` is not set | `${ODOCK_UNSET:-default}` gives it a default",
        ]
    );
}

#[test]
fn the_same_in_three_formats_is_the_same() {
    let yaml = "apiVersion: odock/v1\nkind: Model\nmetadata: {name: a}\nspec:\n  provider: p\n  capabilities: [vision]\n  config: {contextWindow: 9}\n---\napiVersion: odock/v1\nkind: ApiKey\nmetadata: {name: k}\nspec: {type: ORGANISATION, expiry: 2027-06-30T00:00:00Z}\n";
    let json = r#"{"resources": [{"apiVersion": "odock/v1", "kind": "Model", "metadata": {"name": "a"}, "spec": {"provider": "p", "capabilities": ["vision"], "config": {"contextWindow": 9}}},
        {"apiVersion": "odock/v1", "kind": "ApiKey", "metadata": {"name": "\u006B"}, "spec": {"type": "ORGANISATION", "expiry": "2027-06-30T00:00:00Z"}}]}"#;
    let toml = "[[resources]]\napiVersion = 'odock/v1'\nkind = 'Model'\nmetadata.name = 'a'\n[resources.spec]\nprovider = 'p'\ncapabilities = ['vision']\nconfig = {contextWindow = 9}\n\n[[resources]]\napiVersion = 'odock/v1'\nkind = 'ApiKey'\nmetadata = {name = 'k'}\nspec = {type = 'ORGANISATION', expiry = 2027-06-30T00:00:00Z}\n";
    let (yaml_set, json_set, toml_set) = (good("a.yaml", yaml), good("a.json", json), good("a.toml", toml));
    assert_eq!(yaml_set, json_set);
    assert_eq!(yaml_set, toml_set);
    assert_eq!(good("<stdin>", yaml), yaml_set);
    assert_eq!(good("<stdin>", json), yaml_set);
    assert_eq!(good("<stdin>", toml), yaml_set);
    assert_eq!(yaml_set[0]["metadata"]["organisation"], "acme");
}

#[test]
fn places_are_right_in_every_format() {
    let toml = "# é\n[[resources]]\napiVersion = 'odock/v1'\nkind = 'Team'\nmetadata = {name = 'é', nam = 1}\n[resources.spec]\ndescription = 7\n";
    assert_eq!(
        bad("t.toml", toml),
        [
            "t.toml:5:25: /metadata/nam: `nam` is not a field of metadata | its fields are organisation, name",
            "t.toml:7:15: /spec/description: must be a string, not a number | write it in quotes: \"7\"",
        ]
    );
    let json = "{\"apiVersion\": \"odock/v1\", \"kind\": \"Team\",\n \"metadata\": {\"name\": \"é\", \"nam\": 1},\n\t\"spec\": {\"description\": 7}}";
    assert_eq!(
        bad("t.json", json),
        [
            "t.json:2:28: /metadata/nam: `nam` is not a field of metadata | its fields are organisation, name",
            "t.json:3:26: /spec/description: must be a string, not a number | write it in quotes: \"7\"",
        ]
    );
}

#[test]
fn yaml_is_1_2() {
    let set = good("t.yaml", "apiVersion: odock/v1\nkind: Team\nmetadata: {name: no}\nspec: {description: on}\n");
    assert_eq!(set, [team("no", "on")]);
    for (text, kind) in [
        ("yes", "a string"),
        ("1_000", "a string"),
        ("12:30", "a string"),
        ("true", "true"),
        ("1e3", "a number"),
        ("0o17", "a number"),
        ("+5", "a number"),
        ("~", "null"),
        (".5", "a number"),
        ("1.", "a number"),
        ("-", "a list"),
        ("0x1F", "a number"),
        ("!!str 7", "a string"),
    ] {
        let text = format!("apiVersion: odock/v1\nkind: Team\nmetadata: {{name: a}}\nspec:\n  members:\n    {text}\n");
        match from("t.yaml", &text) {
            Ok(_) => panic!("{text}"),
            Err(found) => assert!(found[0].message.contains(kind) || kind == "a list", "{text}: {}", found[0]),
        }
    }
}

#[test]
fn windows_line_ends_and_byte_order_marks_do_not_matter() {
    let unix = "apiVersion: odock/v1\nkind: Team\nmetadata: {name: a}\nspec:\n  description: b\n";
    let windows = format!("\u{FEFF}{}", unix.replace('\n', "\r\n"));
    assert_eq!(good("t.yaml", &windows), good("t.yaml", unix));
    let toml = "[[resources]]\napiVersion = 'odock/v1'\nkind = 'Team'\nmetadata.name = 'a'\nspec.description = 'b'\n";
    assert_eq!(good("t.toml", &format!("\u{FEFF}{}", toml.replace('\n', "\r\n"))), good("t.yaml", unix));
    assert_eq!(bad("t.yaml", &windows.replace("description", "descriptio"))[0].split(": ").next(), Some("t.yaml:5:3"));
}

#[test]
fn tabs_are_no_indentation() {
    let told = bad("t.yaml", "apiVersion: odock/v1\nkind: Team\nspec:\n\tdescription: b\n");
    assert!(told.len() == 1 && told[0].starts_with("t.yaml:4:") && told[0].contains("is not YAML"), "{told:?}");
}

#[test]
fn keys_stand_once() {
    let twice =
        "apiVersion: odock/v1\nkind: Team\nmetadata: {name: a, name: b}\nspec: {}\n---\nkind: Team\nkind: User\n";
    assert_eq!(
        bad("t.yaml", twice),
        [
            "t.yaml:3:21: the key `name` stands here twice; it is already at 3:12",
            "t.yaml:7:1: the key `kind` stands here twice; it is already at 6:1"
        ]
    );
    assert_eq!(
        bad("t.json", "{\"kind\": 1,\n \"k\\u0069nd\": 2}"),
        ["t.json:2:2: the key `kind` stands here twice; it is already at 1:2"]
    );
    assert!(
        bad("t.toml", "a = 1\na = 2\n")[0].starts_with("t.toml:2:1: is not TOML: duplicate key"),
        "{:?}",
        bad("t.toml", "a = 1\na = 2\n")
    );
}

#[test]
fn aliases_repeat_within_limits() {
    let set = good(
        "t.yaml",
        "- {apiVersion: odock/v1, kind: Team, metadata: {name: a}, spec: &s {description: b}}\n- {apiVersion: odock/v1, kind: Team, metadata: {name: c}, spec: *s}\n",
    );
    assert_eq!(set, [team("a", "b"), team("c", "b")]);
    assert!(bad("t.yaml", "a: &a [*a]\n")[0].contains("names what it stands in"));
    assert!(bad("t.yaml", "a: *b\n")[0].contains("is not YAML"));
    assert!(bad("t.yaml", "a: {<<: 1}\n")[0].contains("merge key"));
}

#[test]
fn bombs_are_refused_quickly() {
    let start = Instant::now();
    let mut laughs = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..20 {
        let before = level - 1;
        laughs += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 9].join(", "));
    }
    assert!(bad("t.yaml", &laughs)[0].contains("aliases repeat more than"));
    for (name, text) in [
        ("t.yaml", "[".repeat(100_000)),
        ("t.yaml", "{a: ".repeat(100_000)),
        ("t.yaml", (0..2_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()),
        ("t.yaml", "- ".repeat(100_000)),
        ("t.yaml", "? ".repeat(100_000)),
        ("t.json", "[".repeat(100_000)),
        ("t.json", format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))),
        ("t.json", "{\"a\":".repeat(100_000)),
        ("t.toml", format!("a = {}", "[".repeat(100_000))),
        ("t.toml", format!("a = {}{}", "[".repeat(70), "]".repeat(70))),
        ("t.toml", format!("{} = 1", vec!["a"; 100_000].join("."))),
        ("t.yaml", " ".repeat(11 * 1024 * 1024)),
    ] {
        let told = bad(name, &text);
        assert!(told.len() == 1, "{name} {text:.20}: {told:?}");
        assert!(told[0].len() < 300, "{:.400}", told[0]);
    }
    assert!(start.elapsed().as_secs() < 60, "linear, not exponential");
}

#[test]
fn floods_are_read_in_time_and_cut_off() {
    let start = Instant::now();
    let keys: String = (0..50_000).map(|n| format!("k{}=1,", n * 7_919 % 100_003)).collect();
    for (name, text) in [("t.json", format!("[{}7]", "[],".repeat(200_000))), ("t.toml", format!("a = {{{keys}}}"))] {
        let told = bad(name, &text);
        assert!((1..=1_000).contains(&told.len()), "{}", told.len());
    }
    assert!(start.elapsed().as_secs() < 60, "linear in the length of a line");
}

#[test]
fn nothing_is_an_error() {
    for (name, text) in [
        ("t.yaml", ""),
        ("t.yaml", "---\n---\n# x\n"),
        ("t.json", " "),
        ("t.json", "[]"),
        ("t.json", "{}"),
        ("t.toml", ""),
        ("t.yaml", "resources: []"),
    ] {
        assert_eq!(bad(name, text), [format!("{name}: there are no manifests")], "{text:?}");
    }
    assert!(load(&[], &env, &Options::default()).is_err());
}

#[test]
fn garbage_is_refused_in_its_place() {
    for (name, text) in [
        ("t.yaml", "a: [b"),
        ("t.yaml", "a: 'b"),
        ("t.yaml", "%YAML 3\n"),
        ("t.yaml", "a: !ruby/object:X {}"),
        ("t.yaml", "- .nan"),
        ("t.yaml", "[a]: b"),
        ("t.yaml", "just text"),
        ("t.json", "{"),
        ("t.json", "{\"a\": tru}"),
        ("t.json", "[1,]"),
        ("t.json", "// x\n[]"),
        ("t.json", "{\"a\": \"\\ud800\"}"),
        ("t.json", "1 2"),
        ("t.json", "{'a': 1}"),
        ("t.json", "\"\t\""),
        ("t.toml", "a ="),
        ("t.toml", "[a"),
        ("t.toml", "a = nan"),
        ("t.toml", "resources = 7"),
        ("t.toml", "x = 1\n[[resources]]\n"),
        ("t.toml", "a = 99999999999999999999"),
        ("t.yaml", "a: \0"),
        ("t.json", "7"),
    ] {
        for told in bad(name, text) {
            assert!(
                told.starts_with(&format!("{name}:1:")) || told.starts_with(&format!("{name}:2:")),
                "{text}: {told}"
            );
        }
    }
}

#[test]
fn a_broken_document_does_not_hide_the_next() {
    let told = bad(
        "t.yaml",
        "a: 'b\n---\nkind: Team\nkind: User\n---\napiVersion: odock/v2\nkind: Team\nmetadata: {name: a}\nspec: {}\n",
    );
    assert!(told.len() >= 2, "{told:?}");
    assert!(told.last().unwrap().starts_with("t.yaml:6:13: /apiVersion:"), "{told:?}");
}

#[test]
fn a_value_never_changes_structure() {
    let set = good(
        "t.yaml",
        "apiVersion: odock/v1\nkind: Team\nmetadata: {name: \"${ODOCK_NAME}\"}\nspec: {description: \"${ODOCK_EVIL}\"}\n",
    );
    assert_eq!(set, [team("search", &env("ODOCK_EVIL").unwrap())]);
    let plain =
        good("t.yaml", "apiVersion: odock/v1\nkind: Team\nmetadata: {name: a}\nspec:\n  description: ${ODOCK_EVIL}\n");
    assert_eq!(plain, [team("a", &env("ODOCK_EVIL").unwrap())]);
    let keys = bad("t.yaml", "apiVersion: odock/v1\nkind: Team\nmetadata: {name: a}\nspec:\n  ${ODOCK_NAME}: b\n");
    assert!(keys[0].contains("unknown") || keys[0].contains("is not a field"), "{keys:?}");
}

#[test]
fn a_whole_variable_takes_the_type_of_its_field() {
    for text in [
        "spec: {type: OPENAI, timeoutMs: \"${ODOCK_MS}\", enabled: \"${ODOCK_X:-false}\"}\n",
        "spec:\n  type: OPENAI\n  timeoutMs: ${ODOCK_MS}\n  enabled: ${ODOCK_X:-false}\n",
    ] {
        let set = good("t.yaml", &format!("apiVersion: odock/v1\nkind: Provider\nmetadata: {{name: a}}\n{text}"));
        assert_eq!((&set[0]["spec"]["timeoutMs"], &set[0]["spec"]["enabled"]), (&json!(2500), &json!(false)));
    }
    let set = good("t.yaml", "apiVersion: odock/v1\nkind: Team\nmetadata: {name: \"${ODOCK_MS}\"}\nspec: {}\n");
    assert_eq!(set[0]["metadata"]["name"], "2500", "a text stays a text");
    assert!(bad("t.yaml", "apiVersion: odock/v1\nkind: Provider\nmetadata: {name: a}\nspec: {type: OPENAI, timeoutMs: \"1${ODOCK_MS}\"}\n")[0].contains("whole number"));
    assert!(bad("t.yaml", "apiVersion: odock/v1\nkind: Provider\nmetadata: {name: a}\nspec: {type: OPENAI, timeoutMs: \"${ODOCK_X:-0}\"}\n")[0].contains("0 is not between"));
}

#[test]
fn what_later_versions_do_is_refused_by_name() {
    let text = r#"apiVersion: odock/v1
kind: Provider
metadata: {organisation: acme, name: openai, labels: {env: prod}}
spec:
  type: OPENAI
  keys: [{name: primary, valueFrom: {vaultKv: x}}]
---
apiVersion: odock/v1
kind: ApiKey
metadata: {organisation: acme, name: ci, protect: true}
spec: {type: TEAM, team: search, expiry: 2027-06-30T00:00:00Z, models: [support-fast], mcpServers: [],
       policies: {ratelimit: {requests: {per_minute: 60}}},
       secret: {generate: client, deliverTo: ["file:./ci.key"]}}
---
apiVersion: odock/v1
kind: Budget
metadata: {organisation: acme, name: search-monthly}
spec: {owner: {type: TEAM, name: search}, period: MONTHLY}
"#;
    let not = "is not supported by this version";
    let kinds = "one of Organisation, User, Team, Provider, Model, ApiKey";
    assert_eq!(
        bad("t.yaml", text),
        [
            format!("t.yaml:3:46: /metadata/labels: `labels` {not}"),
            format!("t.yaml:6:38: /spec/keys/0/valueFrom/vaultKv: `vaultKv` {not}"),
            format!("t.yaml:10:42: /metadata/protect: `protect` {not}"),
            format!("t.yaml:11:88: /spec/mcpServers: `mcpServers` {not}"),
            format!("t.yaml:12:8: /spec/policies: `policies` {not}"),
            format!("t.yaml:13:8: /spec/secret: `secret` {not}"),
            format!("t.yaml:16:7: /kind: the kind `Budget` {not} | {kinds}"),
        ]
    );
}

#[test]
fn duplicates_are_found_across_files_and_defaults() {
    let text = |organisation: &str| {
        format!("apiVersion: odock/v1\nkind: Team\nmetadata: {{{organisation}name: a}}\nspec: {{}}\n")
    };
    let source = |name: &str, text: String| Source::Text { name: name.into(), text };
    let sources = [
        source("a.yaml", text("")),
        source("b.yaml", text("organisation: acme, ")),
        source("c.yaml", text("organisation: globex, ")),
    ];
    let options = Options { organisation: Some("acme".into()), ..Options::default() };
    let found = load(&sources, &env, &options).unwrap_err();
    assert_eq!(
        told(&found),
        ["b.yaml:3:38: /metadata/name: Team `a` of acme is declared twice; it is already at a.yaml:3:18"]
    );
    assert!(load(&sources, &env, &Options::default()).is_ok(), "no organisation and one are different");
}

#[test]
fn batches_follow_the_organisation() {
    let text = "[{apiVersion: odock/v1, kind: Organisation, metadata: {name: globex}, spec: {}}, {apiVersion: odock/v1, kind: Team, metadata: {name: a}, spec: {}}, {apiVersion: odock/v1, kind: Team, metadata: {name: b, organisation: globex}, spec: {}}]";
    let set = from("t.yaml", text).unwrap();
    let batches = set.batches().unwrap();
    assert_eq!(
        batches,
        [
            Batch { organisation: "acme".into(), members: vec![1] },
            Batch { organisation: "globex".into(), members: vec![0, 2] }
        ]
    );
    let request = set.request(&batches[1]);
    assert_eq!(request.resources.iter().map(|it| it.kind).collect::<Vec<_>>(), [Kind::Organisation, Kind::Team]);
    let error = FieldError {
        manifest: Some(1),
        kind: None,
        name: None,
        pointer: "/metadata/name".into(),
        code: "conflict".into(),
        message: "is taken".into(),
    };
    assert_eq!(set.diagnose(&batches[1], &error).to_string(), "t.yaml:1:201: /metadata/name: is taken");
    let homeless =
        load(&[Source::Text { name: "t.yaml".into(), text: text.into() }], &env, &Options::default()).unwrap();
    assert!(
        told(&homeless.batches().unwrap_err())[0]
            .starts_with("t.yaml:1:127: /metadata/organisation: names no organisation")
    );
}

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

#[test]
fn the_examples_load() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/configs");
    let options = Options { organisation: Some("acme".into()), ..Options::default() };
    let mut files = 0;
    for entry in std::fs::read_dir(&root).unwrap() {
        let set = load(&[Source::Path(entry.unwrap().path())], &env, &options);
        let set = set.unwrap_or_else(|found| panic!("{}", told(&found).join("\n")));
        set.batches().unwrap();
        files += 1;
    }
    assert!(files >= 5, "{files}");
    let quickstart = load(&[Source::Path(root.join("quickstart.yaml"))], &env, &Options::default()).unwrap();
    let count = |kind| quickstart.resources.iter().filter(|it| it.manifest.kind == kind).count();
    assert_eq!(Kind::ALL.iter().map(|kind| count(*kind)).collect::<Vec<_>>(), [1, 3, 2, 1, 3, 3]);
}

/// Every byte of a good file replaced, removed or repeated somewhere: whatever comes out, it is an answer.
#[test]
fn damaged_files_never_panic() {
    let yaml = "apiVersion: odock/v1\nkind: Provider\nmetadata: {name: a}\nspec:\n  type: OPENAI\n  keys: &k [{name: \"é\", valueFrom: {env: ODOCK_X}}]\n  baseUrl: ${ODOCK_U:-http://x}\n--- *k\n";
    let json = r#"[{"apiVersion": "odock/v1", "kind": "Team", "metadata": {"name": "\u00e9\\"}, "spec": {"members": [{"user": "a@b", "role": null}, 1.5e3]}}]"#;
    let toml = "[[resources]]\napiVersion = 'odock/v1'\nkind = \"Te\\u0061m\"\nmetadata.name = 'é'\n[resources.spec]\nx = [1, 0x1F, 1e3, 2027-06-30T00:00:00Z, {a = true}]\n";
    let mut seed = 7_u32;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(seed >> 8).unwrap() % below
    };
    let noise: Vec<char> = "{}[]()\"'\\:,-&*!|>%@`#?=~${}\n\t\r \u{85}\u{2028}\u{feff}é0a<.".chars().collect();
    for (name, text) in [("t.yaml", yaml), ("t.json", json), ("t.toml", toml)] {
        for _ in 0..3_000 {
            let mut damaged: Vec<char> = text.chars().collect();
            for _ in 0..=random(3) {
                let at = random(damaged.len().max(1));
                match random(4) {
                    0 => damaged[at] = noise[random(noise.len())],
                    1 if damaged.len() > 1 => drop(damaged.remove(at)),
                    2 => damaged.insert(at, noise[random(noise.len())]),
                    3 => damaged.truncate(at.max(1)),
                    _ => {}
                }
            }
            let damaged: String = damaged.into_iter().collect();
            if let Err(found) = from(name, &damaged) {
                assert!(!found.is_empty());
                for it in found {
                    let lines = damaged.split(['\n', '\r', '\u{85}', '\u{2028}']).count();
                    assert!(usize::try_from(it.line).unwrap() <= lines + 1, "{it}\n{damaged}");
                }
            }
        }
    }
}
