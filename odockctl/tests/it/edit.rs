//! `edit` and `patch`: what is sent, and what happens when somebody was faster.

use serde_json::{Value, json};

use crate::support::{Gateway, Home, key};

const KEY: &str = "/api/organisations/acme/apikeys/ci";

fn gateway() -> Gateway {
    let gateway = Gateway::start();
    gateway.on(&format!("GET {KEY}"), 200, &key("ci"));
    gateway.on(&format!("PATCH {KEY}"), 200, &key("ci"));
    gateway
}

/// An editor that is a script: its argument is the file.
fn editor(home: &Home, script: &str) -> String {
    let path = home.write("editor.sh", &format!("set -e\n{script}\n"));
    format!("sh {}", path.display())
}

fn edit(gateway: &Gateway, script: &str) -> (Home, crate::support::Run) {
    let home = Home::of(gateway);
    let program = editor(&home, script);
    let home = home.with("EDITOR", &program).with("TMPDIR", &Home::of(gateway).root().display().to_string());
    std::fs::create_dir_all(home.path("tmp")).unwrap();
    let tmp = home.path("tmp").display().to_string();
    let home = home.with("TMPDIR", &tmp);
    let run = home.run(&["edit", "key", "ci"]);
    (home, run)
}

#[test]
fn an_edit_sends_what_was_changed_and_the_revision_that_was_seen() {
    let gateway = gateway();
    let (home, run) = edit(&gateway, "sed -i 's/team: search/team: platform/' \"$1\"; cp \"$1\" seen.yaml");
    assert_eq!(run.ends(0).stderr, "changed key ci: team\n");
    let patched = gateway.requests().into_iter().find(|request| request.line.starts_with("PATCH")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&patched.body).unwrap(), json!({"team": "platform"}));
    assert_eq!(patched.headers["if-match"], "\"2\"");
    assert_eq!(patched.headers["content-type"], "application/merge-patch+json");
    insta::assert_snapshot!(home.read("seen.yaml"));
    assert_eq!(std::fs::read_dir(home.path("tmp")).unwrap().count(), 0, "a draft was left behind");
}

#[test]
fn what_is_not_changed_is_not_sent() {
    let gateway = gateway();
    assert_eq!(edit(&gateway, "true").1.ends(0).stderr, "nothing was changed\n");
    assert!(edit(&gateway, ": > \"$1\"").1.ends(12).stderr.contains("saved empty: nothing was changed"));
    assert!(edit(&gateway, "exit 3").1.ends(12).stderr.contains("the editor ended with exit status: 3"));
    assert!(!gateway.lines().iter().any(|line| line.starts_with("PATCH")));
}

#[test]
fn a_mistake_opens_the_editor_again_with_the_mistake_above() {
    let gateway = gateway();
    let script = "if grep -q 'did you mean' \"$1\"; then cp \"$1\" again.yaml; sed -i 's/modles/models/' \"$1\"; sed -i 's/support-fast/best/' \"$1\"
else sed -i 's/models/modles/' \"$1\"; fi";
    let (home, run) = edit(&gateway, script);
    assert_eq!(run.ends(0).stderr, "changed key ci: models\n");
    insta::assert_snapshot!(home.read("again.yaml"));
}

#[test]
fn a_mistake_that_stays_ends_the_edit_and_keeps_the_text() {
    let gateway = gateway();
    let (home, run) = edit(&gateway, "sed -i 's/type: TEAM/type: TAEM/' \"$1\"");
    let run = run.ends(64);
    assert!(run.stderr.contains("`TAEM` is not one of"), "{}", run.stderr);
    let path = run.stderr.lines().find_map(|line| line.strip_prefix("hint: your text is kept in ")).unwrap();
    assert!(std::fs::read_to_string(path).unwrap().contains("TAEM"));
    assert!(path.starts_with(home.root().to_str().unwrap()));
}

#[test]
fn somebody_faster_is_merged_and_named() {
    let gateway = Gateway::start();
    let mut theirs = key("ci");
    theirs["revision"] = 3.into();
    theirs["spec"]["models"] = json!(["support-large"]);
    gateway.on(&format!("GET {KEY}"), 200, &key("ci"));
    gateway.on(&format!("GET {KEY}"), 200, &theirs);
    gateway.refuse(&format!("PATCH {KEY}"), 412, "stale_revision", "the key is at revision 3");
    gateway.on(&format!("PATCH {KEY}"), 200, &theirs);
    let (home, run) = edit(&gateway, "sed -i 's/team: search/team: platform/' \"$1\"; cp \"$1\" last.yaml");
    run.ends(0);
    let text = home.read("last.yaml");
    assert!(text.contains("# Somebody changed it meanwhile (revision 2 to 3): models."), "{text}");
    assert!(text.contains("support-large") && text.contains("team: platform"), "{text}");
    let patches: Vec<_> = gateway.requests().into_iter().filter(|request| request.line.starts_with("PATCH")).collect();
    assert_eq!(patches.iter().map(|patch| patch.headers["if-match"].as_str()).collect::<Vec<_>>(), ["\"2\"", "\"3\""]);
    assert_eq!(serde_json::from_str::<Value>(&patches[1].body).unwrap(), json!({"team": "platform"}));
}

#[test]
fn without_a_terminal_and_an_editor_nothing_is_opened() {
    let run = Home::of(&gateway()).run(&["edit", "key", "ci"]).ends(12);
    assert!(run.stderr.contains("set EDITOR") && run.stderr.contains("odockctl patch"), "{}", run.stderr);
}

#[test]
fn a_patch_sets_removes_and_is_checked_first() {
    let gateway = gateway();
    let run = |words: &[&str]| Home::of(&gateway).run(&[&["patch", "key/ci"], words].concat());
    let set = [
        "--set",
        "policies.ratelimit.requests.per_minute=60",
        "--unset",
        "team",
        "-p",
        "models: [a]",
        "--revision",
        "2",
    ];
    let refused = run(&set).ends(64);
    assert!(refused.stderr.contains("`team`"), "{}", refused.stderr);
    run(&[
        "--set",
        "policies.ratelimit.requests.per_minute=60",
        "-p",
        "{\"spec\": {\"models\": [\"a\"]}}",
        "--revision",
        "2",
    ])
    .ends(0);
    let sent = gateway.requests().pop().unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&sent.body).unwrap(),
        json!({"models": ["a"], "policies": {"ratelimit": {"requests": {"per_minute": 60}}}})
    );
    assert_eq!(sent.headers["if-match"], "\"2\"");
    run(&[]).ends(64);
    run(&["-p", "[1]"]).ends(64);
    assert!(run(&["--set", "team=search"]).ends(0).stderr.contains("is like that already"));
    assert!(run(&["--set", "tema=x"]).ends(64).stderr.contains("did you mean `team`?"));
    run(&["--set", "team=x", "--read-only"]).ends(12);
}
