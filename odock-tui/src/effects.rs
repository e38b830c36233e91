//! What goes out: everything that the core wants of the world, and the one place that may refuse it.

mod mutation;
mod names;

use entity::Timestamp;
use entity::vocab::Scope;
use secrecy::SecretString;

use crate::acts;
use crate::model::Model;
pub use mutation::{Change, Mutation};
pub use names::{KeyRef, ScopeRef, scope_word};

/// Something to be done outside of the core.
#[derive(Debug)]
pub enum Effect {
    /// End the program.
    Quit,
    /// Give the terminal back and stop, until the shell continues us.
    Suspend,
    /// Draw everything again, whatever the terminal shows.
    Redraw,
    /// Open the live stream, closing the one of an earlier generation.
    Connect {
        /// The generation that its messages carry.
        generation: u64,
        /// Whether to look the credential up again first.
        renew_credential: bool,
    },
    /// Fetch something.
    Load(u64, Load),
    /// Change something at the gateway.
    Mutate(u64, Mutation),
    /// Use another context of the configuration file.
    Switch(String),
    /// Put text on the clipboard.
    Copy(Copied),
}

/// What is put on the clipboard.
#[derive(Debug)]
pub struct Copied {
    /// What it is, for the notice: `the id of key ci`.
    pub what: String,
    /// The text. Held as a secret because it sometimes is one.
    pub text: SecretString,
}

/// Something to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Load {
    /// Who the token belongs to.
    WhoAmI,
    /// The gateway's version.
    Version,
    /// Every virtual key.
    Keys,
    /// One virtual key.
    Key(KeyRef),
    /// Its rotations.
    History(KeyRef),
    /// Requests since an instant, or the latest.
    Recent(Option<Timestamp>),
    /// One request by its request id.
    Record(String),
    /// Usage since an instant.
    Summary(Timestamp),
    /// Budgets and quotas with their open windows.
    Limits,
    /// Budgets and quotas as they are declared.
    Declared,
    /// The overlays.
    Overlays,
    /// The providers, with their keys and breakers.
    Providers,
    /// What comes of trying the provider of a name.
    Test(String),
    /// The contexts of the configuration file.
    Contexts,
}

/// What an effect can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impact {
    /// Only this program and its terminal.
    Local,
    /// Nothing; it reads from the gateway.
    Read,
    /// Something at the gateway.
    Write,
}

impl Effect {
    /// What the effect can change. Exhaustive on purpose: a new effect has to be classified to compile.
    #[must_use]
    pub const fn impact(&self) -> Impact {
        match self {
            Self::Quit | Self::Suspend | Self::Redraw | Self::Switch(_) | Self::Copy(_) => Impact::Local,
            Self::Connect { .. } | Self::Load(..) => Impact::Read,
            Self::Mutate(..) => Impact::Write,
        }
    }
}

/// The choke point: every effect of every step passes here before it leaves the core, and a change leaves only if the
/// session allows changes and the gateway is there to make them. No screen and no dialog has a say in it.
///
/// # Errors
/// Says why the change is refused.
pub fn admit(model: &Model, effect: &Effect) -> Result<(), String> {
    match effect.impact() {
        Impact::Local | Impact::Read => Ok(()),
        Impact::Write => writable(model),
    }
}

/// Whether changes are possible at all right now; screens ask so that they can say so before a dialog opens.
///
/// # Errors
/// Says why not.
pub fn writable(model: &Model) -> Result<(), String> {
    if model.session.read_only {
        return Err("read-only: nothing can be changed in this session".to_owned());
    }
    if model.whoami.value().is_some_and(|who| !who.token.scopes.contains(&Scope::Write)) {
        return Err("read-only: this token may only read".to_owned());
    }
    if !model.link.usable() {
        return Err("the gateway is not connected: changes are disabled until it is back".to_owned());
    }
    Ok(())
}

/// Sorts a step's effects: those that may leave, in order. A refused change becomes a notice and a line of the log.
pub(crate) fn release(model: &mut Model, effects: Vec<Effect>) -> Vec<Effect> {
    let mut leaving = Vec::with_capacity(effects.len());
    for effect in effects {
        match admit(model, &effect) {
            Ok(()) => {
                if let Effect::Mutate(id, mutation) = &effect {
                    let line = acts::command(&model.session, mutation);
                    model.acts.began(*id, model.env.now, line);
                }
                leaving.push(effect);
            }
            Err(reason) => model.refuse(reason),
        }
    }
    leaving
}
