//! The screens: one file each, listed once here. A new screen is a file, a variant, a line of `screen` and its state.

pub mod acts;
pub mod contexts;
pub mod key;
pub mod keys;
pub mod limit;
pub mod limits;
pub mod log;
mod order;
pub mod overlays;
pub mod providers;
pub mod pulse;
pub mod request;
mod states;
pub mod tail;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::effects::Effect;
use crate::filter::Filter;
use crate::keys::Binding;
use crate::model::{Model, Subject};

/// Names a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScreenId {
    /// The overview.
    Pulse,
    /// The requests as they end.
    Tail,
    /// One request.
    Request,
    /// The virtual keys.
    Keys,
    /// One virtual key.
    Key,
    /// The budgets.
    Budgets,
    /// The quotas.
    Quotas,
    /// One budget or quota.
    Limit,
    /// The overlays.
    Overlays,
    /// The upstreams.
    Providers,
    /// The contexts.
    Contexts,
    /// What was done.
    Acts,
    /// Our own diagnostics.
    Log,
}

impl ScreenId {
    /// Every screen.
    pub const ALL: [Self; 13] = [
        Self::Pulse,
        Self::Tail,
        Self::Request,
        Self::Keys,
        Self::Key,
        Self::Budgets,
        Self::Quotas,
        Self::Limit,
        Self::Overlays,
        Self::Providers,
        Self::Contexts,
        Self::Acts,
        Self::Log,
    ];

    /// The screen's behaviour.
    #[must_use]
    pub fn screen(self) -> &'static dyn Screen {
        match self {
            Self::Pulse => &pulse::Pulse,
            Self::Tail => &tail::Tail,
            Self::Request => &request::Request,
            Self::Keys => &keys::Keys,
            Self::Key => &key::Key,
            Self::Budgets => &limits::BUDGETS,
            Self::Quotas => &limits::QUOTAS,
            Self::Limit => &limit::Limit,
            Self::Overlays => &overlays::Overlays,
            Self::Providers => &providers::Providers,
            Self::Contexts => &contexts::Contexts,
            Self::Acts => &acts::Acts,
            Self::Log => &log::Log,
        }
    }
}

/// The behaviour of a screen. Its state lives in the model.
pub trait Screen: Sync {
    /// The word after `:`.
    fn name(&self) -> &'static str;

    /// What it is for, in one line.
    fn title(&self) -> &'static str;

    /// The keys that it has besides those that are valid everywhere.
    fn bindings(&self) -> &'static [Binding];

    /// Whether it has something to move through.
    fn moves(&self) -> bool {
        true
    }

    /// Called when the screen is shown.
    fn enter(&self, model: &mut Model, out: &mut Vec<Effect>) {
        let _ = (model, out);
    }

    /// Does an action, or says by `false` that it is not one of its own.
    fn act(&self, model: &mut Model, action: Action, out: &mut Vec<Effect>) -> bool;

    /// Fetches again what it shows.
    fn refresh(&self, model: &mut Model, out: &mut Vec<Effect>) {
        let _ = (model, out);
    }

    /// Sorts its table by a column of its sort menu; the column before becomes the second criterion.
    fn sort_by(&self, model: &mut Model, column: usize) {
        let _ = (model, column);
    }

    /// The filter in force, if it can be filtered.
    fn filter<'a>(&self, model: &'a Model) -> Option<&'a Filter> {
        let _ = model;
        None
    }

    /// Puts another filter in force.
    fn set_filter(&self, model: &mut Model, text: &str) {
        let _ = (model, text);
    }

    /// What is selected.
    fn subject(&self, model: &Model) -> Option<Subject> {
        let _ = model;
        None
    }

    /// Draws it. Called only with a connection that has been there at least once, or for screens that need none.
    fn view(&self, model: &Model, frame: &mut Frame, area: Rect);

    /// Whether it shows only what is here, and therefore needs no gateway.
    fn offline(&self) -> bool {
        false
    }
}
