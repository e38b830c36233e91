//! A choice among a few, by letter or by arrow.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::action::Action;
use crate::effects::Effect;
use crate::keys::{Key, Press};
use crate::model::Model;
use crate::theme::Role;
use crate::update::perform;

const WIDTH: u16 = 64;

/// A choice.
#[derive(Debug)]
pub struct Menu {
    title: String,
    items: Vec<Item>,
    row: usize,
}

/// One thing to choose.
#[derive(Debug)]
pub struct Item {
    /// The letter that chooses it.
    pub letter: char,
    /// What it is.
    pub label: String,
    /// What choosing it does.
    pub pick: Pick,
}

/// What choosing does.
#[derive(Clone, Copy, Debug)]
pub enum Pick {
    /// An action, as if its key had been pressed.
    Do(Action),
    /// Sorts the table of the screen by a column.
    Sort(usize),
}

impl Menu {
    /// A menu of `items`.
    #[must_use]
    pub fn new(title: impl Into<String>, items: Vec<Item>) -> Self {
        Self { title: title.into(), items, row: 0 }
    }

    /// A menu of actions.
    #[must_use]
    pub fn of_actions(title: impl Into<String>, actions: impl IntoIterator<Item = (char, Action)>) -> Self {
        let item = |(letter, action): (char, Action)| Item {
            letter,
            label: action.title().to_owned(),
            pick: Pick::Do(action),
        };
        Self::new(title, actions.into_iter().map(item).collect())
    }

    pub(super) fn press(mut self, model: &mut Model, press: Press, out: &mut Vec<Effect>) -> Option<Self> {
        let last = self.items.len().saturating_sub(1);
        let chosen = match press.key {
            Key::Esc => return None,
            Key::Enter => self.items.get(self.row),
            // A letter of an item comes before j, k and q, which move and leave elsewhere.
            Key::Char(letter) if !press.ctrl => {
                let item = self.items.iter().find(|item| item.letter == letter);
                if item.is_none() {
                    match letter {
                        'j' => self.row = (self.row + 1).min(last),
                        'k' => self.row = self.row.saturating_sub(1),
                        'q' => return None,
                        _ => {}
                    }
                    return Some(self);
                }
                item
            }
            Key::Down | Key::Tab => {
                self.row = (self.row + 1).min(last);
                None
            }
            Key::Up | Key::BackTab => {
                self.row = self.row.saturating_sub(1);
                None
            }
            _ => None,
        };
        match chosen.map(|item| item.pick) {
            Some(Pick::Do(action)) => perform(model, action, out),
            Some(Pick::Sort(column)) => model.screen().screen().sort_by(model, column),
            None => return Some(self),
        }
        None
    }

    pub(super) fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        let theme = model.theme;
        let mut lines: Vec<Line> = self
            .items
            .iter()
            .enumerate()
            .map(|(row, item)| {
                let text = if row == self.row { theme.style(Role::Selected) } else { theme.style(Role::Text) };
                let mark = if row == self.row { "› " } else { "  " };
                Line::from(vec![
                    Span::styled(mark, theme.style(Role::Key)),
                    Span::styled(format!("{} ", item.letter), theme.style(Role::Key)),
                    Span::styled(item.label.clone(), text),
                ])
            })
            .collect();
        lines.push(Line::default());
        lines.push(dialog::keys(&[("enter", "choose"), ("esc", "cancel")], theme));
        dialog::draw(frame, area, theme, &self.title, lines, WIDTH, Role::Accent);
    }
}
