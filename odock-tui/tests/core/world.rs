//! A dashboard in a world made for it: the clock moves when told to, the gateway answers from fixtures.

use entity::live::LiveEvent;
use entity::usage::UsageRecord;
use jiff::tz::TimeZone;
use odock_tui::effects::{Change, Effect, KeyRef, Load, Mutation};
use odock_tui::env::Env;
use odock_tui::keys::{Key, Press};
use odock_tui::model::{Model, Scope, Session};
use odock_tui::msg::{Answer, ContextRow, Failure, FailureKind, Msg, Mutated, StreamMsg};
use odock_tui::screens::limit::Declared;
use odock_tui::theme::Theme;
use odock_tui::update::{start, update};
use odock_tui::view::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use secrecy::SecretString;

use crate::support;

/// The secret that the gateway of these tests gives out.
pub const SECRET: &str = "sk-odock-NEW-SECRET-4f1c9a77";

pub struct World {
    pub model: Model,
    pub env: Env,
    /// Everything that left the core and was not answered.
    pub pending: Vec<Effect>,
    /// How the gateway answers loads; `None` leaves them unanswered.
    pub gateway: Option<Gateway>,
}

/// How the gateway answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gateway {
    Full,
    Empty,
    Forbidding,
}

pub fn session() -> Session {
    Session {
        context: Some("local".to_owned()),
        url: "http://127.0.0.1:8080".to_owned(),
        other_url: false,
        organisation: Some("acme".to_owned()),
        color: None,
        protected: false,
        read_only: false,
    }
}

impl World {
    pub fn new(session: Session, size: (u16, u16)) -> Self {
        let model = Model::new(session, Theme::Dark, false, size);
        let env = Env { now: support::BEGINNING, mono: 0, chance: 0.5, zone: TimeZone::UTC };
        let mut world = Self { model, env, pending: Vec::new(), gateway: Some(Gateway::Full) };
        let effects = start(&mut world.model, &world.env);
        world.pending.extend(effects);
        world
    }

    /// A dashboard that is connected and has seen a minute of traffic.
    pub fn busy(size: (u16, u16)) -> Self {
        let mut world = Self::new(session(), size);
        world.open();
        world.traffic(70);
        world
    }

    /// Opens the stream and answers what is asked for.
    pub fn open(&mut self) {
        let generation = self.model.link.generation();
        self.send(Msg::Stream(generation, StreamMsg::Opened(Scope::Organisation("acme".to_owned()))));
        self.settle();
    }

    /// Takes one message in and keeps what it asks for.
    pub fn send(&mut self, msg: Msg) {
        let effects = update(&mut self.model, msg, &self.env);
        self.pending.extend(effects);
    }

    pub fn event(&mut self, event: LiveEvent) {
        let generation = self.model.link.generation();
        self.send(Msg::Stream(generation, StreamMsg::Event(event)));
    }

    pub fn request(&mut self, record: UsageRecord) {
        self.event(LiveEvent::Request(Box::new(record)));
    }

