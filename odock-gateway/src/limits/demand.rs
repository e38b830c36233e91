//! From policies to the meters of a gate.

use entity::Timestamp;

use super::scope::Scope;
use crate::hot::meters::{Counter, Meter, Module, Reading};

/// Which of a scope's limits a gate asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// Those that count requests: concurrency, burst, rps, rpm.
    Requests,
    /// Tokens a minute.
    Tokens,
    /// All of them.
    All,
}

/// The most that an overlay can make of a limit: numbers that every store counts exactly.
const MOST_REQUESTS: u64 = 1_000_000_000;
const MOST_TOKENS: u64 = 1_000_000_000_000_000;

/// The meters of four scopes; a gate rarely asks more.
const MOST_METERS: usize = 16;

/// Adds the meters of a scope, with its numbers as they are at `now`. `tokens` is what the request may use.
pub(super) fn meters(scope: &Scope, share: Share, now: Timestamp, tokens: u64, to: &mut Vec<Meter>) {
    let limits = &scope.policies.ratelimit;
    let counter = Counter { kind: scope.kind, id: scope.id };
    let mut add = |module, of, cost, rate| {
        if to.is_empty() {
            // Once for all scopes of a gate.
            to.reserve(MOST_METERS);
        }
        to.push(Meter { counter, module, shadow: scope.policies.shadow, of, cost, rate, reading: Reading::default() });
    };
    let scaled = |limit: u64, most: u64| scope.scaled(limit, now).min(most);
    let requests = |limit: u32| scaled(limit.into(), MOST_REQUESTS);
    if share != Share::Tokens {
        if let Some(places) = &limits.concurrency {
            add(Module::Concurrency, requests(places.max), 1, u64::from(places.lease_ttl_seconds) * 1_000);
        }
        let (per_second, per_minute) = (limits.requests.per_second, limits.requests.per_minute);
        if let Some(burst) = limits.requests.burst {
            let rate = per_second.map_or_else(|| per_minute.map_or(0, requests), |rate| requests(rate) * 60);
            add(Module::Burst, requests(burst), 1, rate);
        } else if let Some(limit) = per_second {
            add(Module::Rps, requests(limit), 1, 0);
        }
        if let Some(limit) = per_minute {
            add(Module::Rpm, requests(limit), 1, 0);
        }
    }
    if share != Share::Requests
        && let Some(limit) = limits.tokens.per_minute
    {
        add(Module::Tpm, scaled(limit, MOST_TOKENS), tokens, 0);
    }
}

/// Whether a scope has limits that count requests.
#[must_use]
pub(super) fn counts_requests(scope: &Scope) -> bool {
    let limits = &scope.policies.ratelimit;
    limits.concurrency.is_some() || limits.requests != entity::policy::RequestLimits::default()
}

#[cfg(test)]
mod tests {
    use entity::policy::{Factor, Policies};
    use entity::vocab::ScopeType;
    use uuid::Uuid;

    use super::*;
    use crate::limits::OverlayRule;

    fn scope(policies: &str) -> Scope {
        let policies: Policies = serde_json::from_str(policies).unwrap();
        Scope::new(ScopeType::Team, Uuid::nil(), policies)
    }

    fn asked(scope: &Scope, share: Share) -> Vec<(Module, u64, u64, u64)> {
        let mut found = Vec::new();
        meters(scope, share, Timestamp(1_000), 77, &mut found);
        found.iter().map(|meter| (meter.module, meter.of, meter.cost, meter.rate)).collect()
    }

    #[test]
    fn a_bucket_takes_the_place_of_the_seconds_window() {
        let all = scope(
            r#"{"ratelimit":{"requests":{"per_second":20,"per_minute":1200,"burst":50},"tokens":{"per_minute":900},"concurrency":{"max":4,"lease_ttl_seconds":9}}}"#,
        );
        let requests = [(Module::Concurrency, 4, 1, 9_000), (Module::Burst, 50, 1, 1_200), (Module::Rpm, 1_200, 1, 0)];
        assert_eq!(asked(&all, Share::Requests), requests);
        assert_eq!(asked(&all, Share::Tokens), [(Module::Tpm, 900, 77, 0)]);
        assert_eq!(asked(&all, Share::All).len(), 4);
        let slow = scope(r#"{"ratelimit":{"requests":{"per_minute":7,"burst":3}}}"#);
        assert_eq!(asked(&slow, Share::Requests), [(Module::Burst, 3, 1, 7), (Module::Rpm, 7, 1, 0)]);
        let plain = scope(r#"{"ratelimit":{"requests":{"per_second":2}}}"#);
        assert_eq!(asked(&plain, Share::Requests), [(Module::Rps, 2, 1, 0)]);
        assert!(asked(&scope("{}"), Share::All).is_empty());
    }

    #[test]
    fn an_overlay_scales_every_number_while_it_lasts() {
        let mut braked = scope(
            r#"{"ratelimit":{"requests":{"per_second":4,"burst":9},"tokens":{"per_minute":100},"concurrency":{"max":3}}}"#,
        );
        let half = Factor::from_thousandths(500).unwrap();
        braked.overlays.push(OverlayRule { factor: half, starts: None, ends: Timestamp(2_000) });
        braked.overlays.push(OverlayRule { factor: half, starts: Some(Timestamp(1_001)), ends: Timestamp(2_000) });
        let expected = [(Module::Concurrency, 1, 1, 30_000), (Module::Burst, 4, 1, 120), (Module::Tpm, 50, 77, 0)];
        assert_eq!(asked(&braked, Share::All), expected);
        braked.overlays.clear();
        let most = Factor::from_thousandths(1_000_000).unwrap();
        braked.overlays.extend([OverlayRule { factor: most, starts: None, ends: Timestamp(2_000) }; 5]);
        assert_eq!(asked(&braked, Share::Requests)[1].1, MOST_REQUESTS, "but not beyond what can be counted");
    }
}
