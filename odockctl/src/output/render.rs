//! Lists and values in every format, as text.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::fields::{Field, at, heading, plain};
use super::show::Show;
use super::{Format, Table};
use crate::error::CliError;

/// A list as a document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a, I> {
    items: &'a [I],
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
}

/// A list in any format.
pub(super) fn list<T: Show>(
    format: Format,
    wanted: Option<&[String]>,
    items: &[T],
    next_cursor: Option<&str>,
    width: Option<usize>,
) -> Result<String, CliError> {
    let fields = wanted.map(Field::<T>::all).transpose()?;
    match format {
        Format::Table | Format::Wide => {
            // Who asks for a wide table wants it whole.
            let width = width.filter(|_| format == Format::Table);
            Ok(table(format, wanted, fields.as_deref(), items).render_within(width))
        }
        Format::Csv => csv(wanted, fields.as_deref(), items),
        Format::Name => Ok(items.iter().map(|item| format!("{}\n", super::one_line(&item.handle()))).collect()),
        Format::Jsonl => items.iter().map(|item| one(format, wanted, item)).collect(),
        Format::Json | Format::Yaml | Format::Toml => match (wanted, &fields) {
            (Some(wanted), Some(fields)) => {
                let items = items.iter().map(|item| chosen(wanted, fields, item)).collect::<Result<Vec<_>, _>>()?;
                value(format, &List { items: &items, next_cursor })
            }
            _ => value(format, &List { items, next_cursor }),
        },
    }
}

/// One thing as a document of its own.
pub(super) fn one<T: Show>(format: Format, wanted: Option<&[String]>, item: &T) -> Result<String, CliError> {
    match wanted {
        Some(wanted) => value(format, &chosen(wanted, &Field::<T>::all(wanted)?, item)?),
        None => value(format, item),
    }
}

/// Anything as a document, its fields in the order of their declaration; formats for people and tables get YAML.
pub(super) fn value(format: Format, value: &impl Serialize) -> Result<String, CliError> {
    match format {
        Format::Json => Ok(format!("{}\n", serde_json::to_string_pretty(value).map_err(unwritable)?)),
        Format::Jsonl => Ok(format!("{}\n", serde_json::to_string(value).map_err(unwritable)?)),
        // TOML has no null: what is absent is left out.
        Format::Toml => toml::to_string_pretty(&without_nulls(to_json(value)?)).map_err(unwritable),
        _ => serde_saphyr::to_string(value).map_err(unwritable).map(|text| format!("{}\n", text.trim_end())),
    }
}

/// The values at some paths of anything, null where there is nothing.
pub(super) fn paths(format: Format, wanted: &[String], whole: &impl Serialize) -> Result<String, CliError> {
    let json = to_json(whole)?;
    let pick = |path: &String| (path.clone(), at(&json, path).cloned().unwrap_or_default());
    value(format, &Chosen(wanted.iter().map(pick).collect()))
}

fn unwritable(error: impl std::fmt::Display) -> CliError {
    CliError::internal(format!("the answer cannot be written in this format: {error}"))
}

fn to_json(value: &impl Serialize) -> Result<Value, CliError> {
    serde_json::to_value(value).map_err(unwritable)
}

/// The fields of an item that were asked for, in that order.
struct Chosen(Vec<(String, Value)>);

impl Serialize for Chosen {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

fn chosen<T: Show>(wanted: &[String], fields: &[Field<T>], item: &T) -> Result<Chosen, CliError> {
    let json = to_json(item)?;
    Ok(Chosen(wanted.iter().zip(fields).map(|(name, field)| (name.clone(), field.value(item, &json))).collect()))
}

fn table<T: Show>(format: Format, wanted: Option<&[String]>, fields: Option<&[Field<T>]>, items: &[T]) -> Table {
    if let (Some(wanted), Some(fields)) = (wanted, fields) {
        let mut table = Table::new(wanted.iter().map(|name| name.to_uppercase()));
        for item in items {
            let json = to_json(item).unwrap_or_default();
            table.row(fields.iter().map(|field| field.text(item, &json)));
        }
        return table;
    }
    let columns: Vec<_> = T::columns().iter().filter(|column| !column.wide || format == Format::Wide).collect();
    let mut table = Table::new(columns.iter().map(|column| column.heading));
    for item in items {
        table.row(columns.iter().map(|column| (column.text)(item)));
    }
    table
}

/// CSV holds values, not texts for people: amounts in nanos, times in full.
fn csv<T: Show>(wanted: Option<&[String]>, fields: Option<&[Field<T>]>, items: &[T]) -> Result<String, CliError> {
    let names: Vec<String> = match wanted {
        Some(wanted) => wanted.to_vec(),
        None => T::columns()
            .iter()
            .map(|column| if column.path.is_empty() { heading(column) } else { column.path.to_owned() })
            .collect(),
    };
    let mut text = csv_line(names.iter().map(String::as_str));
    for item in items {
        let json = to_json(item)?;
        let cells: Vec<String> = match fields {
            Some(fields) => fields.iter().map(|field| plain(&field.value(item, &json))).collect(),
            None => T::columns()
                .iter()
                .map(|column| match column.path {
                    "" => Some((column.text)(item)).filter(|text| text != "-").unwrap_or_default(),
                    path => plain(at(&json, path).unwrap_or(&Value::Null)),
                })
                .collect(),
        };
        text.push_str(&csv_line(cells.iter().map(String::as_str)));
    }
    Ok(text)
}

/// One line of CSV (RFC 4180).
pub fn csv_line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let quoted = cells.map(|cell| {
        if cell.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.to_owned()
        }
    });
    format!("{}\r\n", quoted.collect::<Vec<_>>().join(","))
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => {
            Value::Array(items.into_iter().filter(|item| !item.is_null()).map(without_nulls).collect())
        }
        other => other,
    }
}
