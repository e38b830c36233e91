//! `[log]` and `[metrics]`: what the gateway tells about itself.

use std::path::PathBuf;

use tracing_subscriber::filter::Targets;

use super::check::Check;

/// What is logged, how, and where to.
#[derive(Clone, Debug)]
pub struct Log {
    /// A level, or a filter by target. It has been checked.
    pub filter: String,
    /// How lines look on standard output.
    pub format: LogFormat,
    /// A file that gets JSON lines as well.
    pub file: Option<PathBuf>,
    /// Whether every request leaves a line.
    pub access: bool,
}

/// How lines look on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, else JSON.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// The gateway's own metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Whether `/metrics` is served.
    pub enabled: bool,
}

impl Log {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        Self {
            filter: check.parsed("log.level", filter).unwrap_or_default(),
            format: check.parsed("log.format", format).unwrap_or(LogFormat::Auto),
            file: check.path("log.file"),
            access: check.flag("log.access"),
        }
    }
}

impl Metrics {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        Self { enabled: check.flag("metrics.enabled") }
    }
}

fn filter(text: &str) -> Result<String, String> {
    // A lone unknown word would pass as the name of a target, and silence everything else.
    let is_level =
        |text: &str| ["trace", "debug", "info", "warn", "error", "off"].contains(&text.to_ascii_lowercase().as_str());
    let wrong = || {
        format!(
            "\"{text}\" is neither a level (trace, debug, info, warn, error, off) nor a filter such as \"info,odock_gateway=debug\""
        )
    };
    if !text.contains(['=', ',']) && !is_level(text) {
        return Err(wrong());
    }
    text.parse::<Targets>().map_err(|_| wrong())?;
    Ok(text.to_owned())
}

fn format(text: &str) -> Result<LogFormat, String> {
    match text {
        "auto" => Ok(LogFormat::Auto),
        "json" => Ok(LogFormat::Json),
        "pretty" => Ok(LogFormat::Pretty),
        _ => Err(format!("\"{text}\" is none of \"auto\", \"json\" and \"pretty\"")),
    }
}
