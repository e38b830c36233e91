//! Events as JSON lines.
//!
//! Every request leaves an access line, so this writes straight into one reused buffer a thread: no tree of values, and
//! no allocation once the buffer has grown. Fields of spans are written once, when the span is made.

use std::cell::RefCell;
use std::error::Error;
use std::fmt::{self, Write};
use std::sync::Arc;

use entity::Timestamp;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::queue::Queue;

/// Writes each event as one line of JSON: time, level, target, message, the event's fields, and those of its spans.
pub struct JsonLayer {
    queue: Arc<Queue>,
}

impl JsonLayer {
    /// Writes to `queue`.
    pub fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }
}

/// A span's fields, ready to be copied into a line.
#[derive(Default)]
struct SpanFields {
    /// Each field's name, and where its text ends in `text`.
    ends: Vec<(&'static str, usize)>,
    text: String,
}

impl SpanFields {
    fn add(&mut self, write: impl FnOnce(&mut Fields<'_>)) {
        let mut fields = Fields { out: &mut self.text, names: &mut self.ends };
        write(&mut fields);
    }

    /// Gives each field's name and text, the last one recorded under a name first.
    fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        (0..self.ends.len()).rev().map(|at| {
            let start = if at == 0 { 0 } else { self.ends[at - 1].1 };
            (self.ends[at].0, &self.text[start..self.ends[at].1])
        })
    }
}

/// The buffers of one thread.
#[derive(Default)]
struct Scratch {
    line: String,
    names: Vec<(&'static str, usize)>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for JsonLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        // With a second JSON sink the fields are there already.
        if extensions.get_mut::<SpanFields>().is_none() {
            let mut fields = SpanFields::default();
            fields.add(|out| attributes.record(out));
            extensions.insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<SpanFields>() {
            fields.add(|out| values.record(out));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        SCRATCH.with(|scratch| {
            // An error whose text logs by itself would come here twice; the inner one uses buffers of its own.
            match scratch.try_borrow_mut() {
                Ok(mut scratch) => self.write(event, &context, &mut scratch),
                Err(_) => self.write(event, &context, &mut Scratch::default()),
            }
        });
    }
}

impl JsonLayer {
    fn write<S>(&self, event: &Event<'_>, context: &Context<'_, S>, scratch: &mut Scratch)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Scratch { line, names } = scratch;
        line.clear();
        names.clear();
        let metadata = event.metadata();
        let level = match *metadata.level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        // Writing to a String cannot fail.
        let _ = write!(line, r#"{{"time":"{}","level":"{level}","target":"{}""#, Timestamp::now(), metadata.target());
        event.record(&mut Fields { out: line, names });
        for span in context.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            let Some(fields) = extensions.get::<SpanFields>() else { continue };
            for (name, text) in fields.iter() {
                // The innermost word on a name counts; keys of one object must differ.
                if !names.iter().any(|(taken, _)| *taken == name) {
                    names.push((name, 0));
                    line.push_str(text);
                }
            }
        }
        line.push_str("}\n");
        self.queue.push(line.as_bytes());
        if line.capacity() > 64 << 10 {
            *line = String::new();
        }
    }
}

/// Writes fields as `,"name":value`, and notes their names and where they end.
struct Fields<'a> {
    out: &'a mut String,
    names: &'a mut Vec<(&'static str, usize)>,
}

impl Fields<'_> {
    fn field(&mut self, field: &Field, write: impl FnOnce(&mut String)) {
        self.out.push_str(",\"");
        self.out.push_str(field.name());
        // These are ours; a field of that name must not stand beside them.
        if matches!(field.name(), "time" | "level" | "target") {
            self.out.push('_');
        }
        self.out.push_str("\":");
        write(self.out);
        self.names.push((field.name(), self.out.len()));
    }

    fn number(&mut self, field: &Field, number: impl itoa::Integer) {
        self.field(field, |out| out.push_str(itoa::Buffer::new().format(number)));
    }
}

