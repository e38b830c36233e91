//! Random keys, events, losses and sizes: no panic, no change while read-only, a picture at every step.

use entity::live::{Gap, LiveEvent};
use odock_tui::effects::Effect;
use odock_tui::keys::{Key, Press};
use odock_tui::model::Session;
use odock_tui::msg::Msg;

use crate::support;
use crate::world::{Gateway, World, session};

/// xorshift64: the same steps in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

const KEYS: &[Key] = &[
    Key::Enter,
    Key::Esc,
    Key::Tab,
    Key::BackTab,
    Key::Backspace,
    Key::Delete,
    Key::Up,
    Key::Down,
    Key::Left,
    Key::Right,
    Key::PageUp,
    Key::PageDown,
    Key::Home,
    Key::End,
];
const LETTERS: &[char] = &[
    'j', 'k', 'g', 'G', 'x', 'v', 'r', 'u', 'b', 'h', 'p', 'y', 'n', 'q', 's', 'S', 'd', 'z', 'm', 't', 'K', 'C', 'Y',
    '!', '@', '/', ':', '?', '=', 'T', 'R', ' ', 'e', 'c', 'l', 'o', 'a', '日', 'é', '~', '0',
];

fn step(world: &mut World, dice: &mut Dice) {
    match dice.roll(20) {
        0..=8 => {
            let letter = LETTERS[usize::try_from(dice.roll(LETTERS.len() as u64)).unwrap()];
            world.send(Msg::Key(Press::char(letter)));
        }
        9..=12 => {
            let key = KEYS[usize::try_from(dice.roll(KEYS.len() as u64)).unwrap()];
            world.send(Msg::Key(Press::plain(key)));
        }
        13 => {
            let (width, height) = (dice.roll(301), dice.roll(101));
            world.send(Msg::Resize(u16::try_from(width).unwrap(), u16::try_from(height).unwrap()));
        }
        14 => world.traffic(1),
        15 => world.request(support::record(dice.roll(100_000), support::after(0))),
        16 => world.event(LiveEvent::Gap(Gap { missed: (dice.roll(2) == 0).then_some(7) })),
        17 => {
            world.lose();
            let ms = dice.roll(40_000);
            world.pass(ms);
        }
        18 => {
            world.gateway = [Some(Gateway::Full), Some(Gateway::Empty), Some(Gateway::Forbidding), None]
                [usize::try_from(dice.roll(4)).unwrap()];
            world.open();
        }
        _ => world.send(Msg::Paste("pasted\n\u{1b}[2J text".to_owned())),
    }
    world.settle();
}

fn run(session: Session, seed: u64, steps: u32) -> World {
    let mut world = World::new(session, (80, 24));
    let mut dice = Dice(seed);
    for number in 0..steps {
        step(&mut world, &mut dice);
        if number % 3 == 0 {
            let _ = world.buffer();
        }
        if world.model.session.read_only {
            assert_eq!(world.mutations(), [], "seed {seed}, step {number}");
        } else if number % 50 == 0 {
            world.obey();
        }
        world.pending.retain(|effect| matches!(effect, Effect::Mutate(..)));
    }
    world
}

/// Steps of one walk; a long night may take more: `ODOCK_TUI_FUZZ_STEPS=200000`.
fn steps() -> u32 {
    std::env::var("ODOCK_TUI_FUZZ_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(600)
}

#[test]
fn nothing_that_happens_makes_it_panic() {
    for seed in 1..=4 {
        run(session(), seed * 7_919, steps());
    }
}

#[test]
fn nothing_that_happens_makes_a_read_only_session_write() {
    for seed in 1..=4 {
        let world = run(Session { read_only: true, ..session() }, seed * 104_729, steps());
        assert!(world.model.acts.is_empty());
    }
}

/// Sizes around every boundary of the layouts, and beyond.
const WIDTHS: [u16; 16] = [0, 1, 9, 30, 59, 60, 69, 70, 76, 99, 100, 119, 130, 160, 200, 300];
const HEIGHTS: [u16; 11] = [0, 1, 3, 14, 15, 18, 20, 29, 40, 50, 100];

fn every_size(world: &mut World) {
    for width in WIDTHS {
        for height in HEIGHTS {
            world.send(Msg::Resize(width, height));
            let _ = world.buffer();
        }
    }
    world.send(Msg::Resize(80, 24));
}

#[test]
fn every_screen_fits_every_size() {
    let mut world = World::busy((80, 24));
    let ways = [
        ("pulse", ":pulse<enter>"),
        ("tail", ":tail<enter>"),
        ("request", ":tail<enter><enter>"),
        ("keys", ":keys<enter>"),
        ("key", ":keys<enter><enter>"),
        ("budgets", ":budgets<enter>"),
        ("quotas", ":quotas<enter>"),
        ("limit", ":budgets<enter><enter>"),
        ("overlays", ":overlays<enter>"),
        ("providers", ":providers<enter>"),
        ("ctx", ":ctx<enter>"),
        ("acts", "@"),
        ("log", ":log<enter>"),
    ];
    for (name, keys) in ways {
        world.press("<esc><esc><esc>");
        world.press(keys);
        assert_eq!(world.model.screen().screen().name(), name);
        every_size(&mut world);
    }
}

#[test]
fn every_dialog_fits_every_size() {
    for keys in [
        "?",
        ":",
        ":tail<enter>/",
        ":keys<enter>x",
        ":keys<enter>xr",
        ":keys<enter>xr<enter>",
        ":keys<enter>xb",
        ":keys<enter>xb<enter>",
        "q",
    ] {
        let mut world = World::busy((80, 24));
        world.press(keys);
        every_size(&mut world);
        assert!(world.model.overlay.is_some(), "{keys}");
    }
}
