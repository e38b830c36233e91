//! Server-sent events (WHATWG HTML, section 9.2), decoded from chunks that may end anywhere.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its type; `message` when the stream gave none.
    pub name: String,
    /// Its data, lines joined by line feeds.
    pub data: String,
    /// The last id that the stream gave.
    pub id: Option<String>,
}

/// An event grew beyond all reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than {0} bytes")]
pub struct EventTooLarge(pub usize);

/// The most bytes of one event.
const MAX_EVENT: usize = 4 * 1024 * 1024;

/// Turns bytes into events.
#[derive(Debug, Default)]
pub struct EventDecoder {
    line: Vec<u8>,
    after_cr: bool,
    begun: bool,
    name: String,
    data: Vec<u8>,
    has_data: bool,
    id: Option<String>,
}

impl EventDecoder {
    /// A decoder at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and returns the events that they complete.
    ///
    /// # Errors
    /// An event is larger than 4 MiB.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, EventTooLarge> {
        let mut events = Vec::new();
        for &byte in bytes {
            // A line ends with LF, CR or CRLF: an LF right after a CR belongs to it, even in the next chunk.
            let ends = match byte {
                b'\n' => !std::mem::take(&mut self.after_cr),
                b'\r' => {
                    self.after_cr = true;
                    true
                }
                _ => {
                    self.after_cr = false;
                    self.line.push(byte);
                    false
                }
            };
            if ends {
                events.extend(self.end_of_line());
            }
            if self.line.len() + self.data.len() > MAX_EVENT {
                return Err(EventTooLarge(MAX_EVENT));
            }
        }
        Ok(events)
    }

    fn end_of_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = if std::mem::replace(&mut self.begun, true) { &line[..] } else { without_mark(&line) };
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(0) => return None, // a comment: the heartbeat
            Some(at) => (&line[..at], line[at + 1..].strip_prefix(b" ").unwrap_or(&line[at + 1..])),
            None => (line, &line[..0]),
        };
        match field {
            b"event" => self.name = String::from_utf8_lossy(value).into_owned(),
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"id" if !value.contains(&0) => self.id = Some(String::from_utf8_lossy(value).into_owned()),
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        if !std::mem::take(&mut self.has_data) {
            return None;
        }
        let name = if name.is_empty() { "message".into() } else { name };
        Some(Event { name, data: String::from_utf8_lossy(&data).into_owned(), id: self.id.clone() })
    }
}

fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{feff}: hello\n\nevent: tick\ndata: {\"é\":\ndata:1}\nid: 7\n\nretry: 5\r\n\r\nevent: gap\rdata\r\r\
                          data: naïve\r\ndata: \r\n\r\nevent: lost\n\ndata: cut off";

    fn whole() -> Vec<Event> {
        EventDecoder::new().push(STREAM.as_bytes()).unwrap()
    }

    #[test]
    fn fields_comments_and_line_ends_are_read_as_the_standard_says() {
        let event = |name: &str, data: &str, id: Option<&str>| Event {
            name: name.into(),
            data: data.into(),
            id: id.map(Into::into),
        };
        assert_eq!(
            whole(),
            [
                event("tick", "{\"é\":\n1}", Some("7")),
                event("gap", "", Some("7")),
                event("message", "naïve\n", Some("7"))
            ]
        );
    }

    #[test]
    fn a_stream_split_at_any_byte_gives_the_same_events() {
        let bytes = STREAM.as_bytes();
        for at in 0..=bytes.len() {
            let mut decoder = EventDecoder::new();
            let mut events = decoder.push(&bytes[..at]).unwrap();
            events.extend(decoder.push(&bytes[at..]).unwrap());
            assert_eq!(events, whole(), "split at byte {at}");
        }
        let mut decoder = EventDecoder::new();
        let events: Vec<_> = bytes.iter().flat_map(|byte| decoder.push(std::slice::from_ref(byte)).unwrap()).collect();
        assert_eq!(events, whole());
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut decoder = EventDecoder::new();
        let chunk = vec![b'x'; 1024 * 1024];
        assert!((0..6).any(|_| decoder.push(&chunk).is_err()));
    }
}
