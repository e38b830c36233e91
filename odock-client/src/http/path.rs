//! Paths whose segments cannot be bent by what stands in them.

use std::fmt::{self, Write as _};

use super::ClientError;

/// A path of the API. Segments are percent-encoded, so that a name such as `a/../b` stays one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    /// The path `/` plus fixed text, which must be a path already.
    #[must_use]
    pub fn fixed(text: &'static str) -> Self {
        Self(format!("/{}", text.trim_matches('/')))
    }

    /// This path with fixed text added.
    #[must_use]
    pub fn join(mut self, text: &'static str) -> Self {
        self.0.push('/');
        self.0.push_str(text.trim_matches('/'));
        self
    }

    /// This path with a name added as one segment.
    ///
    /// # Errors
    /// The name is empty, `.` or `..`, which would be another address.
    pub fn name(mut self, name: &str) -> Result<Self, ClientError> {
        if name.is_empty() {
            return Err(ClientError::Invalid("a name must not be empty".into()));
        }
        if name == "." || name == ".." {
            return Err(ClientError::Invalid(format!("`{name}` cannot be a name")));
        }
        self.0.push('/');
        for byte in name.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' | b'+' | b':' => {
                    self.0.push(char::from(byte));
                }
                _ => {
                    // Writing to a String cannot fail.
                    let _ = write!(self.0, "%{byte:02X}");
                }
            }
        }
        Ok(self)
    }

    /// The path as it goes into the request line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_one_segment() {
        let path = Path::fixed("api/organisations").name("a/../b?c#d e%").unwrap().join("teams");
        assert_eq!(path.as_str(), "/api/organisations/a%2F..%2Fb%3Fc%23d%20e%25/teams");
        assert_eq!(Path::fixed("api").name("ada@acme.example").unwrap().as_str(), "/api/ada@acme.example");
    }

    #[test]
    fn names_that_would_be_another_address_are_refused() {
        for name in ["", ".", ".."] {
            assert!(Path::fixed("api").name(name).is_err(), "{name:?}");
        }
    }
}
