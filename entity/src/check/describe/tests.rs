use super::*;
use crate::check::check_manifest;
use serde_json::json;

/// Every description with its path.
fn all(described: &Description, path: &str, found: &mut Vec<(String, Description)>) {
    let path = format!("{path}.{}", described.name);
    found.push((path.clone(), described.clone()));
    described.fields.iter().for_each(|field| all(field, &path, found));
}

#[test]
fn every_field_of_every_kind_says_what_it_means() {
    for kind in Kind::ALL {
        let mut found = Vec::new();
        all(&describe(*kind), "", &mut found);
        assert!(found.len() > 8, "{kind}");
        for (path, described) in found {
            assert!(!described.about.is_empty(), "{path} has no doc comment that its schema carries");
            assert!(described.about.ends_with(['.', ')']), "{path}: {}", described.about);
            assert!(!described.about.contains("[`"), "{path}: {}", described.about);
        }
    }
}

#[test]
fn a_description_follows_the_table() {
    let key = describe(Kind::ApiKey);
    let spec = &key.fields[3];
    let named = |name: &str| spec.fields.iter().find(|field| field.name == name).unwrap();
    assert!(named("type").required && named("type").words.contains(&"TEAM"));
    assert_eq!(named("models").r#type, "[]string");
    assert_eq!(named("team").about, "The team, for `TEAM`.");
    let minute = &named("policies").fields[1].fields[0].fields[1];
    assert_eq!((minute.name.as_str(), minute.r#type.as_str()), ("per_minute", "integer"));
    let provider = describe(Kind::Provider);
    let keys = provider.fields[3].fields.iter().find(|field| field.name == "keys").unwrap();
    assert_eq!(keys.fields[1].name, "valueFrom");
}

#[test]
fn the_schema_names_every_kind_and_closes_every_object() {
    let schema = json_schema();
    for kind in Kind::ALL {
        let spec = &schema["$defs"][kind.as_str()]["properties"]["spec"];
        assert_eq!(spec["additionalProperties"], json!(false), "{kind}");
    }
    // What the schema says about the envelope of a manifest, the checker says too.
    let manifest = json!({"apiVersion": "odock/v1", "kind": "Team", "metadata": {"name": "a"}, "spec": {}});
    assert_eq!(check_manifest(&manifest), []);
}