impl Visit for Fields<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.number(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.number(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, |out| out.push_str(if value { "true" } else { "false" }));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, |out| {
            // JSON knows neither infinity nor "not a number".
            let _ = if value.is_finite() { write!(out, "{value}") } else { write!(out, "null") };
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, |out| {
            out.push('"');
            escape(out, value);
            out.push('"');
        });
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.field(field, |out| {
            out.push('"');
            let mut escaped = Escaped(out);
            let _ = write!(escaped, "{value}");
            let mut source = value.source();
            while let Some(cause) = source {
                let _ = write!(escaped, ": {cause}");
                source = cause.source();
            }
            out.push('"');
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.field(field, |out| {
            out.push('"');
            let _ = write!(Escaped(out), "{value:?}");
            out.push('"');
        });
    }
}

/// Escapes what is formatted into it.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

/// Appends `text` as the inside of a JSON string. Runs without special characters are copied whole.
fn escape(out: &mut String, text: &str) {
    let is_special = |byte: u8| byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f);
    // All of it, and not up to the first: so the compiler compares many at once.
    if !text.bytes().fold(false, |found, byte| found | is_special(byte)) {
        return out.push_str(text);
    }
    let mut clean = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 | 0x7f => "",
            _ => continue,
        };
        out.push_str(&text[clean..at]);
        clean = at + 1;
        if short.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(short);
        }
    }
    out.push_str(&text[clean..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::io;
    use std::sync::Mutex;
    use std::time::Duration;
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Out(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(log: impl FnOnce()) -> Vec<Value> {
        let out = Out::default();
        let queue = Queue::start("test", Box::new(out.clone())).unwrap();
        // Twice over, as with standard output and a file.
        let other = Queue::start("other", Box::new(io::sink())).unwrap();
        let subscriber =
            tracing_subscriber::registry().with(JsonLayer::new(Arc::clone(&queue))).with(JsonLayer::new(other));
        tracing::subscriber::with_default(subscriber, log);
        queue.flush(Duration::from_secs(60));
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    #[test]
    fn a_line_is_one_flat_object_with_the_fields_of_its_spans() {
        let found = lines(|| {
            let outer = tracing::info_span!("request", request_id = "r-1", model = tracing::field::Empty, status = 1);
            let _outer = outer.enter();
            outer.record("model", "gpt");
            let _inner = tracing::info_span!("attempt", provider = %"openai", status = 2).entered();
            tracing::info!(key.id = 7, status = 200_u16, took = 1.5, cached = true, "Served {}", "it");
        });
        let mut line = found[0].as_object().unwrap().clone();
        let time = line.remove("time").unwrap();
        assert!(time.as_str().unwrap().parse::<Timestamp>().is_ok(), "{time}");
        let expected = json!({
            "level": "info", "target": module_path!(), "message": "Served it", "key.id": 7, "status": 200, "took": 1.5,
            "cached": true, "provider": "openai", "model": "gpt", "request_id": "r-1",
        });
        assert_eq!(Value::Object(line), expected);
    }

    #[test]
    fn no_text_breaks_out_of_its_string() {
        let nasty = "a\"b\\c\nd\re\tf\u{0}g\u{1b}[31mh\u{7f}é\u{2028}\"},{\"level\":\"fatal\"";
        let found = lines(|| {
            tracing::warn!(shown = %nasty, quoted = nasty, level = "mine", time = 1, "{nasty}");
        });
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["message"], nasty);
        assert_eq!(found[0]["shown"], nasty);
        assert_eq!(found[0]["quoted"], nasty);
        assert_eq!((&found[0]["level"], &found[0]["level_"]), (&json!("warn"), &json!("mine")));
    }

    #[test]
    fn odd_values_stay_valid_json() {
        let error = io::Error::other(fmt::Error);
        let found = lines(|| {
            let error: &(dyn Error + 'static) = &error;
            tracing::error!(nan = f64::NAN, big = u128::MAX, list = ?[1, 2], error, "odd");
        });
        assert_eq!(found[0]["nan"], Value::Null);
        assert_eq!(found[0]["list"], "[1, 2]");
        assert!(found[0]["error"].as_str().unwrap().contains("error"));
    }

    #[test]
    fn a_value_that_logs_while_it_is_formatted_does_not_panic() {
        struct Chatty;
        impl fmt::Display for Chatty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                tracing::info!("inner");
                f.write_str("outer")
            }
        }
        let found = lines(|| tracing::info!("{}", Chatty));
        assert!(!found.is_empty());
    }
}
