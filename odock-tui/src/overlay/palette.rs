//! The `:` palette: screens, actions, keys, budgets and requests by name, found fuzzily.

use entity::vocab::LimitKind;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{dialog, help};
use crate::action::Action;
use crate::effects::{Effect, KeyRef};
use crate::fuzzy;
use crate::keys::{self, Key, Press};
use crate::model::Model;
use crate::screens::{ScreenId, key, limit, limits, request};
use crate::theme::Role;
use crate::update::perform;
use crate::widgets::edit::LineEdit;
use crate::widgets::text::cut;

const WIDTH: u16 = 76;
const SHOWN: usize = 10;

/// The palette.
#[derive(Debug)]
pub struct Palette {
    edit: LineEdit,
    found: Vec<Found>,
    row: usize,
}

#[derive(Clone, Debug)]
struct Found {
    score: i32,
    name: String,
    detail: String,
    target: Target,
}

#[derive(Clone, Debug)]
enum Target {
    Do(Action),
    Key(KeyRef),
    Limit(LimitKind, String),
    Request(String),
    Switch(String),
}

impl Palette {
    /// Opens it with everything that is offered without a word.
    #[must_use]
    pub fn open(model: &Model) -> Self {
        let mut palette = Self { edit: LineEdit::default(), found: Vec::new(), row: 0 };
        palette.search(model);
        palette
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.edit.insert(text);
    }

    pub(super) fn press(mut self, model: &mut Model, press: Press, out: &mut Vec<Effect>) -> Option<Self> {
        let last = self.found.len().saturating_sub(1);
        match press {
            Press { key: Key::Esc, .. } => return None,
            Press { key: Key::Backspace, .. } if self.edit.text().is_empty() => return None,
            Press { key: Key::Down, .. } | Press { key: Key::Char('n'), ctrl: true } => {
                self.row = (self.row + 1).min(last)
            }
            Press { key: Key::Up, .. } | Press { key: Key::Char('p'), ctrl: true } => {
                self.row = self.row.saturating_sub(1)
            }
            Press { key: Key::Tab, .. } => {
                if let Some(found) = self.found.get(self.row) {
                    self.edit = LineEdit::with(&found.name);
                    self.search(model);
                }
            }
            Press { key: Key::Enter, .. } => {
                // Text may have been pasted since the last search.
                self.search(model);
                let chosen = self.found.get(self.row).map(|found| found.target.clone());
                match chosen {
                    Some(target) => go(model, target, out),
                    None => model.say(crate::msg::Level::Info, format!("there is no `{}`", self.edit.text())),
                }
                return None;
            }
            _ => {
                if self.edit.press(press) {
                    self.row = 0;
                    self.search(model);
                }
            }
        }
        Some(self)
    }

    fn search(&mut self, model: &Model) {
        let wanted = self.edit.text().trim().trim_start_matches(':').to_owned();
        let mut found: Vec<Found> = candidates(model, &wanted)
            .filter_map(|mut candidate| {
                candidate.score = if candidate.name.eq_ignore_ascii_case(&wanted) {
                    i32::MAX
                } else {
                    fuzzy::score(&wanted, &candidate.name)?.saturating_add(candidate.score)
                };
                Some(candidate)
            })
            .collect();
        // Stable: what is offered first wins a tie.
        found.sort_by_key(|found| std::cmp::Reverse(found.score));
        found.truncate(200);
        if !wanted.is_empty() && found.is_empty() && wanted.len() >= 8 {
            found.push(Found {
                score: 0,
                name: wanted.clone(),
                detail: "the request with this id".to_owned(),
                target: Target::Request(wanted),
            });
        }
        self.found = found;
        self.row = self.row.min(self.found.len().saturating_sub(1));
    }

    pub(super) fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        let theme = model.theme;
        let columns = dialog::columns(area, WIDTH);
        let shown = SHOWN.min(usize::from(area.height.saturating_sub(5))).max(1);
        let offset = (self.row + 1).saturating_sub(shown);
        let mut lines = vec![dialog::prompt(":", &self.edit, theme, columns), Line::default()];
        for (row, found) in self.found.iter().enumerate().skip(offset).take(shown) {
            let (mark, style) =
                if row == self.row { ("› ", theme.style(Role::Selected)) } else { ("  ", theme.style(Role::Text)) };
            let name = cut(&found.name, 28).into_owned();
            let room = columns.saturating_sub(32);
            lines.push(Line::from(vec![
                Span::styled(mark, theme.style(Role::Key)),
                Span::styled(format!("{name:<28}"), style),
                Span::raw("  "),
                Span::styled(cut(&found.detail, room).into_owned(), theme.style(Role::Muted)),
            ]));
        }
        if self.found.is_empty() {
            lines.push(Line::styled("nothing has such a name", theme.style(Role::Muted)));
        }
        // The frame keeps its height while the list shrinks, so that the eye finds it where it was.
        lines.resize(shown + 2, Line::default());
        dialog::draw(frame, area, theme, "Go to", lines, WIDTH, Role::Accent);
    }
}

fn candidates<'a>(model: &'a Model, wanted: &'a str) -> impl Iterator<Item = Found> + 'a {
    let screen = model.screen().screen();
    let actions = Action::ALL.iter().filter(|action| !help::movement(**action)).map(move |action| {
        let keys =
            keys::valid(screen).find(|binding| binding.action == *action).and_then(|binding| binding.keys.first());
        let keys = keys.map(|press| format!(" ({press})")).unwrap_or_default();
        // Screens before actions.
        let score = i32::from(ScreenId::ALL.iter().any(|id| id.screen().name() == action.word())) * 4;
        Found {
            score,
            name: action.word().to_owned(),
            detail: format!("{}{keys}", action.title()),
            target: Target::Do(*action),
        }
    });
    // Ten thousand keys are of no help before a letter is typed.
    let keys = model.virtual_keys.value().filter(|_| !wanted.is_empty()).into_iter().flatten().map(|key| {
        let name = model.key_ref(key);
        Found {
            score: 0,
            name: key.name.clone(),
            detail: format!("key of {}", name.organisation),
            target: Target::Key(name),
        }
    });
    let limits = model.statuses.value().filter(|_| !wanted.is_empty()).into_iter().flatten().map(|status| Found {
        score: 0,
        name: status.name.clone(),
        detail: format!("{} of {}", status.kind, limits::owner(&status.owner)),
        target: Target::Limit(status.kind, status.name.clone()),
    });
    let contexts = model.contexts.rows.value().into_iter().flatten().map(|row| Found {
        score: 0,
        name: format!("ctx {}", row.name),
        detail: format!("switch to {}", row.url),
        target: Target::Switch(row.name.clone()),
    });
    actions.chain(keys).chain(limits).chain(contexts)
}

fn go(model: &mut Model, target: Target, out: &mut Vec<Effect>) {
    match target {
        Target::Do(action) => perform(model, action, out),
        Target::Key(wanted) => key::open(model, wanted, out),
        Target::Limit(kind, name) => limit::open(model, kind, name, out),
        Target::Request(id) => request::open_id(model, id, out),
        Target::Switch(name) => out.push(Effect::Switch(name)),
    }
}
