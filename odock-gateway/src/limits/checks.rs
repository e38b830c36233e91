//! Limits that need no counting: addresses, bytes of a body, tokens that are asked for.

use std::net::IpAddr;

use entity::vocab::ScopeType;

use super::denial::Denial;
use super::notes::{Mark, Notes};
use super::scope::Scope;
use super::words::{Gate, LimitWord, Verdict};
use crate::hot::meters::Wait;

/// Notes what a limit says, and gives its refusal unless the scope is only watched.
fn decide(
    gate: Gate,
    scope: &Scope,
    limit: LimitWord,
    of: u64,
    cost: u64,
    fits: bool,
    notes: &Notes,
) -> Option<Denial> {
    let verdict = match (fits, scope.policies.shadow) {
        (true, _) => Verdict::Pass,
        (false, true) => Verdict::Shadow,
        (false, false) => Verdict::Deny,
    };
    let left = of.saturating_sub(cost);
    notes.mark(Mark { gate, scope: scope.kind, limit, verdict, of, left });
    (verdict == Verdict::Deny).then_some(Denial { gate, scope: scope.kind, limit, of, left, cost, wait: Wait::Never })
}

/// Whether every scope lets the address call. The block list goes before the allow list.
pub(super) fn address<'a>(
    gate: Gate,
    scopes: impl Iterator<Item = &'a Scope>,
    client: IpAddr,
    notes: &Notes,
) -> Option<Denial> {
    let mut refusal = None;
    for scope in scopes {
        let lists = &scope.policies.ip;
        if lists.allowlist.is_empty() && lists.blocklist.is_empty() {
            continue;
        }
        let listed = |list: &[entity::policy::Cidr]| list.iter().any(|net| net.holds(client));
        let fits = !listed(&lists.blocklist) && (lists.allowlist.is_empty() || listed(&lists.allowlist));
        refusal = refusal.or(decide(gate, scope, LimitWord::Ip, 0, 0, fits, notes));
    }
    refusal
}

/// Whether a body of so many bytes fits every scope.
pub(super) fn payload<'a>(
    gate: Gate,
    scopes: impl Iterator<Item = &'a Scope>,
    bytes: u64,
    notes: &Notes,
) -> Option<Denial> {
    let mut refusal = None;
    for scope in scopes {
        let Some(most) = scope.policies.ratelimit.payload.max_request_bytes else { continue };
        refusal = refusal.or(decide(gate, scope, LimitWord::Payload, most, bytes, bytes <= most, notes));
    }
    refusal
}

/// Whether an answer of so many tokens may be asked for in every scope.
pub(super) fn max_tokens<'a>(scopes: impl Iterator<Item = &'a Scope>, asked: u64, notes: &Notes) -> Option<Denial> {
    let mut refusal = None;
    for scope in scopes {
        let Some(most) = scope.policies.ratelimit.payload.max_tokens.map(u64::from) else { continue };
        refusal = refusal.or(decide(Gate::Final, scope, LimitWord::MaxTokens, most, asked, asked <= most, notes));
    }
    refusal
}

/// The most bytes that a body of unknown length may come to, and whose limit that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyCap {
    /// The limit.
    pub most: u64,
    /// Whose.
    pub scope: ScopeType,
}

/// The tightest cap on a body among scopes that refuse.
pub(super) fn body_cap<'a>(scopes: impl Iterator<Item = &'a Scope>) -> Option<BodyCap> {
    scopes
        .filter(|scope| !scope.policies.shadow)
        .filter_map(|scope| {
            let most = scope.policies.ratelimit.payload.max_request_bytes?;
            Some(BodyCap { most, scope: scope.kind })
        })
        .min_by_key(|cap| cap.most)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn scope(kind: ScopeType, policies: &str) -> Scope {
        Scope::new(kind, Uuid::nil(), serde_json::from_str(policies).unwrap())
    }

    fn refused(scopes: &[Scope], client: &str) -> Option<ScopeType> {
        address(Gate::Early, scopes.iter(), client.parse().unwrap(), &Notes::default()).map(|denial| denial.scope)
    }

    #[test]
    fn an_address_must_be_allowed_everywhere_and_blocked_nowhere() {
        let scopes = [
            scope(ScopeType::Org, r#"{"ip":{"allowlist":["10.0.0.0/8","2001:db8::/32"]}}"#),
            scope(ScopeType::Team, r#"{"ip":{"allowlist":["10.1.0.0/16"],"blocklist":["10.1.2.3"]},"shadow":true}"#),
            scope(ScopeType::ApiKey, r#"{"ip":{"blocklist":["10.1.9.0/24"]}}"#),
        ];
        assert_eq!(refused(&scopes, "10.1.0.1"), None);
        assert_eq!(refused(&scopes, "::ffff:10.1.0.1"), None);
        assert_eq!(refused(&scopes, "11.0.0.1"), Some(ScopeType::Org));
        assert_eq!(refused(&scopes, "10.1.9.1"), Some(ScopeType::ApiKey));
        assert_eq!(refused(&scopes, "10.1.2.3"), None, "the team only watches");
        let both = [scope(ScopeType::Org, r#"{"ip":{"allowlist":["10.0.0.0/8"],"blocklist":["10.0.0.1"]}}"#)];
        assert_eq!(refused(&both, "10.0.0.1"), Some(ScopeType::Org), "who is on both lists is blocked");
    }

    #[test]
    fn what_only_watches_is_noted_and_caps_nothing() {
        let scopes = [
            scope(ScopeType::Org, r#"{"ratelimit":{"payload":{"max_request_bytes":100,"max_tokens":9}}}"#),
            scope(ScopeType::Team, r#"{"ratelimit":{"payload":{"max_request_bytes":10}},"shadow":true}"#),
        ];
        let notes = Notes::default();
        assert_eq!(payload(Gate::Early, scopes.iter(), 50, &notes), None);
        let said: Vec<String> =
            notes.marks().iter().map(|mark| format!("{} {} {}", mark.scope, mark.verdict, mark.remaining)).collect();
        assert_eq!(said, ["organisation pass 50", "team shadow 0"]);
        assert_eq!(body_cap(scopes.iter()), Some(BodyCap { most: 100, scope: ScopeType::Org }));
        assert!(max_tokens(scopes.iter(), 10, &notes).is_some() && max_tokens(scopes.iter(), 9, &notes).is_none());
    }
}
