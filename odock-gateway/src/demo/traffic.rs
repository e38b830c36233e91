//! Light traffic: a request or two a second, most of which succeed.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::json;

use super::sample::Keys;

/// The pause between requests; it varies a little, so that the dashboard has something to show.
const PAUSES_MS: [u64; 7] = [420, 310, 900, 260, 540, 700, 350];
const QUESTIONS: [&str; 5] = [
    "Where is my parcel?",
    "Summarise the last three tickets of this customer, and say which of them is urgent.",
    "Translate \"good morning\" into French.",
    "Which of our articles explain how to return shoes? List five of them with a sentence about each.",
    "Hello?",
];

/// Sends requests until it is dropped.
pub(super) async fn run(address: SocketAddr, keys: Keys) {
    let Ok(client) = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build() else { return };
    for turn in 0_usize.. {
        let (key, model) = match turn % 9 {
            0 | 4 | 6 => (&keys.ci, "support-fast"),
            1 | 5 => (&keys.playground, "support-large"),
            2 | 8 => (&keys.laptop, "support-fast"),
            3 => (&keys.ci, "nano"),
            // Not granted: the dashboard has a refusal to show.
            _ => (&keys.ci, "support-large"),
        };
        let body = json!({
            "model": model,
            "stream": turn % 2 == 0,
            "messages": [{ "role": "user", "content": QUESTIONS[turn % QUESTIONS.len()] }],
        });
        let call = client
            .post(format!("http://{address}/v1/chat/completions"))
            .header("authorization", format!("Bearer {}", key.expose_secret()))
            .header("content-type", "application/json")
            .body(body.to_string());
        tokio::spawn(async move {
            // Whatever comes of it is on the record.
            if let Ok(answer) = call.send().await {
                let _ = answer.bytes().await;
            }
        });
        tokio::time::sleep(Duration::from_millis(PAUSES_MS[turn % PAUSES_MS.len()])).await;
    }
}
