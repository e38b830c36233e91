//! The real program in a real terminal (tmux), against a gateway that dies and comes back.
//!
//! Skipped, loudly, where there is no tmux.

#![allow(unreachable_pub, missing_docs, clippy::unwrap_used, reason = "a test binary")]

#[path = "terminal/demo.rs"]
mod demo;
#[path = "terminal/gateway.rs"]
mod gateway;
#[path = "support/mod.rs"]
mod support;
#[path = "terminal/tmux.rs"]
mod tmux;

use demo::Demo;
use gateway::Gateway;
use tmux::{Tmux, skip};

#[test]
fn it_watches_acts_and_survives_the_gateway() {
    if skip() {
        return;
    }
    let gateway = Gateway::start();
    let tmux = Tmux::start(100, 30);
    tmux.run(&gateway.url(), "");

    tmux.wait("● live");
    tmux.wait("support-bot");
    tmux.wait("requests/s");

    // The requests, one of them, and back.
    tmux.keys(&[":", "tail", "Enter"]);
    tmux.wait("pulse › tail");
    tmux.wait("● 200 ok");
    tmux.keys(&["Enter"]);
    tmux.wait("stages ·");
    tmux.wait("authenticate");
    tmux.keys(&["q"]);
    tmux.wait_gone("stages ·");

    // The gateway dies: what was there stays, dated; nothing can be changed.
    gateway.die();
    tmux.wait("◌ stale");
    tmux.wait("last heard");
    tmux.wait("● 200 ok");
    tmux.keys(&["x"]);
    tmux.wait("changes are disabled until it is back");
    tmux.keys(&["Escape"]);

    // It comes back: live again, and what was missed is told.
    gateway.rise();
    tmux.keys(&["R"]);
    tmux.wait("● live");
    tmux.wait("while away: 1 234 requests");

    // A key is rotated: the secret is shown, and gone when the dialog is.
    tmux.keys(&[":", "keys", "Enter"]);
    tmux.wait("● active");
    tmux.keys(&["/", "ci-nightly", "Enter"]);
    tmux.wait("1 match");
    tmux.keys(&["x", "r"]);
    tmux.wait("overlap: 1h");
    tmux.keys(&["Enter"]);
    tmux.wait("Rotate key ci-nightly of acme?");
    tmux.keys(&["y"]);
    tmux.wait(gateway::SECRET);
    tmux.keys(&["Escape"]);
    tmux.wait("Close? It cannot be shown again.");
    tmux.keys(&["Enter"]);
    tmux.wait_gone(gateway::SECRET);

    // And revoked; the acts tell both.
    tmux.keys(&["x", "v"]);
    tmux.wait("Revoke key ci-nightly of acme?");
    tmux.keys(&["y"]);
    tmux.wait("✖ revoked");
    tmux.keys(&["@"]);
    tmux.wait("odockctl key revoke ci-nightly");
    tmux.wait("odockctl key rotate ci-nightly --overlap 1h");
    assert_eq!(gateway.changes(), ["rotate ci-nightly 3600", "revoke ci-nightly"]);

    // Small, tiny and back.
    tmux.resize(40, 10);
    tmux.wait("60×15 needed");
    tmux.resize(60, 15);
    tmux.wait("odockctl key");
    tmux.resize(200, 60);
    tmux.wait("odockctl key revoke ci-nightly --url");

    tmux.keys(&["q", "q", "q", "q"]);
    tmux.wait("Quit?");
    tmux.keys(&["y"]);
    tmux.wait("exit=0");
    tmux.assert_restored();
}

#[test]
fn a_read_only_session_changes_nothing() {
    if skip() {
        return;
    }
    let gateway = Gateway::start();
    let tmux = Tmux::start(100, 30);
    tmux.run_with("NO_COLOR=1", &gateway.url(), "--read-only");
    tmux.wait("read-only");
    tmux.wait("● live");
    tmux.keys(&[":", "keys", "Enter"]);
    tmux.wait("● active");
    tmux.keys(&["x"]);
    tmux.wait("read-only: nothing can be changed");
    tmux.keys(&[":", "revoke", "Enter", "y", "Tab", "Enter"]);
    tmux.keys(&["C-c", "C-c"]);
    tmux.wait("exit=0");
    assert_eq!(gateway.changes(), Vec::<String>::new());
    assert!(!tmux.styled().contains("\u{1b}[3"), "mono has no colours");
}

