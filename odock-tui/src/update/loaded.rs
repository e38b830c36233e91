//! What comes of fetching.

use std::sync::Arc;

use crate::effects::Load;
use crate::format;
use crate::model::Model;
use crate::msg::{Answer, Failure, Level};
use crate::screens::{self, limits, providers, pulse, tail};

/// Takes the expected answer out, or says that another one came.
macro_rules! wanted {
    ($pattern:pat => $value:expr) => {
        |answer| match answer {
            $pattern => Ok($value),
            _ => Err(Failure::new(crate::msg::FailureKind::Other, "the answer is to another question")),
        }
    };
}

/// Takes an answer in.
pub(super) fn loaded(model: &mut Model, load: Load, result: Result<Answer, Failure>) {
    let mono = model.env.mono;
    // What is fetched every other second fails as often: said once.
    let known = load == Load::Limits && model.statuses.failure() == result.as_ref().err();
    if let Err(failure) = &result
        && !known
    {
        model.note(Level::Warn, format!("{}: {}", fetching(&load), failure.message));
    }
    match (load, result) {
        (Load::WhoAmI, result) => model.whoami.settle(result.and_then(wanted!(Answer::WhoAmI(who) => who)), mono),
        (Load::Version, result) => {
            model.version.settle(result.and_then(wanted!(Answer::Version(version) => version)), mono)
        }
        (Load::Keys, result) => {
            let keys = result.and_then(wanted!(Answer::Keys(keys) => keys)).map(|mut keys| {
                screens::keys::by_name(&mut keys);
                keys
            });
            model.virtual_keys.settle(keys, mono);
            screens::keys::reproject(model);
        }
        (Load::Key(wanted), result) => {
            if model.key.subject.as_ref() == Some(&wanted) {
                let result = result.and_then(wanted!(Answer::Key(key) => *key));
                if let Ok(key) = &result {
                    screens::keys::replace(model, key.clone());
                }
                model.key.details.settle(result, mono);
            }
        }
        (Load::History(wanted), result) => {
            if model.key.subject.as_ref() == Some(&wanted) {
                model.key.history.settle(result.and_then(wanted!(Answer::History(rotations) => rotations)), mono);
            }
        }
        (Load::Recent(_), Err(failure)) => model.tail.recent.settle(Err(failure), mono),
        (Load::Recent(since), Ok(Answer::Recent(records, more))) => {
            model.tail.recent.settle(Ok(()), mono);
            let before = model.live.requests.len();
            tail::merge(model, records);
            pulse::refused(model);
            let added = (model.live.requests.len() - before.min(model.live.requests.len())) as u64;
            model.live.missed = model.live.missed.saturating_sub(added);
            if more && since.is_some() {
                model.note(
                    Level::Warn,
                    "more requests ended while away than can be fetched; the oldest are missing here",
                );
            }
        }
        (Load::Summary(_), Ok(Answer::Summary(summary))) => {
            let total = &summary.total;
            let text = format!(
                "while away: {}, {}, {}",
                format::things(total.requests, "request"),
                format::things(total.errors, "error"),
                format::money(total.cost_nanos)
            );
            model.note(Level::Info, text.clone());
            model.say(Level::Info, text);
        }
        (Load::Record(id), result) => {
            if model.request.id == id {
                model
                    .request
                    .record
                    .settle(result.and_then(wanted!(Answer::Record(record) => Arc::from(record))), mono);
            }
        }
        (Load::Limits, result) => {
            model.statuses.settle(result.and_then(wanted!(Answer::Limits(statuses) => statuses)), mono);
            limits::arrived(model);
        }
        (Load::Declared, result) => {
            model.declared.settle(result.and_then(wanted!(Answer::Declared(declared) => declared)), mono);
        }
        (Load::Overlays, result) => {
            model.limit_overlays.settle(result.and_then(wanted!(Answer::Overlays(overlays) => overlays)), mono);
        }
        (Load::Providers, result) => {
            model.upstreams.settle(result.and_then(wanted!(Answer::Providers(providers) => providers)), mono);
            providers::arrived(model);
        }
        (Load::Test(name), result) => {
            providers::tried(model, &name, result.and_then(wanted!(Answer::Test(found) => *found)));
        }
        (Load::Contexts, result) => {
            model.contexts.rows.settle(result.and_then(wanted!(Answer::Contexts(rows) => rows)), mono);
        }
        (Load::Recent(_) | Load::Summary(_), _) => {}
    }
}

fn fetching(load: &Load) -> &'static str {
    match load {
        Load::WhoAmI => "asking who we are",
        Load::Version => "asking for the version",
        Load::Keys => "fetching the keys",
        Load::Key(_) => "fetching the key",
        Load::History(_) => "fetching the rotations",
        Load::Recent(_) => "fetching recent requests",
        Load::Record(_) => "fetching the request",
        Load::Summary(_) => "fetching the usage while away",
        Load::Limits => "fetching budgets and quotas",
        Load::Declared => "fetching what budgets and quotas are declared to be",
        Load::Overlays => "fetching the overlays",
        Load::Providers => "fetching the providers",
        Load::Test(_) => "trying a provider",
        Load::Contexts => "reading the contexts",
    }
}
