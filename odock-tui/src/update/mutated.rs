//! What comes of changing something at the gateway.

use crate::effects::{Effect, Load, Mutation};
use crate::model::Model;
use crate::msg::{Failure, Level, Mutated};
use crate::overlay::{Overlay, secret::SecretBox};
use crate::screens::{self, key, limits, overlays};

/// Takes in how a change went.
pub(super) fn mutated(
    model: &mut Model,
    id: u64,
    mutation: &Mutation,
    result: Result<Mutated, Failure>,
    out: &mut Vec<Effect>,
) {
    let object = mutation.object();
    match result {
        Ok(mutated) => {
            model.acts.ended(id, Ok(()));
            let done = format!("{} {object}", mutation.past());
            model.note(Level::Info, done.clone());
            model.say(Level::Info, done);
            match (mutated, mutation) {
                (Mutated::Key { key, secret }, Mutation::Key { key: wanted, .. }) => {
                    if id > model.foreign_before {
                        screens::keys::replace(model, *key);
                        key::changed(model, wanted, out);
                    }
                    if let Some(secret) = secret {
                        model.overlay = Some(Overlay::Secret(SecretBox::new(wanted, secret)));
                    }
                }
                _ => limits_changed(model, id, out),
            }
        }
        Err(failure) => {
            let what = format!("{} {object}", mutation.verb());
            model.acts.ended(id, Err(failure.clone()));
            model.lament(&what, &failure);
            if failure.uncertain() {
                let look = match mutation {
                    Mutation::Key { .. } => "look at the key's history",
                    Mutation::Overlay { .. } | Mutation::EndOverlay { .. } => "look at :overlays",
                };
                model.refuse(format!("{what}: no answer came, so it may or may not have been done; {look}"));
                if let Mutation::Key { key, .. } = mutation {
                    key::changed(model, key, out);
                    if id > model.foreign_before {
                        model.load(Load::Keys, out);
                    }
                } else {
                    limits_changed(model, id, out);
                }
            }
        }
    }
}

/// Limits of the gateway that is looked at were scaled, or may have been: what depends on them is fetched at once.
fn limits_changed(model: &mut Model, id: u64, out: &mut Vec<Effect>) {
    if id > model.foreign_before {
        overlays::fetch(model, out);
        limits::refresh(model, out);
    }
}
