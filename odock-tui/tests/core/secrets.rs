//! A new secret is shown once, and leaves no trace.

use odock_tui::effects::Effect;
use odock_tui::model::Session;
use odock_tui::msg::{Failure, FailureKind, Msg};
use secrecy::ExposeSecret;

use crate::world::{SECRET, World, session};

fn rotated() -> World {
    let mut world = World::busy((100, 30));
    world.press(":keys<enter>xr<enter>y");
    world.obey();
    world
}

#[test]
fn it_is_shown_and_says_that_it_is_shown_once() {
    let world = rotated();
    assert!(world.text().contains(SECRET), "{}", world.text());
    assert!(world.text().contains("only time that the new secret is shown"), "{}", world.text());
}

#[test]
fn closing_it_needs_a_second_press_and_leaves_nothing() {
    let mut world = rotated();
    world.press("jk:q ");
    assert!(world.text().contains(SECRET), "stray keys do not close it");
    world.press("<esc><esc>");
    assert!(world.text().contains(SECRET), "the question can be declined");
    world.press("<esc><enter>");
    assert!(!world.text().contains(SECRET), "{}", world.text());
    assert!(!format!("{:?}", world.model).contains(SECRET), "nothing keeps it");
}

#[test]
fn it_is_in_no_debug_output_while_it_is_shown() {
    assert!(!format!("{:?}", rotated().model).contains(SECRET));
}

#[test]
fn copying_it_is_a_decision_of_its_own() {
    let mut world = rotated();
    world.press("C");
    assert!(world.text().contains("Other programs can read it"), "{}", world.text());
    assert!(!world.pending.iter().any(|effect| matches!(effect, Effect::Copy(_))));
    world.press("n");
    assert!(!world.pending.iter().any(|effect| matches!(effect, Effect::Copy(_))));
    world.press("Cy");
    let copied = world.pending.iter().find_map(|effect| match effect {
        Effect::Copy(copied) => Some(copied.text.expose_secret()),
        _ => None,
    });
    assert_eq!(copied, Some(SECRET));
    assert!(!format!("{:?}", world.pending).contains(SECRET));
}

#[test]
fn neither_the_acts_nor_the_log_hold_it() {
    let mut world = rotated();
    world.press("<esc><enter>@");
    assert!(world.text().contains("odockctl key rotate") && !world.text().contains(SECRET), "{}", world.text());
    world.press(":log<enter>");
    assert!(world.text().contains("rotated key") && !world.text().contains(SECRET), "{}", world.text());
}

#[test]
fn switching_the_context_does_not_lose_it() {
    let mut world = rotated();
    world.send(Msg::Switched(Ok(Session { context: Some("prod".to_owned()), ..session() })));
    assert!(world.text().contains(SECRET));
}

#[test]
fn a_rotation_without_an_answer_says_that_nobody_knows() {
    let mut world = World::busy((100, 30));
    world.press(":keys<enter>xr<enter>y");
    let (id, mutation) = world
        .pending
        .iter()
        .find_map(|effect| match effect {
            Effect::Mutate(id, mutation) => Some((*id, mutation.clone())),
            _ => None,
        })
        .unwrap();
    world.send(Msg::Mutated(id, mutation, Err(Failure::new(FailureKind::Timeout, "no answer within 12 s"))));
    assert!(world.text().contains("may or may not have been done"), "{}", world.text());
    world.press("@");
    assert!(world.text().contains("▲ unknown"), "{}", world.text());
}
