//! A request body in JSON: what the gateway must know of it, and the few bytes that it may change.
//!
//! The body is scanned once and never taken apart: unknown fields, the order of fields, and numbers of any precision
//! reach the upstream as they came.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::call::DecodeError;
use super::scan;

/// Which fields of a kind of request mean what. Fields that are named nowhere pass unseen.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// Whether `model` names the model, unless the path does.
    pub model: bool,
    /// Whether `"stream": true` asks for a stream.
    pub stream: bool,
    /// Whether a stream ends with usage only if `stream_options.include_usage` asks for it.
    pub usage_option: bool,
    /// The objects, by any of their names, that hold the fields below; empty if they stand at the top.
    pub settings: &'static [&'static str],
    /// Whether whole numbers may stand in quotes or with an exponent, as protobuf's JSON takes them.
    pub quoted: bool,
    /// The fields that cap an answer's tokens.
    pub caps: &'static [&'static str],
    /// The fields that ask for several answers.
    pub choices: &'static [&'static str],
    /// The fields that make up the prompt.
    pub prompt: &'static [&'static str],
}

impl Fields {
    /// `model` and nothing else.
    pub const MODEL: Self = Self {
        model: true,
        stream: false,
        usage_option: false,
        settings: &[],
        quoted: false,
        caps: &[],
        choices: &[],
        prompt: &[],
    };
}

/// A request body as the caller sent it, with the places that policy may edit.
#[derive(Debug)]
pub struct JsonBody {
    body: Bytes,
    /// The model that the caller asked for, where the body says so.
    pub model: Option<String>,
    /// Whether the caller wants a stream.
    pub stream: bool,
    /// Whether the caller asked for the usage event at the end of the stream.
    pub wants_usage: bool,
    /// Bytes of the prompt, from which its tokens are estimated where the upstream reports none.
    pub prompt_bytes: usize,
    /// The cap on each answer that the caller asks for, in tokens.
    pub output_cap: Option<u64>,
    /// How many answers the caller asks for.
    pub choices: u64,
    model_at: Option<Range<usize>>,
    /// Where the model's name may be added, if it was the path that named it.
    model_home: Option<Home>,
    usage_edit: Option<Edit>,
    /// Where the caps stand, if any does.
    caps_at: Vec<Range<usize>>,
    /// Where a cap may be added.
    home: Home,
}

/// Where a field may be added to an object.
#[derive(Clone, Debug)]
enum Home {
    /// Behind another field.
    Behind(usize),
    /// Behind the opening brace of an object that is empty or not.
    Within { at: usize, is_empty: bool },
    /// In an object of this name that has to be made, behind the opening brace of the body.
    Missing { at: usize, is_empty: bool, name: &'static str },
}

impl Home {
    fn of(object: &str, at: usize) -> (usize, bool) {
        (at + 1, object[1..].trim_start().starts_with('}'))
    }

    /// The edit that adds `field`, a name with its value.
    fn add(&self, field: &str) -> Edit {
        let comma = |is_empty: bool| if is_empty { "" } else { "," };
        let (at, text) = match self {
            Self::Behind(at) => (*at, format!(",{field}")),
            Self::Within { at, is_empty } => (*at, format!("{field}{}", comma(*is_empty))),
            Self::Missing { at, is_empty, name } => (*at, format!("\"{name}\":{{{field}}}{}", comma(*is_empty))),
        };
        Edit { at: at..at, text: text.into() }
    }
}

#[derive(Clone, Debug)]
struct Edit {
    at: Range<usize>,
    text: Cow<'static, str>,
}

impl JsonBody {
    /// Reads a request body.
    ///
    /// # Errors
    /// Says what is wrong in one sentence: not JSON, not an object, a field twice, a field of the wrong type.
    pub fn decode(body: Bytes, fields: &Fields) -> Result<Self, DecodeError> {
        Self::decode_for(body, fields, None)
    }

