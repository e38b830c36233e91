//! One answer, or a stream of them.

mod ask;
mod attempt;
mod attempting;
mod connect;
mod copy;
mod failover;
mod headers;
mod hedge;
mod hold_back;
mod live;
mod pieces;
mod stream;
mod unary;
mod upstream;
mod watch;

pub use self::connect::Upstreams;
pub use self::live::Streams;
pub use self::stream::MeteredStream;
pub use self::unary::Unary;
pub use self::upstream::{Answered, Refused, UpstreamFailure, upstream};
pub use self::watch::watch;
pub(in crate::pipeline) use self::watch::withdrawn;
