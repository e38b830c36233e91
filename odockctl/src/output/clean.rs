//! Text from elsewhere, made harmless for a terminal.

/// Takes out everything that could move a cursor, change a colour or turn text around; line feeds and tabs stay.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !is_control(*c)).collect()
}

/// The same, on one line: line ends and tabs become spaces.
#[must_use]
pub fn one_line(text: &str) -> String {
    let spaced = text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c });
    spaced.filter(|c| !is_control(*c)).collect()
}

/// C0, C1 and DEL; the marks that change the direction of what follows (Unicode TR 9); line separators.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_direction_marks_are_taken_out() {
        assert_eq!(clean("a\x1b[31mb\x07\u{9b}2Jc\u{202e}d\r\n\te"), "a[31mb2Jcd\n\te");
        assert_eq!(one_line("a\r\nb\tc\x1b"), "a  b c");
        assert_eq!(clean("naïve – 日本 🙂"), "naïve – 日本 🙂");
    }
}
