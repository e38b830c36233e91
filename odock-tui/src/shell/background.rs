//! The colours that fit the terminal: what it says of its background, else a guess that is never wrong by much.

use std::io::{IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use odock_tui::theme::Theme;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long the terminal may think about it.
const PATIENCE: Duration = Duration::from_millis(100);
/// Asks for the background colour (OSC 11), then for what every terminal answers (DA1): its answer ends the wait.
const QUESTION: &[u8] = b"\x1b]11;?\x1b\\\x1b[c";

/// Whether locale and terminal leave no hope for Unicode.
pub(crate) fn needs_ascii(env: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(&env).find(|value| !value.is_empty());
    let unicode = locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    !unicode || env("TERM").is_some_and(|term| term == "linux" || term == "vt100")
}

/// The theme of a terminal that says nothing about its background.
pub(crate) fn from_environment(env: impl Fn(&str) -> Option<String>) -> Option<Theme> {
    if env("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return Some(Theme::Mono);
    }
    // `foreground;background`, by rxvt and its descendants.
    let background = env("COLORFGBG")?.rsplit(';').next()?.parse::<u8>().ok()?;
    Some(if matches!(background, 7 | 9..=15) { Theme::Light } else { Theme::Dark })
}

/// Asks the terminal. Needs raw mode, and nobody else who reads. Also says whether an answer may still be on its way.
pub(crate) fn ask() -> (Option<Theme>, bool) {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return (None, false);
    }
    let mut stdout = std::io::stdout();
    if stdout.write_all(QUESTION).and_then(|()| stdout.flush()).is_err() {
        return (None, false);
    }
    let (heard, over) = listen(stdin.as_fd());
    (brightness(&heard), !over)
}

/// Reads until the second answer or the end of patience.
fn listen(terminal: BorrowedFd<'_>) -> (Vec<u8>, bool) {
    let end = Instant::now() + PATIENCE;
    let mut heard = Vec::new();
    while heard.len() < 512 {
        let left = end.saturating_duration_since(Instant::now());
        let Ok(left) = Timespec::try_from(left) else { break };
        let mut wanted = [PollFd::from_borrowed_fd(terminal, PollFlags::IN)];
        if !matches!(poll(&mut wanted, Some(&left)), Ok(1..)) {
            break;
        }
        let mut chunk = [0; 128];
        match rustix::io::read(terminal, &mut chunk) {
            Ok(read @ 1..) => heard.extend_from_slice(&chunk[..read]),
            _ => break,
        }
        // ESC [ ? … c
        if heard.windows(3).position(|window| window == b"\x1b[?").is_some_and(|at| heard[at..].contains(&b'c')) {
            return (heard, true);
        }
    }
    (heard, false)
}

/// Dark or light, from `ESC ] 11 ; rgb:RRRR/GGGG/BBBB`.
fn brightness(heard: &[u8]) -> Option<Theme> {
    let text = String::from_utf8_lossy(heard);
    let (_, colours) = text.split_once("]11;rgb:")?;
    let mut parts = colours.split(|letter: char| !letter.is_ascii_hexdigit() && letter != '/').next()?.split('/');
    let mut part = || -> Option<f64> {
        let digits = parts.next()?;
        let value = u32::from_str_radix(digits, 16).ok()?;
        let most = 16_u32.checked_pow(u32::try_from(digits.len()).ok()?)? - 1;
        Some(f64::from(value) / f64::from(most.max(1)))
    };
    let (red, green, blue) = (part()?, part()?, part()?);
    let light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5;
    Some(if light { Theme::Light } else { Theme::Dark })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_terminal_says_how_bright_it_is() {
        assert_eq!(brightness(b"\x1b]11;rgb:ffff/ffff/eeee\x1b\\\x1b[?64c"), Some(Theme::Light));
        assert_eq!(brightness(b"\x1b]11;rgb:1c/1c/1c\x07"), Some(Theme::Dark));
        for garbage in [&b""[..], b"\x1b[?64c", b"\x1b]11;rgb:zz/1/1", b"\x1b]11;rgb:fffffffff/1/1", b"\x1b]11;rgb:ff"]
        {
            assert_eq!(brightness(garbage), None);
        }
    }

    #[test]
    fn the_environment_can_decide() {
        assert_eq!(from_environment(env(&[("NO_COLOR", "1"), ("COLORFGBG", "0;15")])), Some(Theme::Mono));
        assert_eq!(from_environment(env(&[("NO_COLOR", ""), ("COLORFGBG", "0;15")])), Some(Theme::Light));
        assert_eq!(from_environment(env(&[("COLORFGBG", "15;default;0")])), Some(Theme::Dark));
        assert_eq!(from_environment(env(&[("COLORFGBG", "nonsense")])), None);
    }

    #[test]
    fn plain_locales_get_plain_characters() {
        assert!(needs_ascii(env(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")])));
        assert!(!needs_ascii(env(&[("LANG", "en_GB.utf8")])));
        assert!(!needs_ascii(env(&[])));
        assert!(needs_ascii(env(&[("TERM", "linux")])));
    }
}
