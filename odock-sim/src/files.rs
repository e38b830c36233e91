//! Images and films behind the links that answers give. As with signed links, no key is asked for.

use http::Method;

use crate::{
    answer::Reply,
    media,
    request::{Asked, Inbound},
};

/// The place of files, below the mount point of any family.
const PLACE: &str = "/files/";

/// Reads a request for a file, if it is one.
pub(crate) fn read<'a>(inbound: &Inbound<'a>) -> Option<Asked<'a>> {
    let name = inbound.path.strip_prefix(PLACE).filter(|_| inbound.method == Method::GET)?;
    let film = name.ends_with(".mp4");
    let file = move |script: &crate::Script| {
        let file = if film { media::video(script) } else { media::image(script) };
        Reply::whole(file.content_type, file.bytes)
    };
    Some(Asked::plain(file).public())
}

/// The link to a file.
pub(crate) fn link(inbound: &Inbound<'_>, name: &str) -> String {
    inbound.url(&format!("{PLACE}{name}"))
}
