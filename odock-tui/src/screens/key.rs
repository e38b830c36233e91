//! One virtual key: what it is, what it does right now, and how often its secret changed.

use entity::ApiKeyId;
use entity::resource::{ApiKey, Rotation};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::keys::{expires, status, subject_of};
use super::{Screen, ScreenId, states, tail};
use crate::action::Action;
use crate::effects::{Effect, KeyRef, Load};
use crate::format;
use crate::keys::{Binding, Key as K, Press, hinted, quiet};
use crate::model::{Model, Subject};
use crate::remote::{Remote, Shown};
use crate::theme::Role;
use crate::view::{self, numbers};
use crate::widgets::text::{cut, wrap};

const LABEL: usize = 14;

/// The screen.
pub struct Key;

/// Its state.
#[derive(Debug, Default)]
pub struct State {
    /// The key that is looked at.
    pub(crate) subject: Option<KeyRef>,
    /// The key with its last use.
    pub(crate) details: Remote<ApiKey>,
    /// Its rotations.
    pub(crate) history: Remote<Vec<Rotation>>,
    offset: usize,
}

/// Opens a key by its name.
pub fn open(model: &mut Model, wanted: KeyRef, out: &mut Vec<Effect>) {
    model.key = State { subject: Some(wanted), ..State::default() };
    model.go(ScreenId::Key, out);
    Key.refresh(model, out);
}

/// A key has changed: if it is the one that is looked at, fetches it again.
pub fn changed(model: &mut Model, key: &KeyRef, out: &mut Vec<Effect>) {
    if model.key.subject.as_ref() == Some(key) {
        Key.refresh(model, out);
    }
}

/// The key as far as it is known: as fetched by itself, or as one of all.
fn known(model: &Model) -> Option<&ApiKey> {
    let subject = model.key.subject.as_ref()?;
    // The list follows every change made here at once, while the single answer may be older.
    let listed = model.find_key(subject);
    match (model.key.details.value(), listed) {
        (Some(alone), Some(listed)) if alone.revision >= listed.revision => Some(alone),
        (alone, listed) => listed.or(alone),
    }
}

/// A key in lines of at most `room` columns.
pub(super) fn lines(model: &Model, key: &ApiKey, room: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let status = status::of(key, model.env.now);
    let mut lines = vec![Line::from(vec![
        Span::styled(cut(&key.name, room.saturating_sub(12)).into_owned(), theme.style(Role::Strong)),
        Span::styled(format!("  {} {}", status.glyph(), status.word()), theme.style(status.role())),
    ])];
    let mut field = |label: &str, value: &str| {
        for (at, line) in wrap(value, room.saturating_sub(LABEL)).into_iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!("{label:<LABEL$}"), theme.style(Role::Muted)),
                Span::styled(line, theme.style(Role::Text)),
            ]));
        }
    };
    let owner = key.spec.team.as_ref().or(key.spec.user.as_ref()).map(|owner| format!(" {owner}")).unwrap_or_default();
    field("for", &format!("{}{owner}", key.spec.r#type.as_str().to_lowercase()));
    if let Some(slug) = &key.organisation {
        field("organisation", slug);
    }
    field("secret", &key.status.preview);
    if let Some(at) = key.status.revoked_at {
        field("revoked", &model.env.day(at));
    }
    match key.spec.expiry {
        Some(expiry) => field("expires", &format!("{} ({})", model.env.day(expiry), expires(model, expiry))),
        None => field("expires", "never"),
    }
    if let Some(until) = key.status.previous_valid_until.filter(|until| *until > model.env.now) {
        field("old secret", &format!("works too, until {}", model.env.day(until)));
    }
    if !key.status.revealed {
        field("", "its secret has not been seen by anybody");
    }
    let granted: Vec<&str> = key.spec.models.iter().map(String::as_str).collect();
    field("models", if granted.is_empty() { "none".to_owned() } else { granted.join(", ") }.as_str());
    lines.extend(right_now(model, key, room));
    lines
}

fn right_now(model: &Model, key: &ApiKey, room: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let rate = model.live.activity.of(ApiKeyId(key.id));
    let least = if model.live.activity.is_incomplete() { "at least " } else { "" };
    let text = if rate.requests == 0 {
        "no request in the last minute".to_owned()
    } else {
        format!(
            "{least}{}, {}, {} tokens, {} in the last minute",
            format::things(rate.requests, "request"),
            format::things(rate.errors, "error"),
            numbers::count(model, rate.tokens),
            numbers::money(model, rate.cost)
        )
    };
    let mut lines = vec![Line::default(), Line::styled("right now", theme.style(Role::Accent))];
    lines.extend(wrap(&text, room).into_iter().map(|line| Line::styled(line, theme.style(Role::Text))));
    lines
}

fn history(model: &Model) -> Vec<Line<'static>> {
    let theme = model.theme;
    let mut lines = vec![Line::default(), Line::styled("rotations", theme.style(Role::Accent))];
    let say = |text: String, role: Role| Line::styled(text, theme.style(role));
    match model.key.history.shown() {
        Shown::Here(rotations) if rotations.is_empty() => lines.push(say("never rotated".to_owned(), Role::Muted)),
        Shown::Here(rotations) => lines.extend(rotations.iter().map(|rotation| {
            Line::from(vec![
                Span::styled(format!("{}  ", model.env.day(rotation.at)), theme.style(Role::Text)),
                Span::styled(format!("{} ", cut(&rotation.by, 32)), theme.style(Role::Text)),
                Span::styled(format!("replaced {}", cut(&rotation.previous_preview, 24)), theme.style(Role::Muted)),
            ])
        })),
        Shown::Forbidden(failure) => lines.push(say(format!("✖ forbidden: {}", failure.message), Role::Bad)),
        Shown::Failed(failure) => lines.push(say(format!("▲ not loaded: {}", failure.message), Role::Warn)),
        Shown::Loading(_) | Shown::Nothing => lines.push(say("◌ loading…".to_owned(), Role::Muted)),
    }
    lines
}

