//! From files to manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use entity::check::{self, check_manifest};
use entity::manifest::{API_VERSION, Manifest};
use entity::ownership::check_owner;
use entity::resource::Kind;
use serde::Deserialize;

use super::diagnostic::{Diagnostic, Place, code};
use super::expand::{Variables, expand};
use super::node::{Node, Tree};
use super::source::{self, Format, Input, Source};
use super::{Env, Located, ManifestSet, json, references, secret, toml, yaml};

/// Reports stop here: whoever made a thousand mistakes made the same one often.
const MOST: usize = 1_000;

/// How to load.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The organisation of manifests that name none.
    pub organisation: Option<String>,
    /// Variables beyond `ODOCK_*` that may be read: names, or prefixes that end in `*`.
    pub allow_env: Vec<String>,
}

/// Loads every manifest of the sources.
///
/// # Errors
/// Everything that is wrong with them, in the order of files and lines.
pub fn load(sources: &[Source], env: Env<'_>, options: &Options) -> Result<ManifestSet, Vec<Diagnostic>> {
    let (inputs, found) = source::read(sources);
    let order: BTreeMap<&str, usize> =
        inputs.iter().enumerate().rev().map(|(at, input)| (input.name.as_str(), at)).collect();
    let variables = Variables { env, allowed: &options.allow_env };
    let mut loader = Loader {
        variables,
        organisation: options.organisation.as_deref(),
        names: BTreeMap::new(),
        resources: Vec::new(),
        owner: None,
        found,
    };
    for input in &inputs {
        loader.input(input);
    }
    let Loader { resources, owner, mut found, .. } = loader;
    references::check(&resources, &mut found);
    if resources.is_empty() && found.is_empty() {
        let file = inputs.first().map_or("<nothing>", |input| input.name.as_str());
        found.push(Diagnostic::new(file, Place::default(), code::EMPTY, "there are no manifests"));
    }
    if found.is_empty() {
        let owner = owner.map(|(owner, ..)| owner);
        return Ok(ManifestSet::new(resources, owner, options.allow_env.clone()));
    }
    found.truncate(MOST);
    found.sort_by_cached_key(|it| (order.get(&*it.file).copied(), it.file.clone(), it.line, it.column));
    Err(found)
}

/// Kind, organisation and name.
type Identity = (String, Option<String>, String);

struct Loader<'a> {
    variables: Variables<'a>,
    organisation: Option<&'a str>,
    /// Where each (kind, organisation, name) was declared.
    names: BTreeMap<Identity, (Arc<str>, Place)>,
    resources: Vec<Located>,
    /// The owner that the files name, and where.
    owner: Option<(String, Arc<str>, Place)>,
    found: Vec<Diagnostic>,
}

