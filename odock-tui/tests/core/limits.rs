//! Budgets and quotas: when they are fetched, what is found among them, and what can be done on their account.

use entity::live::{LiveEvent, Threshold};
use entity::policy::Factor;
use entity::vocab::{LimitKind, Metric, ScopeType};
use odock_tui::effects::{Effect, Load, Mutation, ScopeRef};
use odock_tui::model::Scope;
use odock_tui::msg::{Answer, Failure, FailureKind, Level, Msg, StreamMsg};
use odock_tui::screens::ScreenId;
use secrecy::ExposeSecret;

use crate::support;
use crate::world::{Gateway, World, session};

/// A world at a screen in which nothing is on its way.
fn at(keys: &str) -> World {
    let mut world = World::busy((120, 40));
    world.press(keys);
    world.settle();
    let _ = world.asked_for_limits();
    world
}

fn table(world: &World) -> Vec<String> {
    let first = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
    world.text().lines().skip(3).map(first).take_while(|name| !name.is_empty()).collect()
}

fn answer(world: &mut World, result: Result<Answer, Failure>) {
    world.send(Msg::Loaded(0, Load::Limits, result));
}

fn copied(world: &World) -> Option<String> {
    world.pending.iter().find_map(|effect| match effect {
        Effect::Copy(copied) => Some(copied.text.expose_secret().to_owned()),
        _ => None,
    })
}

#[test]
fn windows_are_fetched_every_two_seconds_while_they_are_shown_and_never_otherwise() {
    for (keys, shown) in [
        ("", true),
        (":budgets<enter>", true),
        (":quotas<enter>", true),
        (":budgets<enter><enter>", true),
        (":keys<enter>", false),
        (":tail<enter>", false),
        ("@", false),
    ] {
        let mut world = at(keys);
        world.pass(1_900);
        assert_eq!(world.asked_for_limits(), 0, "{keys}: too soon");
        world.pass(200);
        assert_eq!(world.asked_for_limits(), usize::from(shown), "{keys}");
        // One question at a time, however long the answer takes.
        world.pass(5_000);
        assert_eq!(world.asked_for_limits(), 0, "{keys}: asked twice");
        if shown {
            assert!(world.model.wake() <= world.env.mono + 2_000);
        }
    }
}

#[test]
fn coming_back_to_them_fetches_what_is_old_at_once() {
    let mut world = at(":keys<enter>");
    world.pass(10_000);
    assert_eq!(world.asked_for_limits(), 0);
    world.send(Msg::Key(odock_tui::keys::Press::plain(odock_tui::keys::Key::Esc)));
    assert_eq!(world.model.screen(), ScreenId::Pulse);
    assert_eq!(world.asked_for_limits(), 1);
}

#[test]
fn a_refusal_is_not_repeated_every_two_seconds_and_said_once() {
    let mut world = at(":budgets<enter>");
    world.pass(2_100);
    let said = |world: &World| world.model.log.iter().filter(|line| line.level == Level::Warn).count();
    let before = said(&world);
    let failure = || Failure::new(FailureKind::Timeout, "no answer within 12 s");
    answer(&mut world, Err(failure()));
    assert!(world.text().contains("old: no answer within 12 s"), "what was there stays\n{}", world.text());
    assert!(world.text().contains("support-monthly"));
    let _ = world.asked_for_limits();
    world.pass(9_000);
    assert_eq!(world.asked_for_limits(), 0);
    world.pass(1_100);
    assert_eq!(world.asked_for_limits(), 1);
    answer(&mut world, Err(failure()));
    assert_eq!(said(&world), before + 1);
    world.press("<esc>");
    assert!(world.text().contains("budgets at risk · 4 of 7 · ▲"), "{}", world.text());
}

