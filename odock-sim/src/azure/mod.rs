//! Azure OpenAI: OpenAI's operations below a deployment or below `/openai/v1`, with Azure's keys and errors.

use http::{HeaderName, HeaderValue, StatusCode};

use crate::{
    answer::Answer,
    family::{Family, Problem, header},
    json::Object,
    openai::{self, Vendor},
    request::{Asked, Inbound},
};

/// Azure OpenAI.
pub(crate) struct Azure;

impl Family for Azure {
    fn read<'a>(&self, inbound: &Inbound<'a>) -> Result<Asked<'a>, Problem> {
        if let Some((_, rest)) = inbound.route.split_once("/openai/deployments/") {
            let (deployment, _) = rest.split_once('/').ok_or(Problem::NoSuchRoute)?;
            return versioned(inbound)
                .and_then(|()| openai::read(Vendor::Azure, inbound, inbound.route, Some(deployment)));
        }
        if inbound.route.contains("/openai/v1/") {
            return openai::read(Vendor::Azure, inbound, inbound.route, None);
        }
        if inbound.route.ends_with("/openai/models") {
            return versioned(inbound).and_then(|()| openai::read(Vendor::Azure, inbound, inbound.route, None));
        }
        Err(Problem::NoSuchRoute)
    }

    fn presented_key<'a>(&self, inbound: &Inbound<'a>) -> Option<&'a str> {
        openai::bearer_or_api_key(inbound)
    }

    fn error(&self, _: &Inbound<'_>, problem: &Problem) -> Answer {
        let status = problem.status();
        let (code, message) = match problem {
            Problem::NoKey | Problem::WrongKey => denied(),
            Problem::NoSuchRoute | Problem::NoVersion => ("404", "Resource not found"),
            Problem::WrongMethod => ("405", "Only POST is supported here."),
            Problem::Invalid(message) => ("BadRequest", message.as_str()),
            Problem::Scripted(status) => scripted_words(*status),
        };
        let error = Object::new().with("code", code).with("message", message);
        Answer::json(status, Object::new().with("error", error).into_bytes())
    }

    fn headers(&self, inbound: &Inbound<'_>, status: StatusCode) -> Vec<(HeaderName, HeaderValue)> {
        let number = inbound.number;
        let mut headers = vec![
            header("x-request-id", &format!("req_sim_{number}")),
            header("apim-request-id", &format!("00000000-0000-4000-8000-{number:012}")),
            header("x-ms-region", "Sweden Central"),
        ];
        if status == StatusCode::TOO_MANY_REQUESTS {
            headers.extend([header("retry-after", "1"), header("retry-after-ms", "1000")]);
        }
        headers
    }
}

/// Azure serves these paths only with the version of its API.
fn versioned(inbound: &Inbound<'_>) -> Result<(), Problem> {
    inbound.parameter("api-version").map(|_| ()).ok_or(Problem::NoVersion)
}

fn denied() -> (&'static str, &'static str) {
    (
        "401",
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an \
         active subscription and use a correct regional API endpoint for your resource.",
    )
}

fn scripted_words(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        401 => denied(),
        404 => ("DeploymentNotFound", "The API deployment for this resource does not exist."),
        408 => ("Timeout", "The operation was timeout."),
        429 => ("429", "Requests have exceeded the call rate limit of your current tier. Please retry after 1 second."),
        503 => ("ServiceUnavailable", "The service is temporarily unable to process your request."),
        500.. => ("InternalServerError", "The server had an error while processing your request."),
        _ => ("BadRequest", "The simulated upstream refuses this request, as scripted."),
    }
}
