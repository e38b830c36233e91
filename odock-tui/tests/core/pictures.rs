//! Pictures of every screen, with their styles: four sizes, five states.

use odock_tui::model::Session;
use odock_tui::msg::{Failure, FailureKind, Msg, StreamMsg};
use odock_tui::theme::Theme;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::support;
use crate::world::{Gateway, World, session};

const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (200, 60)];

/// The style of a cell in a few letters; nothing for the plain one.
fn style(cell: &Cell) -> String {
    let colour = |colour: Color| match colour {
        Color::Indexed(index) => format!("#{index}"),
        colour => colour.to_string().to_lowercase().replace("light", "l-"),
    };
    let modifiers = [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::UNDERLINED, "under"),
        (Modifier::REVERSED, "rev"),
    ];
    let mut words: Vec<String> = Vec::new();
    if cell.fg != Color::Reset {
        words.push(colour(cell.fg));
    }
    if cell.bg != Color::Reset {
        words.push(format!("on-{}", colour(cell.bg)));
    }
    words.extend(modifiers.iter().filter(|(bit, _)| cell.modifier.contains(*bit)).map(|(_, word)| (*word).to_owned()));
    words.join("+")
}

/// A picture as text and, below, the runs of cells that are not plain: `row: from-to style`.
pub fn written(buffer: &Buffer) -> String {
    let mut text = String::new();
    let mut styles = String::new();
    for row in buffer.area.rows() {
        let cells: Vec<&Cell> = row.columns().map(|cell| &buffer[(cell.x, cell.y)]).collect();
        let line: String = cells.iter().map(|cell| cell.symbol()).collect();
        text.push_str(&format!("|{}\n", line.trim_end()));
        let mut runs: Vec<(usize, usize, String)> = Vec::new();
        for (at, cell) in cells.iter().enumerate() {
            let style = style(cell);
            match runs.last_mut() {
                // Blanks carry a colour that nobody sees.
                Some((_, to, last))
                    if *last == style || (cell.symbol() == " " && !style.contains("rev") && !last.contains("rev")) =>
                {
                    *to = at;
                }
                _ => runs.push((at, at, style)),
            }
        }
        let runs: Vec<String> = runs
            .into_iter()
            .filter(|(_, _, style)| !style.is_empty())
            .map(|(from, to, style)| format!("{from}-{to} {style}"))
            .collect();
        if !runs.is_empty() {
            styles.push_str(&format!("{}: {}\n", row.y, runs.join(", ")));
        }
    }
    format!("{text}\n{styles}")
}

fn forbidden() -> Failure {
    let mut failure = Failure::new(FailureKind::Forbidden, "the role USER may not do this").hint("ask an ORG_ADMIN");
    failure.request_id = Some("req_f0rb1dden".to_owned());
    failure
}

fn stale(world: &mut World) {
    world.env.chance = 1.0;
    for _ in 0..6 {
        world.lose();
        world.pass(250);
    }
    world.pass(40_500);
    world.lose();
}

/// The world in which `keys` lead to a screen in a state.
fn state(name: &str, screen: &str, keys: &str, size: (u16, u16)) -> World {
    let mut world = match name {
        "loading" => {
            let mut world = World::new(session(), size);
            world.gateway = None;
            if screen != "pulse" {
                world.open();
            }
            world
        }
        "empty" => {
            let mut world = World::new(session(), size);
            world.gateway = Some(Gateway::Empty);
            world.open();
            for second in 1..30 {
                world.pass(1_000);
                world.event(entity::live::LiveEvent::Tick(support::quiet(second).into()));
            }
            world
        }
        "forbidden" => {
            let mut world = World::new(session(), size);
            world.gateway = Some(Gateway::Forbidding);
            if screen == "pulse" {
                let generation = world.model.link.generation();
                world.send(Msg::Stream(generation, StreamMsg::Ended(forbidden())));
            } else {
                world.open();
            }
            world
        }
        _ => World::busy(size),
    };
    world.press(keys);
    match name {
        "loading" => world.pass(2_400),
        "stale" => stale(&mut world),
        _ => {}
    }
    world
}

fn all_states(screen: &str, keys: &str, empty_keys: &str) {
    for size in SIZES {
        let mut text = String::new();
        for name in ["loading", "empty", "data", "stale", "forbidden"] {
            let here = matches!(name, "data" | "stale");
            let world = state(name, screen, if here { keys } else { empty_keys }, size);
            text.push_str(&format!("=== {name}\n{}\n", written(&world.buffer())));
        }
        insta::assert_snapshot!(format!("{screen}-{}x{}", size.0, size.1), text);
    }
}

#[test]
fn pulse_in_every_state_and_size() {
    all_states("pulse", "", "");
}