#[test]
fn a_token_that_may_not_see_budgets_still_has_an_overview() {
    let mut world = World::new(session(), (80, 24));
    world.gateway = Some(Gateway::Forbidding);
    world.open();
    world.traffic(3);
    world.settle();
    assert!(world.text().contains("✖ forbidden: this token may not see budgets"), "{}", world.text());
    assert!(world.text().contains("refused and failed"), "{}", world.text());
    let _ = world.asked_for_limits();
    world.pass(30_000);
    assert_eq!(world.asked_for_limits(), 0);
}

#[test]
fn nothing_is_asked_while_the_gateway_is_away() {
    let mut world = at(":budgets<enter>");
    world.lose();
    world.pass(20_000);
    assert_eq!(world.asked_for_limits(), 0);
}

#[test]
fn they_are_sorted_filtered_and_selected_by_name() {
    let mut world = at(":budgets<enter>");
    assert_eq!(
        table(&world),
        ["batch-daily", "support-monthly", "platform-daily", "acme-yearly", "trial", "ana-trial"]
    );
    world.press("j");
    world.press("sn");
    assert_eq!(table(&world)[0], "acme-yearly");
    let subject = world.model.screen().screen().subject(&world.model).unwrap();
    assert_eq!(subject.what, "budget support-monthly", "the selection stays with its budget");
    world.press("sr");
    assert_eq!(table(&world)[..3], ["batch-daily", "platform-daily", "support-monthly"]);
    world.press("/state:near<enter>");
    assert_eq!(table(&world), ["support-monthly"]);
    assert!(world.text().contains("1 match"), "{}", world.text());
    world.press("/<ctrl-u>owner:key !state:off<enter>");
    assert_eq!(table(&world), ["batch-daily"]);
    world.press(":quotas<enter>");
    assert_eq!(table(&world), ["support-tokens", "support-latency", "ci-requests"]);
}

#[test]
fn exact_amounts_and_times_are_a_key_away() {
    let mut world = at(":budgets<enter>j");
    assert!(world.text().contains("$412 ") && world.text().contains("in 6 h"), "{}", world.text());
    world.press("<enter>=");
    for wanted in ["$412.305", "2026-03-14 16:26", "of which $50 rolled over", "in Europe/Paris"] {
        assert!(world.text().contains(wanted), "{wanted}\n{}", world.text());
    }
}

#[test]
fn a_window_is_shown_where_the_viewer_is_and_where_its_owner_is() {
    let mut world = at(":budgets<enter>j<enter>");
    let text = world.text();
    assert!(text.contains("2026-02-28 23:00 – 2026-03-31 22:00"), "{text}");
    assert!(text.contains("2026-03-01 00:00 – 2026-04-01 00:00 in Europe/Paris"), "{text}");
    world.press("t");
    assert!(
        world.text().contains("match /team:=support") || world.text().contains("match /team:support"),
        "{}",
        world.text()
    );
}

#[test]
fn a_budget_that_is_gone_says_so() {
    let mut world = at(":budgets<enter>j<enter>");
    let mut statuses = support::limits::statuses();
    statuses.retain(|status| status.name != "support-monthly");
    answer(&mut world, Ok(Answer::Limits(statuses)));
    assert!(world.text().contains("There is no budget support-monthly any more."), "{}", world.text());
    world.press("x");
    assert_eq!(world.mutations(), []);
}

#[test]
fn the_whole_resource_is_copied_as_yaml_and_its_id_by_itself() {
    let mut world = at(":budgets<enter>j");
    world.press("y");
    let yaml = copied(&world).unwrap();
    assert!(yaml.contains("timezone: Europe/Paris") && yaml.contains("name: support-monthly"), "{yaml}");
    world.pending.clear();
    world.press("C");
    assert_eq!(copied(&world), Some(support::limits::budget().id.to_string()));
}

#[test]
fn the_palette_finds_a_budget_by_name() {
    let mut world = at("");
    world.press(":platform-d<enter>");
    assert_eq!(world.model.screen(), ScreenId::Limit);
    assert!(world.text().contains("platform-daily  ▲ fast"), "{}", world.text());
}

