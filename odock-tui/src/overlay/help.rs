//! The keys that are valid here, made from the bindings themselves and therefore never out of date.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::action::{Action, Danger};
use crate::keys::{self, Binding, Key, Press};
use crate::model::Model;
use crate::theme::Role;

const WIDTH: u16 = 76;
const KEY_COLUMNS: usize = 16;

/// The help and how far it is scrolled.
#[derive(Debug, Default)]
pub struct Help {
    offset: usize,
}

impl Help {
    pub(super) fn press(mut self, model: &Model, press: Press) -> Option<Self> {
        let rows = usize::from(model.size.1.saturating_sub(4)).max(1);
        let last = lines(model).len().saturating_sub(rows);
        match press.key {
            Key::Down | Key::Char('j') => self.offset += 1,
            Key::Up | Key::Char('k') => self.offset = self.offset.saturating_sub(1),
            Key::PageDown | Key::Char(' ') => self.offset += rows,
            Key::PageUp => self.offset = self.offset.saturating_sub(rows),
            Key::Home | Key::Char('g') => self.offset = 0,
            Key::End | Key::Char('G') => self.offset = last,
            _ => return None,
        }
        self.offset = self.offset.min(last);
        Some(self)
    }

    pub(super) fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        let all = lines(model);
        let rows = usize::from(area.height.saturating_sub(2)).max(1);
        let more = all.len() > self.offset + rows;
        let title = match (self.offset > 0, more) {
            (_, true) => format!("Keys on :{}, more with j", model.screen().screen().name()),
            (true, false) => format!("Keys on :{}, back with k", model.screen().screen().name()),
            (false, false) => format!("Keys on :{}", model.screen().screen().name()),
        };
        let visible = all.into_iter().skip(self.offset).take(rows).collect();
        dialog::draw(frame, area, model.theme, &title, visible, WIDTH, Role::Accent);
    }
}

fn lines(model: &Model) -> Vec<Line<'static>> {
    let theme = model.theme;
    let screen = model.screen().screen();
    let columns = dialog::columns(Rect::new(0, 0, model.size.0, model.size.1), WIDTH);
    let mut lines = dialog::wrapped(screen.title(), columns, theme, Role::Strong);
    lines.push(Line::default());
    let row = |binding: &Binding| {
        let keys: Vec<String> = binding.keys.iter().map(Press::to_string).collect();
        entry(model, &keys.join(" "), binding.action)
    };
    lines.extend(screen.bindings().iter().map(row));
    if screen.moves() {
        lines.push(Line::default());
        lines.extend(keys::MOVING.iter().map(row));
    }
    lines.push(Line::default());
    lines.extend(keys::GLOBAL.iter().map(row));
    lines.push(Line::from(vec![
        Span::styled(format!("{:<KEY_COLUMNS$}", "ctrl-c ctrl-c"), theme.style(Role::Key)),
        Span::styled("Quit from anywhere", theme.style(Role::Text)),
    ]));
    lines.push(Line::default());
    lines.push(Line::styled("By name, after `:`", theme.style(Role::Strong)));
    let bound: Vec<Action> = keys::valid(screen).map(|binding| binding.action).collect();
    let named = Action::ALL.iter().filter(|action| !bound.contains(action) && !movement(**action));
    lines.extend(named.map(|action| entry(model, &format!(":{}", action.word()), *action)));
    lines
}

/// Moving makes no sense by name.
pub(super) fn movement(action: Action) -> bool {
    keys::MOVING.iter().any(|binding| binding.action == action)
        || matches!(action, Action::NextPane | Action::PreviousPane | Action::Back | Action::Palette | Action::Open)
}

fn entry(model: &Model, keys: &str, action: Action) -> Line<'static> {
    let role = if action.danger() == Danger::Mutates { Role::Bad } else { Role::Text };
    Line::from(vec![
        Span::styled(format!("{keys:<KEY_COLUMNS$} "), model.theme.style(Role::Key)),
        Span::styled(action.title(), model.theme.style(role)),
    ])
}
