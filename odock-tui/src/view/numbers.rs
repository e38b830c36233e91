//! Numbers, human or exact as the person wants them.

use entity::Nanos;

use crate::format;
use crate::model::Model;

/// Money.
#[must_use]
pub fn money(model: &Model, nanos: Nanos) -> String {
    if model.exact { format::exact_money(nanos) } else { format::money(nanos) }
}

/// A count.
#[must_use]
pub fn count(model: &Model, number: u64) -> String {
    if model.exact { format::exact_count(number) } else { format::count(number) }
}

/// A duration in microseconds.
#[must_use]
pub fn duration(model: &Model, us: u64) -> String {
    if model.exact { format::exact_duration(us) } else { format::duration(us) }
}
