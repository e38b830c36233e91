//! Our own diagnostics, for the `:log` screen: nothing may be written to a terminal that shows a picture.

use std::fmt::{Debug, Write as _};

use entity::Timestamp;
use odock_tui::msg::{Level, LogLine, Msg};
use tokio::sync::mpsc::Sender;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::runner::Inner;

struct ToLog(Sender<Inner>);

/// Sends what the libraries log to the screen of diagnostics. A full queue loses lines rather than time.
pub(crate) fn install(to: Sender<Inner>) {
    let _ = tracing_subscriber::registry().with(ToLog(to)).try_init();
}

impl<S: Subscriber> Layer<S> for ToLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let meta = event.metadata();
        let ours = meta.target().starts_with("odock");
        let level = match *meta.level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO if ours => Level::Info,
            _ => return,
        };
        let mut text = Text(String::new());
        event.record(&mut text);
        let line = LogLine { at: Timestamp::now(), level, text: text.0 };
        let _ = self.0.try_send(Inner::Msg(Msg::Log(line)));
    }
}

/// The message of an event; its fields repeat what it says.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}
