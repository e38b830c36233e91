//! Documents in a conversation.

use std::borrow::Cow;

use super::super::json::Node;
use super::super::path::At;
use super::DecodeError;
use super::fields::Fields;
use super::source::{Source, check_base64};

/// A document. OpenAI's own fields are `file_data`, `file_id` and `filename`; `file_url`, `text` and `mime_type` are added here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct File<'a> {
    pub(crate) source: FileSource<'a>,
    pub(crate) name: Option<Cow<'a, str>>,
    /// Whether it came in OpenAI's own words, so that it may pass as it is.
    pub(crate) is_openais: bool,
}

/// Where a document is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FileSource<'a> {
    /// In the request, or on the web.
    At(Source<'a>),
    /// In the request, as plain text.
    Text(Cow<'a, str>),
    /// With the provider, who knows it by this id.
    Id(Cow<'a, str>),
}

impl<'a> File<'a> {
    pub(super) fn read(value: Node<'a>, at: At<'_>, others: &mut Vec<String>) -> Result<Self, DecodeError> {
        let mut fields = Fields::of(value, at)?;
        let name = fields.text("filename")?;
        let mime = fields.text("mime_type")?;
        let bare = mime.is_some();
        let data = fields.map("file_data", |value, at| data(super::fields::text(value, at)?, mime, at))?;
        let url = fields.map("file_url", |value, at| Source::read(super::fields::text(value, at)?, at))?;
        let sources = [
            data.map(FileSource::At),
            url.map(FileSource::At),
            fields.text("text")?.map(FileSource::Text),
            fields.text("file_id")?.map(FileSource::Id),
        ];
        others.extend(fields.left("file."));
        let mut sources = sources.into_iter().flatten();
        match (sources.next(), sources.next()) {
            (Some(source), None) => {
                let added = matches!(source, FileSource::Text(_) | FileSource::At(Source::Url(_)));
                Ok(Self { source, name, is_openais: !added && !bare })
            }
            (None, _) => Err(DecodeError::at(at, "needs one of file_data, file_url, text and file_id")),
            (Some(_), Some(_)) => {
                Err(DecodeError::at(at, "has more than one of file_data, file_url, text and file_id"))
            }
        }
    }
}

/// OpenAI documents `file_data` as base64 and its examples show a data URL; both come.
fn data<'a>(text: Cow<'a, str>, mime: Option<Cow<'a, str>>, at: At<'_>) -> Result<Source<'a>, DecodeError> {
    if text.starts_with("data:") {
        return Source::read(text, at);
    }
    check_base64(&text, at)?;
    match mime {
        Some(mime) => Ok(Source::Data { mime, base64: text }),
        None => Err(DecodeError::at(at, "must be a data URL, or have its type beside it in mime_type")),
    }
}
