//! Images: made from a prompt, edited, and varied; as base64, as links, or as they come about.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{CREATED, Vendor};
use crate::{
    Script, UsageReport,
    answer::Reply,
    files,
    json::Object,
    media,
    multipart::Form,
    request::{Asked, Inbound, missing},
    stream::{EVENT_STREAM, Stream, named_event},
    text::Counts,
};

/// The most images that can be asked for at once.
const MAX_IMAGES: u64 = 10;

/// What an image request asks for.
struct Call {
    kind: &'static str,
    model: String,
    images: u64,
    links: bool,
    streamed: bool,
    partial: u64,
    size: String,
    prompt_bytes: usize,
    base: String,
    number: u64,
}

/// Reads a request for images of a prompt.
pub(super) fn ask_generation<'a>(_: Vendor, inbound: &Inbound<'a>, deployment: Option<&'a str>) -> Asked<'a> {
    let place = *inbound;
    Asked::of_object(inbound, deployment.or(Some("dall-e-2")), move |fields, model| {
        let prompt = fields.text("prompt").ok_or_else(|| missing("prompt"))?;
        let text = |name: &str| match fields.get(name)? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        operation(Call::of(&place, "image_generation", model, prompt.len(), text)?)
    })
}

/// Reads a request to change an image.
pub(super) fn ask_edit<'a>(_: Vendor, inbound: &Inbound<'a>, deployment: Option<&'a str>) -> Asked<'a> {
    ask_form(inbound, "image_edit", "gpt-image-1", deployment)
}

/// Reads a request for variations of an image.
pub(super) fn ask_variation<'a>(_: Vendor, inbound: &Inbound<'a>, deployment: Option<&'a str>) -> Asked<'a> {
    ask_form(inbound, "image_variation", "dall-e-2", deployment)
}

fn ask_form<'a>(inbound: &Inbound<'a>, kind: &'static str, usual: &str, deployment: Option<&'a str>) -> Asked<'a> {
    let form = match Form::parse(inbound.header("content-type").unwrap_or_default(), inbound.body) {
        Ok(form) => form,
        Err(problem) => return Asked::unreadable(problem),
    };
    let text = |name: &str| form.text(name).map(|text| text.into_owned());
    let model = text("model").unwrap_or_else(|| deployment.unwrap_or(usual).to_owned());
    let call = form.file("image").and_then(|_| {
        let prompt = form.text("prompt");
        if kind == "image_edit" && prompt.is_none() {
            return Err(missing("prompt"));
        }
        Call::of(inbound, kind, model.clone(), prompt.map_or(0, |prompt| prompt.len()), text)
    });
    Asked::new(Some(model.into()), call.and_then(operation))
}

fn operation<'a>(call: Call) -> Result<crate::answer::Operation<'a>, String> {
    Ok(Box::new(move |script| if call.streamed { Reply::Stream(call.stream(script)) } else { call.answer(script) }))
}

impl Call {
    fn of(
        inbound: &Inbound<'_>,
        kind: &'static str,
        model: String,
        prompt_bytes: usize,
        text: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let number = |name: &str| match text(name) {
            None => Ok(None),
            Some(number) => number.parse::<u64>().map(Some).map_err(|_| format!("Invalid '{name}': not a number.")),
        };
        let images = number("n")?.unwrap_or(1);
        if images == 0 || images > MAX_IMAGES {
            return Err(format!("Invalid 'n': {images} is not between 1 and {MAX_IMAGES}."));
        }
        // The gpt-image models answer base64 only; the older ones links, unless they are asked not to.
        let links = !model.starts_with("gpt-image") && text("response_format").as_deref() != Some("b64_json");
        Ok(Self {
            kind,
            links,
            model,
            images,
            streamed: text("stream").as_deref() == Some("true"),
            partial: number("partial_images")?.unwrap_or_default().min(3),
            size: text("size").filter(|size| size != "auto").unwrap_or_else(|| "1024x1024".to_owned()),
            prompt_bytes,
            base: files::link(inbound, ""),
            number: inbound.number,
        })
    }

    fn answer(&self, script: &Script) -> Reply {
        let image = STANDARD.encode(media::image(script).bytes);
        let data: Vec<_> = (0..self.images)
            .map(|at| match self.links {
                true => json!({"url": format!("{}img-sim-{}-{at}.png", self.base, self.number)}),
                false => json!({"b64_json": image}),
            })
            .collect();
        let made = Object::new().with("created", CREATED).with("data", data);
        if self.links || !self.model.starts_with("gpt-image") {
            return Reply::json(made.into_bytes());
        }
        let made = self.looks(made).maybe("usage", self.usage(script));
        Reply::json(made.into_bytes())
    }

    fn looks(&self, object: Object) -> Object {
        object
            .with("background", "opaque")
            .with("output_format", "png")
            .with("quality", "high")
            .with("size", &self.size)
    }

    fn usage(&self, script: &Script) -> Option<Object> {
        let counts = Counts::of(script, self.prompt_bytes);
        let fields = [
            ("input_tokens", json!(counts.prompt)),
            ("input_tokens_details", json!({"text_tokens": counts.prompt, "image_tokens": 0})),
            ("output_tokens", json!(counts.completion)),
            ("total_tokens", json!(counts.total())),
        ];
        let usage = || Object::new().overlaid(&fields, &script.usage_detail);
        (script.usage_report != UsageReport::Never).then(usage)
    }

    fn stream(&self, script: &Script) -> Stream {
        let kind = if self.kind == "image_generation" { self.kind } else { "image_edit" };
        let image = STANDARD.encode(media::image(script).bytes);
        let object = |event: &str| {
            let object = Object::new().with("type", format!("{kind}.{event}")).with("b64_json", &image);
            self.looks(object.with("created_at", CREATED))
        };
        let write =
            |event: &str, object: Object| Bytes::from(named_event(&format!("{kind}.{event}"), &object.into_text()));
        let contents = (0..self.partial)
            .map(|at| write("partial_image", object("partial_image").with("partial_image_index", at)))
            .collect();
        let last = write("completed", object("completed").maybe("usage", self.usage(script)));
        Stream {
            content_type: EVENT_STREAM,
            opening: Vec::new(),
            contents,
            closing: if script.no_done { Vec::new() } else { vec![last] },
            error: super::responses::error_event(0).into(),
            broken: Bytes::from(format!("event: {kind}.partial_image\ndata: {{\"type\":\n\n")),
        }
    }
}
