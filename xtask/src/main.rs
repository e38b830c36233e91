//! Development chores, without dependencies so that they start at once: `cargo xtask test` runs every test there is.

mod private;
mod probe;
mod servers;
mod suite;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask test [ARGUMENTS...]

Runs the whole suite: first on the embedded stores (SQLite and in-process state), then that of the gateway and of
odockctl once more on Postgres and Redis. ARGUMENTS go to the test runner: `cargo xtask test budget` runs the tests with
\"budget\" in their names.

Environment:
  ODOCK_TEST_POSTGRES_URL  a server where tests may create databases [default: postgres://postgres@127.0.0.1:5432/postgres]
  ODOCK_TEST_REDIS_URL     a server where tests may create keys      [default: redis://127.0.0.1:6379]
  ODOCK_REQUIRE_SERVERS    1 makes it an error when there is neither a server nor a program to start one with
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("test") => match suite::run(&args.collect::<Vec<_>>()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => {
                eprintln!("xtask: {message}");
                ExitCode::FAILURE
            }
        },
        Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{HELP}");
            ExitCode::from(64)
        }
    }
}
