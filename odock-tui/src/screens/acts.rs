//! `@`: what was done in this session, as the `odockctl` lines that would have done the same.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Screen, states};
use crate::action::Action;
use crate::acts::Outcome;
use crate::effects::Effect;
use crate::keys::{Binding, Press, hinted};
use crate::model::Model;
use crate::theme::Role;
use crate::view;
use crate::widgets::cursor;
use crate::widgets::text::cut;

/// The screen.
pub struct Acts;

/// Its state.
#[derive(Debug, Default)]
pub struct State {
    /// The selected row, the newest being 0.
    pub(crate) row: usize,
}

impl Screen for Acts {
    fn name(&self) -> &'static str {
        "acts"
    }

    fn title(&self) -> &'static str {
        "What was done here, as odockctl lines"
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[hinted(Action::CopyCommand, &[Press::char('C')])];
        BINDINGS
    }

    fn act(&self, model: &mut Model, action: Action, _: &mut Vec<Effect>) -> bool {
        let page = usize::from(view::body(model).height);
        match cursor::moved(action, model.acts_screen.row, model.acts.len(), page) {
            Some(to) => model.acts_screen.row = to,
            None => return false,
        }
        true
    }

    fn enter(&self, model: &mut Model, _: &mut Vec<Effect>) {
        model.acts_screen.row = 0;
    }

    fn offline(&self) -> bool {
        true
    }

    fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        let theme = model.theme;
        if model.acts.is_empty() {
            let advice = ["Every change made here appears as the odockctl line that does the same.".to_owned()];
            states::empty(model, frame, area, "Nothing has been changed in this session.", &advice);
            return;
        }
        let page = usize::from(area.height);
        let offset = cursor::scrolled(0, model.acts_screen.row, model.acts.len(), page);
        for (row, area) in (offset..).zip(area.rows()) {
            let Some(entry) = model.acts.row(row) else { break };
            let (glyph, word, role) = match &entry.outcome {
                Outcome::Pending => ("◌", "sent", Role::Muted),
                Outcome::Done => ("●", "done", Role::Ok),
                Outcome::Failed(failure) if failure.uncertain() => ("▲", "unknown", Role::Warn),
                Outcome::Failed(_) => ("✖", "failed", Role::Bad),
            };
            let why = match &entry.outcome {
                Outcome::Failed(failure) => format!("  {}", failure.message),
                Outcome::Pending | Outcome::Done => String::new(),
            };
            let room = usize::from(area.width).saturating_sub(20);
            let line = Line::from(vec![
                Span::styled(format!("{}  ", model.env.clock(entry.at)), theme.style(Role::Muted)),
                Span::styled(format!("{:<10}", format!("{glyph} {word}")), theme.style(role)),
                Span::styled(cut(&format!("{}{why}", entry.line), room).into_owned(), theme.style(Role::Text)),
            ]);
            frame.render_widget(Paragraph::new(line), area);
            if row == model.acts_screen.row {
                frame.buffer_mut().set_style(area, theme.style(Role::Selected));
            }
        }
    }
}
