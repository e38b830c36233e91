//! The flags that set configuration, shared by every subcommand.

use std::path::PathBuf;

use super::problem::Source;
use super::raw::{Raw, Value};

/// The flags that set configuration. Secrets have none, for anyone may read a process's arguments.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Configuration")]
pub struct Flags {
    /// Reads settings from this file [default: $ODOCK_CONFIG, else ./odock.toml if there is one]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Keeps the database, the sealing key and the usage journal here
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Listens on this IP address
    #[arg(long, value_name = "ADDRESS", global = true)]
    pub host: Option<String>,
    /// Listens on this port; 0 takes any free one
    #[arg(long, global = true)]
    pub port: Option<u16>,
    /// Logs at this level, or by a filter such as "info,odock_gateway=debug"
    #[arg(long, value_name = "FILTER", global = true)]
    pub log_level: Option<String>,
    /// Logs as "json", "pretty", or "auto": pretty on a terminal
    #[arg(long, value_name = "FORMAT", global = true)]
    pub log_format: Option<String>,
}

impl Flags {
    pub(super) fn add_to(&self, raw: &mut Raw) {
        let mut text = |path, flag, value: Option<String>| {
            if let Some(value) = value {
                raw.set(path, Value::Text(value), Source::Flag(flag));
            }
        };
        text("data.dir", "--data-dir", self.data_dir.as_ref().map(|dir| dir.to_string_lossy().into_owned()));
        text("http.host", "--host", self.host.clone());
        text("http.port", "--port", self.port.map(|port| port.to_string()));
        text("log.level", "--log-level", self.log_level.clone());
        text("log.format", "--log-format", self.log_format.clone());
    }
}
