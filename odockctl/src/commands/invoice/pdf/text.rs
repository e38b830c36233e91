//! Text in Helvetica: its bytes, and how wide it is.

/// Widths of the characters from space to tilde, in thousandths of the font's size, as Adobe published them.
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, // space to /
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, // 0 to ?
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, // @ to O
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, // P to _
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, // ` to o
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584, // p to ~
];
/// The usual width of every other letter.
const OTHER: u16 = 611;

/// Text in Windows' Latin alphabet, which is what the font has. Other letters become question marks.
pub(super) fn latin(text: &str) -> Vec<u8> {
    let byte = |c: char| match c {
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(c)).unwrap_or(b'?'),
        '€' => 0x80,
        '…' => 0x85,
        '–' => 0x96,
        '—' => 0x97,
        _ => b'?',
    };
    text.chars().map(byte).collect()
}

/// How wide text is in a size.
pub(super) fn width(text: &str, size: f32) -> f32 {
    let of = |byte: u8| WIDTHS.get(usize::from(byte).wrapping_sub(32)).copied().unwrap_or(OTHER);
    let thousandths: u32 = latin(text).into_iter().map(|byte| u32::from(of(byte))).sum();
    // Lines of a page are far below what a float holds exactly.
    f32::from(u16::try_from(thousandths / 10).unwrap_or(u16::MAX)) * size / 100.0
}

/// Text that fits into a width, its end cut off if need be.
pub(super) fn fitted(text: &str, size: f32, room: f32) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(200).collect();
    while kept.pop().is_some() {
        let cut = format!("{kept}…");
        if width(&cut, size) <= room {
            return cut;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_as_wide_as_its_letters() {
        assert!((width("0123456789", 10.0) - 55.6).abs() < 0.05);
        assert!((width("iW", 100.0) - 116.6).abs() < 1.0);
        assert_eq!(latin("aé€…Ω"), [b'a', 0xe9, 0x80, 0x85, b'?']);
    }

    #[test]
    fn what_does_not_fit_is_cut_and_says_so() {
        assert_eq!(fitted("search", 9.0, 100.0), "search");
        let cut = fitted(&"search".repeat(50), 9.0, 60.0);
        assert!(cut.starts_with("search") && cut.ends_with('…') && width(&cut, 9.0) <= 60.0, "{cut}");
        assert_eq!(fitted("search", 9.0, 1.0), "");
    }
}
