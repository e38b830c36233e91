use entity::ledger::InvoiceLine;
use entity::money::Money;

use super::*;

fn invoice(lines: i64) -> Invoice {
    let line = |number: i64| InvoiceLine {
        team: (number % 3 != 0).then(|| "search, \"and\" find".to_owned()),
        api_key: format!("key-{number}"),
        model: Some("données".into()),
        requests: 2,
        tokens_in: 10,
        tokens_out: 5,
        cost_nanos: 1_000_000_007 + number,
        unpriced: u64::from(number == 1),
    };
    let lines: Vec<InvoiceLine> = (0..lines).map(line).collect();
    Invoice {
        organisation: "acme".into(),
        from: "2027-06-01T00:00:00Z".parse().unwrap(),
        to: "2027-07-01T00:00:00Z".parse().unwrap(),
        total_nanos: lines.iter().map(|line| line.cost_nanos).sum(),
        records: lines.iter().map(|line| line.requests).sum(),
        unpriced: lines.iter().map(|line| line.unpriced).sum(),
        lines,
    }
}

#[test]
fn the_last_line_of_the_csv_is_the_sum_of_the_others() {
    let invoice = invoice(40);
    let text = csv::write(&invoice);
    let rows: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 42);
    assert_eq!(rows[0], "team,key,model,requests,tokensIn,tokensOut,unpriced,costUsd");
    assert_eq!(rows[2], "\"search, \"\"and\"\" find\",key-1,données,2,10,5,1,1.000000008");
    let cost = |row: &&str| row.rsplit(',').next().unwrap().parse::<Money>().unwrap().nanos();
    assert_eq!(rows[1..41].iter().map(cost).sum::<i64>(), cost(&rows[41]));
    assert_eq!(cost(&rows[41]), invoice.total_nanos);
    assert!(rows[41].starts_with("total,,,80,400,200,1,"), "{}", rows[41]);
}

#[test]
fn the_pdf_has_every_line_and_the_total() {
    let invoice = invoice(40);
    let bytes = pdf::write(&invoice);
    assert_eq!(bytes, pdf::write(&invoice), "the same invoice gives the same bytes");
    assert!(bytes.starts_with(b"%PDF-1.") && bytes.ends_with(b"%%EOF"));
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    for wanted in
        ["(Usage of acme)", "(key-0)", "(key-39)", "(Total)", "(Page 1 of 2)", "(Page 2 of 2)", "<646F6E6EE96573>"]
    {
        assert!(text.contains(wanted), "{wanted}");
    }
    assert!(text.contains(&format!("({})", entity::money::decimal(invoice.total_nanos))));
    assert!(text.contains("of which 1 without a price"));
    let empty = pdf::write(&self::invoice(0));
    assert!(empty.len() > 500, "an invoice of nothing is a page with a total of nothing");
}

#[test]
fn the_file_says_what_it_is_to_be() {
    let kind = |name: &str| by_ending(Path::new(name));
    assert_eq!([kind("a.csv"), kind("b/c.PDF")], [Some(Kind::Csv), Some(Kind::Pdf)]);
    assert_eq!([kind("-"), kind("a.xlsx"), kind("pdf")], [None; 3]);
}
