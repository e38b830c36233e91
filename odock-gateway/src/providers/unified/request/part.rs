//! Parts of a message's content.

use std::borrow::Cow;

use super::super::json::Node;
use super::super::path::At;
use super::DecodeError;
use super::fields::{Fields, list, text};
use super::file::File;
use super::source::{Source, check_base64};

/// One part of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part<'a> {
    /// Its place in the list, or `None` where the whole content is one text.
    pub(crate) index: Option<usize>,
    pub(crate) kind: PartKind<'a>,
    /// Where a provider's prompt cache may be cut, in Anthropic's words, which others have taken over.
    pub(crate) cache_control: Option<Node<'a>>,
    /// Names of fields that are not known here, such as `image_url.format`.
    pub(crate) others: Vec<String>,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PartKind<'a> {
    Text(Cow<'a, str>),
    /// With how closely to look, unless the model shall decide.
    Image {
        source: Source<'a>,
        detail: Option<Cow<'a, str>>,
    },
    Audio {
        base64: Cow<'a, str>,
        format: Cow<'a, str>,
    },
    File(File<'a>),
    /// Of a type that is not known here; some server may know it.
    Other(Cow<'a, str>),
}

impl<'a> Part<'a> {
    /// Reads a message's content: a text, or a list of parts.
    pub(super) fn content(value: Node<'a>, at: At<'_>) -> Result<Vec<Self>, DecodeError> {
        match value {
            Node::Text(text) => {
                let kind = PartKind::Text(text);
                Ok(vec![Self { index: None, kind, cache_control: None, others: Vec::new() }])
            }
            Node::List(_) => {
                let mut index = 0..;
                list(value, at, |part, at| Self::read(part, at, index.next()))
            }
            _ => Err(DecodeError::at(at, "must be a string or a list of parts")),
        }
    }

    fn read(value: Node<'a>, at: At<'_>, index: Option<usize>) -> Result<Self, DecodeError> {
        let mut fields = Fields::of(value, at)?;
        let name = fields.must_text("type")?;
        let missing = |fields: &Fields<'_, '_>, name: &str| fields.wrong(name, "is missing");
        let mut others = Vec::new();
        let kind = match name.as_ref() {
            "text" => PartKind::Text(fields.must_text("text")?),
            // The words of a model that declined are words all the same.
            "refusal" => PartKind::Text(fields.must_text("refusal")?),
            "image_url" => fields
                .map("image_url", |value, at| image(value, at, &mut others))?
                .ok_or_else(|| missing(&fields, "image_url"))?,
            "input_audio" => fields
                .map("input_audio", |value, at| audio(value, at, &mut others))?
                .ok_or_else(|| missing(&fields, "input_audio"))?,
            "file" | "document" => {
                let file = fields.map(&name, |value, at| File::read(value, at, &mut others))?;
                let mut file = file.ok_or_else(|| missing(&fields, &name))?;
                file.is_openais &= name == "file";
                PartKind::File(file)
            }
            _ => return Ok(Self { index, kind: PartKind::Other(name), cache_control: None, others: Vec::new() }),
        };
        let cache_control = fields.take("cache_control")?;
        others.extend(fields.left(""));
        Ok(Self { index, kind, cache_control, others })
    }
}

/// An image: an object with its address, or, as Mistral has it too, the address alone.
fn image<'a>(value: Node<'a>, at: At<'_>, others: &mut Vec<String>) -> Result<PartKind<'a>, DecodeError> {
    if let Node::Text(url) = value {
        return Ok(PartKind::Image { source: Source::read(url, at)?, detail: None });
    }
    let mut fields = Fields::of(value, at)?;
    let source = fields.map("url", |value, at| Source::read(text(value, at)?, at))?;
    let source = source.ok_or_else(|| fields.wrong("url", "is missing"))?;
    let detail = fields.text("detail")?.filter(|detail| detail != "auto");
    others.extend(fields.left("image_url."));
    Ok(PartKind::Image { source, detail })
}

fn audio<'a>(value: Node<'a>, at: At<'_>, others: &mut Vec<String>) -> Result<PartKind<'a>, DecodeError> {
    let mut fields = Fields::of(value, at)?;
    let base64 = fields.map("data", |value, at| {
        let data = text(value, at)?;
        check_base64(&data, at).map(|()| data)
    })?;
    let base64 = base64.ok_or_else(|| fields.wrong("data", "is missing"))?;
    let format = fields.must_text("format")?;
    others.extend(fields.left("input_audio."));
    Ok(PartKind::Audio { base64, format })
}
