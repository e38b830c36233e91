//! Parts in Gemini's words.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::super::json::Node;
use super::super::super::loss::Loss;
use super::super::super::request::{FileSource, Part as Given, PartKind, Source};
use super::super::place::Place;

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Piece<'a> {
    Part(Box<Part<'a>>),
    Native(&'a Node<'a>),
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inline_data: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_data: Option<FileData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_call: Option<FunctionCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_response: Option<FunctionResponse<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thought_signature: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    pub(super) mime_type: Cow<'a, str>,
    pub(super) data: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'static str>,
    file_uri: &'a str,
}

#[derive(Serialize)]
pub(super) struct FunctionCall<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) args: Cow<'a, RawValue>,
}

#[derive(Serialize)]
pub(super) struct FunctionResponse<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) response: Response<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Piece<'a>>,
}

/// What a tool gave back: an object as it is, all else under the name that Gemini has for it.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Response<'a> {
    Object(Cow<'a, RawValue>),
    Text { output: Cow<'a, str> },
}

impl<'a> From<Part<'a>> for Piece<'a> {
    fn from(part: Part<'a>) -> Self {
        Self::Part(Box::new(part))
    }
}

/// Parts as Gemini has them. What it has no part for is named.
pub(super) fn parts<'r>(index: usize, given: &'r [Given<'_>], loss: &mut Loss) -> Vec<Piece<'r>> {
    // Documents have no names here, so that a name stands before its document.
    let name = |given: &'r Given<'_>| match &given.kind {
        PartKind::File(file) => file.name.as_deref().map(Part::text),
        _ => None,
    };
    let named = given.iter().flat_map(|given| [name(given), part(index, given, loss)]);
    named.flatten().map(Piece::from).collect()
}

fn part<'r>(index: usize, given: &'r Given<'_>, loss: &mut Loss) -> Option<Part<'r>> {
    match &given.kind {
        PartKind::Text(text) => Some(Part::text(text)),
        PartKind::Image { source, detail } => {
            if detail.is_some() {
                loss.cannot(format_args!("{}.image_url.detail", Place(index, given)), "Gemini has nothing of the kind");
            }
            at(index, given, source, loss)
        }
        PartKind::Audio { base64, format } => {
            let mime_type = format!("audio/{format}").into();
            Some(Part { inline_data: Some(Blob { mime_type, data: Cow::Borrowed(base64) }), ..Part::default() })
        }
        PartKind::File(file) => match &file.source {
            FileSource::At(source) => at(index, given, source, loss),
            FileSource::Text(text) => {
                let data = STANDARD.encode(text.as_bytes()).into();
                let blob = Blob { mime_type: "text/plain".into(), data };
                Some(Part { inline_data: Some(blob), ..Part::default() })
            }
            FileSource::Id(_) => {
                let why = "Gemini does not know the files of other providers: send file_data or file_url";
                loss.cannot(Place(index, given), why);
                None
            }
        },
        PartKind::Other(_) => None,
    }
}

fn at<'r>(index: usize, given: &Given<'_>, source: &'r Source<'_>, loss: &mut Loss) -> Option<Part<'r>> {
    match source {
        Source::Data { mime, base64 } => {
            let blob = Blob { mime_type: Cow::Borrowed(mime), data: Cow::Borrowed(base64) };
            Some(Part { inline_data: Some(blob), ..Part::default() })
        }
        Source::Url(_) if source.is_plain_http() => {
            loss.cannot(Place(index, given), "Gemini fetches from https:// addresses alone");
            None
        }
        Source::Url(url) => {
            let file_data = FileData { mime_type: mime_of(url), file_uri: url };
            Some(Part { file_data: Some(file_data), ..Part::default() })
        }
    }
}

/// The media type that an address' ending tells; Gemini finds it out itself where that says nothing.
fn mime_of(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let (_, name) = path.rsplit_once('/')?;
    let (_, ending) = name.rsplit_once('.')?;
    match ending.to_ascii_lowercase().as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "webp" => Some("image/webp"),
        "heic" => Some("image/heic"),
        "heif" => Some("image/heif"),
        "gif" => Some("image/gif"),
        "pdf" => Some("application/pdf"),
        "txt" => Some("text/plain"),
        _ => None,
    }
}

impl<'a> Part<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Self { text: Some(Cow::Borrowed(text)), ..Self::default() }
    }
}
