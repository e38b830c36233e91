//! stdout is data, stderr is talk.

mod clean;
mod fields;
pub mod jq;
mod render;
mod show;
mod table;

use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use serde::Serialize;

pub use clean::{clean, one_line};
pub use render::csv_line;
pub use show::{Column, Show, amount, bar, count, instant, latency, money, percent, yes_no};
pub use table::{Lines, Table};

use crate::cli::Global;
use crate::error::{CliError, Exit};

/// How data is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// More columns for people.
    Wide,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Jsonl,
    /// YAML.
    Yaml,
    /// TOML.
    Toml,
    /// Comma-separated values with a heading (RFC 4180).
    Csv,
    /// `kind/name`, one a line.
    Name,
}

impl Format {
    /// Whether programs read it.
    #[must_use]
    pub const fn is_structured(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl | Self::Yaml | Self::Toml)
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On terminals, unless `NO_COLOR` is set or `TERM` is `dumb`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Bold.
    Bold,
    /// Faint.
    Dim,
    /// Red.
    Red,
    /// Green.
    Green,
    /// Yellow.
    Yellow,
}

/// Where data and talk go.
#[derive(Clone, Debug)]
pub struct Output {
    /// How data is written.
    pub format: Format,
    fields: Option<Vec<String>>,
    jq: Option<jq::Filter>,
    /// Whether results of the filter that are texts lose their quotes.
    raw_texts: bool,
    /// Whether errors are for programs.
    json_errors: bool,
    /// The columns of the terminal that stdout is.
    width: Option<usize>,
    /// Whether stdout is a terminal.
    pub terminal: bool,
    color_out: bool,
    color_err: bool,
    quiet: bool,
}

