//! Files in, manifests or diagnostics out.

mod formats;
mod hostile;
mod secrets;

use std::path::Path;

use entity::problem::FieldError;
use entity::resource::Kind;
use serde_json::{Value, json};

use super::*;

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
kind: McpServer
metadata: {organisation: acme, name: tickets}
spec: {url: "https://tickets.example/mcp"}
"#;
    let not = "is not supported by this version";
    let kinds = "one of Organisation, User, Team, ServiceAccount, Provider, Model, ApiKey, Budget, Quota, Overlay";
    assert_eq!(
        bad("t.yaml", text),
        [
            format!("t.yaml:6:38: /spec/keys/0/valueFrom/vaultKv: `vaultKv` {not}"),
            format!("t.yaml:11:88: /spec/mcpServers: `mcpServers` {not}"),
            format!("t.yaml:16:7: /kind: the kind `McpServer` {not} | {kinds}"),
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
    assert_eq!(Kind::ALL.iter().map(|kind| count(*kind)).collect::<Vec<_>>(), [1, 3, 2, 0, 1, 3, 3, 2, 1, 0]);
    let teams = load(&[Source::Path(root.join("multi-team"))], &env, &Options::default()).unwrap();
    let limits = |kind| teams.resources.iter().filter(|it| it.manifest.kind == kind).count();
    assert_eq!([Kind::Budget, Kind::Quota, Kind::Overlay].map(limits), [1, 1, 1]);
}

#[test]
fn an_owner_and_the_secret_of_a_key_are_read_and_their_slips_named() {
    let head =
        "owner: ci\nresources:\n- apiVersion: odock/v1\n  kind: ApiKey\n  metadata: {organisation: acme, name: ci}\n";
    let of = |secret: &str| format!("{head}  spec: {{type: ORGANISATION, secret: {secret}}}\n");
    let source = Source::Text { name: "t.yaml".into(), text: of("{generate: client, deliverTo: [\"file:./k\"]}") };
    let set = load(&[source], &|_| None, &Options::default()).unwrap();
    assert_eq!(set.owner.as_deref(), Some("ci"));
    let key = set.resources[0].key.as_ref().unwrap();
    assert_eq!((&key.from, &key.deliver_to[..]), (&KeyOrigin::Client, &["file:./k".to_owned()][..]));
    assert_eq!(set.resources[0].manifest.spec.get("secret"), None);
    for (secret, expected) in [
        ("sk-odock-clear", "literal_secret-or: secrets do not stand in files"),
        ("{generate: me}", "must be `server` or `client`"),
        ("{generate: client}", "has to be delivered somewhere"),
        ("{generate: server, valueFrom: {env: ODOCK_K}}", "either generated or taken from somewhere"),
        ("{deliverto: []}", "did you mean `deliverTo`?"),
        ("{deliverTo: x}", "must be a list of sinks"),
        ("{deliverTo: [5]}", "must be a sink"),
        ("[]", "must be an object"),
    ] {
        let found = bad("t.yaml", &of(secret)).join("\n");
        let expected = expected.trim_start_matches("literal_secret-or: ");
        assert!(found.contains(expected) && !found.contains("odock-clear"), "{secret}: {found}");
    }
    assert!(bad("t.yaml", &of("{}").replace("owner: ci", "owner: manual"))[0].contains("t.yaml:1:8"));
    assert!(bad("t.yaml", &of("{}").replace("owner: ci", "ownr: ci"))[0].contains("cannot stand beside `resources`"));
}
