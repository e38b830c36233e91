//! `odockctl validate`: what is wrong with manifests, without a gateway.

use std::collections::BTreeMap;

use odock_client::manifest::{self, Diagnostic, ManifestSet, Options, Source};
use serde_json::json;

use crate::error::{CliError, Detail, Exit, Place};
use crate::session::Session;

/// Check manifests without asking a gateway.
///
/// Reports every mistake at once, with file, line and column. References to things that are not in the files are
/// checked by `diff` and `apply`, which ask the gateway. Secrets are not fetched.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Example:\n  odockctl validate -f organisation/")]
pub struct Args {
    /// Where the manifests are.
    #[command(flatten)]
    pub files: Files,
}

/// Where manifests are, and what they may read.
#[derive(clap::Args, Clone, Debug)]
pub struct Files {
    /// A file, a directory (recursive; names that begin with `.` or `_` are left out), a pattern, or `-` for standard
    /// input. YAML, JSON or TOML. Can be given several times; all together are one set.
    #[arg(short = 'f', long = "file", value_name = "FILE", num_args = 1..)]
    pub file: Vec<String>,
    /// Let `${NAME}` and `valueFrom` read this variable, too; `PREFIX*` allows many. Without it only `ODOCK_*` is read.
    #[arg(long, value_name = "NAME")]
    pub allow_env: Vec<String>,
}

impl Files {
    /// Loads the manifests.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(&self, organisation: Option<String>) -> Result<ManifestSet, CliError> {
        if self.file.is_empty() {
            return Err(CliError::usage("no manifests are named").hint("name files or directories: -f organisation/"));
        }
        let sources: Vec<Source> = self.file.iter().map(|argument| Source::parse(argument)).collect();
        let options = Options { organisation, allow_env: self.allow_env.clone() };
        manifest::load(&sources, &manifest::process_env, &options).map_err(|found| mistakes(&found))
    }
}

/// Mistakes in manifests as an error: a single one as itself, several as a list.
#[must_use]
pub fn mistakes(found: &[Diagnostic]) -> CliError {
    if let [only] = found {
        let Detail { message, code, source } = detail(&Diagnostic { hint: None, ..only.clone() });
        let error = CliError::new(Exit::Usage, code.unwrap_or_default(), message).at(source.unwrap_or_default());
        return match &only.hint {
            Some(hint) => error.hint(hint),
            None => error,
        };
    }
    let message = format!("{} mistakes in the manifests; nothing was changed", found.len());
    CliError::new(Exit::Usage, "invalid_manifest", message).details(found.iter().map(detail).collect())
}

/// A mistake as a line: where, which field, what, and what to write instead.
#[must_use]
pub fn detail(found: &Diagnostic) -> Detail {
    let field = if found.pointer.is_empty() { String::new() } else { format!("{}: ", found.pointer) };
    let hint = found.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    let known = |number: u32| Some(number).filter(|number| *number > 0).and_then(|number| usize::try_from(number).ok());
    let place = Place {
        file: Some(found.file.to_string()),
        line: known(found.line),
        column: known(found.column),
        pointer: Some(found.pointer.clone()).filter(|pointer| !pointer.is_empty()),
    };
    Detail { message: format!("{field}{}{hint}", found.message), code: Some(found.code.clone()), source: Some(place) }
}

/// Runs the command.
///
/// # Errors
/// The manifests are wrong.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    // Works without any context: then manifests may leave their organisation open.
    let organisation = session.global.organisation.clone().or_else(|| session.context().ok()?.context.organisation);
    let set = args.files.load(organisation)?;
    let mut kinds = BTreeMap::new();
    for resource in &set.resources {
        *kinds.entry(resource.manifest.kind).or_insert(0_u64) += 1;
    }
    if session.out.is_structured() {
        let kinds: BTreeMap<_, _> = kinds.iter().map(|(kind, count)| (kind.as_str(), count)).collect();
        session.out.value(&json!({"valid": true, "manifests": set.resources.len(), "kinds": kinds}))?;
    } else {
        let parts: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        let count = if set.resources.len() == 1 {
            "1 manifest is".into()
        } else {
            format!("{} manifests are", set.resources.len())
        };
        session.out.text(&format!("{count} valid: {}\n", parts.join(", ")))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> CliError {
        let source = Source::Text { name: "a.yaml".into(), text: text.into() };
        mistakes(&manifest::load(&[source], &|_| None, &Options::default()).unwrap_err())
    }

    #[test]
    fn a_single_mistake_is_the_error_itself() {
        let error = of("apiVersion: odock/v1\nkind: Team\nmetadata: {name: a}\nspec: {descripton: b}\n");
        assert_eq!(error.exit(), Exit::Usage);
        assert_eq!(
            error.text("error:"),
            "error: a.yaml:4:8: /spec/descripton: `descripton` is not a field of a Team's spec\nhint: did you mean `description`?\n"
        );
        let json: serde_json::Value = serde_json::from_str(&error.json()).unwrap();
        assert_eq!((&json["code"], &json["source"]["line"]), (&"unknown_field".into(), &4.into()));
    }

    #[test]
    fn several_mistakes_are_a_list() {
        let text = of("apiVersion: v1\nkind: team\nmetadata: {name: a}\nspec: {}\n").text("error:");
        assert_eq!(
            text,
            "error: 2 mistakes in the manifests; nothing was changed\n  \
             a.yaml:1:13: /apiVersion: `v1` is not a version that is known here; write `apiVersion: odock/v1`\n  \
             a.yaml:2:7: /kind: `team` is not a kind; did you mean `Team`?\n"
        );
    }
}
