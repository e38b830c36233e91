//! Losing the gateway and getting it back, as a person sees it.

use entity::live::{Gap, LiveEvent};
use odock_tui::effects::{Effect, Load};
use odock_tui::model::{Scope, Session};
use odock_tui::msg::{Failure, FailureKind, Msg, StreamMsg};
use odock_tui::screens::ScreenId;

use crate::support;
use crate::world::{Gateway, World, session};

fn connects(world: &World) -> usize {
    world.pending.iter().filter(|effect| matches!(effect, Effect::Connect { .. })).count()
}

#[test]
fn data_is_dated_and_dimmed_when_the_gateway_leaves() {
    let mut world = World::busy((100, 30));
    let before = world.buffer();
    world.lose();
    world.pass(200);
    world.lose();
    world.env.chance = 1.0;
    for _ in 0..6 {
        world.lose();
    }
    world.pass(20_000);
    let text = world.text();
    assert!(text.contains("last heard 20 s ago"), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
    assert!(text.contains("R now"), "{text}");
    assert!(text.contains("support-bot"), "the data stays\n{text}");
    let after = world.buffer();
    let row = after.area.height / 2;
    let dim = |x: u16| after[(x, row)].modifier.contains(ratatui::style::Modifier::DIM);
    assert!((0..after.area.width).all(dim), "the body is dimmed");
    assert!(before.content() != after.content());
}

#[test]
fn attempts_are_made_until_it_is_back_and_never_two_at_once() {
    let mut world = World::busy((100, 30));
    world.pending.clear();
    world.env.chance = 1.0;
    world.lose();
    world.pass(499);
    assert_eq!(connects(&world), 0);
    world.pass(1);
    assert_eq!(connects(&world), 1);
    world.pass(3_000);
    assert_eq!(connects(&world), 1, "the attempt is still under way");
    world.lose();
    world.pass(1_000);
    assert_eq!(connects(&world), 2);
}

#[test]
fn r_connects_at_once() {
    let mut world = World::busy((100, 30));
    world.pending.clear();
    world.env.chance = 1.0;
    world.lose();
    world.press("R");
    assert_eq!(connects(&world), 1);
}

#[test]
fn coming_back_catches_up_and_the_chart_shows_a_break() {
    let mut world = World::busy((100, 30));
    let lost_at = world.env.now;
    world.lose();
    world.pass(500);
    world.pass(41_500);
    world.pending.clear();
    world.gateway = None;
    world.open();
    let loads: Vec<Load> = world
        .pending
        .iter()
        .filter_map(|effect| match effect {
            Effect::Load(_, load) => Some(load.clone()),
            _ => None,
        })
        .collect();
    assert!(loads.contains(&Load::Keys), "{loads:?}");
    assert!(loads.contains(&Load::Summary(lost_at)), "{loads:?}");
    assert!(
        matches!(loads.iter().find(|load| matches!(load, Load::Recent(_))), Some(Load::Recent(Some(at))) if *at < lost_at)
    );
    world.gateway = Some(Gateway::Full);
    world.settle();
    assert!(world.text().contains("while away: 1 234 requests, 3 errors, $0.42"), "{}", world.text());
    world.traffic(2);
    let breaks = world.model.live.ticks.seconds().filter(Option::is_none).count();
    assert_eq!(breaks, 42);
    assert!(world.text().contains('╎'), "{}", world.text());
    assert!(world.text().contains("● live"), "{}", world.text());
}

#[test]
fn missed_requests_take_their_place_and_the_selection_stays() {
    let mut world = World::busy((100, 30));
    world.press(":tail<enter>jjj");
    let selected = |world: &World| ScreenId::Tail.screen().subject(&world.model).map(|subject| subject.id);
    let before = selected(&world);
    let missed = (1_000..1_050).map(|number| support::record(number, support::after(30))).collect();
    let epoch = 0;
    world.send(Msg::Loaded(epoch, Load::Recent(None), Ok(odock_tui::msg::Answer::Recent(missed, false))));
    assert_eq!(selected(&world), before);
    assert_eq!(world.model.live.requests.len(), 70 + 5 + 50);
    let ended: Vec<i64> = world
        .model
        .live
        .requests
        .iter()
        .map(|(_, record)| record.at.0 + i64::try_from(record.latency_us).unwrap())
        .collect();
    assert!(ended.is_sorted());
}

#[test]
fn a_word_of_an_earlier_stream_is_ignored() {
    let mut world = World::busy((100, 30));
    let old = world.model.link.generation();
    world.lose();
    world.pass(1_000);
    world.open();
    world.send(Msg::Stream(old, StreamMsg::Ended(Failure::new(FailureKind::Ended, "late"))));
    assert!(world.model.link.is_open());
}

#[test]
fn a_gap_is_counted_and_fetched_but_not_for_every_gap() {
    let mut world = World::busy((100, 30));
    world.pending.clear();
    world.gateway = None;
    world.pass(11_000);
    for _ in 0..5 {
        world.event(LiveEvent::Gap(Gap { missed: Some(248) }));
    }
    let loads = world.pending.iter().filter(|effect| matches!(effect, Effect::Load(_, Load::Recent(Some(_))))).count();
    assert_eq!(loads, 1);
    world.press(":tail<enter>");
    assert!(world.text().contains("▲ 1 240 skipped"), "{}", world.text());
}

#[test]
fn silence_is_remarked_upon_before_it_is_a_loss() {
    let mut world = World::busy((100, 30));
    world.pass(4_000);
    assert!(world.text().contains("▲ lagging") && world.text().contains("nothing heard for 4 s"), "{}", world.text());
    world.event(LiveEvent::Tick(support::tick(75).into()));
    assert!(world.text().contains("● live"));
}

#[test]
fn the_screens_can_be_used_without_a_gateway() {
    let mut world = World::busy((100, 30));
    world.lose();
    world.press(":keys<enter>j<enter>");
    assert!(world.text().contains("ci-nightly"), "{}", world.text());
    world.press(":ctx<enter>j<enter>");
    assert!(world.pending.iter().any(|effect| matches!(effect, Effect::Switch(name) if name == "prod")));
}

#[test]
fn another_context_starts_afresh_and_ignores_what_was_under_way() {
    let mut world = World::busy((100, 30));
    world.gateway = None;
    world.press(":keys<enter>r");
    let old = world.pending.iter().find_map(|effect| match effect {
        Effect::Load(epoch, Load::Keys) => Some(*epoch),
        _ => None,
    });
    world.pending.clear();
    world.send(Msg::Switched(Ok(Session { context: Some("prod".to_owned()), protected: true, ..session() })));
    assert_eq!(connects(&world), 1);
    world.send(Msg::Loaded(old.unwrap(), Load::Keys, Ok(odock_tui::msg::Answer::Keys(support::keys()))));
    assert!(world.model.virtual_keys.value().is_none());
    assert!(world.model.live.requests.is_empty() && world.model.live.ticks.is_empty());
    assert!(world.text().contains("prod") && world.text().contains("protected"), "{}", world.text());
}

#[test]
fn a_super_admin_without_an_organisation_sees_all_of_them() {
    let mut world = World::new(Session { organisation: None, ..session() }, (100, 30));
    let generation = world.model.link.generation();
    world.send(Msg::Stream(generation, StreamMsg::Opened(Scope::Everything)));
    assert!(!world.pending.iter().any(|effect| matches!(effect, Effect::Load(_, Load::Recent(_) | Load::Summary(_)))));
    world.settle();
    assert!(world.text().contains("all organisations"), "{}", world.text());
}

#[test]
fn a_refused_token_says_what_to_do_and_is_looked_up_again() {
    let mut world = World::new(session(), (100, 30));
    let generation = world.model.link.generation();
    let failure = Failure::new(FailureKind::SignedOut, "the token has expired").hint("odockctl login");
    world.send(Msg::Stream(generation, StreamMsg::Ended(failure)));
    assert!(world.text().contains("not signed in") && world.text().contains("odockctl login"), "{}", world.text());
    world.pending.clear();
    world.press("R");
    assert!(matches!(world.pending[..], [Effect::Connect { renew_credential: true, .. }]));
}
