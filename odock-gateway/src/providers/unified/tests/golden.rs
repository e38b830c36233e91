//! Golden files: tables in JSON, of which one part is given and the other is what must come of it.
//!
//! `ODOCK_WRITE_GOLDEN=1` writes the second part anew, to be read before it is committed.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Runs every table of a folder: `run` gets the table and gives it back with what came of it.
pub(super) fn each(folder: &str, run: impl Fn(&Value) -> Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/providers/unified/golden").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    let write = std::env::var_os("ODOCK_WRITE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for file in files {
        let table: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let outcome = run(&table);
        if write {
            fs::write(&file, serde_json::to_string_pretty(&outcome).unwrap() + "\n").unwrap();
        } else if outcome != table {
            let (is, should) = (pretty(&outcome), pretty(&table));
            wrong.push(format!("{}\n--- should be\n{should}\n--- is\n{is}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}
