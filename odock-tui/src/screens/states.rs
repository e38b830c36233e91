//! Loading, empty, forbidden and failed: four states, four pictures.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::format;
use crate::model::{Model, Scope};
use crate::msg::{Failure, FailureKind};
use crate::remote::{Remote, Shown};
use crate::theme::Role;
use crate::widgets::layout::middle;
use crate::widgets::text::wrap;

const WIDTH: u16 = 64;

/// Draws a glyph, a sentence and advice in the middle of `area`.
fn panel(model: &Model, frame: &mut Frame, area: Rect, role: Role, head: &str, advice: &[String]) {
    let theme = model.theme;
    let columns = usize::from(WIDTH.min(area.width));
    let mut lines: Vec<Line> =
        wrap(head, columns).into_iter().map(|line| Line::styled(line, theme.style(role))).collect();
    for text in advice {
        lines.extend(
            wrap(text, columns).into_iter().map(|line| Line::from(Span::styled(line, theme.style(Role::Muted)))),
        );
    }
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    frame.render_widget(Paragraph::new(lines), middle(area, WIDTH, height));
}

/// Something is on its way.
pub(super) fn loading(model: &Model, frame: &mut Frame, area: Rect, what: &str, since: u64) {
    let waited = model.env.mono.saturating_sub(since);
    let head = if waited < 1_000 {
        format!("◌ loading {what}…")
    } else {
        format!("◌ loading {what}… {}", format::age(waited))
    };
    panel(model, frame, area, Role::Muted, &head, &[]);
}

/// There is nothing.
pub(super) fn empty(model: &Model, frame: &mut Frame, area: Rect, head: &str, advice: &[String]) {
    panel(model, frame, area, Role::Text, head, advice);
}

/// The token may not see it.
pub(super) fn forbidden(model: &Model, frame: &mut Frame, area: Rect, what: &str, failure: &Failure) {
    let mut advice = vec![failure.message.clone()];
    advice.extend(failure.hint.clone());
    if let Some(who) = model.whoami.value() {
        advice.push(format!("Signed in as {} ({}).", who.name(), who.role));
    }
    advice.extend(failure.request_id.as_ref().map(|id| format!("request {id}")));
    panel(model, frame, area, Role::Bad, &format!("✖ forbidden: this token may not see {what}"), &advice);
}

/// It could not be loaded.
pub(super) fn failed(model: &Model, frame: &mut Frame, area: Rect, what: &str, failure: &Failure) {
    let mut advice = vec![failure.message.clone()];
    advice.extend(failure.hint.clone());
    advice.extend(failure.request_id.as_ref().map(|id| format!("request {id}")));
    advice.push("r tries again".to_owned());
    panel(model, frame, area, Role::Warn, &format!("▲ {what} could not be loaded"), &advice);
}

/// Draws whatever stands in the way of the value, or returns the value.
pub(super) fn value<'a, T>(
    model: &Model,
    frame: &mut Frame,
    area: Rect,
    what: &str,
    remote: &'a Remote<T>,
) -> Option<&'a T> {
    match remote.shown() {
        Shown::Here(value) => return Some(value),
        Shown::Loading(since) => loading(model, frame, area, what, since),
        Shown::Nothing => panel(model, frame, area, Role::Muted, &format!("◌ {what}: waiting for the gateway"), &[]),
        Shown::Forbidden(failure) => forbidden(model, frame, area, what, failure),
        Shown::Failed(failure) if failure.kind == FailureKind::NotFound => {
            let advice: Vec<String> = failure.hint.clone().into_iter().collect();
            empty(model, frame, area, &format!("There is no {what}."), &advice);
        }
        Shown::Failed(failure) => failed(model, frame, area, what, failure),
    }
    None
}

/// Says that something belongs to one organisation, where all of them are looked at; whether there is one.
pub(super) fn in_organisation(model: &Model, frame: &mut Frame, area: Rect, what: &str) -> bool {
    let inside = model.scope != Some(Scope::Everything);
    if !inside {
        let advice = ["start with --organisation NAME, or choose a context that names one".to_owned()];
        empty(model, frame, area, &format!("The {what} of one organisation can be shown, not of all."), &advice);
    }
    inside
}

/// Draws why nothing can have been heard on the stream yet; whether there is such a reason.
pub(super) fn silent(model: &Model, frame: &mut Frame, area: Rect) -> bool {
    if model.link.is_open() {
        return false;
    }
    match model.link.failure() {
        Some(failure) if failure.kind == FailureKind::Forbidden => {
            forbidden(model, frame, area, "live traffic", failure)
        }
        Some(failure) if failure.kind == FailureKind::SignedOut => {
            let advice: Vec<String> =
                [Some(failure.message.clone()), failure.hint.clone()].into_iter().flatten().collect();
            panel(model, frame, area, Role::Warn, &format!("▲ not signed in to {}", model.session.url), &advice);
        }
        Some(failure) => {
            let advice: Vec<String> =
                [Some(failure.message.clone()), failure.hint.clone()].into_iter().flatten().collect();
            panel(model, frame, area, Role::Bad, &format!("✖ no gateway at {}", model.session.url), &advice);
        }
        None => panel(model, frame, area, Role::Muted, &format!("◌ connecting to {}…", model.session.url), &[]),
    }
    true
}