#[test]
fn tail_in_every_state_and_size() {
    all_states("tail", ":tail<enter>jj", ":tail<enter>");
}

#[test]
fn request_in_every_state_and_size() {
    all_states("request", ":tail<enter>jj<enter>", ":req_00000042<enter>");
}

#[test]
fn keys_in_every_state_and_size() {
    all_states("keys", ":keys<enter>sr", ":keys<enter>");
}

#[test]
fn budgets_in_every_state_and_size() {
    all_states("budgets", ":budgets<enter>j", ":budgets<enter>");
}

#[test]
fn quotas_in_every_state_and_size() {
    all_states("quotas", ":quotas<enter>sr", ":quotas<enter>");
}

#[test]
fn providers_in_every_state_and_size() {
    all_states("providers", ":providers<enter>", ":providers<enter>");
}

#[test]
fn other_screens_and_dialogs() {
    let pictures = [
        ("key", ":keys<enter>/support<enter><enter>"),
        ("limit", ":budgets<enter>j<enter>"),
        ("overlays", ":overlays<enter>j"),
        ("menu-limit", ":budgets<enter>x"),
        ("brake", ":keys<enter>xb"),
        ("contexts", ":ctx<enter>"),
        ("acts", ":keys<enter>xvy@"),
        ("log", ":log<enter>"),
        ("help", ":keys<enter>?"),
        ("palette", ":sup"),
        ("filter", ":tail<enter>/"),
        ("menu", ":keys<enter>x"),
        ("overlap", ":keys<enter>xr"),
        ("confirm-revoke", ":keys<enter>jxv"),
        ("confirm-rotate", ":keys<enter>jxr<enter>"),
        ("quit", "q"),
        ("refused", ":request-that-is-none<enter><esc>"),
    ];
    for (name, keys) in pictures {
        let mut world = World::busy((80, 24));
        world.press(keys);
        insta::assert_snapshot!(name, written(&world.buffer()));
    }
    let mut world = World::busy((80, 24));
    world.press(":overlays<enter>");
    world.press("x<enter>");
    insta::assert_snapshot!("confirm-end", written(&world.buffer()));
    world.press("<esc>:keys<enter>xb");
    world.press("<enter>");
    insta::assert_snapshot!("confirm-brake", written(&world.buffer()));
    let mut world = World::new(Session { protected: true, ..session() }, (80, 24));
    world.open();
    world.press(":keys<enter>xvloc");
    insta::assert_snapshot!("confirm-protected", written(&world.buffer()));
    world.press("al<enter>");
    world.press(":keys<enter>xr<enter>local<enter>");
    world.obey();
    insta::assert_snapshot!("secret", written(&world.buffer()));
}

#[test]
fn themes() {
    for theme in Theme::ALL {
        let mut world = World::busy((80, 24));
        world.model.theme = theme;
        world.press(":keys<enter>");
        insta::assert_snapshot!(format!("theme-{}", theme.word()), written(&world.buffer()));
    }
}

#[test]
fn smallest_and_too_small() {
    for size in [(60, 15), (59, 15), (40, 8), (12, 2)] {
        let world = World::busy(size);
        insta::assert_snapshot!(format!("small-{}x{}", size.0, size.1), written(&world.buffer()));
    }
}

#[test]
fn mono_can_be_read() {
    // Without colours, every state is still a glyph and a word, and the selection is still visible.
    let mut world = World::busy((120, 40));
    world.model.theme = Theme::Mono;
    world.press(":keys<enter>");
    let buffer = world.buffer();
    assert!(buffer.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    let text = world.text();
    for wanted in ["● active", "✖ revoked", "▲ expiring", "◆ rotating", "◌ unseen", "● live"] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert!(buffer.content().iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)));
    stale(&mut world);
    assert!(world.text().contains("◌ stale") && world.text().contains("last heard"), "{}", world.text());
}

#[test]
fn ascii_draws_nothing_else() {
    for keys in [
        "",
        ":budgets<enter>",
        ":budgets<enter><enter>",
        ":overlays<enter>",
        ":providers<enter>t",
        ":tail<enter>",
        ":tail<enter><enter>",
        ":ctx<enter>",
        ":log<enter>",
        "?",
        ":",
    ] {
        let mut world = World::busy((120, 40));
        world.model.ascii = true;
        world.press(keys);
        let text = world.text();
        let odd: String = text.chars().filter(|letter| !letter.is_ascii()).collect();
        assert_eq!(odd, "", "{keys}\n{text}");
    }
}

#[test]
fn exact_numbers_are_a_key_away() {
    let mut world = World::busy((120, 40));
    world.press(":tail<enter>");
    assert!(world.text().contains("1.24 s"), "{}", world.text());
    world.press("=");
    assert!(world.text().contains("1 240 500 µs") || world.text().contains("1 240 50"), "{}", world.text());
}
