//! The bar on top, the banner below it when something is wrong, the line at the bottom.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::action::Action;
use crate::format;
use crate::keys;
use crate::link::Phase;
use crate::model::{Model, Scope};
use crate::msg::{FailureKind, Level};
use crate::theme::Role;
use crate::widgets::text::cut;

/// Glyph, word and colour of the connection.
pub(super) fn phase(model: &Model) -> (&'static str, String, Role) {
    match model.link.phase(model.env.mono) {
        Phase::Connecting => ("◌", "connecting".to_owned(), Role::Warn),
        Phase::Live => ("●", "live".to_owned(), Role::Ok),
        Phase::Lagging(_) => ("▲", "lagging".to_owned(), Role::Warn),
        Phase::Lost { last: None, .. } => match model.link.failure().map(|failure| failure.kind) {
            Some(FailureKind::SignedOut) => ("✖", "not signed in".to_owned(), Role::Bad),
            Some(FailureKind::Forbidden) => ("✖", "forbidden".to_owned(), Role::Bad),
            _ => ("✖", "no gateway".to_owned(), Role::Bad),
        },
        Phase::Lost { .. } => ("◌", "stale".to_owned(), Role::Bad),
    }
}

/// Draws the bar: whose traffic this is, whether it is current, where we are, what is not allowed.
pub(super) fn top(model: &Model, frame: &mut Frame, area: Rect) {
    let theme = model.theme;
    let session = &model.session;
    let context = session.context.as_deref().unwrap_or("odock");
    let whose = match &model.scope {
        Some(Scope::Organisation(slug)) => slug.as_str(),
        Some(Scope::Everything) => "all organisations",
        None => session.organisation.as_deref().unwrap_or(""),
    };
    let (glyph, word, role) = phase(model);
    let crumbs: Vec<&str> = model.stack.iter().map(|id| id.screen().name()).collect();
    let mut left = vec![
        Span::styled(format!(" {} ", cut(context, 24)), theme.badge(session.color.as_deref(), session.protected)),
        Span::styled(
            if whose.is_empty() { String::new() } else { format!(" {} ", cut(whose, 24)) },
            theme.style(Role::Bar),
        ),
        Span::styled(format!(" {glyph} {word}"), theme.style(role)),
    ];
    if session.read_only {
        left.push(Span::styled("  read-only", theme.style(Role::Warn)));
    } else if session.protected {
        left.push(Span::styled("  protected", theme.style(Role::Warn)));
    }
    let used: usize = left.iter().map(Span::width).sum();
    let room = usize::from(area.width).saturating_sub(used + 2);
    // Where the whole way does not fit, its end says where we are.
    let way = crumbs.join(" › ");
    let way = if way.chars().count() <= room { way } else { crumbs.last().copied().unwrap_or_default().to_owned() };
    let way = cut(&way, room).into_owned();
    let pad = usize::from(area.width).saturating_sub(used + way.chars().count());
    left.push(Span::raw(" ".repeat(pad)));
    left.push(Span::styled(way, theme.style(Role::Muted)));
    frame.render_widget(Paragraph::new(Line::from(left)), area);
}

/// Draws what is wrong with the connection, how old the data is and what happens next.
pub(super) fn banner(model: &Model, frame: &mut Frame, area: Rect) {
    if area.is_empty() {
        return;
    }
    let theme = model.theme;
    let text = match model.link.phase(model.env.mono) {
        Phase::Connecting | Phase::Live => return,
        Phase::Lagging(silence) => format!("▲ nothing heard for {}", format::age(silence)),
        Phase::Lost { last, retry_in, attempt } => {
            let age = match last {
                Some(last) => format!("◌ last heard {} ago", format::age(last)),
                None => "✖ not connected".to_owned(),
            };
            let next = match retry_in {
                // "in now" reads wrong.
                Some(ms) if ms < 1_000 => format!("retry {attempt} now"),
                Some(ms) => format!("retry {attempt} in {}, R now", format::age(ms)),
                None => format!("retry {attempt}…"),
            };
            let why = model.link.failure().map_or("", |failure| failure.message.as_str());
            let hint =
                model.link.failure().and_then(|failure| failure.hint.as_deref()).map(|hint| format!(" · {hint}"));
            // Age and next step matter most where room is short.
            let fixed = format!("{age} · {next} · ");
            let room = usize::from(area.width).saturating_sub(fixed.chars().count());
            format!("{fixed}{}", cut(&format!("{why}{}", hint.unwrap_or_default()), room))
        }
    };
    frame.render_widget(Paragraph::new(Line::styled(text, theme.style(Role::Warn))), area);
}

/// Draws the notice, or the keys that are worth knowing here.
pub(super) fn bottom(model: &Model, frame: &mut Frame, area: Rect) {
    let theme = model.theme;
    if let Some(notice) = &model.notice {
        let (glyph, role) = match notice.level {
            Level::Info => ("●", Role::Strong),
            Level::Warn => ("▲", Role::Warn),
            Level::Error => ("✖", Role::Bad),
        };
        let text = cut(&notice.text, usize::from(area.width).saturating_sub(2)).into_owned();
        frame.render_widget(Paragraph::new(Line::styled(format!("{glyph} {text}"), theme.style(role))), area);
        return;
    }
    let mut spans: Vec<Span> = Vec::new();
    let mut used = 0;
    // What is valid everywhere comes first: help must be found by who knows nothing.
    let screen = model.screen().screen();
    let everywhere = keys::GLOBAL.iter().filter(|binding| binding.hint);
    for binding in everywhere.chain(screen.bindings().iter().filter(|binding| binding.hint)) {
        let Some(press) = binding.keys.first() else { continue };
        let (key, word) = (press.to_string(), word(binding.action, model));
        let needed = key.chars().count() + word.chars().count() + 4;
        if used + needed > usize::from(area.width) + 3 {
            break;
        }
        used += needed;
        spans.push(Span::styled(key, theme.style(Role::Key)));
        spans.push(Span::styled(format!(" {word}   "), theme.style(Role::Muted)));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}

/// The word of an action, where the general one would be wrong here.
fn word(action: Action, model: &Model) -> &'static str {
    match action {
        Action::Palette => "go to",
        Action::Close if model.stack.len() == 1 => "quit",
        Action::Close => "back",
        action => action.word(),
    }
}
