//! `:providers`: how the upstreams are doing, and trying one.

use entity::live::{LiveEvent, Tick};
use entity::vocab::BreakerState;
use odock_tui::effects::{Effect, Load};
use odock_tui::msg::{Failure, FailureKind, Msg};
use odock_tui::screens::ScreenId;

use crate::support::{self, providers};
use crate::world::World;

fn at(keys: &str) -> World {
    let mut world = World::busy((120, 40));
    world.press(":providers<enter>");
    world.press(keys);
    world
}

fn tick(world: &mut World, second: i64, state: BreakerState, resting: Option<i64>) {
    let breakers = vec![providers::breaker(state, resting)];
    world.event(LiveEvent::Tick(Tick { breakers, ..support::quiet(second) }.into()));
}

fn tests(world: &World) -> usize {
    world.pending.iter().filter(|effect| matches!(effect, Effect::Load(_, Load::Test(_)))).count()
}

#[test]
fn the_state_is_what_the_stream_says() {
    let mut world = at("");
    assert!(world.text().contains("5 providers · ✖ 1 cannot serve"), "{}", world.text());
    assert!(world.text().contains("✖ no key") && world.text().contains("◌ off"), "{}", world.text());
    for (second, state, resting, word) in [
        (71, BreakerState::Open, Some(1_000_000), "✖ rests"),
        (72, BreakerState::HalfOpen, None, "▲ probing"),
        (73, BreakerState::Closed, None, "▲ failing"),
    ] {
        tick(&mut world, second, state, resting);
        let text = world.text();
        let line = text.lines().find(|line| line.contains("anthropic  ")).unwrap();
        assert!(line.contains(word) && line.contains("5xx"), "{line}");
    }
    assert!(world.text().contains("support-large: closed, 5 failed in a row"), "{}", world.text());
}

#[test]
fn the_last_minute_tells_of_requests_and_failures() {
    let world = at("");
    let text = world.text();
    let openai = text.lines().find(|line| line.contains("openai  ")).unwrap();
    assert!(openai.contains("10 %") && openai.contains("1.50 s 502"), "{openai}");
    let local = text.lines().find(|line| line.contains("VLLM")).unwrap();
    assert!(local.contains('–'), "nothing is known of one without requests: {local}");
}

#[test]
fn a_provider_is_tried_once_at_a_time_and_what_came_of_it_is_shown() {
    let mut world = at("");
    world.gateway = None;
    world.press("tt");
    assert_eq!(tests(&world), 1);
    assert!(world.text().contains("◌ testing"), "{}", world.text());
    let refused = Failure::new(FailureKind::Forbidden, "the role USER may not do this");
    world.send(Msg::Loaded(0, Load::Test("anthropic".into()), Err(refused)));
    assert!(world.text().contains("could not be tested: the role USER may not do this"), "{}", world.text());
    let mut world = at("t");
    world.obey();
    assert!(world.text().contains("✖ tested"), "{}", world.text());
    assert!(world.text().contains("it refused the credential It said: invalid x-api-key"), "{}", world.text());
    world.press("jt");
    world.obey();
    assert!(world.text().contains("● tested") && world.text().contains("it lists 12 models"), "{}", world.text());
}

#[test]
fn enter_shows_a_providers_requests_and_a_filter_narrows_the_table() {
    let mut world = at("/openai<enter>");
    assert!(!world.text().contains("unkeyed"), "{}", world.text());
    world.press("<enter>");
    assert_eq!(world.model.screen(), ScreenId::Tail);
    assert!(world.text().contains("provider:=openai"), "{}", world.text());
}
