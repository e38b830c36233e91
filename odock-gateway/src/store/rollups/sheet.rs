//! Rows that add up: an insert of several rows at once that adds to those that are there.

use std::fmt::Write;
use std::sync::OnceLock;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement, Value};

/// Rows of each statement. Any number of rows is a few of the first, and at most three of each other; each connection
/// prepares each of them once.
const ROWS: [usize; 3] = [16, 4, 1];

/// How a table adds up.
pub(super) struct Sheet {
    table: &'static str,
    /// Its columns, in the order in which values come.
    columns: &'static [&'static str],
    /// Those that say which row it is.
    key: &'static [&'static str],
    /// Those that are set anew with each addition.
    replaced: &'static [&'static str],
    /// Those that are added to.
    summed: &'static [&'static str],
    /// Those that follow from sums, and how.
    derived: fn(&'static str) -> Vec<(&'static str, String)>,
    statements: [[OnceLock<String>; ROWS.len()]; 2],
}

impl Sheet {
    pub(super) const fn new(
        table: &'static str,
        columns: &'static [&'static str],
        key: &'static [&'static str],
        replaced: &'static [&'static str],
        summed: &'static [&'static str],
        derived: fn(&'static str) -> Vec<(&'static str, String)>,
    ) -> Self {
        let statements = [const { [const { OnceLock::new() }; ROWS.len()] }; 2];
        Self { table, columns, key, replaced, summed, derived, statements }
    }

    /// Adds rows, each with values for all columns. No two of them may be of the same key.
    pub(super) async fn add(&self, tx: &DatabaseTransaction, rows: &[Vec<Value>]) -> Result<(), DbErr> {
        let backend = tx.get_database_backend();
        let mut rest = rows;
        for (size, count) in ROWS.into_iter().enumerate() {
            while let Some((some, others)) = rest.split_at_checked(count) {
                let values: Vec<Value> = some.iter().flatten().cloned().collect();
                tx.execute_raw(Statement::from_sql_and_values(backend, self.sql(backend, size), values)).await?;
                rest = others;
            }
        }
        Ok(())
    }

    fn sql(&self, backend: DbBackend, size: usize) -> &str {
        let postgres = backend == DbBackend::Postgres;
        self.statements[usize::from(postgres)][size].get_or_init(|| {
            let quoted = |names: &[&str]| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            let row = |row: usize| {
                let place =
                    |column| if postgres { format!("${}", row * self.columns.len() + column) } else { "?".into() };
                format!("({})", (1..=self.columns.len()).map(place).collect::<Vec<_>>().join(", "))
            };
            let mut sql = format!(
                "INSERT INTO \"{}\" ({}) VALUES {} ON CONFLICT ({}) DO UPDATE SET ",
                self.table,
                quoted(self.columns),
                (0..ROWS[size]).map(row).collect::<Vec<_>>().join(", "),
                quoted(self.key)
            );
            let mut comma = "";
            // Writing to a string cannot fail.
            for name in self.replaced {
                let _ = write!(sql, "{comma}\"{name}\" = excluded.\"{name}\"");
                comma = ", ";
            }
            for name in self.summed {
                let _ = write!(sql, "{comma}\"{name}\" = \"{}\".\"{name}\" + excluded.\"{name}\"", self.table);
                comma = ", ";
            }
            for (name, value) in (self.derived)(self.table) {
                let _ = write!(sql, "{comma}\"{name}\" = {value}");
            }
            sql
        })
    }
}
