//! The loop: wait for something, tell the core, run its effects, draw if the picture is out of date.

use std::process::ExitCode;
use std::time::Duration;

use crossterm::event::EventStream;
use entity::Timestamp;
use futures_util::StreamExt as _;
use jiff::tz::TimeZone;
use odock_tui::effects::Effect;
use odock_tui::env::Env;
use odock_tui::model::Model;
use odock_tui::msg::Msg;
use odock_tui::theme::Theme;
use odock_tui::update::{start, update};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::args::{Args, ThemeChoice};
use super::input::Translator;
use super::runner::{Inner, Runner};
use super::target::Target;
use super::terminal::{Guard, on_panic};
use super::{background, clipboard, diagnostics};

/// The shortest time between two pictures: 30 a second.
const FRAME: Duration = Duration::from_millis(33);
/// What may wait for the core; more makes the stream wait.
const QUEUE: usize = 1_024;
/// What is taken in before the next picture at the most.
const BATCH: usize = 4_096;
/// The exit code after a panic.
const INTERNAL: u8 = 70;

struct Signals {
    term: Signal,
    hup: Signal,
    int: Signal,
    stop: Signal,
    cont: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            hup: signal(SignalKind::hangup())?,
            int: signal(SignalKind::interrupt())?,
            stop: signal(SignalKind::from_raw(signal_hook::consts::SIGTSTP))?,
            cont: signal(SignalKind::from_raw(signal_hook::consts::SIGCONT))?,
        })
    }
}

/// What the loop waits for.
enum Woken {
    Event(Option<std::io::Result<crossterm::event::Event>>),
    Inner(Inner),
    Ended(u8),
    Stop,
    Continued,
    Due,
}

/// Runs the dashboard until it ends, and says how it ended.
pub(crate) async fn run(args: Args, target: Target) -> anyhow::Result<ExitCode> {
    let panicked = on_panic();
    let mut signals = Signals::listen()?;
    let (to, mut from) = mpsc::channel(QUEUE);
    diagnostics::install(to.clone());
    let mut guard = Guard::take()?;
    let (theme, late_answer) = theme(args.theme);
    let env = |name: &str| std::env::var(name).ok();
    let ascii = args.ascii || background::needs_ascii(env);
    let model = Model::new(target.session.clone(), theme, ascii, guard.size());
    let runner = Runner::new(args, target, to);
    let mut shell = Shell { model, runner, world: World::new(), end: None };
    let mut translator = Translator::new(late_answer);
    let mut events = EventStream::new();

    let env = shell.world.env();
    let first = start(&mut shell.model, &env);
    shell.run(first, &mut guard)?;
    #[cfg(debug_assertions)]
    super::terminal::panic_on_demand();
    let mut next_frame = Instant::now();
    while shell.end.is_none() {
        if shell.model.is_dirty() && Instant::now() >= next_frame {
            shell.model.take_dirty();
            guard.draw(&shell.model)?;
            next_frame = Instant::now() + FRAME;
        }
        let until = if shell.model.is_dirty() { next_frame } else { shell.world.instant(shell.model.wake()) };
        let woken = tokio::select! {
            biased;
            () = panicked.notified() => Woken::Ended(INTERNAL),
            _ = signals.term.recv() => Woken::Ended(143),
            _ = signals.hup.recv() => Woken::Ended(129),
            _ = signals.int.recv() => Woken::Ended(130),
            _ = signals.stop.recv() => Woken::Stop,
            _ = signals.cont.recv() => Woken::Continued,
            event = events.next() => Woken::Event(event),
            // The sender lives in the runner.
            Some(inner) = from.recv() => Woken::Inner(inner),
            () = tokio::time::sleep_until(until) => Woken::Due,
        };
        match woken {
            Woken::Ended(code) => shell.end = Some(code),
            Woken::Stop => shell.run(vec![Effect::Suspend], &mut guard)?,
            Woken::Continued => {
                guard.resume()?;
                shell.tell(Msg::Resize(guard.size().0, guard.size().1), &mut guard)?;
            }
            Woken::Event(Some(Ok(event))) => {
                if let Some(msg) = translator.translate(event) {
                    shell.tell(msg, &mut guard)?;
                }
            }
            // Without a keyboard there is no way to end it but this.
            Woken::Event(Some(Err(_)) | None) => shell.end = Some(129),
            Woken::Inner(inner) => {
                shell.take_in(inner, &mut guard)?;
                for _ in 0..BATCH {
                    let Ok(inner) = from.try_recv() else { break };
                    shell.take_in(inner, &mut guard)?;
                }
            }
            Woken::Due => {
                if !shell.model.is_dirty() {
                    shell.tell(Msg::Clock, &mut guard)?;
                }
            }
        }
    }
    drop(guard);
    Ok(ExitCode::from(shell.end.unwrap_or(0)))
}

