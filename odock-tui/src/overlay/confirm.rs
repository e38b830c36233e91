//! The question before anything destructive: it names the object and the consequence, and Cancel is where Enter goes.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{consequences::consequences, dialog};
use crate::effects::{Change, Effect, Mutation};
use crate::keys::{Key, Press};
use crate::model::Model;
use crate::theme::Role;
use crate::widgets::edit::LineEdit;

const WIDTH: u16 = 70;

/// A question.
#[derive(Debug)]
pub struct Confirm {
    title: String,
    text: Vec<String>,
    proceed: &'static str,
    on_proceed: bool,
    typed: Option<Typed>,
    then: Then,
}

#[derive(Debug)]
struct Typed {
    wanted: String,
    edit: LineEdit,
}

#[derive(Debug)]
enum Then {
    Quit,
    Mutate(Mutation),
}

fn title(proceed: &str, mutation: &Mutation) -> String {
    match mutation {
        // An organisation is not of an organisation.
        Mutation::Overlay { scope, .. } if scope.scope.name.is_none() => format!("{proceed} {}?", mutation.object()),
        _ => format!("{proceed} {} of {}?", mutation.object(), mutation.organisation()),
    }
}

impl Confirm {
    /// Asks whether to quit.
    #[must_use]
    pub fn quit() -> Self {
        Self {
            title: "Quit?".to_owned(),
            text: vec!["The gateway goes on without us.".to_owned()],
            proceed: "Quit",
            on_proceed: true,
            typed: None,
            then: Then::Quit,
        }
    }

    /// Asks whether to change something at the gateway.
    #[must_use]
    pub fn mutation(model: &Model, mutation: Mutation) -> Self {
        let proceed = match &mutation {
            Mutation::Key { change: Change::Rotate { .. }, .. } => "Rotate",
            Mutation::Key { change: Change::Revoke, .. } => "Revoke",
            Mutation::Key { change: Change::Unrevoke, .. } => "Unrevoke",
            Mutation::Overlay { factor, .. } if factor.thousandths() > 1_000 => "Boost",
            Mutation::Overlay { .. } => "Brake",
            Mutation::EndOverlay { .. } => "End",
        };
        let context = model.session.context.clone().unwrap_or_else(|| model.session.url.clone());
        let mut text = consequences(model, &mutation);
        if model.session.protected {
            text.push(format!("The context is protected: type its name ({context}) to go on."));
        }
        Self {
            title: title(proceed, &mutation),
            text,
            proceed,
            on_proceed: false,
            typed: model.session.protected.then(|| Typed { wanted: context, edit: LineEdit::default() }),
            then: Then::Mutate(mutation),
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        if let Some(typed) = &mut self.typed {
            typed.edit.insert(text);
        }
    }

    fn allowed(&self) -> bool {
        self.typed.as_ref().is_none_or(|typed| typed.edit.text() == typed.wanted)
    }

    fn misspelt(&self) -> bool {
        !self.allowed() && self.typed.as_ref().is_some_and(|typed| !typed.edit.text().is_empty())
    }

    pub(super) fn press(mut self, model: &mut Model, press: Press, out: &mut Vec<Effect>) -> Option<Self> {
        match press.key {
            Key::Esc => return None,
            Key::Tab | Key::BackTab => self.on_proceed = !self.on_proceed,
            Key::Left | Key::Right if self.typed.is_none() => self.on_proceed = !self.on_proceed,
            // A name that is not right yet is more likely a slip than a change of mind.
            Key::Enter if self.misspelt() => {}
            Key::Enter if !self.on_proceed => return None,
            Key::Enter if self.allowed() => return self.proceed(model, out),
            Key::Enter => {}
            Key::Char('y') if !press.ctrl && self.typed.is_none() => return self.proceed(model, out),
            Key::Char('n' | 'q') if !press.ctrl && self.typed.is_none() => {
                let quits = matches!(self.then, Then::Quit) && press.key == Key::Char('q');
                return if quits { self.proceed(model, out) } else { None };
            }
            _ => {
                if let Some(typed) = &mut self.typed {
                    typed.edit.press(press);
                    // Having typed the whole name is the decision; Enter then goes on.
                    self.on_proceed = typed.edit.text() == typed.wanted;
                }
            }
        }
        Some(self)
    }

    fn proceed(self, model: &mut Model, out: &mut Vec<Effect>) -> Option<Self> {
        match self.then {
            Then::Quit => out.push(Effect::Quit),
            Then::Mutate(mutation) => model.mutate(mutation, out),
        }
        None
    }

    pub(super) fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        let theme = model.theme;
        let columns = dialog::columns(area, WIDTH);
        let mut lines: Vec<Line> =
            self.text.iter().flat_map(|text| dialog::wrapped(text, columns, theme, Role::Text)).collect();
        if let Some(typed) = &self.typed {
            let mut line = dialog::prompt("context: ", &typed.edit, theme, columns);
            if self.misspelt() {
                line.push_span(Span::styled("  ▲ not its name", theme.style(Role::Warn)));
            }
            lines.push(line);
        }
        lines.push(Line::default());
        let button = |label: &str, focused: bool, role: Role| {
            let (label, style) = if focused {
                (format!("[ {label} ]"), theme.style(Role::Selected))
            } else {
                (format!("  {label}  "), theme.style(role))
            };
            Span::styled(label, style)
        };
        let proceed = if self.allowed() { Role::Bad } else { Role::Muted };
        lines.push(Line::from(vec![
            button("Cancel", !self.on_proceed, Role::Text),
            Span::raw("  "),
            button(self.proceed, self.on_proceed, proceed),
        ]));
        lines.push(if self.typed.is_some() {
            dialog::keys(&[("tab", "other button"), ("enter", "press it"), ("esc", "cancel")], theme)
        } else {
            dialog::keys(&[("tab", "other button"), ("enter", "press it"), ("y", "yes"), ("esc", "cancel")], theme)
        });
        let role = if matches!(self.then, Then::Quit) { Role::Accent } else { Role::Bad };
        dialog::draw(frame, area, theme, &self.title, lines, WIDTH, role);
    }
}
