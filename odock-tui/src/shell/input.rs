//! Terminal events as messages.

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};
use odock_tui::keys::{Key, Press};
use odock_tui::msg::Msg;

/// The longest late answer of a terminal, in key events.
const LONGEST: usize = 64;

/// Translates events. Late answers of a terminal that was asked for its colours look like keys, and are taken out.
#[derive(Debug, Default)]
pub(crate) struct Translator {
    late_answer: bool,
    inside: Option<usize>,
}

impl Translator {
    /// `late_answer` says that a terminal was asked and has not answered in time.
    pub(crate) fn new(late_answer: bool) -> Self {
        Self { late_answer, inside: None }
    }

    /// The message of an event, if it is one.
    pub(crate) fn translate(&mut self, event: Event) -> Option<Msg> {
        match event {
            Event::Resize(columns, rows) => Some(Msg::Resize(columns, rows)),
            Event::Paste(text) => Some(Msg::Paste(text)),
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                if self.late_answer && self.swallow(key.code, key.modifiers) {
                    return None;
                }
                press(key.code, key.modifiers).map(Msg::Key)
            }
            Event::Key(_) | Event::Mouse(_) | Event::FocusGained | Event::FocusLost => None,
        }
    }

    /// Whether a key belongs to `ESC ] … ESC \` or `ESC ] … BEL`.
    fn swallow(&mut self, code: KeyCode, modifiers: KeyModifiers) -> bool {
        let alt = modifiers.contains(KeyModifiers::ALT);
        match self.inside {
            None if alt && code == KeyCode::Char(']') => self.inside = Some(0),
            None => return false,
            Some(seen) => {
                let bell = code == KeyCode::Char('g') && modifiers.contains(KeyModifiers::CONTROL);
                if bell || (alt && code == KeyCode::Char('\\')) || seen >= LONGEST {
                    *self = Self::default();
                } else {
                    self.inside = Some(seen + 1);
                }
            }
        }
        true
    }
}

fn press(code: KeyCode, modifiers: KeyModifiers) -> Option<Press> {
    if modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::META | KeyModifiers::HYPER) {
        return None;
    }
    let ctrl = modifiers.contains(KeyModifiers::CONTROL);
    let key = match code {
        KeyCode::Char(letter) if ctrl => Key::Char(letter.to_ascii_lowercase()),
        KeyCode::Char(letter) => Key::Char(letter),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        _ => return None,
    };
    Some(Press { key, ctrl: ctrl && matches!(key, Key::Char(_)) })
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEvent;

    use super::*;

    fn keys(translator: &mut Translator, events: &[(char, KeyModifiers)]) -> usize {
        let event =
            |(letter, modifiers): &(char, KeyModifiers)| Event::Key(KeyEvent::new(KeyCode::Char(*letter), *modifiers));
        events.iter().filter_map(|pair| translator.translate(event(pair))).count()
    }

    const NONE: KeyModifiers = KeyModifiers::NONE;
    const ALT: KeyModifiers = KeyModifiers::ALT;

    #[test]
    fn a_late_answer_types_nothing() {
        let mut translator = Translator::new(true);
        let answer = [(']', ALT), ('1', NONE), (':', NONE), ('q', NONE), ('\\', ALT), ('j', NONE)];
        assert_eq!(keys(&mut translator, &answer), 1);
        // Only one answer is owed.
        assert_eq!(keys(&mut translator, &[(']', ALT), ('1', NONE)]), 1);
    }

    #[test]
    fn an_answer_that_never_ends_does_not_eat_the_keyboard() {
        let mut translator = Translator::new(true);
        let mut events = vec![(']', ALT)];
        events.extend(vec![('1', NONE); 100]);
        assert!(keys(&mut translator, &events) > 0);
    }

    #[test]
    fn releases_are_no_presses() {
        let mut released = KeyEvent::new(KeyCode::Char('x'), NONE);
        released.kind = KeyEventKind::Release;
        assert!(Translator::default().translate(Event::Key(released)).is_none());
    }
}
