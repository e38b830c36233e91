//! `odockctl export`: what there is, as manifests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use entity::Kind;
use entity::manifest::{API_VERSION, Manifest, Metadata};
use entity::resource::Resource;
use odock_client::http::ListQuery;
use serde::Serialize;
use serde_json::{Value, json};

use super::get::fetch;
use super::labels::ByLabels;
use super::target::{self, for_kind};
use crate::error::{CliError, Exit};
use crate::output::Format;
use crate::session::Session;

/// Write what there is as manifests.
///
/// Applying them changes nothing. Secrets are not in them: of a provider's key stands where to find it, optional, so that
/// a key that exists keeps the secret that it has.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  odockctl export > organisation.yaml
  odockctl export models keys -o json
  odockctl export --selector team=search > search.yaml
  odockctl export --split-by kind --dir organisation/")]
pub struct Args {
    /// Kinds to export; all without any.
    #[arg(value_name = "KIND")]
    kinds: Vec<String>,
    #[command(flatten)]
    by: ByLabels,
    /// Write several files into --dir.
    #[arg(long, value_name = "WHAT", requires = "dir")]
    split_by: Option<Split>,
    /// The directory for --split-by. Files that are there are not overwritten.
    #[arg(long, value_name = "DIRECTORY", requires = "split_by")]
    dir: Option<PathBuf>,
}

/// Into which files resources are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Split {
    /// One file a kind.
    Kind,
    /// One file a resource.
    Resource,
}

/// Whether manifests name their organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// They do, so that they can be applied anywhere.
    Named,
    /// They do not: they are sent to it.
    Here,
}

/// Runs the command.
///
/// # Errors
/// The gateway refuses, or a file cannot be written.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let format = match session.out.format {
        Format::Table | Format::Wide => Format::Yaml,
        Format::Csv | Format::Name => return Err(CliError::usage("manifests are YAML, JSON or TOML").hint("-o yaml")),
        structured => structured,
    };
    let kinds: Vec<Kind> = match args.kinds.is_empty() {
        true => Kind::ALL.to_vec(),
        false => args.kinds.iter().map(|word| target::kind(word)).collect::<Result<_, _>>()?,
    };
    let mut manifests = Vec::new();
    for kind in kinds {
        manifests.extend(manifests_of(session, kind, &[], &args.by, Place::Named).await?);
    }
    let (Some(split), Some(directory)) = (args.split_by, &args.dir) else {
        session.out.raw(&document(format, &manifests)?)?;
        return Ok(Exit::Done);
    };
    let mut files: BTreeMap<String, Vec<Manifest>> = BTreeMap::new();
    for manifest in manifests {
        let name = match split {
            Split::Kind => manifest.kind.plural().to_owned(),
            Split::Resource => format!("{}-{}", manifest.kind.as_str().to_lowercase(), plain(&manifest.metadata.name)),
        };
        files.entry(name).or_default().push(manifest);
    }
    let io = |path: &std::path::Path| {
        let shown = path.display().to_string();
        move |error: std::io::Error| CliError::io(&shown, &error)
    };
    std::fs::create_dir_all(directory).map_err(io(directory))?;
    for (name, manifests) in &files {
        let path = directory.join(format!("{name}.{}", extension(format)));
        let text = document(format, manifests)?;
        let mut file = std::fs::File::options().write(true).create_new(true).open(&path).map_err(io(&path))?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(io(&path))?;
    }
    session.out.note(&format!("wrote {} files into {}", files.len(), directory.display()));
    Ok(Exit::Done)
}

const fn extension(format: Format) -> &'static str {
    match format {
        Format::Json | Format::Jsonl => "json",
        Format::Toml => "toml",
        _ => "yaml",
    }
}

/// A name as part of a file's name.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || "-_.@".contains(c) { c } else { '_' }).collect()
}

fn document(format: Format, manifests: &[Manifest]) -> Result<String, CliError> {
    crate::output::document(format, &json!({ "resources": manifests }))
}

/// Resources as manifests: those of these names, or all of the kind that have the labels.
///
/// # Errors
/// The gateway refuses.
pub async fn manifests_of(
    session: &Session,
    kind: Kind,
    names: &[String],
    by: &ByLabels,
    place: Place,
) -> Result<Vec<Manifest>, CliError> {
    let organisation = session.organisation()?;
    let slug = Some(organisation.clone()).filter(|_| place == Place::Named && kind != Kind::Organisation);
    let mut manifests = Vec::new();
    for_kind!(kind, T => {
        let items: Vec<T> = if !names.is_empty() {
            let mut items = Vec::new();
            for name in names {
                items.push(fetch::<T>(session, name).await?);
            }
            items
        } else if kind == Kind::Organisation {
            let own = fetch::<T>(session, &organisation).await?;
            let is_meant = by.selector.as_ref().is_none_or(|selector| selector.matches(&own.labels));
            is_meant.then_some(own).into_iter().collect()
        } else {
            let query = ListQuery { filters: by.filters(), ..ListQuery::default() };
            session.api().await?.list::<T>(&query).await?
        };
        for item in &items {
            manifests.push(manifest(kind, slug.clone(), item)?);
        }
    });
    Ok(manifests)
}

fn manifest<S: Serialize, T>(
    kind: Kind,
    organisation: Option<String>,
    resource: &Resource<S, T>,
) -> Result<Manifest, CliError> {
    let mut spec = serde_json::to_value(&resource.spec).map_err(|error| CliError::internal(error.to_string()))?;
    if let Some(keys) = spec.get_mut("keys").and_then(Value::as_array_mut).filter(|_| kind == Kind::Provider) {
        for key in keys.iter_mut().filter_map(Value::as_object_mut) {
            let name = key.get("name").and_then(Value::as_str).unwrap_or_default();
            let variable = variable(&resource.name, name);
            key.remove("secret");
            key.insert("valueFrom".into(), json!({"env": variable, "optional": true}));
        }
    }
    tidy(&mut spec);
    let metadata = Metadata {
        organisation,
        labels: resource.labels.clone(),
        protect: Some(true).filter(|_| resource.protect),
        ..Metadata::named(&resource.name)
    };
    Ok(Manifest { api_version: API_VERSION.into(), kind, metadata, spec })
}

/// The variable that holds a provider's key: `ODOCK_OPENAI_PRIMARY`.
fn variable(provider: &str, key: &str) -> String {
    let word = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
    };
    format!("ODOCK_{}_{}", word(provider), word(key))
}

/// Leaves out what says nothing: empty objects and lists.
fn tidy(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.values_mut().for_each(tidy);
        fields.retain(|_, value| match value {
            Value::Object(fields) => !fields.is_empty(),
            Value::Array(items) => !items.is_empty(),
            other => !other.is_null(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_left_out_and_variables_are_plain() {
        let mut spec = json!({"a": {}, "b": [], "c": {"d": {}}, "e": 0, "f": null, "g": [{}]});
        tidy(&mut spec);
        assert_eq!(spec, json!({"e": 0, "g": [{}]}));
        assert_eq!(variable("my openai", "primary-2"), "ODOCK_MY_OPENAI_PRIMARY_2");
        assert_eq!(plain("a/b c"), "a_b_c");
    }
}
