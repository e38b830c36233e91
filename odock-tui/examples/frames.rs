//! What a picture and a message cost, at 200×60 with 10 000 keys and 10 000 requests: `cargo run --release --example frames`.

#![allow(unreachable_pub, missing_docs, clippy::unwrap_used, reason = "a measurement")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use entity::live::LiveEvent;
use jiff::tz::TimeZone;
use odock_tui::effects::Load;
use odock_tui::env::Env;
use odock_tui::keys::{Key, Press};
use odock_tui::model::{Model, Scope, Session};
use odock_tui::msg::{Answer, Msg, StreamMsg};
use odock_tui::theme::Theme;
use odock_tui::update::{start, update};
use odock_tui::view::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use uuid::Uuid;

const MANY: usize = 10_000;

fn main() {
    let session = Session { url: "http://127.0.0.1:8080".to_owned(), ..Session::default() };
    let mut model = Model::new(session, Theme::Dark, false, (200, 60));
    let mut env = Env { now: support::BEGINNING, mono: 0, chance: 0.5, zone: TimeZone::UTC };
    let _ = start(&mut model, &env);
    let generation = model.link.generation();
    let mut tell = |model: &mut Model, msg: Msg, ms: u64| {
        env.mono += ms;
        env.now = env.now.plus(Duration::from_millis(ms));
        let begun = Instant::now();
        let _ = update(model, msg, &env);
        begun.elapsed()
    };
    tell(&mut model, Msg::Stream(generation, StreamMsg::Opened(Scope::Organisation("acme".to_owned()))), 1);
    let keys = (0..MANY).map(|number| {
        let mut key = support::keys().swap_remove(number % 6);
        key.id = Uuid::from_u128(number as u128 + 1);
        key.name = format!("{}-{number:05}", key.name);
        key
    });
    tell(&mut model, Msg::Loaded(0, Load::Keys, Ok(Answer::Keys(keys.collect()))), 1);

    let event = |event| Msg::Stream(generation, StreamMsg::Event(event));
    let mut requests = Vec::new();
    for number in 0..MANY as u64 {
        let mut record = support::record(number, support::after(1));
        record.api_key_id = entity::ApiKeyId(Uuid::from_u128(u128::from(number) % MANY as u128 + 1));
        requests.push(tell(&mut model, event(LiveEvent::Request(Box::new(record))), u64::from(number % 2 == 0)));
    }
    report("update: a request", requests);
    for screen in ["pulse", "tail", "keys"] {
        for letter in std::iter::once(':').chain(screen.chars()) {
            tell(&mut model, Msg::Key(Press::char(letter)), 1);
        }
        tell(&mut model, Msg::Key(Press::plain(Key::Enter)), 1);
        if screen == "keys" {
            for letter in ['s', 'r'] {
                tell(&mut model, Msg::Key(Press::char(letter)), 1);
            }
        }
        let mut ticks = Vec::new();
        let mut moves = Vec::new();
        let mut frames = Vec::new();
        let mut terminal = Terminal::new(TestBackend::new(200, 60)).unwrap();
        for second in 1..400 {
            ticks.push(tell(&mut model, event(LiveEvent::Tick(support::tick(second).into())), 10));
            moves.push(tell(&mut model, Msg::Key(Press::char('j')), 1));
            let begun = Instant::now();
            terminal.draw(|frame| view(&model, frame)).unwrap();
            frames.push(begun.elapsed());
        }
        report(&format!("update: a tick on :{screen}"), ticks);
        report(&format!("update: a key on :{screen}"), moves);
        report(&format!("view and diff of :{screen}"), frames);
    }
}

fn report(what: &str, mut spans: Vec<Duration>) {
    spans.sort();
    let at = |share: usize| spans[(spans.len() * share / 100).min(spans.len() - 1)];
    println!("{what:<28} p50 {:>10.1?}  p99 {:>10.1?}  max {:>10.1?}", at(50), at(99), spans[spans.len() - 1]);
}
