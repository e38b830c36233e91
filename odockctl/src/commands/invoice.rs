//! `odockctl invoice`: what a period cost, and as a file.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use entity::Timestamp;
use entity::ledger::Invoice;
use odock_client::http::InvoiceQuery;

mod csv;
mod pdf;

use crate::error::{CliError, Exit};
use crate::output::{Format, count, instant, money};
use crate::session::Session;
use crate::span;

/// See what a period cost, line by line.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show what a period cost, by team, key and model.
    Preview(Preview),
    /// Write what a period cost to a CSV or PDF file.
    Export(Export),
}

/// The period of an invoice.
#[derive(Debug, clap::Args)]
pub struct Period {
    /// The first instant that counts: a date, a time, or a span before now; the beginning of the current month in UTC if not
    /// given.
    #[arg(long, value_name = "WHEN", value_parser = span::past)]
    from: Option<Timestamp>,
    /// The first instant that no longer counts; the end of the month of --from if not given.
    #[arg(long, value_name = "WHEN", value_parser = span::past)]
    to: Option<Timestamp>,
}

/// Show what a period cost, by team, key and model.
///
/// It is computed from the usage records, and always equal to their sum.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl invoice preview
  odockctl invoice preview --from 2027-06-01 --to 2027-07-01
  odockctl invoice preview --from 2027-06-01 -o json")]
pub struct Preview {
    #[command(flatten)]
    period: Period,
}

/// Write what a period cost to a CSV or PDF file.
///
/// The last line is the total. A file that is there is not overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl invoice export --from 2027-06-01 --out june.pdf
  odockctl invoice export --from 2027-06-01 --to 2027-07-01 --out june.csv
  odockctl invoice export --as csv --out - > month.csv")]
pub struct Export {
    #[command(flatten)]
    period: Period,
    /// The file; - for stdout.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What to write: csv or pdf; as the file's name ends if not given.
    #[arg(long = "as", value_name = "TYPE", value_enum, hide_possible_values = true)]
    kind: Option<Kind>,
}

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Comma-separated values with a heading and a total (RFC 4180).
    Csv,
    /// Pages for people.
    Pdf,
}

/// Runs the command.
///
/// # Errors
/// The gateway refuses, or the file cannot be written.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Preview(args) => preview(session, args).await,
        Command::Export(args) => export(session, args).await,
    }
}

async fn fetch(session: &Session, period: Period) -> Result<Invoice, CliError> {
    let query = InvoiceQuery { from: period.from, to: period.to };
    Ok(session.api().await?.invoice(&query).await?)
}

async fn preview(session: &Session, args: Preview) -> Result<Exit, CliError> {
    let invoice = fetch(session, args.period).await?;
    match session.out.format {
        // The document has more than its lines: the period and the total.
        Format::Json | Format::Yaml | Format::Toml if session.global.fields.is_none() => session.out.value(&invoice)?,
        _ => session.out.list(&invoice.lines, None)?,
    }
    if !session.out.is_structured() {
        tell(session, &invoice);
    }
    Ok(Exit::Done)
}

fn tell(session: &Session, invoice: &Invoice) {
    session.out.note(&format!(
        "{}, {} to {}: {} for {}",
        invoice.organisation,
        instant(invoice.from),
        instant(invoice.to),
        money(invoice.total_nanos),
        count(invoice.records, "request")
    ));
    if invoice.unpriced > 0 {
        session.out.note(&format!("{} without a price not in the sum", count(invoice.unpriced, "request")));
    }
}

async fn export(session: &Session, args: Export) -> Result<Exit, CliError> {
    let kind = match args.kind.or_else(|| by_ending(&args.out)) {
        Some(kind) => kind,
        None => {
            return Err(CliError::usage(format!("{} does not say what to write", args.out.display()))
                .hint("name a file that ends in .csv or .pdf, or add --as csv or --as pdf"));
        }
    };
    let invoice = fetch(session, args.period).await?;
    let bytes = match kind {
        Kind::Csv => csv::write(&invoice).into_bytes(),
        Kind::Pdf => pdf::write(&invoice),
    };
    let name = args.out.display().to_string();
    if args.out == Path::new("-") {
        let mut out = std::io::stdout().lock();
        out.write_all(&bytes).and_then(|()| out.flush()).map_err(|error| CliError::io("stdout", &error))?;
    } else {
        let written = File::create_new(&args.out).and_then(|mut file| file.write_all(&bytes));
        written.map_err(|error| {
            let taken = error.kind() == std::io::ErrorKind::AlreadyExists;
            let error = CliError::io(&name, &error);
            if taken { error.hint("remove it, or name another file") } else { error }
        })?;
        session.out.note(&format!("wrote {name}"));
    }
    tell(session, &invoice);
    Ok(Exit::Done)
}

fn by_ending(path: &Path) -> Option<Kind> {
    let ending = path.extension()?.to_str()?;
    Kind::value_variants().iter().copied().find(|kind| match kind {
        Kind::Csv => ending.eq_ignore_ascii_case("csv"),
        Kind::Pdf => ending.eq_ignore_ascii_case("pdf"),
    })
}

#[cfg(test)]
mod tests;
