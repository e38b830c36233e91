//! The form of a brake: by how much, for how long, why.

use entity::policy::Factor;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{Overlay, confirm::Confirm, dialog};
use crate::effects::{Mutation, ScopeRef};
use crate::format;
use crate::keys::{Key, Press};
use crate::model::Model;
use crate::theme::Role;
use crate::widgets::edit::LineEdit;

const WIDTH: u16 = 70;
/// The longest brake that can be set here: 30 days. It is meant for a bad hour, not as a setting.
const LONGEST: u32 = 2_592_000;

const LABELS: [&str; 3] = ["factor: ", "for:    ", "reason: "];

/// The form.
#[derive(Debug)]
pub struct Brake {
    scope: ScopeRef,
    edits: [LineEdit; 3],
    row: usize,
    wrong: Option<String>,
}

impl Brake {
    /// Asks how to scale the limits of `scope`.
    #[must_use]
    pub fn new(scope: ScopeRef) -> Self {
        let edits = [LineEdit::with("0.2"), LineEdit::with("1h"), LineEdit::default()];
        Self { scope, edits, row: 0, wrong: None }
    }

    fn edit(&mut self) -> &mut LineEdit {
        &mut self.edits[self.row % LABELS.len()]
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.edit().insert(text);
        self.wrong = None;
    }

    fn mutation(&self) -> Result<Mutation, (usize, String)> {
        let [factor, span, reason] = &self.edits;
        let factor: Factor = factor
            .text()
            .trim()
            .parse()
            .map_err(|_| (0, "write a factor from 0 to 1000, such as 0.2 or 2".to_owned()))?;
        let seconds = match format::parse_span(span.text()).map_err(|why| (1, why))? {
            0 => return Err((1, "0 would end before it begins".to_owned())),
            seconds if seconds > LONGEST => return Err((1, "30d is the longest".to_owned())),
            seconds => seconds,
        };
        let reason = Some(reason.text().trim().to_owned()).filter(|reason| !reason.is_empty());
        Ok(Mutation::Overlay { scope: self.scope.clone(), factor, seconds, reason })
    }

    pub(super) fn press(mut self, model: &mut Model, press: Press) -> Option<Self> {
        match press.key {
            Key::Esc => return None,
            Key::Tab | Key::Down => self.row = (self.row + 1) % LABELS.len(),
            Key::BackTab | Key::Up => self.row = (self.row + LABELS.len() - 1) % LABELS.len(),
            Key::Enter => match self.mutation() {
                Ok(mutation) => {
                    model.overlay = Some(Overlay::Confirm(Confirm::mutation(model, mutation)));
                    return None;
                }
                Err((row, why)) => {
                    self.row = row;
                    self.wrong = Some(why);
                }
            },
            _ => {
                self.edit().press(press);
                self.wrong = None;
            }
        }
        Some(self)
    }

    pub(super) fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        let theme = model.theme;
        let columns = dialog::columns(area, WIDTH);
        let intro = format!("Every rate limit of {} is multiplied by the factor for a while.", self.scope.what());
        let mut lines = dialog::wrapped(&intro, columns, theme, Role::Text);
        lines.push(Line::default());
        for (row, (label, edit)) in LABELS.iter().zip(&self.edits).enumerate() {
            if row == self.row {
                lines.push(dialog::prompt(label, edit, theme, columns));
            } else {
                lines.push(Line::styled(format!("{label}{}", edit.text()), theme.style(Role::Muted)));
            }
        }
        let (text, role) = match &self.wrong {
            Some(why) => (why.as_str(), Role::Bad),
            None if self.row == 0 => {
                ("0.2 leaves a fifth, 0 lets nothing pass that is limited, 2 doubles", Role::Muted)
            }
            None if self.row == 1 => ("90s, 15m, 24h, 7d; at most 30d", Role::Muted),
            None => ("for the audit log; may be empty", Role::Muted),
        };
        lines.extend(dialog::wrapped(text, columns, theme, role));
        lines.push(Line::default());
        lines.push(dialog::keys(&[("tab", "next field"), ("enter", "go on"), ("esc", "cancel")], theme));
        dialog::draw(frame, area, theme, &format!("Brake {}", self.scope.what()), lines, WIDTH, Role::Accent);
    }
}