#[test]
fn contexts_can_be_switched_and_a_protected_one_wants_its_name() {
    if skip() {
        return;
    }
    let (local, prod) = (Gateway::start(), Gateway::start());
    let config = format!(
        "current = \"local\"\n\
         [contexts.local]\nurl = \"{}\"\norganisation = \"acme\"\ncredential = \"env:ODOCK_TEST_TOKEN\"\n\
         [contexts.prod]\nurl = \"{}\"\norganisation = \"acme\"\ncredential = \"env:ODOCK_TEST_TOKEN\"\nprotected = true\n",
        local.url(),
        prod.url()
    );
    let tmux = Tmux::start(110, 30);
    tmux.run_configured(&config, "");
    tmux.wait(" local  acme  ● live");
    // Switching works although the gateway that we leave is gone.
    local.die();
    tmux.wait("◌ stale");
    tmux.keys(&[":", "ctx prod", "Enter"]);
    tmux.wait(" prod  acme  ● live  protected");
    tmux.keys(&[":", "keys", "Enter"]);
    tmux.wait("ci-nightly");
    tmux.keys(&["/", "ci-nightly", "Enter", "x", "v"]);
    tmux.wait("type its name (prod)");
    tmux.keys(&["y", "e", "s", "Enter"]);
    tmux.wait("context: yes");
    tmux.keys(&["C-u", "prod", "Enter"]);
    tmux.wait("✖ revoked");
    assert_eq!(prod.changes(), ["revoke ci-nightly"]);
    assert_eq!(local.changes(), Vec::<String>::new());
    tmux.allow_clipboard();
    tmux.keys(&["!"]);
    tmux.wait_clipboard("odockctl key revoke ci-nightly --context prod --organisation acme");
}

#[test]
fn it_starts_without_a_gateway_and_finds_it_later() {
    if skip() {
        return;
    }
    let gateway = Gateway::start();
    gateway.die();
    let tmux = Tmux::start(80, 24);
    tmux.run(&gateway.url(), "--ascii");
    tmux.wait("no gateway at");
    gateway.rise();
    tmux.keys(&["R"]);
    tmux.wait("* live");
}

#[test]
fn the_terminal_is_given_back_however_it_ends() {
    if skip() {
        return;
    }
    let gateway = Gateway::start();
    type End = (&'static str, fn(&Tmux), &'static str);
    let ends: [End; 5] = [
        ("q", |tmux| tmux.keys(&["q", "y"]), "exit=0"),
        ("ctrl-c twice", |tmux| tmux.keys(&["C-c", "C-c"]), "exit=0"),
        ("SIGTERM", |tmux| tmux.signal("TERM"), "exit=143"),
        ("SIGINT", |tmux| tmux.signal("INT"), "exit=130"),
        ("SIGHUP", |tmux| tmux.signal("HUP"), "exit=129"),
    ];
    let tmux = Tmux::start(80, 24);
    for (name, end, code) in ends {
        tmux.run(&gateway.url(), "");
        tmux.wait("● live");
        end(&tmux);
        tmux.wait(code);
        eprintln!("{name}: {code}");
        tmux.assert_restored();
    }
}

#[test]
fn a_panic_anywhere_gives_the_terminal_back_and_ends_it() {
    if skip() || cfg!(not(debug_assertions)) {
        return;
    }
    let gateway = Gateway::start();
    let tmux = Tmux::start(80, 24);
    for (place, code) in [("task", "exit=70"), ("main", "exit=101")] {
        tmux.run_with(&format!("ODOCK_TUI_TEST_PANIC={place}"), &gateway.url(), "");
        tmux.wait(code);
        tmux.wait("a panic was asked for");
        tmux.assert_restored();
    }
}

#[test]
fn suspending_gives_the_terminal_back_and_takes_it_again() {
    if skip() {
        return;
    }
    let gateway = Gateway::start();
    let tmux = Tmux::start(80, 24);
    for stop in [|tmux: &Tmux| tmux.keys(&["C-z"]), |tmux: &Tmux| tmux.signal("TSTP")] {
        tmux.run(&gateway.url(), "");
        tmux.wait("● live");
        stop(&tmux);
        tmux.wait("Stopped");
        tmux.assert_restored();
        tmux.type_line("fg");
        tmux.wait("● live");
        tmux.keys(&["C-c", "C-c"]);
        tmux.type_line("echo back=$?");
        tmux.wait("back=0");
        tmux.assert_restored();
    }
}