fn brake(scope: ScopeRef, thousandths: u32, seconds: u32, reason: Option<&str>) -> Mutation {
    let factor = Factor::from_thousandths(thousandths).unwrap();
    Mutation::Overlay { scope, factor, seconds, reason: reason.map(str::to_owned) }
}

#[test]
fn a_brake_asks_for_factor_time_and_reason_and_names_what_follows() {
    let mut world = at(":keys<enter>");
    world.press("xb<ctrl-u>1001<enter>");
    assert!(world.text().contains("write a factor from 0 to 1000"), "{}", world.text());
    world.press("<ctrl-u>0.25<tab><ctrl-u>0<enter>");
    assert!(world.text().contains("0 would end before it begins"), "{}", world.text());
    world.press("<ctrl-u>31d<enter>");
    assert!(world.text().contains("30d is the longest"), "{}", world.text());
    world.press("<ctrl-u>90m<tab>a loop<enter>");
    for wanted in [
        "Brake key ana-laptop of acme?",
        "multiplied by 0.25 for 90m, until 2026-03-14 10:58",
        "This key has no limits of its own",
        "It made 15 requests in the last minute",
        "It replaces overlay key-ana-laptop: factor 0.2 until",
    ] {
        let text = world.text().replace("│\n", "");
        let flat = text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(flat.contains(wanted), "{wanted}\n{}", world.text());
    }
    world.press("y");
    let key = ScopeRef::named("acme", ScopeType::ApiKey, "ana-laptop");
    assert_eq!(world.mutations(), [brake(key, 250, 5_400, Some("a loop"))]);
    world.obey();
    assert!(world.text().contains("braked key ana-laptop"), "{}", world.text());
    world.press("@");
    let line = "odockctl overlay set key/ana-laptop --factor 0.25 --for 90m --reason 'a loop' --context local";
    assert!(world.text().contains(line), "{}", world.text());
}

#[test]
fn teams_models_and_owners_of_budgets_can_be_braked() {
    let cases = [
        ("<tab>", ScopeType::Model, "support-fast"),
        ("<tab><tab>", ScopeType::Team, "support"),
        (":budgets<enter>", ScopeType::ApiKey, "old-batch"),
        (":budgets<enter>j", ScopeType::Team, "support"),
    ];
    for (keys, kind, name) in cases {
        let mut world = at(keys);
        world.press("xb<enter>y");
        assert_eq!(world.mutations(), [brake(ScopeRef::named("acme", kind, name), 200, 3_600, None)], "{keys}");
    }
    let mut world = at(":budgets<enter>G");
    world.press("x");
    assert!(
        world.text().contains("there is nothing to do to budget ana-trial"),
        "a user has no limits\n{}",
        world.text()
    );
}

#[test]
fn a_brake_is_followed_by_fresh_windows_and_overlays() {
    let mut world = at("<tab>");
    world.press("xb<enter>y");
    world.gateway = None;
    let _ = world.asked_for_limits();
    world.obey();
    assert_eq!(world.asked_for_limits(), 1);
    assert!(world.pending.iter().any(|effect| matches!(effect, Effect::Load(_, Load::Overlays))));
}

#[test]
fn a_brake_without_an_answer_says_where_to_look() {
    let mut world = at("<tab>");
    world.press("xb<enter>y");
    let Some(Effect::Mutate(id, mutation)) =
        world.pending.iter().position(|effect| matches!(effect, Effect::Mutate(..))).map(|at| world.pending.remove(at))
    else {
        panic!("no change left the core");
    };
    world.send(Msg::Mutated(id, mutation, Err(Failure::new(FailureKind::Timeout, "no answer within 12 s"))));
    assert!(world.text().contains("may or may not have been done; look at :over"), "{}", world.text());
}

