use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::path::{remembered, same};
use super::*;

fn holding(fields: &[(&str, Value)], at: i64) -> Holding {
    let held = |value: &Value| Held { value: Some(value.clone()), at: Timestamp(at), by: "ada@acme.example".into() };
    Holding(fields.iter().map(|(path, value)| ((*path).to_owned(), held(value))).collect())
}

fn merged(live: &Value, declared: &Value, mine: &Holding, others: &[(String, Holding)], force: bool) -> Merged {
    merge(live, Wanted { declared, canonical: declared, mine, others, force })
}

fn nobody() -> Vec<(String, Holding)> {
    Vec::new()
}

#[test]
fn a_field_that_leaves_the_file_goes_back_to_its_default() {
    let live = json!({"type": "OPENAI", "timeoutMs": 5, "config": {"idleTimeoutMs": 3}, "enabled": true});
    let mine = holding(&[("/type", json!("OPENAI")), ("/timeoutMs", json!(5)), ("/config/idleTimeoutMs", json!(3))], 1);
    let after = merged(&live, &json!({"type": "OPENAI"}), &mine, &nobody(), false);
    assert_eq!(after.spec, json!({"type": "OPENAI", "enabled": true}));
    assert_eq!(after.declared, [("/type".to_owned(), Some(json!("OPENAI")))]);
}

#[test]
fn a_field_that_was_never_declared_stays() {
    let live = json!({"type": "OPENAI", "timeoutMs": 5});
    let after = merged(&live, &json!({"type": "OPENAI"}), &Holding::default(), &nobody(), false);
    assert_eq!((after.spec, after.conflicts), (live, vec![]));
}

#[test]
fn another_owners_field_is_a_conflict_until_it_is_forced() {
    let live = json!({"timeoutMs": 5});
    let mine = holding(&[("/timeoutMs", json!(1))], 1);
    let others = vec![(MANUAL.to_owned(), holding(&[("/timeoutMs", json!(5))], 2))];
    let refused = merged(&live, &json!({"timeoutMs": 1}), &mine, &others, false);
    let [conflict] = &refused.conflicts[..] else { panic!("{refused:?}") };
    assert_eq!((conflict.path.as_str(), conflict.owner.as_str()), ("/timeoutMs", MANUAL));
    assert_eq!((&conflict.held.by[..], conflict.held.at), ("ada@acme.example", Timestamp(2)));
    assert_eq!((&conflict.live, &conflict.wanted), (&Some(json!(5)), &Some(json!(1))));
    assert_eq!(refused.spec, live);
    let forced = merged(&live, &json!({"timeoutMs": 1}), &mine, &others, true);
    assert_eq!((forced.spec, forced.conflicts), (json!({"timeoutMs": 1}), vec![]));
    assert_eq!(forced.taken, [(MANUAL.to_owned(), "/timeoutMs".to_owned())]);
    // Who agrees shares, and who lets go of a shared field takes nothing away.
    let agreed = merged(&live, &json!({"timeoutMs": 5}), &mine, &others, false);
    assert_eq!((&agreed.spec, agreed.conflicts.len(), agreed.taken.len()), (&live, 0, 0));
    assert_eq!(merged(&live, &json!({}), &mine, &others, false).spec, live);
}

#[test]
fn lists_of_named_things_merge_by_entry() {
    let member = |user: &str, role: &str| json!({"user": user, "role": role});
    let live = json!({"members": [member("ada@x", "MEMBER"), member("bob@x", "MEMBER"), member("eve@x", "MEMBER")]});
    let mine = holding(
        &[
            ("/members/ada@x/user", json!("ada@x")),
            ("/members/eve@x/user", json!("eve@x")),
            ("/members/eve@x/role", json!("MEMBER")),
        ],
        1,
    );
    let others = vec![("hr".to_owned(), holding(&[("/members/bob@x/user", json!("bob@x"))], 1))];
    let wanted = json!({"members": [member("ada@x", "MANAGER"), member("new@x", "MEMBER")]});
    let after = merged(&live, &wanted, &mine, &others, false);
    assert_eq!(
        after.spec,
        json!({"members": [member("ada@x", "MANAGER"), member("bob@x", "MEMBER"), member("new@x", "MEMBER")]})
    );
    // Even an empty list takes away only what was declared before.
    let emptied = merged(&live, &json!({"members": []}), &mine, &others, false);
    assert_eq!(emptied.spec, json!({"members": [member("bob@x", "MEMBER")]}));
}

