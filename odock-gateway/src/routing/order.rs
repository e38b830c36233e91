//! The candidates of a call, as its key's policy has them.

use entity::routing::RoutingPolicy;
use entity::vocab::{NativeFamily, RoutingStrategy};

use crate::providers::Family;

/// The models of a call in the order in which they are tried: each once.
///
/// A native route stays in its family: the model that was asked for comes first, whatever the strategy, then the family's
/// fallbacks. The unified route goes by the strategy. `turn` counts the calls of a key that rotates.
#[must_use]
pub fn order<'a>(policy: &'a RoutingPolicy, family: Family, asked: &'a str, turn: u64) -> Vec<&'a str> {
    let mut order: Vec<&str> = match native(family) {
        Some(family) => {
            let fallback = policy.native_fallback.get(&family).into_iter().flatten();
            std::iter::once(asked).chain(fallback.map(String::as_str)).collect()
        }
        None => unified(policy, asked, turn),
    };
    let mut seen = std::collections::HashSet::with_capacity(order.len());
    order.retain(|name| seen.insert(*name));
    order
}

/// Whether a call takes a turn.
#[must_use]
pub fn takes_turns(policy: &RoutingPolicy, family: Family) -> bool {
    family == Family::Odock && policy.strategy == RoutingStrategy::RoundRobin && policy.candidates.len() > 1
}

fn unified<'a>(policy: &'a RoutingPolicy, asked: &'a str, turn: u64) -> Vec<&'a str> {
    let mut candidates = policy.by_priority();
    match policy.strategy {
        RoutingStrategy::Failover => candidates.insert(0, asked),
        // Without candidates there is nothing to choose from.
        _ if candidates.is_empty() => candidates.push(asked),
        RoutingStrategy::Priority => {}
        RoutingStrategy::RoundRobin => {
            let first = usize::try_from(turn % candidates.len() as u64).unwrap_or(0);
            candidates.rotate_left(first);
        }
    }
    candidates
}

const fn native(family: Family) -> Option<NativeFamily> {
    match family {
        Family::Odock => None,
        Family::OpenAi => Some(NativeFamily::OpenAi),
        Family::Anthropic => Some(NativeFamily::Anthropic),
        Family::Gemini => Some(NativeFamily::Gemini),
        Family::Vllm => Some(NativeFamily::Vllm),
        Family::Mistral => Some(NativeFamily::Mistral),
        Family::HuggingFace => Some(NativeFamily::HuggingFace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(strategy: &str) -> RoutingPolicy {
        serde_json::from_value(serde_json::json!({
            "strategy": strategy,
            "candidates": [{"modelName": "c", "priority": 3}, {"modelName": "a"}, {"modelName": "b", "priority": 2}],
            "nativeFallback": {"openai": ["y", "x", "y"]},
        }))
        .unwrap()
    }

    #[test]
    fn a_native_route_tries_what_was_asked_for_and_then_its_familys_fallbacks() {
        for strategy in ["failover", "priority", "round_robin"] {
            let policy = policy(strategy);
            assert_eq!(order(&policy, Family::OpenAi, "a", 1), ["a", "y", "x"]);
            assert_eq!(order(&policy, Family::OpenAi, "x", 1), ["x", "y"]);
            assert_eq!(order(&policy, Family::Mistral, "a", 1), ["a"]);
        }
    }

    #[test]
    fn the_unified_route_goes_by_the_strategy() {
        assert_eq!(order(&policy("failover"), Family::Odock, "b", 0), ["b", "a", "c"]);
        assert_eq!(order(&policy("failover"), Family::Odock, "z", 0), ["z", "a", "b", "c"]);
        assert_eq!(order(&policy("priority"), Family::Odock, "c", 0), ["a", "b", "c"]);
        let rotating = policy("round_robin");
        let firsts: Vec<&str> = (0..4).map(|turn| order(&rotating, Family::Odock, "c", turn)[0]).collect();
        assert_eq!(firsts, ["a", "b", "c", "a"]);
    }

    #[test]
    fn only_calls_that_rotate_take_turns() {
        assert!(takes_turns(&policy("round_robin"), Family::Odock));
        assert!(!takes_turns(&policy("round_robin"), Family::OpenAi));
        assert!(!takes_turns(&policy("failover"), Family::Odock));
    }
}
