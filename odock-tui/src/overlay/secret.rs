//! A new secret, the one time that it is shown. It is wiped from memory when the dialog goes; it is never logged, and it
//! reaches the clipboard only after a question of its own.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use secrecy::{ExposeSecret, SecretString};

use super::dialog;
use crate::effects::{Copied, Effect, KeyRef};
use crate::keys::{Key, Press};
use crate::model::Model;
use crate::theme::Role;

const WIDTH: u16 = 76;

/// A new secret.
#[derive(Debug)]
pub struct SecretBox {
    key: KeyRef,
    secret: SecretString,
    asking: Option<Asking>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    Close,
    Copy,
}

impl SecretBox {
    /// Shows the new secret of a key.
    #[must_use]
    pub fn new(key: &KeyRef, secret: SecretString) -> Self {
        Self { key: key.clone(), secret, asking: None }
    }

    pub(super) fn press(mut self, press: Press, out: &mut Vec<Effect>) -> Option<Self> {
        match (self.asking.take(), press.key) {
            // Only Enter and y mean it: a key that was meant for what stood here before must not lose the secret.
            (Some(Asking::Close), Key::Enter | Key::Char('y')) => return None,
            (Some(Asking::Copy), Key::Enter | Key::Char('y')) => {
                let what = format!("the secret of key {}", self.key.name);
                let text = SecretString::from(self.secret.expose_secret().to_owned());
                out.push(Effect::Copy(Copied { what, text }));
            }
            (None, Key::Esc | Key::Char('q')) => self.asking = Some(Asking::Close),
            (None, Key::Char('C')) => self.asking = Some(Asking::Copy),
            _ => {}
        }
        Some(self)
    }

    pub(super) fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        let theme = model.theme;
        let columns = dialog::columns(area, WIDTH);
        let mut lines = dialog::wrapped(
            "This is the only time that the new secret is shown. The gateway keeps only a hash of it.",
            columns,
            theme,
            Role::Text,
        );
        lines.push(Line::default());
        lines.extend(dialog::wrapped(self.secret.expose_secret(), columns, theme, Role::Strong));
        lines.push(Line::default());
        match self.asking {
            None => lines.push(dialog::keys(&[("C", "copy"), ("esc", "close for good")], theme)),
            Some(Asking::Close) => {
                lines.extend(dialog::wrapped("Close? It cannot be shown again.", columns, theme, Role::Warn));
                lines.push(dialog::keys(&[("enter", "close"), ("esc", "keep it open")], theme));
            }
            Some(Asking::Copy) => {
                let text = "Put the secret on the clipboard? Other programs can read it there.";
                lines.extend(dialog::wrapped(text, columns, theme, Role::Warn));
                lines.push(dialog::keys(&[("enter", "copy"), ("esc", "do not")], theme));
            }
        }
        let title = format!("New secret of key {} of {}", self.key.name, self.key.organisation);
        dialog::draw(frame, area, theme, &title, lines, WIDTH, Role::Accent);
    }
}
