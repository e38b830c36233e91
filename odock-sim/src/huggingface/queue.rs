//! Providers that answer at once with links, or take jobs: fal-ai's queue and Replicate's predictions.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::tasks::Task;
use crate::{
    Job, Script,
    answer::Reply,
    family::Problem,
    files,
    json::Object,
    request::{Asked, Inbound},
};

/// Reads a request for one of these providers, if it is one.
pub(super) fn read<'a>(inbound: &Inbound<'a>) -> Option<Result<Asked<'a>, Problem>> {
    let route = inbound.route;
    if let Some((_, rest)) = route.split_once("/replicate/v1/") {
        return Some(replicate(inbound, rest));
    }
    let model = route.strip_prefix("/fal-ai/")?;
    Some(match (model.split_once("/requests/"), inbound.method) {
        (Some((model, request)), &Method::GET) => Ok(fal_poll(inbound, model, request)),
        (None, &Method::POST) => Ok(fal(inbound, model)),
        _ => Err(Problem::WrongMethod),
    })
}

/// Submits to the queue where the query says so; else waits for the result.
fn fal<'a>(inbound: &Inbound<'a>, model: &'a str) -> Asked<'a> {
    let queued = inbound.parameter("_subdomain") == Some("queue");
    let result = result(inbound, model);
    let id = format!("req-sim-{}", inbound.number);
    let base = inbound.url(&format!("{}/requests/{id}", inbound.path));
    let operation = inbound.object().map(|_| -> crate::answer::Operation<'a> {
        Box::new(move |script| match queued {
            true => Reply::json(fal_status(Job::Queued, &id, &base).into_bytes()),
            false => Reply::json(result(script).to_string()),
        })
    });
    Asked::new(Some(model.into()), operation)
}

/// Says how far a job has come, or gives its result.
fn fal_poll<'a>(inbound: &Inbound<'a>, model: &'a str, request: &'a str) -> Asked<'a> {
    let (id, what) = request.split_once('/').unwrap_or((request, ""));
    let status = what == "status";
    let base = inbound.url(inbound.path.trim_end_matches("/status"));
    let result = result(inbound, model);
    Asked::plain(move |script| match (status, script.job) {
        (true, job) => Reply::json(fal_status(job, id, &base).into_bytes()),
        (false, Job::Done) => Reply::json(result(script).to_string()),
        (false, Job::Failed) => {
            let body = json!({"detail": [{"loc": ["body"], "msg": "The job failed.", "type": "generation_error"}]});
            Reply::Failed { status: StatusCode::UNPROCESSABLE_ENTITY, body: body.to_string().into() }
        }
        (false, Job::Queued | Job::Running) => {
            let body = json!({"detail": "Request is still in progress"});
            Reply::Failed { status: StatusCode::BAD_REQUEST, body: body.to_string().into() }
        }
    })
}

fn fal_status(job: Job, id: &str, base: &str) -> Object {
    let name = match job {
        Job::Queued => "IN_QUEUE",
        Job::Running => "IN_PROGRESS",
        Job::Done | Job::Failed => "COMPLETED", // whether it went well is told with the result
    };
    Object::new()
        .with("status", name)
        .with("request_id", id)
        .with("response_url", base)
        .with("status_url", format!("{base}/status"))
        .with("cancel_url", format!("{base}/cancel"))
        .maybe("queue_position", (job == Job::Queued).then_some(0))
        .with("logs", ())
        .with("metrics", json!({}))
}

/// What comes of a model: links to images or a film, or what was heard.
fn result<'a>(inbound: &Inbound<'a>, model: &str) -> impl Fn(&Script) -> Value + Send + 'a {
    let link = |kind: &str| files::link(inbound, &format!("sim-{}.{kind}", inbound.number));
    let (image, film, task) = (link("png"), link("mp4"), Task::of_model(model));
    move |script| match task {
        Some(Task::SpeechToText) => json!({"text": script.text, "chunks": []}),
        Some(Task::TextToVideo) => json!({"video": {"url": film, "content_type": "video/mp4"}, "seed": 1}),
        _ => json!({"images": [{"url": image, "width": 1, "height": 1, "content_type": "image/png"}], "seed": 1,
            "has_nsfw_concepts": [false]}),
    }
}

/// Makes a prediction, or looks one up.
fn replicate<'a>(inbound: &Inbound<'a>, rest: &'a str) -> Result<Asked<'a>, Problem> {
    let looked_up = rest.strip_prefix("predictions/").filter(|_| inbound.method == Method::GET);
    let made = inbound.method == Method::POST && rest.ends_with("predictions");
    if looked_up.is_none() && !made {
        return Err(Problem::NoSuchRoute);
    }
    let id = looked_up.map_or_else(|| format!("pred-sim-{}", inbound.number), str::to_owned);
    let (before, _) = inbound.path.split_once("/replicate/v1/").unwrap_or_default();
    let film = Task::of_model(rest) == Some(Task::TextToVideo) || id.ends_with("-film");
    let id = if film && looked_up.is_none() { id + "-film" } else { id };
    let made = files::link(inbound, &format!("{id}.{}", if film { "mp4" } else { "png" }));
    let place = inbound.url(&format!("{before}/replicate/v1/predictions/{id}"));
    Ok(Asked::plain(move |script| {
        let (status, output) = match script.job {
            Job::Queued => ("starting", Value::Null),
            Job::Running => ("processing", Value::Null),
            Job::Done => ("succeeded", json!([made])),
            Job::Failed => ("failed", Value::Null),
        };
        let error = (script.job == Job::Failed).then_some("The prediction failed.");
        let urls = json!({"get": place, "cancel": format!("{place}/cancel")});
        let prediction = Object::new().with("id", &id).with("status", status).with("output", output);
        Reply::json(prediction.with("error", error).with("urls", urls).into_bytes())
    }))
}
