//! Names of what the gateway has, quickly or not at all.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use clap::Parser as _;
use entity::Kind;
use odock_client::credential::{Reference, Source};
use odock_client::http::{ListQuery, Wire as _};

use crate::cli::Cli;
use crate::commands::target::for_kind;
use crate::session::{Chosen, Session};

/// How long somebody who pressed TAB waits at most.
const BUDGET: Duration = Duration::from_millis(200);
/// How long names are remembered.
const LIFETIME: Duration = Duration::from_secs(60);
/// The most names that are offered.
const MOST: usize = 1_000;

/// The names of a kind's resources, as far as they can be had in time; `typed` may hold flags that say where.
pub fn of(kind: Kind, typed: &[String]) -> Vec<String> {
    let Some(session) = session(typed) else { return Vec::new() };
    let Ok(chosen) = session.context() else { return Vec::new() };
    let place = place(&chosen, kind);
    if let Some(names) = place.as_ref().and_then(remembered) {
        return names;
    }
    let (sender, receiver) = mpsc::channel();
    // Left behind when it takes too long: the program ends then.
    std::thread::spawn(move || sender.send(asked(kind, &session, &chosen)));
    let Ok(Some(names)) = receiver.recv_timeout(BUDGET) else { return Vec::new() };
    if let Some(place) = place {
        // Without a memory the next TAB asks again.
        let _ = remember(&place, &names);
    }
    names
}

/// The names of the contexts.
pub fn contexts() -> Vec<String> {
    let config = Session::config_path().ok().and_then(|path| odock_client::context::ConfigFile::load(path).ok());
    config.map(|config| config.contexts().keys().cloned().collect()).unwrap_or_default()
}

/// A run with the flags that are typed already.
fn session(typed: &[String]) -> Option<Session> {
    const FLAGS: [&str; 5] = ["--context", "--organisation", "--url", "--token-file", "--ca-file"];
    let mut words = vec!["odockctl".to_owned(), "version".to_owned()];
    for (at, word) in typed.iter().enumerate() {
        match word.split_once('=') {
            Some((flag, _)) if FLAGS.contains(&flag) => words.push(word.clone()),
            None if FLAGS.contains(&word.as_str()) => {
                words.extend([word.clone(), typed.get(at + 1).filter(|value| !value.is_empty())?.clone()]);
            }
            _ => {}
        }
    }
    let mut cli = Cli::try_parse_from(words).ok()?;
    cli.global.timeout = BUDGET;
    cli.global.retries = 0;
    Some(Session::new(cli.global))
}

/// Asks the gateway.
fn asked(kind: Kind, session: &Session, chosen: &Chosen) -> Option<Vec<String>> {
    // A helper program may ask for a password or a touch: nobody expects that from TAB.
    if matches!(session.credential_source(chosen), Ok(Some(Source::Context(Reference::Exec(_))))) {
        return None;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let query = ListQuery::default();
    runtime.block_on(async {
        let client = session.client().await.ok()?;
        for_kind!(kind, T => {
            let found: Result<Vec<T>, _> = match kind {
                Kind::Organisation => client.admin().list(&query, MOST).await.map(|page| page.items),
                _ => {
                    let organisation = chosen.context.organisation.as_ref()?;
                    client.organisation(organisation).page(&query, MOST).await.map(|page| page.items)
                }
            };
            match (found, kind) {
                (Ok(found), _) => Some(found.iter().map(|one| one.name().to_owned()).filter(|name| is_plain(name)).collect()),
                // Not everybody may see all organisations, but everybody knows the own one.
                (Err(_), Kind::Organisation) => chosen.context.organisation.clone().map(|own| vec![own]),
                (Err(_), _) => None,
            }
        })
    })
}

/// Whether a shell takes a name as one word.
fn is_plain(name: &str) -> bool {
    !name.chars().any(|c| c.is_whitespace() || c.is_control() || "\\'\"`$&|;<>()*?[]{}!#~".contains(c))
}

/// Where the names of a kind are remembered: for one gateway, organisation and credential.
fn place(chosen: &Chosen, kind: Kind) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").filter(|path| path.is_absolute()).or_else(|| Some(set("HOME")?.join(".cache")))?;
    let mut hasher = DefaultHasher::new();
    (chosen.context.url.as_str(), &chosen.context.organisation, &chosen.name).hash(&mut hasher);
    (std::env::var_os("ODOCK_TOKEN"), std::env::var_os("ODOCK_TOKEN_FILE")).hash(&mut hasher);
    Some(base.join("odock/completion").join(format!("{:016x}-{}", hasher.finish(), kind.plural())))
}

fn remembered(place: &PathBuf) -> Option<Vec<String>> {
    let age = fs::metadata(place).ok()?.modified().ok()?.elapsed().ok()?;
    let text = (age < LIFETIME).then(|| fs::read_to_string(place).ok()).flatten()?;
    Some(text.lines().map(str::to_owned).collect())
}

fn remember(place: &PathBuf, names: &[String]) -> std::io::Result<()> {
    let directory = place.parent().ok_or(std::io::ErrorKind::NotFound)?;
    fs::create_dir_all(directory)?;
    // Such files are made for their owner only, and take their place whole.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(names.join("\n").as_bytes())?;
    file.persist(place).map(drop).map_err(|error| error.error)
}