fn all(model: &Model, key: &ApiKey, room: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let mut all = lines(model, key, room);
    let mut field = |label: &str, value: String| {
        all.push(Line::from(vec![
            Span::styled(format!("{label:<LABEL$}"), theme.style(Role::Muted)),
            Span::styled(cut(&value, room.saturating_sub(LABEL)).into_owned(), theme.style(Role::Text)),
        ]));
    };
    match model.key.details.value().and_then(|key| key.status.last_used_at) {
        Some(at) => field("last used", model.env.day(at)),
        None if model.key.details.value().is_some() => field("last used", "never".to_owned()),
        None => {}
    }
    field("created", model.env.day(key.created_at));
    field("changed", format!("{}, revision {}", model.env.day(key.updated_at), key.revision));
    field("id", key.id.to_string());
    all.extend(history(model));
    all
}

impl Screen for Key {
    fn name(&self) -> &'static str {
        "key"
    }

    fn title(&self) -> &'static str {
        "One virtual key: its owner, grants, traffic and rotations"
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            hinted(Action::Traffic, &[Press::char('t'), Press::plain(K::Enter)]),
            hinted(Action::Danger, &[Press::char('x')]),
            hinted(Action::CopyId, &[Press::char('C')]),
            quiet(Action::CopyJson, &[Press::char('Y')]),
        ];
        BINDINGS
    }

    fn act(&self, model: &mut Model, action: Action, out: &mut Vec<Effect>) -> bool {
        if action == Action::Traffic {
            if let Some(subject) = model.key.subject.clone() {
                tail::open_filtered(model, &format!("key:={}", subject.name), out);
            }
            return true;
        }
        let body = view::body(model);
        let len = known(model).map_or(0, |key| all(model, key, usize::from(body.width)).len());
        let page = usize::from(body.height);
        let to = match action {
            Action::Up => model.key.offset.saturating_sub(1),
            Action::Down => model.key.offset + 1,
            Action::PageUp => model.key.offset.saturating_sub(page),
            Action::PageDown => model.key.offset + page,
            Action::Top => 0,
            Action::Bottom => len,
            _ => return false,
        };
        model.key.offset = to.min(len.saturating_sub(page));
        true
    }

    fn refresh(&self, model: &mut Model, out: &mut Vec<Effect>) {
        if let Some(subject) = model.key.subject.clone() {
            model.load(Load::Key(subject.clone()), out);
            model.load(Load::History(subject), out);
        }
    }

    fn subject(&self, model: &Model) -> Option<Subject> {
        known(model).map(|key| subject_of(model, key))
    }

    fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        match known(model) {
            Some(key) => {
                let offset = u16::try_from(model.key.offset).unwrap_or(u16::MAX);
                let lines = all(model, key, usize::from(area.width));
                frame.render_widget(Paragraph::new(lines).scroll((offset, 0)), area);
            }
            None => {
                let name = model.key.subject.as_ref().map_or("key", |key| key.name.as_str());
                let _ = states::value(model, frame, area, &format!("key {name}"), &model.key.details);
            }
        }
    }
}
