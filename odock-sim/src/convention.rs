//! Model names that ask for a script, for playing by hand with any client.

use std::time::Duration;

use crate::Script;

/// The names and what they do, in the order of the help text.
pub const NAMES: &[(&str, &str)] = &[
    ("sim-slow", "answers after 2 s"),
    ("sim-long", "streams 200 chunks, one every 50 ms"),
    ("sim-hold", "streams a chunk a second for ten minutes"),
    ("sim-tool", "calls the tool `lookup`"),
    ("sim-stall", "never answers"),
    ("sim-stall-mid", "stalls after 3 chunks"),
    ("sim-cut", "resets the connection after 3 chunks"),
    ("sim-reset", "resets the connection without an answer"),
    ("sim-garbage", "answers invalid JSON"),
    ("sim-half", "declares a longer body than it sends"),
    ("sim-no-usage", "reports no usage"),
    ("sim-no-done", "ends streams without [DONE]"),
    ("sim-split", "splits stream events into pieces of 7 bytes"),
    ("sim-429", "the same as sim-error-429"),
    ("sim-error-STATUS", "answers with that status, for example sim-error-500"),
];

/// The script that a model's name asks for.
pub(crate) fn script(model: &str) -> Option<Script> {
    let wanted = model.strip_prefix("sim-")?;
    let plain = Script::default();
    Some(match wanted {
        "slow" => plain.latency(Duration::from_secs(2)),
        "long" => plain.chunks(200).chunk_delay(Duration::from_millis(50)),
        "hold" => plain.chunks(600).chunk_delay(Duration::from_secs(1)),
        "tool" => plain.tool_call("lookup", serde_json::json!({"query": "simulated upstream"})),
        "stall" => plain.stall_before_headers(),
        "stall-mid" => plain.stall_after(3),
        "cut" => plain.cut_after(3),
        "reset" => plain.reset(),
        "garbage" => plain.garbage(),
        "half" => plain.half_body(),
        "no-usage" => plain.no_usage(),
        "no-done" => plain.no_done(),
        "split" => plain.split_events(7),
        status => {
            let status = status.strip_prefix("error-").unwrap_or(status).parse().ok()?;
            if !(400..600).contains(&status) {
                return None;
            }
            let refusal = plain.status(status);
            if matches!(status, 429 | 503) { refusal.header("retry-after", "1") } else { refusal }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_name_has_a_script() {
        for (name, _) in NAMES {
            assert!(script(&name.replace("STATUS", "500")).is_some(), "{name}");
        }
    }

    #[test]
    fn other_names_are_ordinary_models() {
        for name in ["gpt-4o", "sim-", "sim-model", "sim-error-200", "sim-error-9999", "sim-error-"] {
            assert_eq!(script(name), None, "{name}");
        }
    }
}
