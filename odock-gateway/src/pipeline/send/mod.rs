//! One answer, or a stream of them.

mod connect;
mod headers;
mod pieces;
mod stream;
mod unary;
mod upstream;

pub use self::connect::Upstreams;
pub use self::stream::MeteredStream;
pub use self::unary::Unary;
pub use self::upstream::{Answered, Refused, UpstreamFailure, upstream};
