//! `--jq EXPR`: answers through a jq filter, without a jq to install.

use std::sync::Arc;

use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, compile, data, unwrap_valr};
use jaq_json::{Val, read};

use crate::error::{CliError, Exit};

type Data = data::JustLut<Val>;

/// What jq has and jaq's core has not: rows for spreadsheets.
const ROWS: &str = r#"
def @csv: map(
    if . == null then "" elif isstring then "\"" + (split("\"") | join("\"\"")) + "\""
    elif isnumber or isboolean then tostring else error("a list or an object cannot be a cell of CSV") end) | join(",");
def @tsv: map(
    if . == null then ""
    elif isstring then split("\\") | join("\\\\") | split("\t") | join("\\t") | split("\n") | join("\\n") | split("\r") | join("\\r")
    elif isnumber or isboolean then tostring else error("a list or an object cannot be a cell of TSV") end) | join("\t");
"#;

/// A filter in jq's language.
#[derive(Clone)]
pub struct Filter(Arc<jaq_core::Filter<Data>>);

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filter")
    }
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(code: &str) -> Result<Self, String> {
        let arena = Arena::default();
        let rows = load::parse(ROWS, |parser| parser.defs()).unwrap_or_default();
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).chain(rows);
        // `env` would put variables into the output, a token among them.
        let funs =
            jaq_core::funs::<Data>().chain(jaq_std::funs().filter(|(name, ..)| *name != "env")).chain(jaq_json::funs());
        let modules =
            Loader::new(defs).load(&arena, File { code, path: () }).map_err(|errors| of_loading(code, errors))?;
        let filter =
            Compiler::default().with_funs(funs).compile(modules).map_err(|errors| of_compiling(code, errors))?;
        Ok(Self(Arc::new(filter)))
    }

    /// Runs the filter on each JSON document of a text and hands each result to `write`.
    ///
    /// # Errors
    /// The filter fails on this input, or `write` fails.
    pub fn run(&self, text: &str, mut write: impl FnMut(Found) -> Result<(), CliError>) -> Result<(), CliError> {
        for input in read::parse_many(text.as_bytes()) {
            let input = input.map_err(|error| CliError::internal(format!("the answer is no JSON: {error}")))?;
            let context = Ctx::<Data>::new(&self.0.lut, Vars::new([]));
            for output in self.0.id.run((context, input)).map(unwrap_valr) {
                write(Found(output.map_err(|error| failed(&error.to_string()))?))?;
            }
        }
        Ok(())
    }
}

/// One result of a filter.
pub struct Found(Val);

impl Found {
    /// As one line of JSON.
    pub fn json(&self) -> String {
        self.0.to_string()
    }

    /// As shells want it: a text without quotes, anything else as JSON.
    pub fn plain(&self) -> String {
        match &self.0 {
            Val::TStr(text) | Val::BStr(text) => String::from_utf8_lossy(text).into_owned(),
            other => other.to_string(),
        }
    }

    /// Whether it counts as true in jq: anything but `false` and `null`.
    pub fn is_true(&self) -> bool {
        !matches!(self.0, Val::Null | Val::Bool(false))
    }
}

fn failed(message: &str) -> CliError {
    CliError::new(Exit::Failed, "jq", format!("--jq: {message}"))
        .hint("see what the filter works on: the same command with -o json")
}

/// `what` at the column where `rest`, a piece of `code`, begins.
fn at(code: &str, rest: &str, what: &str) -> String {
    let span = load::span(code, rest);
    let column = code.get(..span.start).map_or(1, |before| before.chars().count() + 1);
    let found: String = rest.chars().take(20).collect();
    match found.as_str() {
        "" => format!("{what} at its end"),
        found => format!("{what} at column {column}, before `{found}`"),
    }
}

fn of_loading(code: &str, errors: load::Errors<&str, ()>) -> String {
    let told = errors.into_iter().flat_map(|(_, error)| match error {
        load::Error::Io(errors) => errors.into_iter().map(|(_, _)| "modules cannot be loaded".to_owned()).collect(),
        load::Error::Lex(errors) => errors
            .into_iter()
            .map(|(expected, found)| at(code, found, &format!("expected {}", expected.as_str())))
            .collect::<Vec<_>>(),
        load::Error::Parse(errors) => errors
            .into_iter()
            .map(|(expected, found)| at(code, found, &format!("expected {}", expected.as_str())))
            .collect(),
    });
    told.collect::<Vec<_>>().join("; ")
}

fn of_compiling(code: &str, errors: compile::Errors<&str, ()>) -> String {
    let told = errors.into_iter().flat_map(|(_, errors)| errors).map(|(found, undefined)| match undefined {
        compile::Undefined::Filter(arguments) if !code.contains(found) => format!("undefined {found}/{arguments}"),
        compile::Undefined::Filter(arguments) => format!("there is no filter `{found}` with {arguments} arguments"),
        other => format!("undefined {} `{found}`", other.as_str()),
    });
    told.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(code: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        Filter::parse(code)
            .unwrap()
            .run(text, |value| {
                found.push(value.plain());
                Ok(())
            })
            .unwrap();
        found
    }

    #[test]
    fn filters_select_and_compute() {
        let list = r#"{"items":[{"name":"a","n":1},{"name":"b","n":9007199254740993}]}"#;
        assert_eq!(run(".items[].name", list), ["a", "b"]);
        assert_eq!(run(".items | map(.n) | add", list), ["9007199254740994"]);
        assert_eq!(run(".items[1] | {n, name}", list), [r#"{"n":9007199254740993,"name":"b"}"#]);
        assert_eq!(run(r#".at | fromdate"#, r#"{"at":"1970-01-02T00:00:00Z"}"#), ["86400"]);
        assert_eq!(
            run("@csv, @tsv", r#"["a\"b,c",1,null,true,"x\ty"]"#),
            ["\"a\"\"b,c\",1,,true,\"x\ty\"", "a\"b,c\t1\t\ttrue\tx\\ty"]
        );
        assert_eq!(run(r#".a | test("^x")"#, "{\"a\":\"xy\"}\n{\"a\":\"y\"}"), ["true", "false"]);
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        assert_eq!(Filter::parse(".items[").unwrap_err(), "expected closing bracket at its end");
        let wrong = Filter::parse(".items | frobnicate").unwrap_err();
        assert_eq!(wrong, "there is no filter `frobnicate` with 0 arguments");
        assert!(Filter::parse(".a b").unwrap_err().contains("column 4"), "{:?}", Filter::parse(".a b"));
    }

    #[test]
    fn the_environment_stays_where_it_is() {
        for code in ["env", "$ENV", "env.ODOCK_TOKEN"] {
            assert!(Filter::parse(code).is_err(), "{code}");
        }
    }
}
