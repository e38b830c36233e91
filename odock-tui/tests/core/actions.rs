//! The whole table of actions: what mutates cannot leave the core unless everything allows it.

use odock_tui::action::{Action, Danger};
use odock_tui::effects::{Change, Effect, Impact, Load, Mutation};
use odock_tui::model::Session;
use odock_tui::msg::{Answer, Msg};
use odock_tui::overlay::Overlay;
use odock_tui::screens::ScreenId;
use odock_tui::update::perform;

use crate::world::{World, session};

/// Brings the world to a screen with something selected.
fn at(screen: ScreenId, session: Session) -> World {
    let mut world = World::new(session, (120, 40));
    world.open();
    world.traffic(20);
    match screen {
        ScreenId::Pulse => {}
        ScreenId::Tail => world.press(":tail<enter>"),
        ScreenId::Request => world.press(":tail<enter><enter>"),
        ScreenId::Keys => world.press(":keys<enter>"),
        ScreenId::Key => world.press(":keys<enter><enter>"),
        ScreenId::Budgets => world.press(":budgets<enter>j"),
        ScreenId::Quotas => world.press(":quotas<enter>"),
        ScreenId::Limit => world.press(":budgets<enter>j<enter>"),
        ScreenId::Overlays => world.press(":overlays<enter>"),
        ScreenId::Providers => world.press(":providers<enter>"),
        ScreenId::Contexts => world.press(":ctx<enter>"),
        ScreenId::Acts => world.press("@"),
        ScreenId::Log => world.press(":log<enter>"),
    }
    assert_eq!(world.model.screen(), screen);
    world
}

/// Does an action and agrees to everything that is asked afterwards.
fn insist(world: &mut World, action: Action, typed: &str) {
    let mut effects = Vec::new();
    perform(&mut world.model, action, &mut effects);
    // What the action asks for passes the same way out as everything else.
    assert!(effects.iter().all(|effect| effect.impact() != Impact::Write), "{action:?} mutates without a question");
    world.pending.extend(effects);
    if matches!(world.model.overlay, Some(Overlay::Overlap(_) | Overlay::Brake(_))) {
        world.press("<enter>");
    }
    world.press(typed);
    world.press("<tab><enter>");
    world.press("<enter>y");
}

/// How the key changes that is asked to.
fn change(world: &World) -> Change {
    match world.mutations().remove(0) {
        Mutation::Key { change, .. } => change,
        other => panic!("{other:?}"),
    }
}

/// The screens on which a key, or something of a key, is selected.
const WITH_KEY: [ScreenId; 5] = [ScreenId::Pulse, ScreenId::Tail, ScreenId::Request, ScreenId::Keys, ScreenId::Key];

#[test]
fn no_action_mutates_in_a_read_only_session_whatever_is_answered() {
    for screen in ScreenId::ALL {
        for action in Action::ALL {
            let mut world = at(screen, Session { read_only: true, ..session() });
            insist(&mut world, *action, "local");
            assert_eq!(world.mutations(), [], "{action:?} on {screen:?}");
        }
    }
}

#[test]
fn a_mutating_action_says_that_the_session_is_read_only() {
    for action in Action::ALL.iter().filter(|action| action.danger() == Danger::Mutates) {
        let mut world = at(ScreenId::Keys, Session { read_only: true, ..session() });
        perform(&mut world.model, *action, &mut Vec::new());
        assert!(world.text().contains("read-only: nothing can be changed"), "{action:?}\n{}", world.text());
    }
}

#[test]
fn every_mutating_action_works_where_it_may() {
    // Without this, the test above would pass with actions that never do anything.
    let of_keys = |action: &&Action| action.danger() == Danger::Mutates && **action != Action::EndOverlay;
    let on_keys =
        WITH_KEY.into_iter().flat_map(|screen| Action::ALL.iter().filter(of_keys).map(move |act| (screen, act)));
    let on_limits = [ScreenId::Budgets, ScreenId::Quotas, ScreenId::Limit].map(|screen| (screen, &Action::Brake));
    let on_overlays = [(ScreenId::Overlays, &Action::EndOverlay)];
    for (screen, action) in on_keys.chain(on_limits).chain(on_overlays) {
        let mut world = at(screen, session());
        insist(&mut world, *action, "");
        assert_eq!(world.mutations().len(), 1, "{action:?} on {screen:?}\n{}", world.text());
    }
}

#[test]
fn no_safe_action_mutates() {
    for screen in ScreenId::ALL {
        for action in Action::ALL.iter().filter(|action| action.danger() == Danger::Safe) {
            // The menu of dangerous acts is safe in itself; insisting on it picks an act from it.
            if *action == Action::Danger {
                continue;
            }
            let mut world = at(screen, session());
            let mut effects = Vec::new();
            perform(&mut world.model, *action, &mut effects);
            assert!(effects.iter().all(|effect| effect.impact() != Impact::Write), "{action:?}");
        }
    }
}