    /// Reads a request body of a path that may name the model itself. What the body calls the model then counts for
    /// nothing, and is replaced or added for the upstream.
    ///
    /// # Errors
    /// As [`JsonBody::decode`].
    pub fn decode_for(body: Bytes, fields: &Fields, in_path: Option<&str>) -> Result<Self, DecodeError> {
        let text = object_text(&body)?;
        let top = scan(text, fields).map_err(|error| explain(&error))?;
        let at = |raw: &str| place(text, raw);
        let model = match (fields.model, in_path, top.model) {
            (false, ..) => None,
            (true, Some(model), _) => Some(model.to_owned()),
            (true, None, None) => return Err(DecodeError::new("\"model\" is missing")),
            (true, None, Some(raw)) => Some(model_name(raw)?),
        };
        let model_at = top.model.filter(|_| fields.model).map(at);
        let stream = match top.stream {
            None | Some("null" | "false") => false,
            Some("true") => true,
            Some(_) => return Err(DecodeError::new("\"stream\" must be true or false")),
        };
        let opening = text.len() - text.trim_ascii_start().len();
        let (behind_brace, is_empty) = Home::of(&text[opening..], opening);
        if is_empty && in_path.is_some() {
            return Err(DecodeError::new("the body is an empty object: it asks for nothing"));
        }
        let top_home = match &model_at {
            Some(model) => Home::Behind(model.end),
            None => Home::Within { at: behind_brace, is_empty },
        };
        let model_home = in_path.map(|_| top_home.clone());
        let (wants_usage, usage_edit) = match (stream && fields.usage_option, top.stream_options) {
            (false, _) => (false, None),
            (true, None) => (false, Some(top_home.add(OPTIONS))),
            (true, Some(options)) => usage_option(options, at(options))?,
        };
        let settings = match top.settings {
            Some(raw) if raw.starts_with('{') => Some(raw),
            Some(raw) if raw != "null" => {
                return Err(DecodeError::new(format!("\"{}\" must be an object", fields.settings[0])));
            }
            _ => None,
        };
        let within =
            match settings {
                Some(raw) => {
                    let inner = Fields { settings: &[], ..*fields };
                    Some(scan(raw, &inner).map_err(|error| {
                        DecodeError::new(format!("\"{}\": {}", fields.settings[0], explain(&error)))
                    })?)
                }
                None => None,
            };
        let home = match (fields.settings.first(), settings, top.settings) {
            (None, ..) => top_home,
            (Some(_), Some(raw), _) => {
                let (at, is_empty) = Home::of(raw, at(raw).start);
                Home::Within { at, is_empty }
            }
            (Some(name), None, _) => Home::Missing { at: behind_brace, is_empty, name },
        };
        let null_settings = top.settings.filter(|raw| *raw == "null").map(at);
        let nothing = Found::default();
        let limits = if fields.settings.is_empty() { &top } else { within.as_ref().unwrap_or(&nothing) };
        let mut output_cap: Option<u64> = None;
        for (name, raw) in &limits.caps {
            // Upstreams differ in which of several they obey.
            output_cap = output_cap.max(whole(raw, name, 0, fields.quoted)?);
        }
        let mut choices = 1;
        for (name, raw) in &limits.choices {
            choices = choices.max(whole(raw, name, 1, fields.quoted)?.unwrap_or(1));
        }
        let caps_at = limits.caps.iter().map(|(_, raw)| at(raw)).collect();
        let prompt_bytes = top.prompt.iter().map(|raw| raw.len()).sum();
        // An object that stands there as null is no home, and may not stand there twice.
        let home = match (null_settings, home) {
            (Some(null), Home::Missing { .. }) => return Self::with_null_settings(body, fields, &null),
            (_, home) => home,
        };
        Ok(Self {
            model,
            stream,
            wants_usage,
            prompt_bytes,
            output_cap,
            choices,
            model_at,
            model_home,
            usage_edit,
            caps_at,
            home,
            body,
        })
    }

    /// Reads a body whose settings are null as if they were empty, which means the same.
    fn with_null_settings(body: Bytes, fields: &Fields, null: &Range<usize>) -> Result<Self, DecodeError> {
        let mut text = Vec::with_capacity(body.len());
        text.extend_from_slice(&body[..null.start]);
        text.extend_from_slice(b"{}");
        text.extend_from_slice(&body[null.end..]);
        Self::decode(text.into(), fields)
    }

    /// A field at the top, as it stands in the body; the last of several. Reads the body once more: for fields that only
    /// some calls have.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let text = std::str::from_utf8(&self.body).ok()?;
        serde_json::Deserializer::from_str(text).deserialize_map(Pick(name)).ok()?.map(RawValue::get)
    }

    /// The body as it came.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body for the upstream, in pieces: the caller's own bytes but for the model's name there, on streams the request
    /// for usage, and a cap on each answer if policy sets one, as the value of `field` where the caller set none. A large
    /// body is not copied, only cut.
    #[must_use]
    pub fn encode(&self, slug: &str, cap: Option<(u64, &str)>) -> VecDeque<Bytes> {
        let mut edits: Vec<Edit> = Vec::new();
        edits.extend(self.model_edit(slug));
        edits.extend(self.usage_edit.clone());
        if let Some((tokens, field)) = cap {
            let replace = |at: &Range<usize>| Edit { at: at.clone(), text: tokens.to_string().into() };
            edits.extend(self.caps_at.iter().map(replace));
            if self.caps_at.is_empty() {
                edits.push(self.home.add(&format!("\"{field}\":{tokens}")));
            }
        }
        self.cut(edits)
    }

