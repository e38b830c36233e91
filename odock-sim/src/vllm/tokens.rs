//! Texts as tokens and back. A token of the simulation is up to four bytes of the text.

use serde_json::Value;

use crate::{
    answer::{Operation, Reply},
    json::Object,
    request::{Asked, Fields, Inbound},
};

/// Tokens that the model is said to take.
const MAX_MODEL_LEN: u64 = 32_768;

/// Bytes of a token.
const WIDTH: usize = 4;

/// Reads a request for the tokens of a text or of messages.
pub(super) fn ask<'a>(inbound: &Inbound<'a>) -> Asked<'a> {
    asked(inbound, |fields| {
        let text = match (fields.text("prompt"), fields.get("messages")) {
            (Some(prompt), _) => prompt.to_owned(),
            (None, Some(messages)) => said(messages),
            (None, None) => return Err("Either 'prompt' or 'messages' is required.".to_owned()),
        };
        let tokens: Vec<_> = text.as_bytes().chunks(WIDTH).map(packed).collect();
        let strings = fields.is_true("return_token_strs").then(|| {
            text.as_bytes().chunks(WIDTH).map(|part| String::from_utf8_lossy(part).into_owned()).collect::<Vec<_>>()
        });
        let answer = Object::new()
            .with("count", tokens.len())
            .with("max_model_len", MAX_MODEL_LEN)
            .with("tokens", tokens)
            .with("token_strs", strings)
            .into_bytes();
        Ok(Box::new(move |_| Reply::json(answer.clone())))
    })
}

/// Reads a request for the text of tokens.
pub(super) fn ask_text<'a>(inbound: &Inbound<'a>) -> Asked<'a> {
    asked(inbound, |fields| {
        let tokens = fields.required("tokens")?.as_array().ok_or("Invalid 'tokens': not a list.")?;
        let bytes: Option<Vec<Vec<u8>>> = tokens.iter().map(|token| unpacked(token.as_u64()?)).collect();
        let bytes = bytes.ok_or("Invalid 'tokens': there is no such token.")?.concat();
        let answer = Object::new().with("prompt", String::from_utf8_lossy(&bytes)).into_bytes();
        Ok(Box::new(move |_| Reply::json(answer.clone())))
    })
}

/// The model may be left out, since a server has one.
fn asked<'a>(inbound: &Inbound<'a>, operation: impl FnOnce(&Fields) -> Result<Operation<'a>, String>) -> Asked<'a> {
    match inbound.object() {
        Ok(fields) => Asked::new(fields.model().map(Into::into), operation(&fields)),
        Err(problem) => Asked::unreadable(problem),
    }
}

/// What messages say, one after the other.
fn said(messages: &Value) -> String {
    match messages {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(said).collect(),
        Value::Object(fields) => ["content", "text"].iter().filter_map(|name| fields.get(*name)).map(said).collect(),
        _ => String::new(),
    }
}

/// The bytes of a token as a number: their count above, themselves below.
fn packed(bytes: &[u8]) -> u64 {
    let below = bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    (bytes.len() as u64) << 32 | below
}

fn unpacked(token: u64) -> Option<Vec<u8>> {
    let count = usize::try_from(token >> 32).ok()?;
    (1..=WIDTH).contains(&count).then(|| token.to_le_bytes()[..count].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_give_back_their_text() {
        for text in ["", "a", "four", "Grüße!"] {
            let tokens: Vec<_> = text.as_bytes().chunks(WIDTH).map(packed).collect();
            let bytes: Vec<_> = tokens.into_iter().filter_map(unpacked).flatten().collect();
            assert_eq!(String::from_utf8(bytes).unwrap(), text);
        }
        assert_eq!((unpacked(7), unpacked(5 << 32), unpacked(u64::MAX)), (None, None, None));
    }
}
