//! Reading `config.toml` by hand, so that mistakes are named by place and never quoted: one may be a token.

use std::collections::BTreeMap;
use std::path::Path;

use entity::vocab::Scope;
use toml_edit::{Document, Item, TableLike};
use url::Url;

use super::{Context, ContextError, SignedIn, is_name};
use crate::credential::Reference;

/// What a configuration file says.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) current: Option<String>,
    pub(super) previous: Option<String>,
    pub(super) contexts: BTreeMap<String, Context>,
}

/// A mistake, at a byte of the text.
struct Mistake {
    at: usize,
    what: String,
}

pub(super) fn content(text: &str, path: &Path) -> Result<Content, ContextError> {
    parse(text).map_err(|mistake| {
        let before = &text[..text.floor_char_boundary(mistake.at)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
        ContextError::Content { path: path.to_owned(), line, column, what: mistake.what }
    })
}

fn parse(text: &str) -> Result<Content, Mistake> {
    let document = Document::parse(text).map_err(|error| Mistake {
        at: error.span().map_or(0, |span| span.start),
        // The library's own message may quote what it stumbled over.
        what: "this is not TOML".into(),
    })?;
    let mut content = Content::default();
    for (key, item) in document.iter() {
        match key {
            "current" => content.current = Some(string(item, "current")?.to_owned()),
            // One that is gone by now is no mistake: nobody has chosen it.
            "previous" => content.previous = Some(string(item, "previous")?.to_owned()),
            "contexts" => content.contexts = contexts(item)?,
            _ => return Err(unknown(item, key, "current, previous, contexts")),
        }
    }
    match &content.current {
        Some(name) if !content.contexts.contains_key(name) => {
            let at = document.get("current").map_or(0, start);
            Err(Mistake { at, what: "`current` names a context that is not in this file".into() })
        }
        _ => Ok(content),
    }
}

fn contexts(item: &Item) -> Result<BTreeMap<String, Context>, Mistake> {
    let mut found = BTreeMap::new();
    for (name, item) in table(item, "contexts")?.iter() {
        if !is_name(name) {
            return Err(Mistake {
                at: start(item),
                what: ContextError::Name(name.chars().take(64).collect()).to_string(),
            });
        }
        found.insert(name.to_owned(), context(item)?);
    }
    Ok(found)
}

fn context(item: &Item) -> Result<Context, Mistake> {
    const KNOWN: &str = "url, organisation, credential, color, protected, read_only, signed_in";
    let fields = table(item, "a context")?;
    let Some(url) = fields.get("url") else {
        return Err(Mistake { at: start(item), what: "this context has no `url`".into() });
    };
    let address = string(url, "url")?;
    let address = Url::parse(address).map_err(|_| Mistake { at: start(url), what: "`url` is not a URL".into() })?;
    let mut context = Context::new(address);
    for (key, item) in fields.iter() {
        match key {
            "url" => {}
            "organisation" => context.organisation = Some(string(item, key)?.to_owned()),
            "credential" => {
                let reference = string(item, key)?.parse::<Reference>();
                context.credential = Some(reference.map_err(|e| Mistake { at: start(item), what: e.to_string() })?);
            }
            "color" => {
                let color = string(item, key)?.parse();
                context.color =
                    Some(color.map_err(|what| Mistake { at: start(item), what: format!("`color` is {what}") })?);
            }
            "protected" => context.protected = boolean(item, key)?,
            "read_only" => context.read_only = boolean(item, key)?,
            "signed_in" => context.signed_in = Some(signed_in(item)?),
            "token" | "password" | "secret" => {
                return Err(Mistake {
                    at: start(item),
                    what: format!(
                        "`{key}`: tokens do not stand in this file; use `credential` with keyring:, exec:, file: or env:"
                    ),
                });
            }
            _ => return Err(unknown(item, key, KNOWN)),
        }
    }
    Ok(context)
}

fn signed_in(item: &Item) -> Result<SignedIn, Mistake> {
    let fields = table(item, "signed_in")?;
    let field = |key: &str| -> Result<&str, Mistake> {
        let missing = || Mistake { at: start(item), what: format!("`signed_in` has no `{key}`") };
        string(fields.get(key).ok_or_else(missing)?, key)
    };
    let wrong = |key: &str| Mistake { at: fields.get(key).map_or(0, start), what: format!("`{key}` cannot be read") };
    let scopes = fields.get("scopes").and_then(Item::as_array).ok_or_else(|| wrong("scopes"))?;
    let scopes = scopes.iter().map(|scope| scope.as_str()?.parse::<Scope>().ok()).collect::<Option<_>>();
    Ok(SignedIn {
        email: field("email")?.to_owned(),
        token: field("token")?.to_owned(),
        scopes: scopes.ok_or_else(|| wrong("scopes"))?,
        expires_at: field("expires_at")?.parse().map_err(|_| wrong("expires_at"))?,
    })
}

fn start(item: &Item) -> usize {
    item.span().map_or(0, |span| span.start)
}

fn table<'a>(item: &'a Item, what: &str) -> Result<&'a dyn TableLike, Mistake> {
    item.as_table_like().ok_or_else(|| Mistake { at: start(item), what: format!("`{what}` must be a table") })
}

fn string<'a>(item: &'a Item, key: &str) -> Result<&'a str, Mistake> {
    item.as_str().ok_or_else(|| Mistake { at: start(item), what: format!("`{key}` must be a string") })
}

fn boolean(item: &Item, key: &str) -> Result<bool, Mistake> {
    item.as_bool().ok_or_else(|| Mistake { at: start(item), what: format!("`{key}` must be true or false") })
}

fn unknown(item: &Item, key: &str, known: &str) -> Mistake {
    let key: String = key.chars().take(40).collect();
    Mistake { at: start(item), what: format!("`{key}` is not known here; known are {known}") }
}
