//! Text that fits: cut by columns, and without what could deceive a reader or disturb the terminal.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns that `text` takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Whether a character has no business in a name: it controls the terminal, or reorders or hides what follows.
fn deceptive(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Text from outside, fit to be shown: line ends become spaces, other deceptive characters vanish.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(deceptive) {
        return Cow::Borrowed(text);
    }
    let kept = text.chars().filter_map(|letter| match letter {
        '\n' | '\t' => Some(' '),
        letter if deceptive(letter) => None,
        letter => Some(letter),
    });
    Cow::Owned(kept.collect())
}

/// `text` in at most `columns` columns; what is cut off is marked with an ellipsis.
#[must_use]
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    let text = clean(text);
    if width(&text) <= columns {
        return text;
    }
    let room = columns.saturating_sub(1);
    let mut used = 0;
    let mut kept = String::new();
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        if used > room {
            break;
        }
        kept.push(letter);
    }
    if columns > 0 {
        kept.push('…');
    }
    Cow::Owned(kept)
}

/// `text` broken into lines of at most `columns` columns, at spaces where possible.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    for word in clean(text).split_whitespace() {
        let mut word = word;
        loop {
            let line = lines.last_mut().map_or("", |line| line.as_str());
            let gap = usize::from(!line.is_empty());
            if width(line) + gap + width(word) <= columns {
                break;
            }
            if line.is_empty() {
                // A word that is longer than a line is broken anywhere.
                let mut used = 0;
                let at = word
                    .char_indices()
                    .find(|(_, letter)| {
                        used += letter.width().unwrap_or(0);
                        used > columns
                    })
                    .map_or(word.len(), |(at, _)| at)
                    .max(word.chars().next().map_or(0, char::len_utf8));
                let (head, rest) = word.split_at(at);
                push(&mut lines, head);
                word = rest;
                if word.is_empty() {
                    break;
                }
            }
            lines.push(String::new());
        }
        push(&mut lines, word);
    }
    lines
}

fn push(lines: &mut [String], word: &str) {
    if let Some(line) = lines.last_mut() {
        if !line.is_empty() && !word.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_counts_columns_and_marks_the_cut() {
        assert_eq!(cut("nightly", 7), "nightly");
        assert_eq!(cut("nightly", 5), "nigh…");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn nothing_from_outside_controls_the_terminal_or_reorders_text() {
        assert_eq!(clean("a\u{1b}[2Jb\u{202e}c\nd\u{200b}"), "a[2Jbc d");
    }

    #[test]
    fn wrapping_keeps_every_letter() {
        assert_eq!(wrap("the old secret works", 10), ["the old", "secret", "works"]);
        assert_eq!(wrap("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("日本", 1), ["日", "本"]);
    }
}
