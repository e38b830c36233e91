//! The one way in which anything changes.

use std::sync::Arc;
use std::time::Duration;

use entity::live::LiveEvent;

use crate::effects::{self, Effect, Load};
use crate::env::Env;
use crate::keys::Press;
use crate::model::{Model, Scope};
use crate::msg::{Level, Msg, StreamMsg};
use crate::screens::{self, ScreenId, limits, providers, pulse, tail};

mod loaded;
mod mutated;
mod perform;
mod subject;

pub use perform::perform;

/// A second press within so many milliseconds means it.
const QUIT_MS: u64 = 2_000;
/// Gaps closer together than this are fetched together.
const CATCH_UP_MS: u64 = 10_000;

/// Begins: the first connection, and the contexts, which the palette offers.
pub fn start(model: &mut Model, env: &Env) -> Vec<Effect> {
    model.env = env.clone();
    let mut out = vec![model.link.connect(env)];
    model.load(Load::Contexts, &mut out);
    effects::release(model, out)
}

/// Takes one message in and says what is to be done about it. Pure: no clock, no I/O, no randomness of its own.
pub fn update(model: &mut Model, msg: Msg, env: &Env) -> Vec<Effect> {
    model.env = env.clone();
    let mut out = Vec::new();
    match msg {
        Msg::Key(press) => key_pressed(model, press, &mut out),
        Msg::Paste(text) => {
            if let Some(overlay) = &mut model.overlay {
                overlay.paste(&text);
            }
        }
        Msg::Resize(columns, rows) => model.size = (columns, rows),
        Msg::Clock => {}
        Msg::Stream(generation, msg) if generation == model.link.generation() => stream(model, msg, &mut out),
        Msg::Loaded(epoch, load, result) if epoch == model.epoch => loaded::loaded(model, load, result),
        Msg::Stream(..) | Msg::Loaded(..) => {}
        Msg::Mutated(id, mutation, result) => mutated::mutated(model, id, &mutation, result, &mut out),
        Msg::Switched(Ok(session)) => {
            let name = session.context.clone().unwrap_or_else(|| session.url.clone());
            model.move_to(session);
            model.say(Level::Info, format!("now at {name}"));
            out.push(model.link.connect(env));
        }
        Msg::Switched(Err(failure)) => model.lament("the context cannot be used", &failure),
        Msg::Copied(Ok(what)) => model.say(Level::Info, format!("sent {what} to the terminal's clipboard")),
        Msg::Copied(Err(why)) => model.refuse(why),
        Msg::Log(line) => model.log(line),
    }
    clock(model, &mut out);
    limits::poll(model, &mut out);
    providers::poll(model, &mut out);
    model.touch();
    effects::release(model, out)
}

/// What only the passing of time makes due.
fn clock(model: &mut Model, out: &mut Vec<Effect>) {
    let env = model.env.clone();
    out.extend(model.link.due(&env));
    if model.notice.as_ref().is_some_and(|notice| notice.until <= env.mono) {
        model.notice = None;
    }
    if model.quit_armed.is_some_and(|until| until <= env.mono) {
        model.quit_armed = None;
    }
}

fn key_pressed(model: &mut Model, press: Press, out: &mut Vec<Effect>) {
    if press == Press::ctrl('c') {
        if model.quit_armed.take().is_some() {
            out.push(Effect::Quit);
        } else {
            model.quit_armed = Some(model.env.mono + QUIT_MS);
            model.say(Level::Info, "ctrl-c again to quit");
        }
        return;
    }
    if let Some(overlay) = model.overlay.take() {
        let stays = overlay.press(model, press, out);
        // A dialog that opened another one has put it in place itself.
        if model.overlay.is_none() {
            model.overlay = stays;
        }
        return;
    }
    if let Some(action) = crate::keys::action(model.screen().screen(), press) {
        perform(model, action, out);
    }
}

fn stream(model: &mut Model, msg: StreamMsg, out: &mut Vec<Effect>) {
    let env = model.env.clone();
    match msg {
        StreamMsg::Opened(scope) => opened(model, scope, out),
        StreamMsg::Event(event) => {
            model.link.heard(&env);
            match event {
                LiveEvent::Tick(tick) => {
                    model.live.tick(*tick, &env);
                    pulse::ranked(model);
                    screens::keys::paced(model);
                }
                LiveEvent::Request(record) => {
                    let record: Arc<_> = Arc::from(record);
                    let number = model.live.request(Arc::clone(&record), &env);
                    pulse::arrived(model, &record);
                    tail::arrived(model, number);
                }
                LiveEvent::Threshold(reached) => {
                    let amount = |value| crate::view::numbers::amount(model, reached.metric, value);
                    let (used, limit) = (amount(reached.used), amount(reached.limit));
                    let text = format!("{}: {used} of {limit}", screens::limits::reached(&reached));
                    let level = if reached.threshold >= 100 { Level::Warn } else { Level::Info };
                    model.note(level, text);
                    model.live.threshold = Some(*reached);
                }
                LiveEvent::Gap(gap) => {
                    model.live.gap(gap);
                    model.note(Level::Warn, "the stream skipped requests: more ended than could be sent");
                    catch_up(model, out);
                }
            }
        }
        StreamMsg::Ended(failure) => {
            let lost = model.link.is_open();
            if lost || model.link.failure() != Some(&failure) {
                model.note(Level::Warn, format!("the live stream: {}", failure.message));
            }
            model.link.failed(failure, &env);
        }
    }
}

/// The gateway is there, for the first time or again: everything that it alone knows is fetched.
fn opened(model: &mut Model, scope: Scope, out: &mut Vec<Effect>) {
    let env = model.env.clone();
    // By the gateway's clock where it has told it, for it is asked about its own time.
    let before = model.link.opened(&env).map(|at| model.live.ticks.at().unwrap_or(at));
    let in_organisation = matches!(scope, Scope::Organisation(_));
    model.scope = Some(scope);
    model.load(Load::WhoAmI, out);
    model.load(Load::Version, out);
    model.load(Load::Keys, out);
    if in_organisation {
        // Two seconds more, because what ended just before the loss may not have been told.
        model.load(Load::Recent(before.map(|at| at.minus(Duration::from_secs(2)))), out);
        if let Some(before) = before {
            model.load(Load::Summary(before), out);
        }
    }
    model.caught_up = Some(env.mono);
    if before.is_some() {
        model.note(Level::Info, "the gateway is back");
    }
    let current = model.screen();
    if !matches!(current, ScreenId::Keys) {
        current.screen().refresh(model, out);
    }
}

fn catch_up(model: &mut Model, out: &mut Vec<Effect>) {
    let mono = model.env.mono;
    let recently = model.caught_up.is_some_and(|at| mono.saturating_sub(at) < CATCH_UP_MS);
    if recently || !matches!(model.scope, Some(Scope::Organisation(_))) {
        return;
    }
    model.caught_up = Some(mono);
    let now = model.live.ticks.at().unwrap_or(model.env.now);
    let since = now.minus(Duration::from_millis(CATCH_UP_MS));
    model.load(Load::Recent(Some(since)), out);
}
