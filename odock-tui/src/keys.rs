//! Keys, and which action each of them is where.

use std::fmt;

use crate::action::Action;
use crate::screens::Screen;

/// A key, as far as the dashboard tells keys apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A character, shifted if it is.
    Char(char),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift and tab.
    BackTab,
    /// Deletes to the left.
    Backspace,
    /// Deletes to the right.
    Delete,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
}

/// A key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Press {
    /// The key.
    pub key: Key,
    /// Whether Ctrl is held.
    pub ctrl: bool,
}

impl Press {
    /// A key by itself.
    #[must_use]
    pub const fn plain(key: Key) -> Self {
        Self { key, ctrl: false }
    }

    /// A character by itself.
    #[must_use]
    pub const fn char(letter: char) -> Self {
        Self::plain(Key::Char(letter))
    }

    /// A character with Ctrl.
    #[must_use]
    pub const fn ctrl(letter: char) -> Self {
        Self { key: Key::Char(letter), ctrl: true }
    }

    /// The character that the press types into a prompt, if it types one.
    #[must_use]
    pub fn typed(self) -> Option<char> {
        match self.key {
            Key::Char(letter) if !self.ctrl && !letter.is_control() => Some(letter),
            _ => None,
        }
    }
}

impl fmt::Display for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        match self.key {
            Key::Char(' ') => f.write_str("space"),
            Key::Char(letter) => write!(f, "{letter}"),
            Key::Enter => f.write_str("enter"),
            Key::Esc => f.write_str("esc"),
            Key::Tab => f.write_str("tab"),
            Key::BackTab => f.write_str("shift-tab"),
            Key::Backspace => f.write_str("backspace"),
            Key::Delete => f.write_str("delete"),
            Key::Up => f.write_str("up"),
            Key::Down => f.write_str("down"),
            Key::Left => f.write_str("left"),
            Key::Right => f.write_str("right"),
            Key::PageUp => f.write_str("pgup"),
            Key::PageDown => f.write_str("pgdn"),
            Key::Home => f.write_str("home"),
            Key::End => f.write_str("end"),
        }
    }
}

/// An action and the keys that do it.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The action.
    pub action: Action,
    /// The keys.
    pub keys: &'static [Press],
    /// Whether the footer names it where there is room.
    pub hint: bool,
}

/// An action that the footer names where there is room.
#[must_use]
pub const fn hinted(action: Action, keys: &'static [Press]) -> Binding {
    Binding { action, keys, hint: true }
}

/// An action that only the help names.
#[must_use]
pub const fn quiet(action: Action, keys: &'static [Press]) -> Binding {
    Binding { action, keys, hint: false }
}

/// Keys that are valid on every screen.
pub const GLOBAL: &[Binding] = &[
    hinted(Action::Help, &[Press::char('?')]),
    hinted(Action::Palette, &[Press::char(':')]),
    quiet(Action::Back, &[Press::plain(Key::Esc)]),
    hinted(Action::Close, &[Press::char('q')]),
    quiet(Action::Reconnect, &[Press::char('R')]),
    quiet(Action::Refresh, &[Press::char('r')]),
    quiet(Action::Exact, &[Press::char('=')]),
    quiet(Action::Theme, &[Press::char('T')]),
    quiet(Action::Acts, &[Press::char('@')]),
    quiet(Action::CopyCommand, &[Press::char('!')]),
    quiet(Action::Redraw, &[Press::ctrl('l')]),
    quiet(Action::Suspend, &[Press::ctrl('z')]),
];

/// Keys that move a selection, on every screen that has one.
pub const MOVING: &[Binding] = &[
    quiet(Action::Up, &[Press::char('k'), Press::plain(Key::Up)]),
    quiet(Action::Down, &[Press::char('j'), Press::plain(Key::Down)]),
    quiet(Action::PageUp, &[Press::plain(Key::PageUp), Press::ctrl('b')]),
    quiet(Action::PageDown, &[Press::plain(Key::PageDown), Press::ctrl('f')]),
    quiet(Action::Top, &[Press::char('g'), Press::plain(Key::Home)]),
    quiet(Action::Bottom, &[Press::char('G'), Press::plain(Key::End)]),
];

/// Every binding that is valid on `screen`: its own first.
pub fn valid(screen: &'static dyn Screen) -> impl Iterator<Item = &'static Binding> {
    let moving: &'static [Binding] = if screen.moves() { MOVING } else { &[] };
    screen.bindings().iter().chain(moving).chain(GLOBAL)
}

/// The action that `press` is on `screen`.
#[must_use]
pub fn action(screen: &'static dyn Screen, press: Press) -> Option<Action> {
    valid(screen).find(|binding| binding.keys.contains(&press)).map(|binding| binding.action)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::action::Danger;
    use crate::screens::ScreenId;

    #[test]
    fn no_key_means_two_things_on_one_screen() {
        for id in ScreenId::ALL {
            let mut seen = HashSet::new();
            for press in valid(id.screen()).flat_map(|binding| binding.keys) {
                assert!(seen.insert(*press), "{press} twice on {}", id.screen().name());
            }
        }
    }

    #[test]
    fn no_single_key_mutates() {
        for id in ScreenId::ALL {
            for binding in valid(id.screen()) {
                assert!(binding.action.danger() == Danger::Safe, "{:?}", binding.action);
            }
        }
    }

    #[test]
    fn words_are_unique_so_that_the_palette_can_name_them() {
        let words: HashSet<&str> = Action::ALL.iter().map(|action| action.word()).collect();
        assert_eq!(words.len(), Action::ALL.len());
    }
}
