//! The runs that make up the suite.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::servers::{self, Servers};

/// Runs everything, and says at the end what failed.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask is not in a workspace")?;
    let nextest = has_nextest();
    if !nextest {
        eprintln!("xtask: cargo-nextest is not installed, so `cargo test` runs the tests, one binary after the other");
    }
    let mut failed = Vec::new();
    let mut step = |name: &'static str, command: &mut Command| -> Result<(), String> {
        eprintln!("xtask: {name}");
        let status = command.current_dir(root).status().map_err(|error| format!("cargo cannot be started: {error}"))?;
        if !status.success() {
            failed.push(name);
        }
        Ok(())
    };

    // Nextest runs no doc tests. They go first, so that a run ends with the summary of the suite itself.
    if nextest && args.is_empty() && has_doc_tests(root) {
        step("doc tests", cargo().args(["test", "--workspace", "--doc", "--quiet"]))?;
    }
    step("all tests, on embedded stores", tests(nextest, &[], args).env("ODOCK_TEST_STACK", "embedded"))?;
    match servers::find_or_start() {
        Ok(Servers { postgres, redis, private: _private }) => {
            let mut command = tests(nextest, &["odock-gateway", "odockctl"], args);
            command.env("ODOCK_TEST_STACK", "servers");
            command.env("ODOCK_TEST_POSTGRES_URL", postgres).env("ODOCK_TEST_REDIS_URL", redis);
            step("gateway and odockctl, on Postgres and Redis", &mut command)?;
        }
        Err(reason) if env::var("ODOCK_REQUIRE_SERVERS").is_ok_and(|value| value == "1") => {
            return Err(format!("the tests on Postgres and Redis cannot run: {reason}"));
        }
        Err(reason) => eprintln!("xtask: SKIPPED THE TESTS ON POSTGRES AND REDIS: {reason}"),
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join("; "))) }
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn has_nextest() -> bool {
    let probe = cargo().args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

/// Runs the tests of these packages, or of all. The selection stays the whole workspace where the runner can filter by
/// package, because another selection means other features, and so another build.
fn tests(nextest: bool, packages: &[&str], args: &[String]) -> Command {
    let mut command = cargo();
    if nextest {
        command.args(["nextest", "run", "--workspace"]);
        if !packages.is_empty() {
            let filter: Vec<String> = packages.iter().map(|package| format!("package({package})")).collect();
            command.args(["-E", &filter.join("|")]);
        }
        // A filter of the caller's may match nothing in one of the runs.
        if !args.is_empty() {
            command.arg("--no-tests=pass");
        }
        command.args(args);
    } else {
        command.arg("test");
        if packages.is_empty() {
            command.arg("--workspace");
        }
        for package in packages {
            command.args(["--package", package]);
        }
        command.arg("--no-fail-fast").args(args);
    }
    command
}

/// Says whether any doc comment holds code.
fn has_doc_tests(root: &Path) -> bool {
    fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        // Doc tests exist in libraries only.
        if entry.path().join("src/lib.rs").exists() {
            sources(&entry.path().join("src"), &mut found);
        }
    }
    let fence = |line: &str| {
        let line = line.trim_start();
        let code = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).map(str::trim_start);
        code.is_some_and(|code| code == "```" || code.starts_with("```rust") || code.starts_with("```no_run"))
    };
    found.iter().any(|path| std::fs::read_to_string(path).is_ok_and(|text| text.lines().any(fence)))
}
