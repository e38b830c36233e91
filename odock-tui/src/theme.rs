//! Colours, by what they mean. State is always a glyph and a word as well, so that every theme can be read, mono included.

use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};

/// A set of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// The terminal's sixteen colours on a dark background.
    #[default]
    Dark,
    /// The terminal's sixteen colours on a light background.
    Light,
    /// No colours, only weight and reversal.
    Mono,
    /// Black, white and few strong colours.
    HighContrast,
    /// Blue and orange in place of green and red.
    Deuteranopia,
}

/// What a piece of the picture means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text.
    Text,
    /// What may be overlooked.
    Muted,
    /// What should be read first.
    Strong,
    /// Titles and the focused pane.
    Accent,
    /// Good.
    Ok,
    /// Not good yet not bad.
    Warn,
    /// Bad.
    Bad,
    /// No longer true for certain.
    Stale,
    /// The selected row.
    Selected,
    /// The bar on top.
    Bar,
    /// Column headers.
    Header,
    /// The bars of charts.
    Chart,
    /// Keys to press.
    Key,
}

impl Theme {
    /// Every theme, in the order in which `T` goes through them.
    pub const ALL: [Self; 5] = [Self::Dark, Self::Light, Self::HighContrast, Self::Deuteranopia, Self::Mono];

    /// Its name, as `--theme` spells it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Mono => "mono",
            Self::HighContrast => "high-contrast",
            Self::Deuteranopia => "deuteranopia",
        }
    }

    /// The next theme, round and round.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|theme| *theme == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    /// How a role looks.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        match self {
            Self::Dark => sixteen(role, Color::DarkGray, Color::Yellow, Color::Cyan),
            Self::Light => sixteen(role, Color::DarkGray, Color::Magenta, Color::Blue),
            Self::Mono => mono(role),
            Self::HighContrast => high_contrast(role),
            Self::Deuteranopia => deuteranopia(role),
        }
    }

    /// How the name of a context looks; its own colour if it has one and this theme has colours.
    #[must_use]
    pub fn badge(self, color: Option<&str>, protected: bool) -> Style {
        let plain = Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
        if self == Self::Mono {
            return plain;
        }
        match color.and_then(|color| Color::from_str(color).ok()) {
            Some(color) => plain.fg(color),
            None if protected => plain.fg(Color::Red),
            None => plain,
        }
    }
}

fn sixteen(role: Role, muted: Color, warn: Color, accent: Color) -> Style {
    let style = Style::new();
    match role {
        Role::Text => style,
        Role::Muted => style.fg(muted),
        Role::Strong => style.add_modifier(Modifier::BOLD),
        Role::Accent | Role::Key => style.fg(accent).add_modifier(Modifier::BOLD),
        Role::Ok => style.fg(Color::Green),
        Role::Warn => style.fg(warn),
        Role::Bad => style.fg(Color::Red).add_modifier(Modifier::BOLD),
        Role::Stale => style.fg(muted).add_modifier(Modifier::DIM),
        Role::Selected => style.add_modifier(Modifier::REVERSED),
        Role::Bar => style.add_modifier(Modifier::BOLD),
        Role::Header => style.fg(muted).add_modifier(Modifier::BOLD),
        Role::Chart => style.fg(accent),
    }
}

fn mono(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Text | Role::Ok | Role::Chart => style,
        Role::Muted | Role::Stale => style.add_modifier(Modifier::DIM),
        Role::Strong | Role::Accent | Role::Warn | Role::Bar | Role::Key => style.add_modifier(Modifier::BOLD),
        Role::Bad => style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        Role::Selected => style.add_modifier(Modifier::REVERSED),
        Role::Header => style.add_modifier(Modifier::UNDERLINED),
    }
}

fn high_contrast(role: Role) -> Style {
    let style = Style::new().fg(Color::White).bg(Color::Black);
    match role {
        Role::Text | Role::Muted | Role::Stale => style,
        Role::Strong | Role::Bar => style.add_modifier(Modifier::BOLD),
        Role::Accent | Role::Key => style.fg(Color::LightYellow).add_modifier(Modifier::BOLD),
        Role::Ok | Role::Chart => style.fg(Color::LightGreen),
        Role::Warn => style.fg(Color::LightYellow),
        Role::Bad => style.fg(Color::LightRed).add_modifier(Modifier::BOLD),
        Role::Selected => Style::new().fg(Color::Black).bg(Color::White).add_modifier(Modifier::BOLD),
        Role::Header => style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
    }
}

/// Okabe and Ito's blue, orange and vermilion, which people who confuse red and green tell apart.
fn deuteranopia(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Ok | Role::Chart => style.fg(Color::Indexed(32)),
        Role::Warn => style.fg(Color::Indexed(214)),
        Role::Bad => style.fg(Color::Indexed(166)).add_modifier(Modifier::BOLD),
        Role::Accent | Role::Key => style.fg(Color::Indexed(32)).add_modifier(Modifier::BOLD),
        _ => sixteen(role, Color::DarkGray, Color::Yellow, Color::Cyan),
    }
}

impl FromStr for Theme {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|theme| theme.word() == text).ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.iter().map(|theme| theme.word()).collect();
            format!("`{text}` is not a theme; there are auto, {}", words.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 13] = [
        Role::Text,
        Role::Muted,
        Role::Strong,
        Role::Accent,
        Role::Ok,
        Role::Warn,
        Role::Bad,
        Role::Stale,
        Role::Selected,
        Role::Bar,
        Role::Header,
        Role::Chart,
        Role::Key,
    ];

    #[test]
    fn mono_uses_no_colour_at_all() {
        for role in ROLES {
            let style = Theme::Mono.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
        assert_eq!(Theme::Mono.badge(Some("red"), true).fg, None);
    }

    #[test]
    fn no_theme_writes_blue_on_black_or_yellow_on_white() {
        for role in ROLES {
            assert!(Theme::Dark.style(role).fg != Some(Color::Blue), "{role:?}");
            assert!(Theme::Light.style(role).fg != Some(Color::Yellow), "{role:?}");
        }
    }

    #[test]
    fn good_and_bad_never_look_the_same() {
        for theme in Theme::ALL {
            assert_ne!(theme.style(Role::Ok), theme.style(Role::Bad), "{theme:?}");
            assert_ne!(theme.style(Role::Selected), theme.style(Role::Text), "{theme:?}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for theme in Theme::ALL {
            assert_eq!(theme.word().parse(), Ok(theme));
        }
        assert!("pink".parse::<Theme>().is_err());
    }
}
