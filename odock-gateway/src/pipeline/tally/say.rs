//! Says a provider's refusal in the words that its route promises.

use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::pipeline::send::{Answered, Refused};

/// Puts a refusal into the route's own words, if it has some.
pub fn say(answered: Answered) -> Answered {
    let Answered::Refused(mut refused) = answered else { return answered };
    let Refused { exchange, status, headers, body } = &mut refused;
    let (operation, target) = (exchange.case.operation.get(), exchange.case.target.get());
    if let (Some(operation), Some(target)) = (operation, target)
        && let Some(said) = operation.refusal(&target.provider, *status, body)
    {
        *body = said;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Answered::Refused(refused)
}