impl Output {
    /// What the flags and the surroundings ask for.
    #[must_use]
    pub fn new(global: &Global) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let plain = set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let color = |terminal: bool| match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !plain,
        };
        let fields = global.fields.clone().filter(|fields| !fields.is_empty());
        let terminal = io::stdout().is_terminal();
        let columns = || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
        let asked = global.output.unwrap_or_default();
        // A filter works on JSON. Without a format its results are for shells and people.
        let raw_texts = global.jq.is_some() && matches!(asked, Format::Table | Format::Wide);
        Self {
            format: if raw_texts { Format::Json } else { asked },
            fields,
            jq: global.jq.clone(),
            raw_texts,
            json_errors: asked.is_structured(),
            width: columns().filter(|_| terminal),
            terminal,
            color_out: color(terminal),
            color_err: color(io::stderr().is_terminal()),
            quiet: global.quiet,
        }
    }

    /// Whether data is for programs.
    #[must_use]
    pub fn is_structured(&self) -> bool {
        self.format.is_structured()
    }

    /// Colours a piece of stdout's text, if colours are wanted there.
    #[must_use]
    pub fn paint(&self, style: Style, text: &str) -> String {
        painted(self.color_out, style, text)
    }

    /// Whether what is said on stderr may be coloured.
    #[must_use]
    pub fn colors_talk(&self) -> bool {
        self.color_err
    }

    /// Colours a piece of stderr's text, if colours are wanted there.
    #[must_use]
    pub fn paint_talk(&self, style: Style, text: &str) -> String {
        painted(self.color_err, style, text)
    }

    /// Refuses flags that contradict each other. Ask before anything is done.
    ///
    /// # Errors
    /// A filter was asked for in a format that has no place for what it finds.
    pub fn check(&self) -> Result<(), CliError> {
        match self.format {
            Format::Csv | Format::Name if self.jq.is_some() => {
                Err(CliError::usage("--jq finds values of any shape, which have no columns")
                    .hint("leave -o away, use -o json, jsonl, yaml or toml, or let the filter write CSV: @csv"))
            }
            _ => Ok(()),
        }
    }

    /// Writes a list.
    ///
    /// # Errors
    /// A field is unknown, or stdout is closed.
    pub fn list<T: Show>(&self, items: &[T], next_cursor: Option<&str>) -> Result<(), CliError> {
        if let Some(filter) = &self.jq {
            let format = if self.format == Format::Jsonl { Format::Jsonl } else { Format::Json };
            return self.filtered(filter, &render::list(format, self.fields.as_deref(), items, next_cursor, None)?);
        }
        let mut text = render::list(self.format, self.fields.as_deref(), items, next_cursor, self.width)?;
        if matches!(self.format, Format::Table | Format::Wide) {
            text = self.bold_heading(&text);
        }
        self.raw(&text)
    }

    /// Writes rows for people under a heading of their own, or nothing if there are none.
    ///
    /// # Errors
    /// stdout is closed.
    pub fn section<T: Show>(&self, title: &str, items: &[T]) -> Result<(), CliError> {
        if items.is_empty() {
            return Ok(());
        }
        let table = render::list(Format::Table, None, items, None, self.width.map(|width| width.saturating_sub(2)))?;
        let indented: String = table.lines().map(|line| format!("  {line}\n")).collect();
        self.raw(&format!("\n{}\n{indented}", self.paint(Style::Bold, title)))
    }

    /// Writes one thing.
    ///
    /// # Errors
    /// A field is unknown, or stdout is closed.
    pub fn one<T: Show>(&self, item: &T) -> Result<(), CliError> {
        match self.format {
            Format::Json | Format::Yaml | Format::Toml => match &self.jq {
                Some(filter) => self.filtered(filter, &render::one(Format::Json, self.fields.as_deref(), item)?),
                None => self.raw(&render::one(self.format, self.fields.as_deref(), item)?),
            },
            _ => self.list(std::slice::from_ref(item), None),
        }
    }

    /// Writes anything that has no columns, in a structured format; people get YAML. Fields are paths in it.
    ///
    /// # Errors
    /// It cannot be written in that format, or stdout is closed.
    pub fn value(&self, value: &impl Serialize) -> Result<(), CliError> {
        let format = if self.jq.is_some() { Format::Json } else { self.format };
        let text = match &self.fields {
            Some(wanted) => render::paths(format, wanted, value)?,
            None => render::value(format, value)?,
        };
        match &self.jq {
            Some(filter) => self.filtered(filter, &text),
            None => self.raw(&text),
        }
    }

    /// Writes what the filter finds in JSON documents.
    fn filtered(&self, filter: &jq::Filter, text: &str) -> Result<(), CliError> {
        leave_on_interrupt();
        let mut first = true;
        filter.run(text, |found| {
            let gap = if std::mem::take(&mut first) || self.format != Format::Yaml { "" } else { "---\n" };
            match self.format {
                _ if self.raw_texts => self.text(&format!("{}\n", found.plain())),
                Format::Jsonl => self.raw(&format!("{}\n", found.json())),
                format => {
                    let value: serde_json::Value = serde_json::from_str(&found.json()).map_err(|_| {
                        CliError::new(Exit::Failed, "jq", "--jq: a result is no JSON, such as nan or infinite")
                    })?;
                    self.raw(&format!("{gap}{}", render::value(format, &value)?))
                }
            }
        })
    }

    /// Refuses formats of columns, for what has none. Ask before anything is done.
    ///
    /// # Errors
    /// Columns were asked for.
    pub fn has_no_columns(&self) -> Result<(), CliError> {
        match self.format {
            Format::Csv | Format::Name => {
                Err(CliError::usage("this has no columns")
                    .hint("use -o json, jsonl, yaml or toml, or no format at all"))
            }
            Format::Table | Format::Wide if self.fields.is_some() => {
                Err(CliError::usage("this has no columns to choose from").hint("add -o json, and name paths in it"))
            }
            _ => Ok(()),
        }
    }

    /// Writes text as it is, but for control characters on a terminal.
    ///
    /// # Errors
    /// stdout is closed.
    pub fn text(&self, text: &str) -> Result<(), CliError> {
        if self.terminal { self.raw(&clean(text)) } else { self.raw(text) }
    }

    /// Writes text that this program made and that holds nothing from elsewhere but cleaned text.
    ///
    /// # Errors
    /// stdout is closed.
    pub fn raw(&self, text: &str) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| closed(&error))
    }

    fn bold_heading(&self, text: &str) -> String {
        match text.split_once('\n') {
            Some((heading, rest)) if self.color_out => format!("{}\n{rest}", self.paint(Style::Bold, heading)),
            _ => text.to_owned(),
        }
    }

    /// Says something on stderr, unless told to be quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            talk(&format!("{}\n", clean(text)));
        }
    }

    /// Says in colour on stderr how something ended, unless told to be quiet.
    pub fn verdict(&self, style: Style, text: &str) {
        if !self.quiet {
            talk(&format!("{}\n", self.paint_talk(style, text)));
        }
    }

    /// Warns on stderr.
    pub fn warn(&self, text: &str) {
        talk(&format!("{} {}\n", self.paint_talk(Style::Yellow, "warning:"), clean(text)));
    }

    /// Reports what ended the command.
    pub fn error(&self, error: &CliError) {
        if self.json_errors {
            talk(&format!("{}\n", error.json()));
        } else {
            let label = self.paint_talk(Style::Red, "error:");
            // The label is ours; everything else may come from elsewhere.
            let text = error.text("");
            talk(&format!("{label}{}", clean(&text)));
        }
    }
}

/// A value in a structured format, to be written somewhere else than stdout.
///
/// # Errors
/// The format has no place for it.
pub fn document(format: Format, value: &impl Serialize) -> Result<String, CliError> {
    render::value(format, value)
}

/// Writes to stderr. When even that fails there is nobody left to tell.
pub fn talk(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Lets Ctrl-C end a filter that never ends: while it runs, nobody listens to the signal.
#[expect(clippy::disallowed_methods, reason = "the thread that would end in order is the one that never ends")]
fn leave_on_interrupt() {
    static LISTENS: std::sync::Once = std::sync::Once::new();
    LISTENS.call_once(|| {
        let (listening, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                let mut signal = std::pin::pin!(tokio::signal::ctrl_c());
                // The first poll is what takes the signal over.
                let early = futures_util::poll!(&mut signal).is_ready();
                let _ = listening.send(());
                if early || signal.await.is_ok() {
                    std::process::exit(Exit::Interrupted.code().into());
                }
            });
        });
        // It comes, or the thread has ended without it.
        let _ = heard.recv();
    });
}

fn closed(error: &io::Error) -> CliError {
    if error.kind() == io::ErrorKind::BrokenPipe {
        // Whoever read stdout has seen enough, as `head` does.
        CliError::new(Exit::Done, "closed", "stdout was closed")
    } else {
        CliError::io("stdout", error)
    }
}

fn painted(wanted: bool, style: Style, text: &str) -> String {
    if !wanted {
        return text.to_owned();
    }
    let code = match style {
        Style::Bold => 1,
        Style::Dim => 2,
        Style::Red => 31,
        Style::Green => 32,
        Style::Yellow => 33,
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}
