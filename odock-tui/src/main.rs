//! `odock-tui`: the terminal, the clock and the network around the core.
//!
//! Arguments, then where the gateway is, then the terminal, then one loop: keys, signals, answers and the clock become
//! messages, `update` says what to do about them, effects run in tasks, and a picture is drawn when something changed.

mod shell;

use std::process::ExitCode;

use clap::Parser;

use crate::shell::args::Args;

fn main() -> ExitCode {
    // The first one that is installed serves; there is no other here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args = Args::parse();
    match shell::start(args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("odock-tui: {error:#}");
            ExitCode::from(shell::USAGE)
        }
    }
}
