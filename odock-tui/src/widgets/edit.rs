//! One line of text being typed.

use crate::keys::{Key, Press};

const LONGEST: usize = 500;

/// One line of text and where the next letter goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineEdit {
    text: String,
    cursor: usize,
}

impl LineEdit {
    /// A line that already holds `text`.
    #[must_use]
    pub fn with(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What was typed, up to and after the cursor.
    #[must_use]
    pub fn halves(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Puts text in at the cursor. Line ends and other control characters are left out.
    pub fn insert(&mut self, text: &str) {
        for letter in text.chars().filter(|letter| !letter.is_control()) {
            if self.text.len() + letter.len_utf8() > LONGEST {
                return;
            }
            self.text.insert(self.cursor, letter);
            self.cursor += letter.len_utf8();
        }
    }

    /// Applies a key; whether it was one for editing.
    pub fn press(&mut self, press: Press) -> bool {
        match press {
            Press { key: Key::Backspace, .. } => self.delete_left(),
            Press { key: Key::Delete, .. } => {
                if self.cursor < self.text.len() {
                    self.text.remove(self.cursor);
                }
            }
            Press { key: Key::Left, .. } => self.cursor = self.before(),
            Press { key: Key::Right, .. } => self.cursor += self.after_width(),
            Press { key: Key::Home, .. } | Press { key: Key::Char('a'), ctrl: true } => self.cursor = 0,
            Press { key: Key::End, .. } | Press { key: Key::Char('e'), ctrl: true } => self.cursor = self.text.len(),
            Press { key: Key::Char('u'), ctrl: true } => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
            }
            Press { key: Key::Char('w'), ctrl: true } => {
                let kept = self.text[..self.cursor].trim_end();
                let to = kept
                    .rfind(char::is_whitespace)
                    .map_or(0, |at| at + kept[at..].chars().next().map_or(0, char::len_utf8));
                self.text.drain(to..self.cursor);
                self.cursor = to;
            }
            press => match press.typed() {
                Some(letter) => self.insert(letter.encode_utf8(&mut [0; 4])),
                None => return false,
            },
        }
        true
    }

    fn delete_left(&mut self) {
        let to = self.before();
        self.text.drain(to..self.cursor);
        self.cursor = to;
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].char_indices().last().map_or(0, |(at, _)| at)
    }

    fn after_width(&self) -> usize {
        self.text[self.cursor..].chars().next().map_or(0, char::len_utf8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editing_keeps_to_whole_characters() {
        let mut edit = LineEdit::with("né ÿ");
        for press in [Press::plain(Key::Left), Press::plain(Key::Backspace), Press::char('x'), Press::plain(Key::Home)]
        {
            assert!(edit.press(press));
        }
        assert_eq!(edit.text(), "néxÿ");
        edit.press(Press::plain(Key::Delete));
        edit.press(Press::plain(Key::End));
        edit.press(Press::ctrl('w'));
        assert_eq!(edit.halves(), ("", ""));
        assert!(!edit.press(Press::plain(Key::Tab)));
    }

    #[test]
    fn pasted_line_ends_do_not_get_in() {
        let mut edit = LineEdit::default();
        edit.insert("a\r\nb\u{1b}[2J");
        assert_eq!(edit.text(), "ab[2J");
        edit.insert(&"x".repeat(1_000));
        assert_eq!(edit.text().len(), LONGEST);
    }
}
