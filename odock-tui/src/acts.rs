//! What was done in this session, as the `odockctl` lines that would have done the same.

use std::collections::VecDeque;

use entity::Timestamp;

use crate::effects::{Change, Mutation};
use crate::format;
use crate::model::Session;
use crate::msg::Failure;

const KEPT: usize = 500;

/// One change that was asked for.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Pairs it with its outcome.
    pub id: u64,
    /// When it was sent.
    pub at: Timestamp,
    /// The `odockctl` line that does the same.
    pub line: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How a change went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No answer yet.
    Pending,
    /// Done.
    Done,
    /// Not done, or nobody knows.
    Failed(Failure),
}

/// The changes of this session, newest last.
#[derive(Debug, Default)]
pub struct Acts {
    entries: VecDeque<Entry>,
}

impl Acts {
    /// Notes that a change was sent.
    pub fn began(&mut self, id: u64, at: Timestamp, line: String) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { id, at, line, outcome: Outcome::Pending });
    }

    /// Notes how it went.
    pub fn ended(&mut self, id: u64, result: Result<(), Failure>) {
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.id == id) {
            entry.outcome = result.map_or_else(Outcome::Failed, |()| Outcome::Done);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry at a row, the newest being row 0.
    #[must_use]
    pub fn row(&self, row: usize) -> Option<&Entry> {
        self.entries.iter().rev().nth(row)
    }
}

/// The `odockctl` line that does what `mutation` does.
#[must_use]
pub fn command(session: &Session, mutation: &Mutation) -> String {
    let mut words = vec!["odockctl".to_owned()];
    let mut say = |more: &[&str]| words.extend(more.iter().map(|word| quote(word)));
    match mutation {
        Mutation::Key { key, change } => {
            say(&["key", change.verb(), &key.name]);
            if let Change::Rotate { overlap_seconds } = change {
                say(&["--overlap", &format::span(*overlap_seconds)]);
            }
        }
        Mutation::Overlay { scope, factor, seconds, reason } => {
            let (factor, span) = (factor.to_string(), format::span(*seconds));
            say(&["overlay", "set", &scope.word(), "--factor", &factor, "--for", &span]);
            if let Some(reason) = reason {
                say(&["--reason", reason]);
            }
        }
        Mutation::EndOverlay { name, .. } => say(&["overlay", "end", name]),
    }
    if let Some(context) = &session.context {
        words.extend(["--context".to_owned(), quote(context)]);
    }
    if session.context.is_none() || session.other_url {
        words.extend(["--url".to_owned(), quote(&session.url)]);
    }
    words.extend(["--organisation".to_owned(), quote(mutation.organisation())]);
    words.join(" ")
}

/// A word as a POSIX shell reads it back.
fn quote(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@%+=,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::policy::Factor;
    use entity::resource::Owner;
    use entity::vocab::{OwnerType, ScopeType};

    use crate::effects::{KeyRef, ScopeRef};

    fn line(context: Option<&str>, name: &str, change: Change) -> String {
        let session =
            Session { context: context.map(str::to_owned), url: "http://127.0.0.1:8080".into(), ..Session::default() };
        command(&session, &Mutation::Key { key: KeyRef { organisation: "acme".into(), name: name.into() }, change })
    }

    #[test]
    fn lines_can_be_pasted_into_a_shell() {
        assert_eq!(
            line(Some("local"), "ci", Change::Rotate { overlap_seconds: 86_400 }),
            "odockctl key rotate ci --overlap 1d --context local --organisation acme"
        );
        let session = Session {
            context: Some("local".into()),
            url: "http://[::1]:1".into(),
            other_url: true,
            ..Session::default()
        };
        let mutation =
            Mutation::Key { key: KeyRef { organisation: "acme".into(), name: "ci".into() }, change: Change::Unrevoke };
        assert_eq!(
            command(&session, &mutation),
            "odockctl key unrevoke ci --context local --url 'http://[::1]:1' --organisation acme"
        );
        assert_eq!(
            line(None, "it's; rm -rf", Change::Revoke),
            r"odockctl key revoke 'it'\''s; rm -rf' --url http://127.0.0.1:8080 --organisation acme"
        );
    }

    #[test]
    fn an_overlay_is_told_as_odockctl_sets_and_ends_it() {
        let session = Session { context: Some("local".into()), ..Session::default() };
        let overlay = |scope, reason: Option<&str>| Mutation::Overlay {
            scope,
            factor: Factor::from_thousandths(200).unwrap(),
            seconds: 5_400,
            reason: reason.map(str::to_owned),
        };
        let key = ScopeRef::named("acme", ScopeType::ApiKey, "ci");
        assert_eq!(
            command(&session, &overlay(key, Some("upstream incident"))),
            "odockctl overlay set key/ci --factor 0.2 --for 90m --reason 'upstream incident' --context local --organisation acme"
        );
        let whole = ScopeRef::owner("acme", &Owner { r#type: OwnerType::Org, name: Some("acme".into()) }).unwrap();
        assert_eq!(
            command(&session, &overlay(whole, None)),
            "odockctl overlay set org --factor 0.2 --for 90m --context local --organisation acme"
        );
        let end = Mutation::EndOverlay { organisation: "acme".into(), name: "key-ci".into() };
        assert_eq!(command(&session, &end), "odockctl overlay end key-ci --context local --organisation acme");
    }

    #[test]
    fn outcomes_find_their_entry() {
        let mut acts = Acts::default();
        for id in 0..KEPT as u64 + 2 {
            acts.began(id, Timestamp(0), format!("line {id}"));
        }
        acts.ended(KEPT as u64, Ok(()));
        acts.ended(0, Ok(()));
        assert_eq!(acts.len(), KEPT);
        assert_eq!(acts.row(0).map(|entry| entry.outcome.clone()), Some(Outcome::Pending));
        assert_eq!(acts.row(1).map(|entry| entry.outcome.clone()), Some(Outcome::Done));
    }
}
