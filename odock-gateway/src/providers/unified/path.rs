//! Where in a request something stands, in the words of its caller: `messages[2].content[0].image_url.url`.

use std::fmt;

/// A place in the body. Kept on the stack while the body is read, and written out only when there is something to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'p> {
    outer: Option<&'p At<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    Field(&'p str),
    Index(usize),
}

impl<'p> At<'p> {
    /// A field of the body itself.
    pub(super) const fn top(name: &'p str) -> Self {
        Self { outer: None, step: Step::Field(name) }
    }

    /// A field of what stands here.
    pub(super) const fn field(&'p self, name: &'p str) -> Self {
        Self { outer: Some(self), step: Step::Field(name) }
    }

    /// An item of the list that stands here.
    pub(super) const fn item(&'p self, index: usize) -> Self {
        Self { outer: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = self.outer {
            outer.fmt(f)?;
        }
        match self.step {
            Step::Field(name) if self.outer.is_some() => write!(f, ".{}", Shown(name)),
            Step::Field(name) => Shown(name).fmt(f),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// The longest name of a caller's own that is told back, in characters.
const MAX_NAME: usize = 64;

/// A name of the caller's own making, fit for a message and for a header: visible ASCII, and not endless.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars().take(MAX_NAME) {
            match letter {
                // What a list in a header gives a meaning to.
                ',' | '"' | '\\' | ';' => write!(f, "{}", letter.escape_unicode())?,
                '!'..='~' => write!(f, "{letter}")?,
                _ => write!(f, "{}", letter.escape_unicode())?,
            }
        }
        if self.0.chars().nth(MAX_NAME).is_some() {
            f.write_str("...")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_its_caller_would_write_it() {
        let messages = At::top("messages");
        let message = messages.item(2);
        let content = message.field("content");
        assert_eq!(content.item(0).field("image_url").field("url").to_string(), "messages[2].content[0].image_url.url");
    }

    #[test]
    fn a_name_cannot_break_out_of_a_header() {
        assert_eq!(At::top("a\r\nb, c").to_string(), r"a\u{d}\u{a}b\u{2c}\u{20}c");
        assert_eq!(Shown(&"x".repeat(1_000)).to_string().len(), MAX_NAME + 3);
    }
}
