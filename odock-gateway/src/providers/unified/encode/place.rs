//! Names what nobody but OpenAI's own family knows, with its place.

use std::fmt;

use super::super::loss::Loss;
use super::super::request::{Part, PartKind, Request, Turn};

/// The place of a part of a message.
pub(super) struct Place<'p>(pub(super) usize, pub(super) &'p Part<'p>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "messages[{}].content", self.0)?;
        self.1.index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}

/// Names all fields that were not understood, for a family that takes none of them.
pub(super) fn name_others(request: &Request<'_>, who: &str, loss: &mut Loss) {
    for name in &request.options.others {
        loss.cannot(name, format!("{who} has nothing of the kind"));
    }
    for (index, message) in request.messages.iter().enumerate() {
        for path in &message.others {
            loss.cannot(path, format!("{who} has nothing of the kind"));
        }
        let parts = match &message.turn {
            Turn::System(parts) | Turn::User(parts) | Turn::Tool { parts, .. } => parts,
            Turn::Assistant { .. } => continue,
            Turn::Function => {
                loss.cannot(
                    format_args!("messages[{index}]"),
                    "results of functions are taken as messages of the role tool",
                );
                continue;
            }
        };
        for part in parts {
            for name in &part.others {
                loss.cannot(format_args!("{}.{name}", Place(index, part)), format!("{who} has nothing of the kind"));
            }
            if let PartKind::Other(_) = &part.kind {
                loss.cannot(Place(index, part), format!("{who} has no content of this type"));
            }
        }
    }
}
