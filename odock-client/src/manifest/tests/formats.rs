//! Three formats, one meaning, and the right places in each.

use super::*;

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
            "t.toml:5:25: /metadata/nam: `nam` is not a field of metadata | its fields are organisation, name, renamedFrom, labels, protect",
            "t.toml:7:15: /spec/description: must be a string, not a number | write it in quotes: \"7\"",
        ]
    );
    let json = "{\"apiVersion\": \"odock/v1\", \"kind\": \"Team\",\n \"metadata\": {\"name\": \"é\", \"nam\": 1},\n\t\"spec\": {\"description\": 7}}";
    assert_eq!(
        bad("t.json", json),
        [
            "t.json:2:28: /metadata/nam: `nam` is not a field of metadata | its fields are organisation, name, renamedFrom, labels, protect",
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