    fn model_edit(&self, slug: &str) -> Option<Edit> {
        match (&self.model_at, &self.model_home) {
            (Some(_), None) if self.model.as_deref() == Some(slug) => None,
            (Some(at), _) => Some(Edit { at: at.clone(), text: json_string(slug).into() }),
            (None, Some(home)) => Some(home.add(&format!("\"model\":{}", json_string(slug)))),
            (None, None) => None,
        }
    }

    /// The body with the upstream's name of the model at these places, for families that write it elsewhere than at the top.
    #[must_use]
    pub fn with_names(&self, places: Vec<Range<usize>>, name: &str) -> VecDeque<Bytes> {
        let name = json_string(name);
        self.cut(places.into_iter().map(|at| Edit { at, text: name.clone().into() }).collect())
    }

    fn cut(&self, mut edits: Vec<Edit>) -> VecDeque<Bytes> {
        edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
        let mut pieces = VecDeque::with_capacity(edits.len() * 2 + 1);
        let mut from = 0;
        for edit in edits {
            pieces.push_back(self.body.slice(from..edit.at.start));
            pieces.push_back(match edit.text {
                Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
                Cow::Owned(text) => Bytes::from(text),
            });
            from = edit.at.end;
        }
        pieces.push_back(self.body.slice(from..));
        if pieces.len() > 1 && self.body.len() <= SMALL {
            return VecDeque::from([pieces.into_iter().flatten().collect::<Vec<u8>>().into()]);
        }
        pieces
    }
}

/// Bodies up to this size are cheaper to copy than to send in pieces.
const SMALL: usize = 16 << 10;

const OPTIONS: &str = r#""stream_options":{"include_usage":true}"#;

/// What a scan found, each value as it stands. A field that is there is found even if it is null: what is there must be replaced, not written a
/// second time.
#[derive(Default)]
struct Found<'a> {
    model: Option<&'a str>,
    stream: Option<&'a str>,
    stream_options: Option<&'a str>,
    settings: Option<&'a str>,
    caps: Vec<(&'static str, &'a str)>,
    choices: Vec<(&'static str, &'a str)>,
    prompt: Vec<&'a str>,
}

impl<'a> Found<'a> {
    /// Notes a field; the name of one that stood there before is the error.
    fn note(&mut self, role: Role, raw: &'a str, fields: &Fields) -> Result<(), &'static str> {
        let (place, name) = match role {
            Role::Model => (&mut self.model, "model"),
            Role::Stream => (&mut self.stream, "stream"),
            Role::StreamOptions => (&mut self.stream_options, "stream_options"),
            Role::Settings => (&mut self.settings, fields.settings[0]),
            Role::Cap(name) => return note_one_of(&mut self.caps, name, raw),
            Role::Choices(name) => return note_one_of(&mut self.choices, name, raw),
            Role::Prompt => {
                self.prompt.push(raw);
                return Ok(());
            }
            Role::Other => return Ok(()),
        };
        place.replace(raw).map_or(Ok(()), |_| Err(name))
    }
}

fn note_one_of<'a>(
    found: &mut Vec<(&'static str, &'a str)>,
    name: &'static str,
    raw: &'a str,
) -> Result<(), &'static str> {
    if found.iter().any(|(other, _)| *other == name) {
        return Err(name);
    }
    found.push((name, raw));
    Ok(())
}

/// What a field means.
#[derive(Clone, Copy)]
enum Role {
    Model,
    Stream,
    StreamOptions,
    Settings,
    Cap(&'static str),
    Choices(&'static str),
    Prompt,
    Other,
}

fn scan<'a>(object: &'a str, fields: &Fields) -> Result<Found<'a>, serde_json::Error> {
    let mut found = Found::default();
    let quick = scan::fields(object, |name, raw| found.note(fields.role(name), raw, fields).ok());
    if quick.is_some() {
        return Ok(found);
    }
    // What is wrong, or merely unusual, serde has the words for.
    let mut from = serde_json::Deserializer::from_str(object);
    let found = from.deserialize_map(Scan(fields))?;
    from.end()?;
    Ok(found)
}

struct Scan<'f>(&'f Fields);

impl<'de> Visitor<'de> for Scan<'_> {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
        let mut found = Found::default();
        while let Some(role) = map.next_key_seed(Key(self.0))? {
            if matches!(role, Role::Other) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let raw: &'de RawValue = map.next_value()?;
            found.note(role, raw.get(), self.0).map_err(twice)?;
        }
        Ok(found)
    }
}

/// Finds one field by its name.
struct Pick<'n>(&'n str);

impl<'de> Visitor<'de> for Pick<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if name == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

fn twice<E: serde::de::Error>(name: &str) -> E {
    E::custom(format_args!("duplicate field `{name}`"))
}

/// Reads a field's name, escapes and all, without keeping it.
struct Key<'f>(&'f Fields);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Role;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Role, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Role;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Role, E> {
        Ok(self.0.role(name))
    }
}

