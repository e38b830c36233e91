//! Mistral's usage object into disjoint classes. It is OpenAI's, with the seconds of sound beside the tokens.

use serde::Deserialize;
use serde_json::Value;

use crate::providers::openai;
use crate::providers::usage::{MAX_COUNT, Reported};

/// What Mistral adds. Where there is no sound it may be null, or an empty object.
#[derive(Deserialize)]
struct Sound {
    #[serde(default)]
    prompt_audio_seconds: Value,
}

/// Reads a usage object; `None` if it is not one, or has counts that no call can have. Seconds of sound are units: they are
/// charged beside the tokens.
#[must_use]
pub fn normalise(raw: &str) -> Option<Reported> {
    let mut reported = openai::usage::normalise(raw)?;
    let sound: Option<Sound> = serde_json::from_str(raw).ok();
    let seconds = sound.and_then(|sound| sound.prompt_audio_seconds.as_u64()).unwrap_or(0);
    if seconds > MAX_COUNT {
        return None;
    }
    reported.tokens.units = seconds;
    Some(reported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_sound_are_units() {
        for (seconds, units) in [("{}", 0), ("null", 0), ("12", 12)] {
            let raw = format!(
                r#"{{"prompt_tokens":16,"completion_tokens":34,"total_tokens":50,"prompt_audio_seconds":{seconds}}}"#
            );
            let tokens = normalise(&raw).unwrap().tokens;
            assert_eq!((tokens.input_text, tokens.output_text, tokens.units), (16, 34, units), "{seconds}");
            assert!(tokens.adds_up());
        }
        assert_eq!(normalise("{}"), None);
    }
}
