//! What the tests of wire formats share.

use std::collections::VecDeque;

use bytes::Bytes;
use entity::resource::ProviderConfig;
use entity::vocab::ProviderType;

use super::Address;
use super::meter::{Meter, Seen};
use super::operation::Place;

/// An upstream with nothing set.
pub(super) struct Upstream {
    address: Address,
    config: ProviderConfig,
}

impl Upstream {
    pub(super) fn at(base: &str) -> Self {
        Self { address: Address::parse(base, false).unwrap(), config: ProviderConfig::default() }
    }

    pub(super) fn place<'a>(&'a self, provider: ProviderType, slug: &'a str) -> Place<'a> {
        let Self { address, config } = self;
        Place { name: "p", model: "m", provider, address, config, slug, max_output: None }
    }
}

/// What a caller gets of a stream that comes in pieces of `size`, and what was seen of it.
pub(super) fn pass(mut meter: impl Meter, stream: &str, size: usize) -> (String, Seen) {
    let mut out = VecDeque::new();
    for piece in stream.as_bytes().chunks(size) {
        meter.feed(Bytes::copy_from_slice(piece), &mut out);
    }
    meter.finish(&mut out);
    (String::from_utf8(out.into_iter().flatten().collect()).unwrap(), meter.seen().clone())
}
