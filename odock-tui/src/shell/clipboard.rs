//! The clipboard of wherever the terminal is, also over SSH: OSC 52.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use odock_tui::effects::Copied;
use secrecy::ExposeSecret as _;

/// What most terminals accept.
const LONGEST: usize = 74_994;

/// Sends text to the terminal's clipboard. Whether it arrived, no terminal says.
pub(crate) fn copy(to: &mut impl Write, copied: &Copied, in_tmux: bool) -> Result<String, String> {
    let encoded = STANDARD.encode(copied.text.expose_secret());
    if encoded.len() > LONGEST {
        return Err(format!("{} is too long for the terminal's clipboard", copied.what));
    }
    write(to, &encoded, in_tmux).map_err(|error| format!("the terminal did not take {}: {error}", copied.what))?;
    Ok(copied.what.clone())
}

fn write(to: &mut impl Write, encoded: &str, in_tmux: bool) -> std::io::Result<()> {
    write!(to, "\x1b]52;c;{encoded}\x07")?;
    if in_tmux {
        // tmux passes one or the other on, depending on `set-clipboard` and `allow-passthrough`.
        write!(to, "\x1bPtmux;\x1b\x1b]52;c;{encoded}\x07\x1b\\")?;
    }
    to.flush()
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn sent(text: &str, in_tmux: bool) -> Result<String, String> {
        let mut bytes = Vec::new();
        copy(&mut bytes, &Copied { what: "the id".into(), text: SecretString::from(text) }, in_tmux)?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn text_travels_encoded() {
        assert_eq!(sent("ci", false).unwrap(), "\x1b]52;c;Y2k=\x07");
        assert!(sent("ci", true).unwrap().ends_with("\x1bPtmux;\x1b\x1b]52;c;Y2k=\x07\x1b\\"));
    }

    #[test]
    fn what_no_terminal_takes_is_refused() {
        assert!(sent(&"x".repeat(60_000), false).unwrap_err().contains("too long"));
    }
}
