//! Text: how it is cut into chunks, and how many tokens it is said to be.

use serde_json::Value;

use crate::Script;

/// Cuts a text into so many pieces of about the same size, or into words. A text that is too short is repeated.
pub(crate) fn pieces(text: &str, count: Option<usize>) -> Vec<String> {
    let Some(count) = count else {
        return text.split_inclusive(' ').map(str::to_owned).collect();
    };
    let characters: Vec<char> = text.chars().collect();
    if characters.len() < count {
        let words = text.split_inclusive(' ').filter(|word| !word.is_empty());
        return words.cycle().take(count).map(str::to_owned).collect();
    }
    let bounds = (0..count).map(|at| at * characters.len() / count..(at + 1) * characters.len() / count);
    bounds.map(|range| characters[range].iter().collect()).collect()
}

/// Token counts of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tokens of the prompt.
    pub(crate) prompt: u64,
    /// Tokens of the answer.
    pub(crate) completion: u64,
}

impl Counts {
    /// The scripted counts, or a quarter of the bytes on either side, rounded up.
    pub(crate) fn of(script: &Script, prompt_bytes: usize) -> Self {
        Self {
            prompt: script.usage.map_or_else(|| quarter(prompt_bytes), |tokens| tokens.prompt),
            completion: script.usage.map_or_else(|| quarter(answer_bytes(script)), |tokens| tokens.completion),
        }
    }

    /// The scripted count of the prompt, or a quarter of its bytes, with nothing answered.
    pub(crate) fn of_prompt(script: &Script, prompt_bytes: usize) -> Self {
        Self { completion: 0, ..Self::of(script, prompt_bytes) }
    }

    /// Both together.
    pub(crate) fn total(self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }
}

fn quarter(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

fn answer_bytes(script: &Script) -> usize {
    let thought = script.reasoning.as_ref().map_or(0, String::len);
    if let Some(refusal) = &script.refusal {
        return thought + refusal.len();
    }
    if script.tool_calls.is_empty() {
        return thought + script.text.len();
    }
    let calls = script.tool_calls.iter();
    thought + calls.map(|call| call.name.len() + call.arguments.to_string().len()).sum::<usize>()
}

/// The bytes of text in a part of a request: strings, lists of them, and the fields of objects that hold text.
pub(crate) fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(text_bytes).sum(),
        Value::Object(fields) => {
            ["text", "content", "parts"].iter().filter_map(|name| fields.get(*name)).map(text_bytes).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pieces_add_up_to_the_text() {
        let text = "Grüße aus dem simulierten Upstream";
        for count in [1, 2, 7, 34] {
            let pieces = pieces(text, Some(count));
            assert_eq!((pieces.len(), pieces.concat().as_str()), (count, text));
        }
        assert_eq!(pieces(text, None).len(), 5);
        assert_eq!(pieces("ab", Some(3)), ["ab", "ab", "ab"]);
        assert_eq!(pieces("", Some(3)), [""; 0]);
    }

    #[test]
    fn text_is_counted_wherever_it_stands() {
        assert_eq!(
            text_bytes(&json!(["ab", {"content": [{"type": "text", "text": "cde"}]}, {"parts": [{"text": "f"}]}])),
            6
        );
        assert_eq!(text_bytes(&json!([1, null, {"image_url": "none of it"}])), 0);
    }

    #[test]
    fn unscripted_counts_are_a_quarter_of_the_bytes() {
        let script = Script::default().text("12345").reasoning("123");
        assert_eq!(Counts::of(&script, 9), Counts { prompt: 3, completion: 2 });
        assert_eq!(Counts::of_prompt(&script.usage(7, 4), 9), Counts { prompt: 7, completion: 0 });
    }
}
