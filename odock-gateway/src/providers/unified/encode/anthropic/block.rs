//! Content blocks in Anthropic's words.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::super::json::Node;
use super::super::super::loss::Loss;
use super::super::super::request::{File, FileSource, Part, PartKind, Source as Given};
use super::super::place::Place;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a Node<'a>>,
    },
    Image {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a Node<'a>>,
    },
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a Node<'a>>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Cow<'a, RawValue>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block<'a>>,
    },
    #[serde(untagged)]
    Native(&'a Node<'a>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Url { url: &'a str },
    Text { media_type: &'static str, data: Cow<'a, str> },
}

/// Parts as blocks. What Anthropic has no block for is named.
pub(super) fn blocks<'r>(index: usize, parts: &'r [Part<'_>], loss: &mut Loss) -> Vec<Block<'r>> {
    parts.iter().filter_map(|part| block(index, part, loss)).collect()
}

fn block<'r>(index: usize, part: &'r Part<'_>, loss: &mut Loss) -> Option<Block<'r>> {
    let cache_control = part.cache_control.as_ref();
    match &part.kind {
        // Anthropic refuses empty text, which says nothing anyway.
        PartKind::Text(text) if text.is_empty() => None,
        PartKind::Text(text) => Some(Block::Text { text, cache_control }),
        PartKind::Image { source, detail } => {
            if detail.is_some() {
                loss.cannot(
                    format_args!("{}.image_url.detail", Place(index, part)),
                    "Anthropic has nothing of the kind",
                );
            }
            image(index, part, source, loss).map(|source| Block::Image { source, cache_control })
        }
        PartKind::Audio { .. } => {
            loss.cannot(Place(index, part), "Anthropic's models do not hear");
            None
        }
        PartKind::File(file) => document(index, part, file, loss).map(|source| Block::Document {
            source,
            title: file.name.as_deref(),
            cache_control,
        }),
        PartKind::Other(_) => None,
    }
}

fn image<'r>(index: usize, part: &Part<'_>, source: &'r Given<'_>, loss: &mut Loss) -> Option<Source<'r>> {
    if let Given::Data { mime, .. } = source
        && !matches!(mime.as_ref(), "image/jpeg" | "image/png" | "image/gif" | "image/webp")
    {
        loss.cannot(Place(index, part), "Anthropic takes images of the types JPEG, PNG, GIF and WebP");
        return None;
    }
    address(index, part, source, loss)
}

fn address<'r>(index: usize, part: &Part<'_>, source: &'r Given<'_>, loss: &mut Loss) -> Option<Source<'r>> {
    match source {
        Given::Data { mime, base64 } => Some(Source::Base64 { media_type: mime, data: base64 }),
        Given::Url(_) if source.is_plain_http() => {
            loss.cannot(Place(index, part), "Anthropic fetches from https:// addresses alone");
            None
        }
        Given::Url(url) => Some(Source::Url { url }),
    }
}

fn document<'r>(index: usize, part: &Part<'_>, file: &'r File<'_>, loss: &mut Loss) -> Option<Source<'r>> {
    let why = match &file.source {
        FileSource::Text(text) => return Some(Source::Text { media_type: "text/plain", data: Cow::Borrowed(text) }),
        FileSource::At(source @ Given::Data { mime, base64 }) => match mime.as_ref() {
            "application/pdf" => return address(index, part, source, loss),
            "text/plain" => match plain(base64) {
                Some(data) => return Some(Source::Text { media_type: "text/plain", data: data.into() }),
                None => "is plain text that is not UTF-8",
            },
            _ => "Anthropic takes documents of the types PDF and plain text",
        },
        FileSource::At(source) => return address(index, part, source, loss),
        FileSource::Id(_) => "Anthropic does not know the files of other providers: send file_data or file_url",
    };
    loss.cannot(Place(index, part), why);
    None
}

fn plain(base64: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(base64).ok()?).ok()
}
