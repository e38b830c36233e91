//! Showing addresses without the secrets in them.

use url::Url;

/// What stands in a secret's place.
pub const MASK: &str = "********";

/// Shows a URL with its password, and anything secret in its query, masked; all of it if it is no URL.
pub fn url(text: &str) -> String {
    let Ok(mut parsed) = Url::parse(text) else { return MASK.to_owned() };
    if parsed.password().is_some() && parsed.set_password(Some(MASK)).is_err() {
        return MASK.to_owned();
    }
    if parsed.query().is_some() {
        let pairs: Vec<(String, String)> = parsed
            .query_pairs()
            .map(|(name, value)| {
                let value = if is_secret(&name) { MASK.into() } else { value };
                (name.into_owned(), value.into_owned())
            })
            .collect();
        parsed.query_pairs_mut().clear().extend_pairs(pairs);
    }
    parsed.into()
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["pass", "secret", "token", "key", "pwd"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_leave_no_trace() {
        for text in [
            "postgres://odock:hunter2@db.example/odock",
            "redis://:hunter2@localhost:6379/0",
            "postgres:///odock?host=/run&user=odock&password=hunter2",
            "not a url hunter2",
        ] {
            let shown = url(text);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains('*'), "{shown}");
        }
    }

    #[test]
    fn the_rest_of_an_address_stays_readable() {
        let shown = url("postgres://odock:x@db.example:5433/odock?sslmode=require");
        assert_eq!(shown, "postgres://odock:********@db.example:5433/odock?sslmode=require");
    }
}
