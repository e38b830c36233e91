//! Files that are broken, enormous or meant to harm.

use super::*;

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
fn bombs_are_refused() {
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
}

#[test]
fn floods_are_cut_off() {
    let keys: String = (0..50_000).map(|n| format!("k{}=1,", n * 7_919 % 100_003)).collect();
    for (name, text) in [("t.json", format!("[{}7]", "[],".repeat(200_000))), ("t.toml", format!("a = {{{keys}}}"))] {
        let told = bad(name, &text);
        assert!((1..=1_000).contains(&told.len()), "{}", told.len());
    }
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
