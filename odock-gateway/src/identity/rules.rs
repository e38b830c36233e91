//! Whether a proven token is what a service account trusts.

use entity::resource::TrustRule;
use serde_json::{Map, Value, json};

use super::glob;
use super::jwt::Token;

/// How a rule does not fit.
#[derive(Clone, Debug)]
pub struct Misfit {
    /// The rule.
    pub rule: String,
    /// The claim.
    pub claim: String,
    /// What the rule wants.
    pub wanted: String,
    /// What the token has.
    pub found: Option<Value>,
}

impl Misfit {
    /// For the audit log: all of it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"rule": self.rule, "claim": self.claim, "wanted": self.wanted, "found": self.found})
    }
}

/// The first rule that fits, or the first misfit of each.
///
/// # Errors
/// No rule fits.
pub fn fitting<'a>(rules: &'a [TrustRule], token: &Token) -> Result<&'a TrustRule, Vec<Misfit>> {
    let mut misfits = Vec::new();
    for rule in rules {
        match misfit(rule, token) {
            None => return Ok(rule),
            Some(misfit) => misfits.push(misfit),
        }
    }
    Err(misfits)
}

fn misfit(rule: &TrustRule, token: &Token) -> Option<Misfit> {
    let claims = token.claims();
    let differs = |claim: &str, wanted: &str| {
        Some(Misfit {
            rule: rule.name.clone(),
            claim: claim.to_owned(),
            wanted: wanted.to_owned(),
            found: find(claims, claim).cloned(),
        })
    };
    if token.issuer() != rule.issuer {
        return differs("iss", &rule.issuer);
    }
    if !token.is_for(&rule.audience) {
        return differs("aud", &rule.audience);
    }
    if !token.text("sub").is_some_and(|subject| glob::matches(&rule.subject, subject)) {
        return differs("sub", &rule.subject);
    }
    let off =
        rule.claims.iter().find(|want| !find(claims, &want.claim).is_some_and(|found| fits(&want.matches, found)));
    off.and_then(|want| differs(&want.claim, &want.matches))
}

/// A claim by its name, or by a path of names with dots between them. A name may hold dots itself (`kubernetes.io`).
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(whole) = claims.get(name) {
        return Some(whole);
    }
    name.match_indices('.').find_map(|(dot, _)| match claims.get(&name[..dot]) {
        Some(Value::Object(inner)) => find(inner, &name[dot + 1..]),
        _ => None,
    })
}

fn fits(pattern: &str, found: &Value) -> bool {
    match found {
        Value::String(text) => glob::matches(pattern, text),
        Value::Bool(flag) => glob::matches(pattern, if *flag { "true" } else { "false" }),
        Value::Number(number) => glob::matches(pattern, &number.to_string()),
        // A list within a list, or an object, is nothing that a pattern could mean.
        Value::Array(items) => items.iter().any(|item| !item.is_array() && fits(pattern, item)),
        Value::Object(_) | Value::Null => false,
    }
}

#[cfg(test)]
mod tests {
    use entity::resource::ClaimRule;

    use super::*;

    fn token(claims: Value) -> Token {
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        Token::read(&format!("{}.{}.eA", part(json!({"alg": "RS256"})), part(claims))).unwrap()
    }

    fn rule(subject: &str, claims: &[(&str, &str)]) -> TrustRule {
        let claim = |(claim, matches): &(&str, &str)| ClaimRule { claim: (*claim).into(), matches: (*matches).into() };
        TrustRule {
            name: "main".into(),
            issuer: "https://i".into(),
            audience: "odock".into(),
            subject: subject.into(),
            claims: claims.iter().map(claim).collect(),
            reusable: false,
        }
    }

    #[test]
    fn all_of_a_rule_must_fit() {
        let token = token(json!({
            "iss": "https://i", "aud": ["other", "odock"], "sub": "repo:acme/web:ref:refs/heads/main",
            "repository": "acme/web", "ref_protected": true, "run_attempt": 2, "groups": ["a", "deployers"],
            "kubernetes.io": {"namespace": "ci", "serviceaccount": {"name": "deployer"}},
        }));
        let good = "repo:acme/*:ref:refs/heads/main";
        let fits = |rule: TrustRule| {
            fitting(&[rule], &token).map(|rule| rule.name.clone()).map_err(|all| all[0].claim.clone())
        };
        assert_eq!(fits(rule(good, &[])), Ok("main".into()));
        let all = [
            ("repository", "acme/web"),
            ("ref_protected", "true"),
            ("run_attempt", "2"),
            ("groups", "deploy*"),
            ("kubernetes.io.namespace", "ci"),
            ("kubernetes.io.serviceaccount.name", "deployer"),
        ];
        assert_eq!(fits(rule(good, &all)), Ok("main".into()));
        assert_eq!(fits(rule("repo:evil/*", &[])), Err("sub".into()));
        assert_eq!(fits(rule(good, &[("repository", "acme")])), Err("repository".into()));
        assert_eq!(fits(rule(good, &[("missing", "*")])), Err("missing".into()));
        assert_eq!(fits(rule(good, &[("kubernetes.io", "*")])), Err("kubernetes.io".into()));
        assert_eq!(fits(TrustRule { audience: "web".into(), ..rule(good, &[]) }), Err("aud".into()));
        assert_eq!(fits(TrustRule { issuer: "https://i/".into(), ..rule(good, &[]) }), Err("iss".into()));
        let several = [rule("x", &[]), rule(good, &[("repository", "*")])];
        assert_eq!(fitting(&several, &token).unwrap(), &several[1]);
    }
}
