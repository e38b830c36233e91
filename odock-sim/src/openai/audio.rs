//! Transcriptions and translations of speech.

use bytes::Bytes;
use serde_json::json;

use super::Vendor;
use crate::{
    Script, UsageReport,
    answer::{Operation, Reply},
    json::Object,
    multipart::Form,
    request::{Asked, Inbound, missing},
    stream::{EVENT_STREAM, Stream, data_event},
    text::{Counts, pieces},
};

/// Bytes of a second of speech: sixteen-bit samples, sixteen thousand of them.
const BYTES_A_SECOND: usize = 32_000;

/// What a request asks for.
struct Call {
    vendor: Vendor,
    task: &'static str,
    by_duration: bool,
    format: String,
    language: String,
    streamed: bool,
    seconds: usize,
    audio_bytes: usize,
}

/// Reads an upload of speech.
pub(crate) fn ask<'a>(vendor: Vendor, inbound: &Inbound<'a>, deployment: Option<&'a str>) -> Asked<'a> {
    let task = if inbound.route.ends_with("/translations") { "translate" } else { "transcribe" };
    let form = match Form::parse(inbound.header("content-type").unwrap_or_default(), inbound.body) {
        Ok(form) => form,
        Err(problem) => return Asked::unreadable(problem),
    };
    let model = form.text("model").map(|model| model.into_owned()).or_else(|| deployment.map(str::to_owned));
    let operation = call(vendor, task, &form, model.as_deref());
    Asked::new(model.map(Into::into), operation)
}

fn call<'a>(vendor: Vendor, task: &'static str, form: &Form<'_>, model: Option<&str>) -> Result<Operation<'a>, String> {
    let model = model.ok_or_else(|| missing("model"))?;
    let audio_bytes = form.file("file")?.bytes.len();
    let format = form.text("response_format").map_or_else(|| "json".to_owned(), |format| format.into_owned());
    if !["json", "text", "srt", "vtt", "verbose_json", "diarized_json"].contains(&format.as_str()) {
        return Err(format!("Invalid 'response_format': '{format}' is not one that is known."));
    }
    let language = if task == "translate" { None } else { form.text("language") };
    let call = Call {
        vendor,
        task,
        by_duration: vendor == Vendor::Vllm || model.starts_with("whisper"),
        format,
        language: language.map_or_else(|| "english".to_owned(), |language| language.into_owned()),
        streamed: form.text("stream").as_deref() == Some("true"),
        seconds: audio_bytes.div_ceil(BYTES_A_SECOND),
        audio_bytes,
    };
    Ok(Box::new(move |script| if call.streamed { Reply::Stream(call.stream(script)) } else { call.answer(script) }))
}

impl Call {
    fn answer(&self, script: &Script) -> Reply {
        let text = &script.text;
        let ends = format!("00:00:{:02}", self.seconds.min(59));
        match self.format.as_str() {
            "text" => Reply::whole("text/plain; charset=utf-8", format!("{text}\n")),
            "srt" => Reply::whole("text/plain; charset=utf-8", format!("1\n00:00:00,000 --> {ends},000\n{text}\n\n\n")),
            "vtt" => {
                Reply::whole("text/plain; charset=utf-8", format!("WEBVTT\n\n00:00:00.000 --> {ends}.000\n{text}\n\n"))
            }
            "verbose_json" => Reply::json(self.verbose(script).into_bytes()),
            "diarized_json" => Reply::json(self.diarized(script).into_bytes()),
            _ => Reply::json(Object::new().with("text", text).maybe("usage", self.usage(script)).into_bytes()),
        }
    }

    fn verbose(&self, script: &Script) -> Object {
        let segment = json!({"id": 0, "seek": 0, "start": 0.0, "end": self.seconds, "text": script.text, "tokens": [],
            "temperature": 0.0, "avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.0});
        Object::new()
            .with("task", self.task)
            .with("language", &self.language)
            .with("duration", self.seconds)
            .with("text", &script.text)
            .with("segments", [segment])
            .maybe("usage", self.usage(script))
    }

    fn diarized(&self, script: &Script) -> Object {
        let segment = json!({"id": "seg_0", "type": "transcript.text.segment", "start": 0.0, "end": self.seconds,
            "text": script.text, "speaker": "A"});
        Object::new()
            .with("text", &script.text)
            .with("duration", self.seconds)
            .with("task", self.task)
            .with("segments", [segment])
            .maybe("usage", self.usage(script))
    }

    /// By the second for whisper, by the token for the others.
    fn usage(&self, script: &Script) -> Option<Object> {
        let counts = Counts::of(script, self.audio_bytes);
        let fields = if self.by_duration {
            vec![("type", json!("duration")), ("seconds", json!(self.seconds))]
        } else {
            vec![
                ("type", json!("tokens")),
                ("input_tokens", json!(counts.prompt)),
                ("input_token_details", json!({"audio_tokens": counts.prompt, "text_tokens": 0})),
                ("output_tokens", json!(counts.completion)),
                ("total_tokens", json!(counts.total())),
            ]
        };
        let usage = || Object::new().overlaid(&fields, &script.usage_detail);
        (script.usage_report != UsageReport::Never).then(usage)
    }

    fn stream(&self, script: &Script) -> Stream {
        let event = |object: Object| data_event(&object.into_bytes());
        let contents = pieces(&script.text, script.chunks)
            .iter()
            .map(|piece| event(Object::new().with("type", "transcript.text.delta").with("delta", piece)))
            .collect();
        let done = Object::new().with("type", "transcript.text.done").with("text", &script.text);
        let done = event(done.maybe("usage", self.usage(script)));
        Stream {
            content_type: EVENT_STREAM,
            opening: Vec::new(),
            contents,
            closing: if script.no_done { Vec::new() } else { vec![done] },
            error: data_event(&self.vendor.stream_error()),
            broken: Bytes::from_static(b"data: {\"type\":\"transcript.text.delta\",\n\n"),
        }
    }
}
