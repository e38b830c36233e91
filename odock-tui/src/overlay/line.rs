//! Dialogs of one typed line: the filter, and the overlap of a rotation.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph};

use super::{Overlay, confirm::Confirm, dialog};
use crate::effects::{Change, KeyRef, Mutation};
use crate::format;
use crate::keys::{Key, Press};
use crate::model::Model;
use crate::theme::Role;
use crate::widgets::edit::LineEdit;
use crate::widgets::layout::split_bottom;

const WIDTH: u16 = 70;
/// The longest overlap that the gateway allows: 30 days.
const LONGEST: u32 = 2_592_000;

/// The filter being typed; it applies while it is typed.
#[derive(Debug)]
pub struct FilterLine {
    edit: LineEdit,
    before: String,
}

impl FilterLine {
    /// Begins with the filter that is in force.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { edit: LineEdit::with(text), before: text.to_owned() }
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.edit.insert(text);
    }

    pub(super) fn press(mut self, model: &mut Model, press: Press) -> Option<Self> {
        let screen = model.screen().screen();
        match press.key {
            Key::Esc => {
                screen.set_filter(model, &self.before);
                None
            }
            Key::Enter => {
                screen.set_filter(model, self.edit.text());
                None
            }
            _ => {
                if self.edit.press(press) {
                    screen.set_filter(model, self.edit.text());
                }
                Some(self)
            }
        }
    }

    pub(super) fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        let (_, row) = split_bottom(area, 1);
        let theme = model.theme;
        let mut line = dialog::prompt("/", &self.edit, theme, usize::from(row.width));
        if self.edit.text().is_empty() {
            line.extend(Line::styled(" word  field:word  field:=exact  ~fuzzy  !not", theme.style(Role::Muted)));
        }
        frame.render_widget(Clear, row);
        frame.render_widget(Paragraph::new(line).style(theme.style(Role::Text)), row);
    }
}

/// The overlap of a rotation being typed.
#[derive(Debug)]
pub struct OverlapLine {
    key: KeyRef,
    edit: LineEdit,
    wrong: Option<String>,
}

impl OverlapLine {
    /// Asks how long the old secret of `key` shall work beside the new one.
    #[must_use]
    pub fn new(key: KeyRef) -> Self {
        Self { key, edit: LineEdit::with("1h"), wrong: None }
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.edit.insert(text);
    }

    pub(super) fn press(mut self, model: &mut Model, press: Press) -> Option<Self> {
        match press.key {
            Key::Esc => return None,
            Key::Enter => match format::parse_span(self.edit.text()) {
                Ok(overlap_seconds) if overlap_seconds <= LONGEST => {
                    let mutation = Mutation::Key { key: self.key, change: Change::Rotate { overlap_seconds } };
                    model.overlay = Some(Overlay::Confirm(Confirm::mutation(model, mutation)));
                    return None;
                }
                Ok(_) => self.wrong = Some("30d is the longest".to_owned()),
                Err(why) => self.wrong = Some(why),
            },
            _ => {
                self.edit.press(press);
                self.wrong = None;
            }
        }
        Some(self)
    }

    pub(super) fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        let theme = model.theme;
        let columns = dialog::columns(area, WIDTH);
        let mut lines = dialog::wrapped(
            "For how long shall the current secret work beside the new one? 0 ends it at once, for a secret that leaked.",
            columns,
            theme,
            Role::Text,
        );
        lines.push(Line::default());
        lines.push(dialog::prompt("overlap: ", &self.edit, theme, columns));
        let (text, role) = match &self.wrong {
            Some(why) => (why.as_str(), Role::Bad),
            None => ("0, 90s, 15m, 24h, 7d; at most 30d", Role::Muted),
        };
        lines.extend(dialog::wrapped(text, columns, theme, role));
        lines.push(Line::default());
        lines.push(dialog::keys(&[("enter", "go on"), ("esc", "cancel")], theme));
        let title = format!("Rotate key {} of {}", self.key.name, self.key.organisation);
        dialog::draw(frame, area, theme, &title, lines, WIDTH, Role::Accent);
    }
}