impl Loader<'_> {
    fn input(&mut self, input: &Input) {
        let documents = match input.format {
            Format::Yaml => {
                let (documents, found) = yaml::parse(&input.name, &input.text);
                self.found.extend(found);
                documents
            }
            Format::Json if input.text.trim().is_empty() => Vec::new(),
            Format::Json => {
                json::parse(&input.name, &input.text).map_err(|error| self.found.push(error)).into_iter().collect()
            }
            Format::Toml => {
                toml::parse(&input.name, &input.text).map_err(|errors| self.found.extend(errors)).into_iter().collect()
            }
        };
        let file: Arc<str> = input.name.as_str().into();
        for document in documents {
            for manifest in self.split(document, &file) {
                if self.found.len() >= MOST {
                    return;
                }
                self.manifest(manifest, &file, input);
            }
        }
    }

    /// The manifests of a document: itself, its entries, or the entries of its `resources`.
    fn split(&mut self, document: Node, file: &str) -> Vec<Node> {
        let bare = document.get("kind").is_none();
        let is_wrapper = bare && (document.get("resources").is_some() || document.get("owner").is_some());
        match document.tree {
            Tree::Null => Vec::new(),
            Tree::Map(entries) if entries.is_empty() => Vec::new(),
            Tree::List(items) => items,
            Tree::Map(entries) if is_wrapper => {
                let mut items = Vec::new();
                for entry in entries {
                    match (entry.key.as_str(), entry.value.tree) {
                        ("resources", Tree::List(list)) => items = list,
                        ("resources", _) => {
                            let message = "`resources` must be a list of manifests";
                            self.found.push(Diagnostic::new(file, entry.value.place, check::code::WRONG_TYPE, message));
                        }
                        ("owner", tree) => self.owner(&Node::new(entry.value.place, tree), file),
                        // Said once for the whole file, as in each manifest.
                        ("apiVersion", Tree::Text(version)) if version == API_VERSION => {}
                        (key, _) => {
                            let shown: String = key.chars().take(60).collect();
                            let message = format!("`{shown}` cannot stand beside `resources`");
                            self.found.push(Diagnostic::new(file, entry.place, check::code::UNKNOWN_FIELD, message));
                        }
                    }
                }
                items
            }
            tree => vec![Node::new(document.place, tree)],
        }
    }

    /// Under whose name the file says that it is applied. All files must agree.
    fn owner(&mut self, node: &Node, file: &str) {
        let mut wrong = |code: &str, message: String, hint: Option<String>| {
            let diagnostic = Diagnostic::new(file, node.place, code, message).pointer("/owner");
            self.found.push(Diagnostic { hint, ..diagnostic });
        };
        let Some(name) = node.text() else {
            return wrong(check::code::WRONG_TYPE, "`owner` must be a string".to_owned(), None);
        };
        if let Err(violation) = check_owner(name) {
            return wrong(violation.code, violation.message, violation.hint);
        }
        match &self.owner {
            Some((other, at, place)) if other != name => {
                let (line, column) = (place.line, place.column);
                let message = format!("the owner is `{name}` here, and `{other}` at {at}:{line}:{column}");
                wrong(
                    check::code::INVALID,
                    message,
                    Some("apply the files of different owners one after the other".into()),
                );
            }
            Some(_) => {}
            None => self.owner = Some((name.to_owned(), file.into(), node.place)),
        }
    }

    fn manifest(&mut self, mut node: Node, file: &Arc<str>, input: &Input) {
        let before = self.found.len();
        expand(&mut node, file, &self.variables, &mut self.found);
        let unexpanded: BTreeSet<Place> =
            self.found[before..].iter().map(|it| Place { line: it.line, column: it.column }).collect();
        let mut bare = node.clone();
        let secrets = secret::take(&mut bare, file, &input.directory, &mut self.found);
        let key = secret::take_key(&mut bare, file, &input.directory, &mut self.found);
        let violations = adapt(&mut bare);
        // What could not be expanded has been reported; what the rest of its text looks like does not matter.
        let violations = violations.into_iter().filter(|it| !unexpanded.contains(&bare.place_of(&it.pointer)));
        self.found.extend(violations.map(|it| {
            let place = place_of(&bare, &it.pointer, it.code);
            Diagnostic::of(it, file, place)
        }));
        self.name(&bare, file);
        if self.found.len() > before {
            return;
        }
        match Manifest::deserialize(bare.to_value()) {
            Ok(mut manifest) => {
                if manifest.kind != Kind::Organisation && manifest.metadata.organisation.is_none() {
                    manifest.metadata.organisation = self.organisation.map(str::to_owned);
                }
                self.resources.push(Located { manifest, file: file.clone(), node: Arc::new(node), secrets, key });
            }
            Err(error) => self.found.push(Diagnostic::new(file, node.place, check::code::INVALID, error.to_string())),
        }
    }

    /// Remembers what a manifest declares, even if it is wrong elsewhere, and refuses the second of the same.
    fn name(&mut self, manifest: &Node, file: &Arc<str>) {
        let text = |pointer: &str| manifest.at(pointer).and_then(Node::text).map(str::to_owned);
        let (Some(kind), Some(name)) = (text("/kind"), text("/metadata/name")) else { return };
        let organisation = text("/metadata/organisation").or_else(|| self.organisation.map(str::to_owned));
        let organisation = organisation.filter(|_| kind != Kind::Organisation.as_str());
        let place = manifest.place_of("/metadata/name");
        let shown: String = name.chars().take(60).collect();
        match self.names.entry((kind.clone(), organisation.clone(), name)) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert((file.clone(), place));
            }
            std::collections::btree_map::Entry::Occupied(entry) => {
                let (other, at) = entry.get();
                let within = organisation.map(|slug| format!(" of {slug}")).unwrap_or_default();
                let message = format!(
                    "{kind} `{shown}`{within} is declared twice; it is already at {other}:{}:{}",
                    at.line, at.column
                );
                self.found
                    .push(Diagnostic::new(file, place, check::code::DUPLICATE, message).pointer("/metadata/name"));
            }
        }
    }
}

/// Checks a manifest. Where a whole `${…}` stands for a number or a truth value, its text becomes one first.
fn adapt(manifest: &mut Node) -> Vec<check::Violation> {
    let violations = check_manifest(&manifest.to_value());
    let mut adapted = false;
    for violation in violations.iter().filter(|it| it.code == check::code::WRONG_TYPE) {
        if let Some(Node { tree, .. }) = manifest.at_mut(&violation.pointer)
            && let Tree::Variable(text) = tree
            && let Some(value @ (Tree::Flag(_) | Tree::Number(_))) = yaml::plain(text)
        {
            *tree = value;
            adapted = true;
        }
    }
    if adapted { check_manifest(&manifest.to_value()) } else { violations }
}

/// Where a violation is shown: at the key if it is about the field, at the value if it is about that.
pub(super) fn place_of(manifest: &Node, pointer: &str, code: &str) -> Place {
    let about_field = match code {
        check::code::UNKNOWN_FIELD | check::code::LITERAL_SECRET => true,
        check::code::UNSUPPORTED => !matches!(pointer, "/kind" | "/spec/type"),
        _ => false,
    };
    // The gateway speaks of the secret that it got; the file says where it came from.
    let written = pointer.strip_suffix("/secret").map(|key| format!("{key}/valueFrom"));
    let pointer = written.as_deref().filter(|written| manifest.at(written).is_some()).unwrap_or(pointer);
    if about_field { manifest.key_place_of(pointer) } else { manifest.place_of(pointer) }
}
