//! Dialogs: one at a time, in front of the screen, with keys of their own.

pub mod brake;
pub mod confirm;
mod consequences;
mod dialog;
pub mod help;
pub mod line;
pub mod menu;
pub mod palette;
pub mod secret;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::effects::Effect;
use crate::keys::Press;
use crate::model::Model;

/// A dialog.
#[derive(Debug)]
pub enum Overlay {
    /// The keys that are valid here.
    Help(help::Help),
    /// Screens, objects and actions by name.
    Palette(palette::Palette),
    /// The filter being typed.
    Filter(line::FilterLine),
    /// The overlap of a rotation being typed.
    Overlap(line::OverlapLine),
    /// The factor and the time of a brake being typed.
    Brake(brake::Brake),
    /// A choice.
    Menu(menu::Menu),
    /// The question whether something shall really be done.
    Confirm(confirm::Confirm),
    /// A new secret, the one time that it is shown.
    Secret(secret::SecretBox),
}

impl Overlay {
    /// Takes a key in and returns the dialog if it stays.
    #[must_use]
    pub fn press(self, model: &mut Model, press: Press, out: &mut Vec<Effect>) -> Option<Self> {
        match self {
            Self::Help(help) => help.press(model, press).map(Self::Help),
            Self::Palette(palette) => palette.press(model, press, out).map(Self::Palette),
            Self::Filter(line) => line.press(model, press).map(Self::Filter),
            Self::Overlap(line) => line.press(model, press).map(Self::Overlap),
            Self::Brake(brake) => brake.press(model, press).map(Self::Brake),
            Self::Menu(menu) => menu.press(model, press, out).map(Self::Menu),
            Self::Confirm(confirm) => confirm.press(model, press, out).map(Self::Confirm),
            Self::Secret(secret) => secret.press(press, out).map(Self::Secret),
        }
    }

    /// Takes pasted text in, where there is a line to type into.
    pub fn paste(&mut self, text: &str) {
        match self {
            Self::Palette(palette) => palette.paste(text),
            Self::Filter(line) => line.paste(text),
            Self::Overlap(line) => line.paste(text),
            Self::Brake(brake) => brake.paste(text),
            Self::Confirm(confirm) => confirm.paste(text),
            Self::Help(_) | Self::Menu(_) | Self::Secret(_) => {}
        }
    }

    /// Whether it shows something that exists nowhere else.
    #[must_use]
    pub fn holds_secret(&self) -> bool {
        matches!(self, Self::Secret(_))
    }

    /// Draws it over `area`.
    pub fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        match self {
            Self::Help(help) => help.view(model, frame, area),
            Self::Palette(palette) => palette.view(model, frame, area),
            Self::Filter(line) => line.view(model, frame, area),
            Self::Overlap(line) => line.view(model, frame, area),
            Self::Brake(brake) => brake.view(model, frame, area),
            Self::Menu(menu) => menu.view(model, frame, area),
            Self::Confirm(confirm) => confirm.view(model, frame, area),
            Self::Secret(secret) => secret.view(model, frame, area),
        }
    }
}