/// The colours, and whether the terminal may still answer the question for them.
fn theme(choice: ThemeChoice) -> (Theme, bool) {
    match choice {
        ThemeChoice::Fixed(theme) => (theme, false),
        ThemeChoice::Auto => match background::from_environment(|name| std::env::var(name).ok()) {
            Some(theme) => (theme, false),
            None => {
                let (theme, late) = background::ask();
                (theme.unwrap_or_default(), late)
            }
        },
    }
}

struct Shell {
    model: Model,
    runner: Runner,
    world: World,
    end: Option<u8>,
}

impl Shell {
    fn take_in(&mut self, inner: Inner, guard: &mut Guard) -> std::io::Result<()> {
        let msg = match inner {
            Inner::Msg(msg) => msg,
            Inner::Target(target) => self.runner.retarget(*target),
        };
        self.tell(msg, guard)
    }

    fn tell(&mut self, msg: Msg, guard: &mut Guard) -> std::io::Result<()> {
        let env = self.world.env();
        let effects = update(&mut self.model, msg, &env);
        self.run(effects, guard)
    }

    fn run(&mut self, effects: Vec<Effect>, guard: &mut Guard) -> std::io::Result<()> {
        for effect in effects {
            match effect {
                Effect::Quit => self.end = Some(0),
                Effect::Suspend => {
                    guard.suspend()?;
                    let (columns, rows) = guard.size();
                    self.tell(Msg::Resize(columns, rows), guard)?;
                }
                Effect::Redraw => guard.forget()?,
                Effect::Connect { generation, renew_credential } => self.runner.connect(generation, renew_credential),
                Effect::Load(epoch, load) => self.runner.load(epoch, load),
                Effect::Mutate(id, mutation) => self.runner.mutate(id, mutation),
                Effect::Switch(name) => self.runner.switch(name),
                Effect::Copy(copied) => {
                    let in_tmux = std::env::var_os("TMUX").is_some();
                    let result = clipboard::copy(guard.raw(), &copied, in_tmux);
                    self.tell(Msg::Copied(result), guard)?;
                }
            }
        }
        Ok(())
    }
}

/// Clock and chance.
struct World {
    started: Instant,
    zone: TimeZone,
    seed: u64,
}

impl World {
    fn new() -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "any 64 of its bits are a seed")]
        let seed = uuid::Uuid::new_v4().as_u128() as u64 | 1;
        Self { started: Instant::now(), zone: TimeZone::system(), seed }
    }

    fn env(&mut self) -> Env {
        // xorshift64: chance for backoff, not for secrets.
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
        let chance = (self.seed >> 11) as f64 / (1_u64 << 53) as f64;
        let mono = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Env { now: Timestamp::now(), mono, chance, zone: self.zone.clone() }
    }

    fn instant(&self, mono: u64) -> Instant {
        // A wake in the far future is as good as none; clocks overflow.
        self.started + Duration::from_millis(mono.min(u64::from(u32::MAX) * 1_000))
    }
}
