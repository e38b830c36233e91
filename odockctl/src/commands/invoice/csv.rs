//! An invoice as comma-separated values (RFC 4180): a heading, the lines, and a total.

use entity::ledger::{Invoice, InvoiceLine};
use entity::money::decimal;

use crate::output::csv_line;

const HEADING: [&str; 8] = ["team", "key", "model", "requests", "tokensIn", "tokensOut", "unpriced", "costUsd"];

pub(super) fn write(invoice: &Invoice) -> String {
    let mut text = csv_line(HEADING.into_iter());
    for line in &invoice.lines {
        let names = [line.team.as_deref().unwrap_or(""), &line.api_key, line.model.as_deref().unwrap_or("")];
        text.push_str(&row(names, line));
    }
    text.push_str(&row(["total", "", ""], &total(invoice)));
    text
}

fn row(names: [&str; 3], line: &InvoiceLine) -> String {
    let numbers = [line.requests, line.tokens_in, line.tokens_out, line.unpriced].map(|number| number.to_string());
    let cost = decimal(line.cost_nanos);
    csv_line(names.into_iter().chain(numbers.iter().map(String::as_str)).chain([cost.as_str()]))
}

/// The sums of an invoice as a line of it.
pub(super) fn total(invoice: &Invoice) -> InvoiceLine {
    let sum = |of: fn(&InvoiceLine) -> u64| invoice.lines.iter().map(of).sum();
    InvoiceLine {
        team: None,
        api_key: String::new(),
        model: None,
        requests: invoice.records,
        tokens_in: sum(|line| line.tokens_in),
        tokens_out: sum(|line| line.tokens_out),
        cost_nanos: invoice.total_nanos,
        unpriced: invoice.unpriced,
    }
}