#[test]
fn an_overlay_ends_after_a_question_that_names_it() {
    let mut world = at(":overlays<enter>");
    world.press("x<enter>");
    for wanted in ["End overlay key-ana-laptop of acme?", "what they were before", "[ Cancel ]"] {
        assert!(world.text().contains(wanted), "{wanted}\n{}", world.text());
    }
    world.press("y");
    let end = Mutation::EndOverlay { organisation: "acme".to_owned(), name: "key-ana-laptop".to_owned() };
    assert_eq!(world.mutations(), [end]);
}

#[test]
fn a_request_that_a_budget_refused_says_by_how_much() {
    let mut world = at("");
    let record = support::over_budget(500, support::after(71));
    world.request(record);
    world.press(":req_over_budget<enter>");
    insta::assert_snapshot!("request-refused", world.text());
}

#[test]
fn a_replayed_request_names_the_first_and_a_cut_one_its_length() {
    let mut world = at("");
    let mut record = support::record(501, support::after(71));
    record.request_id = "req_again".to_owned();
    record.metadata.replay_of = Some("req_first".to_owned());
    record.metadata.clamped_to = Some(1_200);
    world.request(record);
    world.press(":req_again<enter>");
    for wanted in ["replay of       req_first", "answer cut      to 1 200 tokens by a hard budget"] {
        assert!(world.text().contains(wanted), "{wanted}\n{}", world.text());
    }
}

#[test]
fn a_brake_says_which_other_overlays_scale_the_same() {
    let mut world = at("");
    let mut overlays = support::limits::overlays();
    overlays[0].name = "incident-7".to_owned();
    world.press(":overlays<enter>");
    world.press(":keys<enter>xb");
    world.send(Msg::Loaded(0, Load::Overlays, Ok(Answer::Overlays(overlays))));
    world.press("<enter>");
    assert!(world.text().contains("Overlay incident-7 scales it too, by 0.2."), "{}", world.text());
    assert!(!world.text().contains("It replaces"), "{}", world.text());
}

#[test]
fn across_organisations_there_is_nothing_to_ask_and_the_screens_say_so() {
    let mut world = World::new(session(), (80, 24));
    let generation = world.model.link.generation();
    world.send(Msg::Stream(generation, StreamMsg::Opened(Scope::Everything)));
    world.settle();
    world.traffic(2);
    world.settle();
    assert!(world.text().contains("shown for one organisation"), "{}", world.text());
    for (keys, what) in [(":budgets<enter>", "budgets"), (":quotas<enter>", "quotas"), (":overlays<enter>", "overlays")]
    {
        world.press(keys);
        assert!(world.text().contains(&format!("The {what} of one organisation can be shown")), "{}", world.text());
    }
    world.pass(5_000);
    assert_eq!(world.asked_for_limits(), 0);
    let warnings = world.model.log.iter().filter(|line| line.level != Level::Info).count();
    assert_eq!(warnings, 0, "{:?}", world.model.log);
}

#[test]
fn a_threshold_that_was_reached_stands_above_the_budgets_and_in_the_log() {
    let mut world = World::busy((160, 50));
    let reached = Threshold {
        at: support::after(70),
        organisation_id: entity::OrganisationId::new(),
        kind: LimitKind::Budget,
        name: "search-monthly".to_owned(),
        metric: Metric::Cost,
        threshold: 80,
        used: 41_000_000_000,
        limit: 50_000_000_000,
        ends_at: support::after(86_400),
    };
    world.event(LiveEvent::Threshold(Box::new(reached.clone())));
    world.press(":pulse<enter>");
    assert!(world.text().contains("budget search-monthly has reached 80 % at "), "{}", world.text());
    let line = world.model.log.back().unwrap();
    assert_eq!(line.level, Level::Info);
    assert!(line.text.contains("$41") && line.text.contains("of $50"), "{}", line.text);
    world.event(LiveEvent::Threshold(Box::new(Threshold { threshold: 100, ..reached })));
    assert_eq!(world.model.log.back().unwrap().level, Level::Warn);
}