#[test]
fn the_real_gateways_budgets_are_watched_and_its_limits_braked() {
    if skip() {
        return;
    }
    let Some(demo) = Demo::start() else { return };
    let tmux = Tmux::start(120, 40);
    tmux.run(&demo.url(), &format!("--token-file {}", demo.token_file().display()));
    tmux.wait("● live");
    tmux.wait("budgets at risk");

    // A budget appears while we look, and the demo's traffic spends it.
    tmux.keys(&[":", "budgets", "Enter", "/", "name:=acme-of-a-day", "Enter"]);
    tmux.wait("match /name:=acme-of-a-day");
    demo.budget("acme-of-a-day", 5_000_000_000);
    tmux.wait("1 match");
    tmux.wait("<1 %");
    tmux.keys(&["Enter"]);
    tmux.wait("enforcement   hard");
    tmux.wait("midnight in   Europe/Paris");
    demo.lower("acme-of-a-day", "0.000001");
    tmux.wait("✖ spent");
    tmux.keys(&["q", "q"]);
    tmux.wait("✖ spent  acme-of-a-day");
    tmux.wait("budget_exceeded");

    // The refused request says by how much.
    tmux.keys(&[":", "tail", "Enter", "/", "status:402", "Enter"]);
    tmux.wait("▲ 402 denied");
    tmux.keys(&["Enter"]);
    tmux.wait("budgets and quotas");
    tmux.wait("✖ deny   acme-of-a-day  needed $");

    // A brake, as odockctl would set it, and its end.
    tmux.keys(&[":", "budgets", "Enter", "x", "b"]);
    tmux.wait("Brake organisation acme");
    tmux.keys(&["Enter"]);
    tmux.wait("multiplied by 0.2 for 1h");
    tmux.keys(&["y"]);
    tmux.wait("braked organisation acme");
    tmux.keys(&["@"]);
    tmux.wait("odockctl overlay set org --factor 0.2 --for 1h");
    tmux.wait("● done");
    tmux.keys(&[":", "overlays", "Enter"]);
    tmux.wait("▲ brake");
    tmux.keys(&["x", "Enter"]);
    tmux.wait("End overlay org of acme?");
    tmux.keys(&["y"]);
    tmux.wait("No limit is scaled.");
    tmux.keys(&["C-c", "C-c"]);
    tmux.wait("exit=0");
    tmux.assert_restored();
}

#[test]
fn the_real_gateway_dies_and_comes_back() {
    if skip() {
        return;
    }
    let Some(mut demo) = Demo::start() else { return };
    let tmux = Tmux::start(120, 40);
    tmux.run(&demo.url(), &format!("--token-file {}", demo.token_file().display()));
    tmux.wait("● live");
    tmux.wait("playground");
    tmux.wait("gateway overhead  p50");

    tmux.keys(&[":", "tail", "Enter"]);
    tmux.wait("● 200 ok");
    tmux.keys(&["/", "key:=playground", "Enter"]);
    tmux.wait("match /key:=playground");
    tmux.keys(&["Enter"]);
    tmux.wait("stages ·");
    tmux.wait("bill · $");

    tmux.keys(&["K"]);
    tmux.wait("never rotated");
    tmux.keys(&["x", "r"]);
    tmux.wait("overlap: 1h");
    tmux.keys(&["Enter"]);
    tmux.wait("Rotate key playground of acme?");
    tmux.keys(&["y"]);
    tmux.wait("only time that the new secret is shown");
    tmux.wait("sk-odock-");
    tmux.keys(&["Escape"]);
    tmux.wait("Close?");
    tmux.keys(&["Enter"]);
    tmux.wait("◆ rotating");
    tmux.wait("replaced sk-odock-");
    tmux.keys(&["x", "v"]);
    tmux.wait("Revoke key playground of acme?");
    tmux.keys(&["y"]);
    tmux.wait("✖ revoked");

    demo.kill();
    tmux.wait("◌ stale");
    tmux.wait("last heard");
    tmux.keys(&["x"]);
    tmux.wait("changes are disabled until it is back");
    demo.serve();
    tmux.keys(&["Escape", "R"]);
    tmux.wait("● live");
    // It remembers what was done before it was killed, and what it missed can be undone.
    tmux.keys(&["x"]);
    tmux.wait("Let the selected key work again");
    tmux.keys(&["u"]);
    tmux.wait("Unrevoke key playground of acme?");
    tmux.keys(&["y"]);
    tmux.wait("◆ rotating");
    tmux.keys(&["C-c", "C-c"]);
    tmux.wait("exit=0");
    tmux.assert_restored();
}
