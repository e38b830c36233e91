//! What is filtered, sorted, paused and selected, while everything moves.

use entity::health::BreakerStatus;
use entity::live::{LiveEvent, Tick};
use entity::vocab::BreakerState;
use odock_tui::live::requests::KEPT;
use odock_tui::screens::ScreenId;

use crate::support;
use crate::world::World;

#[test]
fn upstreams_that_rest_are_on_the_first_screen() {
    let mut world = World::busy((100, 30));
    assert!(!world.text().contains("rests until"));
    let resting = BreakerStatus {
        provider: "openai".into(),
        model: "support-fast".into(),
        state: BreakerState::Open,
        failures: 5,
        resting_until: Some(support::after(90)),
        last_error: Some("5xx".into()),
    };
    world.event(LiveEvent::Tick(Tick { breakers: vec![resting], ..support::quiet(71) }.into()));
    let text = world.text();
    assert!(text.contains("support-fast at openai rests until") && text.contains("(5xx)"), "{text}");
    world.event(LiveEvent::Tick(support::quiet(72).into()));
    assert!(!world.text().contains("rests until"));
}

fn selected(world: &World) -> String {
    world.model.screen().screen().subject(&world.model).map(|subject| subject.id).unwrap_or_default()
}

fn table(world: &World) -> Vec<String> {
    world
        .text()
        .lines()
        .skip(3)
        .take(6)
        .map(|line| line.split_whitespace().next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn the_tail_follows_until_something_is_selected() {
    let mut world = World::busy((100, 30));
    world.press(":tail<enter>");
    assert_eq!(selected(&world), "req_00000070");
    world.traffic(1);
    assert_eq!(selected(&world), "req_00000071");
    world.press("jj");
    assert_eq!(selected(&world), "req_00000069");
    let picture = table(&world);
    world.traffic(3);
    assert_eq!(selected(&world), "req_00000069");
    assert_eq!(table(&world), picture, "the view stands still under a selection");
    world.press("g");
    assert_eq!(selected(&world), "req_00000074");
}

#[test]
fn a_pause_holds_the_display_and_counts_what_waits() {
    let mut world = World::busy((100, 30));
    world.press(":tail<enter> ");
    world.traffic(5);
    assert_eq!(selected(&world), "req_00000070");
    assert!(world.text().contains("PAUSED 5 s, 5 new"), "{}", world.text());
    world.press(" ");
    assert_eq!(selected(&world), "req_00000075");
}

#[test]
fn filtering_is_incremental_and_exact() {
    let mut world = World::busy((100, 30));
    world.press(":tail<enter>/key:=ci-nightly !status:200<enter>");
    let matching = |world: &World| {
        let wanted =
            world.model.live.requests.iter().filter(|(_, r)| r.api_key == "ci-nightly" && r.status != 200).count();
        format!("{wanted} match /key:=ci-nightly !status:200")
    };
    assert!(world.text().contains(&matching(&world)), "{}", world.text());
    world.traffic(40);
    assert!(world.text().contains(&matching(&world)), "{}", world.text());
    world.press("/<ctrl-u>nothing-like-it<enter>");
    assert!(world.text().contains("passes the filter"), "{}", world.text());
    world.press("<esc>");
    assert!(!world.text().contains("match"), "{}", world.text());
}

#[test]
fn undoing_a_filter_restores_the_one_before() {
    let mut world = World::busy((100, 30));
    world.press(":tail<enter>/team:support<enter>/<ctrl-u>zzz<esc>");
    assert!(world.text().contains("match /team:support"), "{}", world.text());
}

#[test]
fn the_ring_of_requests_is_bounded_and_the_projection_follows() {
    let mut world = World::busy((100, 30));
    world.press(":tail<enter> ");
    for number in 0..KEPT as u64 + 500 {
        world.request(support::record(10_000 + number, support::after(80)));
    }
    assert_eq!(world.model.live.requests.len(), KEPT);
    assert!(world.text().contains("made room for newer requests"), "{}", world.text());
    world.press(" ");
    assert_eq!(selected(&world), format!("req_{:08}", 10_000 + KEPT as u64 + 499));
    world.press("G");
    assert_eq!(selected(&world), "req_00010500");
}

#[test]
fn keys_are_sorted_by_two_criteria_and_the_selection_stays_with_its_key() {
    let mut world = World::busy((160, 30));
    world.press(":keys<enter>");
    assert_eq!(table(&world), ["ana-laptop", "ci-nightly", "old-batch", "search-index", "support-bot", "trial"]);
    world.press("j");
    let chosen = selected(&world);
    world.press("ss");
    assert!(world.text().contains("status▴1") && world.text().contains("name▴2"), "{}", world.text());
    assert_eq!(table(&world)[0], "old-batch");
    assert_eq!(selected(&world), chosen);
    world.press("S");
    assert_eq!(table(&world)[0], "ci-nightly");
    world.press("sr");
    assert!(world.text().contains("req/min▾1"), "{}", world.text());
    world.traffic(3);
    assert_eq!(selected(&world), chosen);
}

#[test]
fn keys_can_be_filtered_by_what_they_are() {
    let mut world = World::busy((160, 30));
    world.press(":keys<enter>/status:revoked<enter>");
    assert!(world.text().contains("1 match"), "{}", world.text());
    assert_eq!(table(&world)[0], "old-batch");
    world.press("/<ctrl-u>model:embed !team:platform<enter>");
    assert!(world.text().contains("2 match"), "{}", world.text());
}

#[test]
fn live_figures_of_keys_fade_after_a_minute() {
    let mut world = World::busy((160, 30));
    world.press(":keys<enter>");
    let line = |world: &World| world.text().lines().find(|line| line.starts_with("ci-nightly")).unwrap().to_owned();
    assert!(line(&world).contains("15"), "{}", line(&world));
    for second in 71..=135 {
        world.pass(1_000);
        world.event(entity::live::LiveEvent::Tick(support::quiet(second).into()));
    }
    let line = line(&world);
    assert_eq!(line.matches('·').count(), 2, "{line}");
}

#[test]
fn the_overview_jumps_to_what_is_selected() {
    let mut world = World::busy((120, 40));
    world.press("j<enter>");
    assert_eq!(world.model.screen(), ScreenId::Key);
    assert!(world.text().contains("ci-nightly"), "{}", world.text());
    world.press("<esc><esc><tab><enter>");
    assert_eq!(world.model.screen(), ScreenId::Tail);
    assert!(world.text().contains("/model:=support-fast"), "{}", world.text());
    world.press("<esc><esc><tab><tab>j<enter>");
    assert_eq!(world.model.screen(), ScreenId::Limit);
    assert!(world.text().contains("support-tokens  ▲ near"), "{}", world.text());
    world.press("<esc><tab><enter>");
    assert_eq!(world.model.screen(), ScreenId::Request);
}

#[test]
fn the_palette_finds_screens_keys_contexts_and_requests() {
    let mut world = World::busy((120, 40));
    for (typed, screen) in
        [("tail", ScreenId::Tail), (":keys", ScreenId::Keys), ("support-b", ScreenId::Key), ("lg", ScreenId::Log)]
    {
        world.press(&format!(":{typed}<enter>"));
        assert_eq!(world.model.screen(), screen, "{typed}");
    }
    world.press(":req_00000042-elsewhere<enter>");
    assert_eq!(world.model.screen(), ScreenId::Request);
    world.press(":zzz<enter>");
    assert!(world.text().contains("there is no `zzz`"), "{}", world.text());
}