#[test]
fn a_question_that_was_open_when_the_gateway_left_does_not_mutate() {
    let mut world = at(ScreenId::Keys, session());
    world.press("xv");
    world.lose();
    world.press("y");
    assert_eq!(world.mutations(), []);
    assert!(world.text().contains("changes are disabled until it is back"), "{}", world.text());
}

#[test]
fn a_question_that_was_open_when_the_session_became_read_only_does_not_mutate() {
    let mut world = at(ScreenId::Keys, session());
    world.press("xv");
    world.model.session.read_only = true;
    world.press("y");
    assert_eq!(world.mutations(), []);
}

#[test]
fn a_token_that_may_only_read_makes_the_session_read_only() {
    let mut world = at(ScreenId::Keys, session());
    let mut who = crate::support::whoami();
    who.token.scopes.pop();
    world.send(Msg::Loaded(0, Load::WhoAmI, Ok(Answer::WhoAmI(Box::new(who)))));
    world.press("x");
    assert!(world.text().contains("this token may only read"), "{}", world.text());
    world.press("vy");
    assert_eq!(world.mutations(), []);
}

#[test]
fn enter_alone_never_confirms() {
    let mut world = at(ScreenId::Keys, session());
    world.press("xv<enter>");
    assert_eq!(world.mutations(), []);
    assert!(world.model.overlay.is_none());
}

#[test]
fn the_question_names_object_and_consequence() {
    let mut world = at(ScreenId::Keys, session());
    world.press("xv");
    let text = world.text();
    for wanted in
        ["Revoke key ana-laptop of acme?", "is refused from now on", "request", "in the last minute", "[ Cancel ]"]
    {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
}

#[test]
fn a_protected_context_wants_its_name() {
    let protected = || at(ScreenId::Keys, Session { protected: true, ..session() });
    for wrong in ["", "loca", "local2", "Local", "ana-laptop"] {
        let mut world = protected();
        world.press("xv");
        world.press(wrong);
        world.press("<enter><tab><enter>y<enter>");
        assert_eq!(world.mutations(), [], "{wrong}");
    }
    let mut world = protected();
    world.press("xvlocal<enter>");
    assert_eq!(world.mutations().len(), 1);
}

#[test]
fn a_rotation_asks_for_its_overlap() {
    let mut world = at(ScreenId::Keys, session());
    world.press("xr<ctrl-u>soon<enter>");
    assert!(world.text().contains("write a length of time"), "{}", world.text());
    world.press("<ctrl-u>31d<enter>");
    assert!(world.text().contains("30d is the longest"), "{}", world.text());
    world.press("<ctrl-u>90m<enter>");
    assert!(world.text().contains("works for another 90m, until 2026-03-14 10:57"), "{}", world.text());
    world.press("y");
    assert_eq!(change(&world), Change::Rotate { overlap_seconds: 5_400 });
}

#[test]
fn what_was_done_is_told_as_an_odockctl_line() {
    let mut world = at(ScreenId::Keys, session());
    world.press("xvy");
    world.obey();
    world.press("@");
    let line = "odockctl key revoke ana-laptop --context local --organisation acme";
    assert!(world.text().contains(line), "{}", world.text());
    assert!(world.text().contains("● done"), "{}", world.text());
    world.press("!");
    let copied = world.pending.iter().find_map(|effect| match effect {
        Effect::Copy(copied) => Some(secrecy::ExposeSecret::expose_secret(&copied.text).to_owned()),
        _ => None,
    });
    assert_eq!(copied.as_deref(), Some(line));
}

#[test]
fn the_menu_offers_what_the_state_allows() {
    let mut world = at(ScreenId::Keys, session());
    world.press("/old-batch<enter>x");
    let text = world.text();
    assert!(text.contains("Let the selected key work again") && !text.contains("Refuse the selected key"), "{text}");
    world.press("uy");
    assert_eq!(change(&world), Change::Unrevoke);
}

#[test]
fn quitting_takes_two_presses() {
    let mut world = at(ScreenId::Keys, session());
    world.press("<ctrl-c>");
    world.pass(2_500);
    world.press("<ctrl-c>");
    assert!(!world.pending.iter().any(|effect| matches!(effect, Effect::Quit)));
    world.press("<ctrl-c>");
    assert!(world.pending.iter().any(|effect| matches!(effect, Effect::Quit)));
    let mut world = at(ScreenId::Keys, session());
    world.press("q");
    assert_eq!(world.model.screen(), ScreenId::Pulse);
    world.press("q");
    assert!(world.text().contains("Quit?"), "{}", world.text());
    world.press("q");
    assert!(world.pending.iter().any(|effect| matches!(effect, Effect::Quit)));
}
