//! `odockctl explain`: what may stand in a manifest, without a gateway.

use entity::Kind;
use entity::check::{Description, describe, json_schema, nearest};

use super::target;
use crate::error::{CliError, Exit};
use crate::output::{Format, Style};
use crate::session::Session;

/// Explain the fields of a kind's manifest.
///
/// Works without a gateway. A path goes on from the kind with dots: key.spec.policies; `spec` may be left out. --schema
/// prints a JSON Schema of all manifests, for editors.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl explain
  odockctl explain key.spec.policies
  odockctl explain provider --recursive
  odockctl explain --schema > odock.schema.json")]
pub struct Args {
    /// A kind, and a field of its manifest.
    #[arg(value_name = "KIND[.FIELD…]")]
    path: Option<String>,
    /// All fields below it, too.
    #[arg(long)]
    recursive: bool,
    /// A JSON Schema (draft 2020-12) of every kind's manifest.
    #[arg(long, conflicts_with_all = ["path", "recursive"])]
    schema: bool,
}

/// Runs the command.
///
/// # Errors
/// There is no such kind or field.
pub fn run(session: &Session, args: &Args) -> Result<Exit, CliError> {
    session.out.has_no_columns()?;
    if args.schema {
        return schema(session);
    }
    let Some(path) = &args.path else { return kinds(session) };
    let (kind, rest) = path.split_once('.').map_or((path.as_str(), None), |(kind, rest)| (kind, Some(rest)));
    let kind = target::kind(kind)?;
    let (at, described) = find(describe(kind), rest)?;
    if session.out.is_structured() {
        session.out.value(&described)?;
    } else {
        session.out.text(&text(session, kind, &at, &described, args.recursive))?;
    }
    Ok(Exit::Done)
}

fn schema(session: &Session) -> Result<Exit, CliError> {
    let schema = json_schema();
    match session.out.format {
        Format::Table | Format::Wide => {
            let text = serde_json::to_string_pretty(&schema).map_err(|error| CliError::internal(error.to_string()))?;
            session.out.raw(&format!("{text}\n"))?;
        }
        _ => session.out.value(&schema)?,
    }
    Ok(Exit::Done)
}

fn kinds(session: &Session) -> Result<Exit, CliError> {
    let all: Vec<Description> = Kind::ALL.iter().map(|kind| describe(*kind)).collect();
    if session.out.is_structured() {
        session.out.value(&all)?;
        return Ok(Exit::Done);
    }
    let mut table = crate::output::Table::new(["KIND", "COMMANDS CALL IT", "WHAT IT IS"]);
    for (kind, described) in Kind::ALL.iter().zip(&all) {
        table.row([kind.as_str(), target::nouns(*kind), &described.about]);
    }
    session.out.raw(&table.render())?;
    session.out.note("fields: odockctl explain KIND; all of them: odockctl explain KIND --recursive");
    Ok(Exit::Done)
}

/// The field at a path, and the path as it is written in full.
fn find(whole: Description, path: Option<&str>) -> Result<(String, Description), CliError> {
    let Some(path) = path else { return Ok((String::new(), whole)) };
    let mut at = whole;
    let mut known = Vec::new();
    let first = path.split('.').next().unwrap_or_default();
    // Most look for something in the spec.
    if !at.fields.iter().any(|field| field.name == first)
        && let Some(spec) = at.fields.iter().find(|field| field.name == "spec")
        && nearest(first, at.fields.iter().map(|field| field.name.as_str())).is_none_or(|_| has(spec, first))
    {
        known.push("spec".to_owned());
        at = spec.clone();
    }
    for step in path.split('.') {
        let step = step.trim_end_matches("[]");
        let next = at.fields.iter().find(|field| field.name == step).cloned();
        // The key of a map stands for any of its words.
        let next = next.or_else(|| at.rule.as_ref().filter(|rule| is_word_of(&at, rule, step)).map(|_| at.clone()));
        let Some(next) = next else {
            let names = || at.fields.iter().map(|field| field.name.as_str());
            let guess = nearest(step, names()).map(|near| format!("did you mean `{near}`?"));
            let list = match at.fields.len() {
                0 => format!("{} has no fields", at.name),
                _ => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
            };
            return Err(
                CliError::usage(format!("there is no field `{step}` in {}", at.name)).hint(guess.unwrap_or(list))
            );
        };
        known.push(step.to_owned());
        at = next;
    }
    Ok((known.join("."), at))
}

fn has(described: &Description, name: &str) -> bool {
    described.fields.iter().any(|field| field.name == name)
}

fn is_word_of(described: &Description, rule: &str, step: &str) -> bool {
    described.r#type.starts_with("map of ")
        && rule.strip_prefix("its fields are ").is_some_and(|words| words.split(", ").any(|word| word == step))
}

fn text(session: &Session, kind: Kind, path: &str, described: &Description, recursive: bool) -> String {
    let bold = |text: &str| session.out.paint(Style::Bold, text);
    let mut text = format!("{}\n", bold(&if path.is_empty() { kind.to_string() } else { format!("{kind}.{path}") }));
    text.push_str(&format!("  {}{}\n", described.r#type, if described.required { ", required" } else { "" }));
    for line in said(described) {
        text.push_str(&format!("  {line}\n"));
    }
    if !described.fields.is_empty() {
        text.push_str(&format!("\n{}\n", bold("FIELDS")));
        for field in &described.fields {
            listed(&mut text, field, 1, recursive);
        }
    }
    text
}

fn said(described: &Description) -> Vec<String> {
    let words = (!described.words.is_empty()).then(|| format!("One of: {}.", described.words.join(", ")));
    let rule = described.rule.as_ref().map(|rule| format!("Must be: {rule}."));
    [Some(described.about.clone()).filter(|about| !about.is_empty()), rule, words].into_iter().flatten().collect()
}

fn listed(text: &mut String, field: &Description, depth: usize, recursive: bool) {
    let indent = "  ".repeat(depth);
    let required = if field.required { " required" } else { "" };
    let open = if !recursive && !field.fields.is_empty() { " …" } else { "" };
    text.push_str(&format!("{indent}{} <{}>{required}{open}\n", field.name, field.r#type));
    for line in said(field) {
        text.push_str(&format!("{indent}    {line}\n"));
    }
    if recursive {
        field.fields.iter().for_each(|below| listed(text, below, depth + 1, true));
    }
}