#[test]
fn secrets_are_compared_by_fingerprint_and_held_without_what_is_sealed() {
    let secret = |print: &str, sealed: bool| {
        let mut secret = json!({"preview": "sk…9", "fingerprint": print});
        if sealed {
            secret["sealed"] = json!({"ciphertext": "SEALED"});
        }
        json!({"keys": [{"name": "a/b", "secret": secret}]})
    };
    let same = merged(&secret("1", false), &secret("1", true), &Holding::default(), &nobody(), false);
    assert_eq!(same.spec, secret("1", false));
    let other = merged(&secret("1", false), &secret("2", true), &Holding::default(), &nobody(), false);
    assert_eq!(other.spec, secret("2", true));
    assert!(other.declared.iter().any(|(path, _)| path == "/keys/a~1b/secret"));
    assert!(!format!("{:?}", other.declared).contains("SEALED"));
}

#[test]
fn positions_stand_for_names_in_pointers() {
    let spec = json!({"keys": [{"name": "a"}, {"name": "b", "revoked": true}]});
    assert_eq!(index_pointer(&spec, "/keys/b/revoked"), "/keys/1/revoked");
    assert_eq!(index_pointer(&spec, "/keys/c/revoked"), "/keys");
    assert_eq!(index_pointer(&spec, "/timeoutMs"), "/timeoutMs");
}

#[test]
fn what_is_stored_is_what_was_held() {
    let mut holding = holding(&[("/a", json!(1)), ("/b", json!("x"))], 7);
    holding.declare("/c", None, Timestamp(9), "bob@acme.example");
    holding.declare("/a", Some(json!(1)), Timestamp(9), "bob@acme.example");
    assert_eq!(holding.0["/a"].at, Timestamp(7), "saying the same again changes neither time nor author");
    let stored = StoredHolding::from(&holding);
    let text = serde_json::to_string(&stored).unwrap();
    assert_eq!(text.matches("ada@acme.example").count(), 1);
    assert_eq!(Holding::from(serde_json::from_str::<StoredHolding>(&text).unwrap()), holding);
}

#[test]
fn owners_have_plain_names() {
    for good in ["ci", "platform-ci", "a.b_c-1", "0"] {
        assert_eq!(check_owner(good), Ok(()), "{good}");
    }
    for bad in ["", "manual", "CI", "-ci", "a b", "ci/x", "é", &"a".repeat(64)] {
        assert!(check_owner(bad).is_err(), "{bad}");
    }
}

/// Specs, holdings and declarations drawn from a small alphabet, so that they meet often.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // Xorshift (Marsaglia 2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn spec(&mut self) -> Value {
        let mut spec = json!({});
        for field in ["a", "b", "c"] {
            if self.roll(2) == 0 {
                spec[field] = json!(self.roll(3));
            }
        }
        for field in ["x", "y"] {
            if self.roll(2) == 0 {
                spec["deep"][field] = json!(self.roll(3));
            }
        }
        if self.roll(2) == 0 {
            spec["set"] = if self.roll(4) == 0 { json!([]) } else { json!([format!("s{}", self.roll(3))]) };
        }
        let mut keys = Vec::new();
        for name in ["k", "l", "m"] {
            if self.roll(2) == 0 {
                let mut key = json!({"name": name});
                if self.roll(2) == 0 {
                    key["v"] = json!(self.roll(3));
                }
                keys.push(key);
            }
        }
        if !keys.is_empty() {
            spec["keys"] = json!(keys);
        }
        spec
    }

    /// Some of the fields of a spec; with every field of an entry its name, as declarations have it.
    fn part(&mut self, of: &Value, at: i64) -> Holding {
        let mut part = BTreeMap::new();
        for leaf in leaves(of).into_iter().filter(|leaf| !leaf.value.as_array().is_some_and(Vec::is_empty)) {
            if self.roll(2) == 0 {
                let held = |value| Held { value: Some(value), at: Timestamp(at), by: "b".into() };
                if let Some(entry) = leaf.path.strip_prefix("/keys/").and_then(|rest| rest.split('/').next()) {
                    part.insert(format!("/keys/{entry}/name"), held(json!(entry)));
                }
                part.insert(leaf.path, held(remembered(&leaf.value)));
            }
        }
        Holding(part)
    }
}

