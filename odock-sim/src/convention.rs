//! Model names that ask for a script, for playing by hand with any client.

use std::time::Duration;

use crate::Script;

/// The names and what they do, in the order of the help text.
pub const NAMES: &[(&str, &str)] = &[
    ("sim-slow", "answers after 2 s"),
    ("sim-long", "streams 200 chunks, one every 50 ms"),
    ("sim-hold", "streams a chunk a second for ten minutes"),
    ("sim-tool", "calls the tool `lookup`"),
    (
        "sim-run-TOOL-FIELD",
        "has an agent write simulated.txt with that tool, whose field takes a command, and then ends",
    ),
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

/// What an agent is told to run.
const COMMAND: &str = "echo 'written by a simulated model' > simulated.txt";
/// What tells that a tool has been called already, in the words of each wire format, as its clients write them.
const RESULTS: [&[u8]; 4] =
    [br#""type":"tool_result""#, br#""type":"function_call_output""#, br#""role":"tool""#, br#""functionResponse":"#];

/// The script that a model's name asks for, for a request with this body.
pub(crate) fn script(model: &str, body: &[u8]) -> Option<Script> {
    let wanted = model.strip_prefix("sim-")?;
    let plain = Script::default();
    if let Some((tool, field)) = wanted.strip_prefix("run-").and_then(|run| run.split_once('-')) {
        let has_run = RESULTS.iter().any(|result| body.windows(result.len()).any(|window| window == *result));
        return Some(match has_run {
            true => plain.text("The file is written."),
            false => plain.tool_call(tool, serde_json::json!({ field: COMMAND })),
        });
    }
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
            assert!(script(&name.replace("STATUS", "500"), b"{}").is_some(), "{name}");
        }
    }

    #[test]
    fn an_agent_calls_its_tool_once() {
        let asked = script("sim-run-exec_command-cmd", br#"{"input":[{"type":"message"}]}"#).unwrap();
        assert_eq!(asked.tool_calls[0].name, "exec_command");
        assert_eq!(asked.tool_calls[0].arguments, serde_json::json!({ "cmd": COMMAND }));
        let told = script("sim-run-Bash-command", br#"{"content":[{"type":"tool_result"}]}"#).unwrap();
        assert!(told.tool_calls.is_empty());
    }

    #[test]
    fn other_names_are_ordinary_models() {
        for name in ["gpt-4o", "sim-", "sim-model", "sim-error-200", "sim-error-9999", "sim-error-"] {
            assert_eq!(script(name, b"{}"), None, "{name}");
        }
    }
}
