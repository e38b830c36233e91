//! `:log`: our own diagnostics, newest on top.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Screen, states};
use crate::action::Action;
use crate::effects::Effect;
use crate::keys::Binding;
use crate::model::Model;
use crate::msg::Level;
use crate::theme::Role;
use crate::view;
use crate::widgets::cursor;
use crate::widgets::text::cut;

/// The screen.
pub struct Log;

/// Its state.
#[derive(Debug, Default)]
pub struct State {
    offset: usize,
}

impl Screen for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn title(&self) -> &'static str {
        "Our own diagnostics, newest on top"
    }

    fn bindings(&self) -> &'static [Binding] {
        &[]
    }

    fn act(&self, model: &mut Model, action: Action, _: &mut Vec<Effect>) -> bool {
        let page = usize::from(view::body(model).height);
        let last = model.log.len().saturating_sub(page);
        match cursor::moved(action, model.log_screen.offset, model.log.len(), page) {
            Some(to) => model.log_screen.offset = to.min(last),
            None => return false,
        }
        true
    }

    fn enter(&self, model: &mut Model, _: &mut Vec<Effect>) {
        model.log_screen.offset = 0;
    }

    fn offline(&self) -> bool {
        true
    }

    fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        let theme = model.theme;
        if model.log.is_empty() {
            states::empty(model, frame, area, "There is nothing to report.", &[]);
            return;
        }
        let lines = model.log.iter().rev().skip(model.log_screen.offset).take(usize::from(area.height));
        for (line, area) in lines.zip(area.rows()) {
            let (word, role) = match line.level {
                Level::Info => ("● info", Role::Muted),
                Level::Warn => ("▲ warn", Role::Warn),
                Level::Error => ("✖ error", Role::Bad),
            };
            let room = usize::from(area.width).saturating_sub(20);
            let text = Line::from(vec![
                Span::styled(format!("{}  ", model.env.clock(line.at)), theme.style(Role::Muted)),
                Span::styled(format!("{word:<10}"), theme.style(role)),
                Span::styled(cut(&line.text, room).into_owned(), theme.style(Role::Text)),
            ]);
            frame.render_widget(Paragraph::new(text), area);
        }
    }
}
