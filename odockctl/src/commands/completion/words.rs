//! Which arguments stand for what, and what may be typed for them.

use entity::Kind;
use entity::check::{Description, describe};

use super::names;
use crate::commands::target::nouns;

/// What an argument stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A resource of a kind.
    Of(Kind),
    /// A kind and names, or kind/name.
    Targets,
    /// A named gateway.
    Context,
    /// A kind and fields of its manifest.
    Field,
    /// A topic of the help.
    Topic,
}

/// What an argument of a command stands for, by the command's path and the argument's id.
pub fn of(path: &[String], id: &str) -> Option<What> {
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    Some(match (&words[..], id) {
        (_, "context") => What::Context,
        (_, "organisation") => What::Of(Kind::Organisation),
        (_, "targets" | "target") if words.first() != Some(&"overlay") => What::Targets,
        (["explain"], "path") => What::Field,
        (["help"], "words") => What::Topic,
        (["context", "use" | "show" | "remove" | "add"], "name") => What::Context,
        (["key", "create"], "name") => return None,
        (["key", _], "name" | "names") => What::Of(Kind::ApiKey),
        (["provider", "test"], "name") => What::Of(Kind::Provider),
        (["overlay", "end"], "name" | "names") => What::Of(Kind::Overlay),
        (["budget", _], "name" | "names") => What::Of(Kind::Budget),
        (["quota", _], "name" | "names") => What::Of(Kind::Quota),
        (["token", ..], "service_account") => What::Of(Kind::ServiceAccount),
        (["user", _], "users") => What::Of(Kind::User),
        (["model" | "login" | "token" | "invite", ..], _) => return None,
        (_, "key" | "keys") => What::Of(Kind::ApiKey),
        (_, "model" | "models") => What::Of(Kind::Model),
        (_, "team" | "teams") => What::Of(Kind::Team),
        (_, "user" | "users") => What::Of(Kind::User),
        (_, "provider") => What::Of(Kind::Provider),
        _ => return None,
    })
}

impl What {
    /// What may stand where `current` is being typed, the words of the command line being known.
    pub fn candidates(self, typed: &[String], current: &str) -> Vec<String> {
        match self {
            Self::Of(kind) => names::of(kind, typed),
            Self::Context => names::contexts(),
            Self::Targets => targets(typed, current),
            Self::Field => fields(current),
            Self::Topic => crate::commands::help::TOPICS.iter().map(|topic| (*topic).to_owned()).collect(),
        }
    }
}

fn targets(typed: &[String], current: &str) -> Vec<String> {
    if let Some((before, _)) = current.split_once('/') {
        let Some(kind) = Kind::find(before) else { return Vec::new() };
        return names::of(kind, typed).into_iter().map(|name| format!("{before}/{name}")).collect();
    }
    // Words before the one being typed; flags and their values hold no kind that stands alone.
    let earlier = typed.iter().take_while(|word| *word != current || current.is_empty());
    let kind = earlier.clone().filter(|word| !word.starts_with('-')).find_map(|word| Kind::find(word));
    match kind {
        Some(kind) => {
            let taken: Vec<&String> = earlier.collect();
            names::of(kind, typed).into_iter().filter(|name| !taken.contains(&name)).collect()
        }
        None => Kind::ALL.iter().map(|kind| nouns(*kind).to_owned()).collect(),
    }
}

/// `key.spec.…`: what may follow the last dot.
fn fields(current: &str) -> Vec<String> {
    let Some((before, _)) = current.rsplit_once('.') else {
        return Kind::ALL.iter().map(|kind| nouns(*kind).to_owned()).collect();
    };
    let mut steps = before.split('.');
    let Some(kind) = steps.next().and_then(Kind::find) else { return Vec::new() };
    let mut at: Description = describe(kind);
    for step in steps {
        match at.fields.into_iter().find(|field| field.name == step) {
            Some(next) => at = next,
            None => return Vec::new(),
        }
    }
    at.fields.iter().map(|field| format!("{before}.{}", field.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(path: &str, id: &str) -> Option<What> {
        of(&path.split(' ').map(str::to_owned).collect::<Vec<_>>(), id)
    }

    #[test]
    fn arguments_are_known_by_their_place() {
        assert_eq!(what("key rotate", "name"), Some(What::Of(Kind::ApiKey)));
        assert_eq!(what("key create", "name"), None);
        assert_eq!(what("usage list", "model"), Some(What::Of(Kind::Model)));
        assert_eq!(what("get", "targets"), Some(What::Targets));
        assert_eq!(what("context use", "name"), Some(What::Context));
        assert_eq!(what("get", "organisation"), Some(What::Of(Kind::Organisation)));
    }

    #[test]
    fn kinds_and_fields_need_no_gateway() {
        let typed = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(What::Targets.candidates(&typed("get "), "").contains(&"keys".to_owned()));
        let below = What::Field.candidates(&typed("explain key.spec.po"), "key.spec.po");
        assert!(below.contains(&"key.spec.policies".to_owned()), "{below:?}");
        assert!(What::Topic.candidates(&[], "").contains(&"exit-codes".to_owned()));
    }
}