impl Fields {
    /// What a field of this name means.
    fn role(&self, name: &str) -> Role {
        let of = |names: &'static [&'static str]| names.iter().copied().find(|known| *known == name);
        // What stands in the settings means nothing at the top.
        let at_home = self.settings.is_empty();
        match name {
            "model" if self.model => Role::Model,
            "stream" if self.stream => Role::Stream,
            "stream_options" if self.usage_option => Role::StreamOptions,
            _ if of(self.settings).is_some() => Role::Settings,
            _ if of(self.prompt).is_some() => Role::Prompt,
            _ => match (of(self.caps), of(self.choices)) {
                (Some(name), _) if at_home => Role::Cap(name),
                (_, Some(name)) if at_home => Role::Choices(name),
                _ => Role::Other,
            },
        }
    }
}

/// The text of a body that is one JSON object, as far as a glance tells.
fn object_text(body: &[u8]) -> Result<&str, DecodeError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(DecodeError::new("the body is empty: send a JSON object"));
    }
    // A byte order mark is no JSON (RFC 8259, section 8.1), and serde's words for it are unhelpful.
    if body.starts_with(b"\xef\xbb\xbf") {
        return Err(DecodeError::new("the body begins with a byte order mark, which JSON does not allow"));
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| DecodeError::new(format!("the body is not UTF-8 at byte {}", error.valid_up_to())))?;
    Ok(text)
}

fn model_name(raw: &str) -> Result<String, DecodeError> {
    let model: String = serde_json::from_str(raw).map_err(|_| DecodeError::new("\"model\" must be a string"))?;
    if model.is_empty() { Err(DecodeError::new("\"model\" is empty")) } else { Ok(model) }
}

/// Where a value stands. It borrows from the text, so the distance between the two is its place.
pub(super) fn place(text: &str, raw: &str) -> Range<usize> {
    let start = raw.as_ptr() as usize - text.as_ptr() as usize;
    start..start + raw.len()
}

/// Works out how to ask for usage in stream options that the caller sent.
fn usage_option(options: &str, at: Range<usize>) -> Result<(bool, Option<Edit>), DecodeError> {
    const INCLUDE: &str = r#""include_usage":true"#;
    if options == "null" {
        return Ok((false, Some(Edit { at, text: r#"{"include_usage":true}"#.into() })));
    }
    if !options.starts_with('{') {
        return Err(DecodeError::new("\"stream_options\" must be an object"));
    }
    const OPTION: Fields = Fields { model: false, choices: &["include_usage"], ..Fields::MODEL };
    let asked =
        scan(options, &OPTION).map_err(|error| DecodeError::new(format!("\"stream_options\": {}", explain(&error))))?;
    match asked.choices.first() {
        Some((_, "true")) => Ok((true, None)),
        Some((_, value @ ("false" | "null"))) => {
            let inside = place(options, value);
            let at = at.start + inside.start..at.start + inside.end;
            Ok((false, Some(Edit { at, text: "true".into() })))
        }
        Some(_) => Err(DecodeError::new("\"stream_options.include_usage\" must be true or false")),
        None => {
            let (at, is_empty) = Home::of(options, at.start);
            Ok((false, Some(Home::Within { at, is_empty }.add(INCLUDE))))
        }
    }
}

/// A whole number of `least` or more, unless it is null.
fn whole(text: &str, field: &str, least: u64, quoted: bool) -> Result<Option<u64>, DecodeError> {
    if text == "null" {
        return Ok(None);
    }
    let number = text.parse::<u64>().ok().or_else(|| loosely(text).filter(|_| quoted));
    match number {
        Some(number) if number >= least => Ok(Some(number)),
        _ => Err(DecodeError::new(format!("\"{field}\" must be a whole number of {least} or more"))),
    }
}

/// A whole number as protobuf's JSON takes it (ProtoJSON, "int32"): `8`, `"8"`, `8.0` or `8e2`.
fn loosely(text: &str) -> Option<u64> {
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if let Ok(number) = bare.parse::<u64>() {
        return Some(number);
    }
    // JSON takes blanks around a number, and quotes hold none.
    let number: f64 = serde_json::from_str(bare).ok().filter(|_| bare.trim_ascii() == bare)?;
    let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and within bounds")]
    is_whole.then_some(number as u64)
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// serde's words for a person who does not know serde.
fn explain(error: &serde_json::Error) -> DecodeError {
    let text = error.to_string();
    if let Some(rest) = text.strip_prefix("duplicate field ").and_then(|rest| rest.split(" at line").next()) {
        return DecodeError::new(format!("{} stands twice", rest.replace('`', "\"")));
    }
    if error.is_data() {
        return DecodeError::new(format!("the body must be a JSON object: {text}"));
    }
    DecodeError::new(format!("the body is not valid JSON: {text}"))
}

#[cfg(test)]
mod tests;
