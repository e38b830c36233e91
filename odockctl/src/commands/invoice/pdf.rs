//! An invoice as pages for people: A4 across, in Helvetica, which every reader has.

use entity::ledger::{Invoice, InvoiceLine};
use entity::money::decimal;
use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};

use self::text::{fitted, latin, width};
use super::csv::total;
use crate::output::{count, instant};

mod text;

/// A4 across, in points.
const PAGE: (f32, f32) = (842.0, 595.0);
const MARGIN: f32 = 40.0;
const SIZE: f32 = 9.0;
const LEADING: f32 = 15.0;
/// Rows of a page, its heading aside.
const ROWS: usize = 28;
const TOP: f32 = 490.0;

const PLAIN: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");

/// Where a column stands: names from their left edge over a width, numbers up to their right edge.
enum Place {
    From(f32, f32),
    UpTo(f32),
}

const COLUMNS: [(&str, Place); 8] = [
    ("Team", Place::From(MARGIN, 120.0)),
    ("Key", Place::From(165.0, 140.0)),
    ("Model", Place::From(310.0, 140.0)),
    ("Requests", Place::UpTo(515.0)),
    ("Tokens in", Place::UpTo(590.0)),
    ("Tokens out", Place::UpTo(665.0)),
    ("Unpriced", Place::UpTo(715.0)),
    ("USD", Place::UpTo(802.0)),
];

/// The bytes of the document. The same invoice gives the same bytes.
pub(super) fn write(invoice: &Invoice) -> Vec<u8> {
    let (catalog, tree, plain, bold, info) = (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4), Ref::new(5));
    let mut rows: Vec<([String; 8], Name<'_>)> = invoice.lines.iter().map(|line| (cells(line), PLAIN)).collect();
    let mut sums = cells(&total(invoice));
    sums[0] = "Total".to_owned();
    (sums[1], sums[2]) = (String::new(), String::new());
    rows.push((sums, BOLD));
    let pages: Vec<_> = rows.chunks(ROWS).collect();
    let id = |number: usize| Ref::new(i32::try_from(number).unwrap_or(i32::MAX));
    let page_ids: Vec<(Ref, Ref)> = (0..pages.len()).map(|page| (id(6 + 2 * page), id(7 + 2 * page))).collect();

    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    pdf.document_info(info).title(TextStr(&format!("Usage of {}", invoice.organisation))).producer(TextStr("odockctl"));
    let kids = page_ids.iter().map(|(page, _)| *page);
    pdf.pages(tree).kids(kids).count(i32::try_from(pages.len()).unwrap_or(i32::MAX));
    for (id, name) in [(plain, Name(b"Helvetica")), (bold, Name(b"Helvetica-Bold"))] {
        pdf.type1_font(id).base_font(name).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    for (number, (rows, (page_id, content_id))) in pages.iter().zip(&page_ids).enumerate() {
        let mut page = pdf.page(*page_id);
        page.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).parent(tree).contents(*content_id);
        page.resources().fonts().pair(PLAIN, plain).pair(BOLD, bold);
        page.finish();
        let mut content = Content::new();
        heading(&mut content, invoice);
        table(&mut content, rows);
        let place = format!("Page {} of {}", number + 1, pages.len());
        put(&mut content, PLAIN, SIZE, PAGE.0 - MARGIN - width(&place, SIZE), MARGIN - 10.0, &place);
        pdf.stream(*content_id, &content.finish());
    }
    pdf.finish()
}

fn cells(line: &InvoiceLine) -> [String; 8] {
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".to_owned());
    let [requests, tokens_in, tokens_out, unpriced] =
        [line.requests, line.tokens_in, line.tokens_out, line.unpriced].map(|number| number.to_string());
    let (team, key, model) = (name(&line.team), line.api_key.clone(), name(&line.model));
    [team, key, model, requests, tokens_in, tokens_out, unpriced, decimal(line.cost_nanos)]
}

fn heading(content: &mut Content, invoice: &Invoice) {
    let title = format!("Usage of {}", invoice.organisation);
    put(content, BOLD, 16.0, MARGIN, 545.0, &fitted(&title, 16.0, PAGE.0 - 2.0 * MARGIN));
    let unpriced = match invoice.unpriced {
        0 => String::new(),
        unpriced => format!(", of which {unpriced} without a price are not in the sum"),
    };
    let period = format!(
        "Preview. From {} until before {}: {}{unpriced}. Amounts in USD.",
        instant(invoice.from),
        instant(invoice.to),
        count(invoice.records, "request")
    );
    put(content, PLAIN, SIZE, MARGIN, 525.0, &period);
    for (name, place) in &COLUMNS {
        cell(content, BOLD, place, TOP + LEADING, name);
    }
    content.move_to(MARGIN, TOP + LEADING - 4.0).line_to(PAGE.0 - MARGIN, TOP + LEADING - 4.0).stroke();
}

fn table(content: &mut Content, rows: &[([String; 8], Name<'_>)]) {
    let mut y = TOP;
    for (cells, font) in rows {
        for ((_, place), text) in COLUMNS.iter().zip(cells) {
            cell(content, *font, place, y, text);
        }
        y -= LEADING;
    }
}

fn cell(content: &mut Content, font: Name<'_>, place: &Place, y: f32, text: &str) {
    match place {
        Place::From(x, room) => put(content, font, SIZE, *x, y, &fitted(text, SIZE, *room)),
        Place::UpTo(x) => put(content, font, SIZE, x - width(text, SIZE), y, text),
    }
}

fn put(content: &mut Content, font: Name<'_>, size: f32, x: f32, y: f32, text: &str) {
    content.begin_text().set_font(font, size).next_line(x, y).show(Str(&latin(text))).end_text();
}