    /// Lets so many seconds of acme's traffic pass.
    pub fn traffic(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.pass(1_000);
            let second = (self.env.now.0 - support::BEGINNING.0) / 1_000_000;
            let number = u64::try_from(second).unwrap();
            self.request(support::record(number, support::after(second - 1)));
            self.event(LiveEvent::Tick(support::tick(second).into()));
        }
    }

    /// Lets so many milliseconds pass.
    pub fn pass(&mut self, ms: u64) {
        self.env.mono += ms;
        self.env.now = self.env.now.plus(std::time::Duration::from_millis(ms));
        self.send(Msg::Clock);
    }

    /// Ends the stream.
    pub fn lose(&mut self) {
        let generation = self.model.link.generation();
        let failure = Failure::new(FailureKind::Unreachable, "Connection refused (os error 111)");
        self.send(Msg::Stream(generation, StreamMsg::Ended(failure)));
    }

    /// Presses keys: each character is one; `<enter>`, `<esc>`, `<tab>`, `<ctrl-c>` and the like are spelled out.
    pub fn press(&mut self, keys: &str) {
        for press in presses(keys) {
            self.send(Msg::Key(press));
        }
        self.settle();
    }

    /// Answers whatever was asked of the gateway; changes stay pending.
    pub fn settle(&mut self) {
        let Some(gateway) = self.gateway else { return };
        // An answer may lead to another question.
        while let Some(at) = self.pending.iter().position(|effect| matches!(effect, Effect::Load(..))) {
            if let Effect::Load(epoch, load) = self.pending.remove(at) {
                let answer = answer(gateway, &load);
                self.send(Msg::Loaded(epoch, load, answer));
            }
        }
    }

    /// Answers the changes that are pending: the gateway does what it is told.
    pub fn obey(&mut self) {
        while let Some(at) = self.pending.iter().position(|effect| matches!(effect, Effect::Mutate(..))) {
            if let Effect::Mutate(id, mutation) = self.pending.remove(at) {
                let mutated = obeyed(&self.model, &mutation);
                self.send(Msg::Mutated(id, mutation, Ok(mutated)));
            }
        }
        self.settle();
    }

    /// The changes that have left the core.
    pub fn mutations(&self) -> Vec<Mutation> {
        let changes = self.pending.iter().filter_map(|effect| match effect {
            Effect::Mutate(_, mutation) => Some(mutation.clone()),
            _ => None,
        });
        changes.collect()
    }

    /// How often the windows were asked for since the last look.
    pub fn asked_for_limits(&mut self) -> usize {
        let before = self.pending.len();
        self.pending.retain(|effect| !matches!(effect, Effect::Load(_, Load::Limits)));
        before - self.pending.len()
    }

    /// The picture.
    pub fn buffer(&self) -> Buffer {
        let (width, height) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view(&self.model, frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    /// The picture as text.
    pub fn text(&self) -> String {
        let buffer = self.buffer();
        let rows = buffer.area.rows();
        let lines = rows.map(|row| row.columns().map(|cell| buffer[(cell.x, cell.y)].symbol()).collect::<String>());
        lines.map(|line| line.trim_end().to_owned() + "\n").collect()
    }
}

fn answer(gateway: Gateway, load: &Load) -> Result<Answer, Failure> {
    let forbidden = || {
        let mut failure =
            Failure::new(FailureKind::Forbidden, "the role USER may not do this").hint("ask an ORG_ADMIN");
        failure.request_id = Some("req_f0rb1dden".to_owned());
        Err(failure)
    };
    let full = gateway == Gateway::Full;
    match load {
        Load::WhoAmI => Ok(Answer::WhoAmI(Box::new(support::whoami()))),
        Load::Version => Ok(Answer::Version(support::version())),
        Load::Contexts => Ok(Answer::Contexts(if full { contexts() } else { Vec::new() })),
        _ if gateway == Gateway::Forbidding => forbidden(),
        Load::Keys => Ok(Answer::Keys(if full { support::keys() } else { Vec::new() })),
        Load::Key(KeyRef { name, .. }) => match support::keys().into_iter().find(|key| key.name == *name) {
            Some(mut key) => {
                key.status.last_used_at = Some(support::after(-30));
                Ok(Answer::Key(Box::new(key)))
            }
            None => Err(Failure::new(FailureKind::NotFound, "there is no such key")),
        },
        Load::History(_) => Ok(Answer::History(support::rotations())),
        Load::Recent(since) => {
            let records = (0..5).rev().map(|number| support::record(number, support::after(number as i64 - 60)));
            let records = if full && since.is_none() { records.collect() } else { Vec::new() };
            Ok(Answer::Recent(records, false))
        }
        Load::Summary(since) => Ok(Answer::Summary(Box::new(support::summary(*since, support::after(600))))),
        Load::Limits => Ok(Answer::Limits(if full { support::limits::statuses() } else { Vec::new() })),
        Load::Declared if full => Ok(Answer::Declared(vec![
            Declared::from(&support::limits::budget()),
            Declared::from(&support::limits::quota()),
        ])),
        Load::Declared => Ok(Answer::Declared(Vec::new())),
        Load::Providers => Ok(Answer::Providers(if full { support::providers::all() } else { Vec::new() })),
        Load::Test(name) => Ok(Answer::Test(Box::new(support::providers::test(name)))),
        Load::Overlays => Ok(Answer::Overlays(if full { support::limits::overlays() } else { Vec::new() })),
        Load::Record(id) if full => {
            let mut record = support::record(4, support::BEGINNING);
            record.request_id.clone_from(id);
            Ok(Answer::Record(Box::new(record)))
        }
        Load::Record(_) => Err(Failure::new(FailureKind::NotFound, "there is no such request")),
    }
}

fn obeyed(model: &Model, mutation: &Mutation) -> Mutated {
    let Mutation::Key { key: wanted, change } = mutation else { return Mutated::Limits };
    let mut key = model.find_key(wanted).cloned().unwrap_or_else(|| support::keys().remove(0));
    key.revision += 1;
    let mut secret = None;
    match change {
        Change::Revoke => key.status.revoked_at = Some(model.env.now),
        Change::Unrevoke => key.status.revoked_at = None,
        Change::Rotate { .. } => secret = Some(SecretString::from(SECRET)),
    }
    Mutated::Key { key: Box::new(key), secret }
}

fn contexts() -> Vec<ContextRow> {
    let row = |name: &str, url: &str, protected: bool, read_only: bool| ContextRow {
        name: name.to_owned(),
        url: url.to_owned(),
        organisation: Some("acme".to_owned()),
        credential: Some(format!("keyring:{name}")),
        protected,
        read_only,
        default: name == "local",
    };
    vec![
        row("local", "http://127.0.0.1:8080/", false, false),
        row("prod", "https://odock.acme.example/", true, false),
        row("watch", "https://odock.acme.example/", false, true),
    ]
}

fn presses(keys: &str) -> Vec<Press> {
    let mut rest = keys;
    let mut presses = Vec::new();
    while let Some(letter) = rest.chars().next() {
        let spelled = rest
            .strip_prefix('<')
            .and_then(|inner| inner.split_once('>'))
            .and_then(|(name, after)| Some((named(name)?, after)));
        match spelled {
            Some((press, after)) => {
                presses.push(press);
                rest = after;
            }
            None => {
                presses.push(Press::char(letter));
                rest = &rest[letter.len_utf8()..];
            }
        }
    }
    presses
}

fn named(name: &str) -> Option<Press> {
    if let Some(letter) = name.strip_prefix("ctrl-") {
        return letter.chars().next().map(Press::ctrl);
    }
    Some(Press::plain(match name {
        "enter" => Key::Enter,
        "esc" => Key::Esc,
        "tab" => Key::Tab,
        "up" => Key::Up,
        "down" => Key::Down,
        "pgdn" => Key::PageDown,
        "end" => Key::End,
        "backspace" => Key::Backspace,
        _ => return None,
    }))
}