#[test]
fn the_merge_keeps_its_promises_whatever_it_is_given() {
    let mut dice = Dice(0x0d0c_2027);
    for round in 0..30_000 {
        let (live, declared) = (dice.spec(), dice.spec());
        let (drawn, other) = (dice.spec(), dice.spec());
        let mine = dice.part(if round % 2 == 0 { &live } else { &drawn }, 1);
        let others = vec![("other".to_owned(), dice.part(if round % 3 == 0 { &other } else { &live }, 2))];
        let held = |path: &str| others[0].1.0.keys().any(|held| related(held, path));
        let show = || format!("round {round}\nlive {live}\nwants {declared}\nmine {mine:?}\nothers {others:?}");
        let after = merged(&live, &declared, &mine, &others, false);

        if !after.conflicts.is_empty() {
            assert_eq!(after.spec, live, "a conflict changes nothing: {}", show());
            assert!(after.conflicts.iter().all(|conflict| held(&conflict.path)), "{}", show());
        }
        for leaf in leaves(&declared).into_iter().filter(|_| after.conflicts.is_empty()) {
            assert!(
                same(at(&after.spec, &leaf.path), Some(&leaf.value)),
                "{} is not as declared: {}",
                leaf.path,
                show()
            );
        }
        let wants = |path: &str| leaves(&declared).iter().any(|leaf| related(&leaf.path, path));
        for leaf in leaves(&live) {
            let then = at(&after.spec, &leaf.path);
            if held(&leaf.path) && !wants(&leaf.path) {
                assert!(same(then, Some(&leaf.value)), "{} of another changed: {}", leaf.path, show());
            }
            let mine = mine.0.keys().any(|mine| related(mine, &leaf.path) || mine.ends_with("/name"));
            if !mine && !wants(&leaf.path) {
                assert!(same(then, Some(&leaf.value)), "{} was nobody's business: {}", leaf.path, show());
            }
        }
        let given_up =
            |path: &&String| after.conflicts.is_empty() && !wants(path) && !held(path) && !path.ends_with("/name");
        for path in mine.0.keys().filter(given_up) {
            assert!(same(at(&after.spec, path), None), "{path} was given up and stayed: {}", show());
        }

        let forced = merged(&live, &declared, &mine, &others, true);
        assert!(forced.conflicts.is_empty(), "{}", show());
        for leaf in leaves(&declared) {
            assert!(same(at(&forced.spec, &leaf.path), Some(&leaf.value)), "force takes {}: {}", leaf.path, show());
        }
        if after.conflicts.is_empty() {
            let mut now = Holding::default();
            after.declared.iter().for_each(|(path, value)| now.declare(path, value.clone(), Timestamp(3), "b"));
            let again = merged(&after.spec, &declared, &now, &others, false);
            assert_eq!((&again.spec, &again.declared), (&after.spec, &after.declared), "twice is once: {}", show());
            assert!(again.conflicts.is_empty() && again.taken.is_empty(), "{}", show());
        }
    }
}

#[test]
fn a_limit_that_leaves_the_file_goes_with_what_was_filled_in_beside_it() {
    let live =
        json!({"policies": {"ratelimit": {"concurrency": {"max": 40, "lease_ttl_seconds": 30}}}, "contact": "x"});
    let mine = holding(&[("/policies/ratelimit/concurrency/max", json!(40))], 1);
    let after = merged(&live, &json!({}), &mine, &nobody(), false);
    assert_eq!(after.spec, json!({"contact": "x"}));
}
