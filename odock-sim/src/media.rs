//! Images and films that are made when none is scripted.

use bytes::Bytes;

use crate::{Payload, Script};

/// A PNG of one transparent pixel.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\
    \x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\
    \x00\x00\x00\x0bIDATx\x9cc`\x00\x02\x00\x00\x05\x00\x01z^\xab?\
    \x00\x00\x00\x00IEND\xaeB`\x82";

/// The type box and an empty data box of an MP4.
const FILM: &[u8] = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41\x00\x00\x00\x08mdat";

/// The scripted image, or a pixel.
pub(crate) fn image(script: &Script) -> Payload {
    made(script, PIXEL, "image/png")
}

/// The scripted video, or an empty one.
pub(crate) fn video(script: &Script) -> Payload {
    made(script, FILM, "video/mp4")
}

fn made(script: &Script, bytes: &'static [u8], content_type: &str) -> Payload {
    let made = || Payload { bytes: Bytes::from_static(bytes), content_type: content_type.to_owned() };
    script.media.clone().unwrap_or_else(made)
}
