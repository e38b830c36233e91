//! `odock-sim`: a simulated upstream as a program.

use std::{fmt::Write as _, fs, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use odock_sim::{MODEL_NAMES, Options, Script, Sim};

/// Answers like a model provider, and misbehaves on request.
///
/// Speaks OpenAI below any base path, and the other families below `/anthropic`, `/azure`, `/gemini`, `/huggingface`,
/// `/mistral` and `/vllm`. Anthropic's, Azure's and Gemini's own paths are known without that as well.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9100")]
    listen: SocketAddr,
    /// Script to answer with by default, as a JSON file
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Wait before the response headers
    #[arg(long, value_name = "MS")]
    latency_ms: Option<u64>,
    /// Number of content chunks in a stream
    #[arg(long, value_name = "N")]
    chunks: Option<usize>,
    /// Wait between content chunks
    #[arg(long, value_name = "MS")]
    chunk_delay_ms: Option<u64>,
    /// Text to answer
    #[arg(long)]
    text: Option<String>,
    /// Answer only requests with this key
    #[arg(long, value_name = "KEY", conflicts_with = "open")]
    expect_key: Option<String>,
    /// Answer requests without a key as well
    #[arg(long)]
    open: bool,
}

impl Args {
    /// The script of the file, with what the flags say laid over it.
    fn default_script(&self) -> anyhow::Result<Script> {
        let mut script = match &self.script {
            None => Script::default(),
            Some(path) => {
                let json = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
                serde_json::from_slice(&json).with_context(|| format!("{} is not a script", path.display()))?
            }
        };
        if let Some(millis) = self.latency_ms {
            script = script.latency(Duration::from_millis(millis));
        }
        if let Some(chunks) = self.chunks {
            script = script.chunks(chunks);
        }
        if let Some(millis) = self.chunk_delay_ms {
            script = script.chunk_delay(Duration::from_millis(millis));
        }
        if let Some(text) = &self.text {
            script = script.text(text);
        }
        if let Some(key) = &self.expect_key {
            script = script.expect_key(key);
        }
        Ok(if self.open { script.open() } else { script })
    }
}

/// The part of the help that lists what a request can ask for.
fn playing_by_hand() -> String {
    let mut help = String::from("Model names that ask for something:\n");
    for (name, what) in MODEL_NAMES {
        let _ = writeln!(help, "  {name:<18}{what}");
    }
    help.push_str(
        "\nAny request can bring a script of its own:\n  \
         curl -N 127.0.0.1:9100/v1/chat/completions -H 'authorization: Bearer any' \\\n    \
         -H 'x-sim-script: {\"chunks\": 20, \"chunk_delay_ms\": 100, \"fault\": {\"cut_after\": 12}}' \\\n    \
         -d '{\"model\": \"gpt-4o\", \"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}'\n\
         \nFields of a script: latency_ms, text, reasoning, refusal, chunks, chunk_delay_ms,\n\
         split_events, usage {prompt, completion}, usage_detail, usage_report (when_asked |\n\
         never | on_finish_chunk), finish_reason, tool_calls [{name, arguments}], media\n\
         ({base64, content_type}), pages, job (queued | running | done | failed), status,\n\
         headers [[name, value]], payload ({json} | {text, content_type} | {base64,\n\
         content_type}), no_done, gzip, trailing, padding, access (any_key | open | {key}),\n\
         fault (stall_before_headers | reset | garbage | half_body | {stall_after: n} |\n\
         {cut_after: n} | {close_after: n} | {end_after: n} | {error_after: n}).",
    );
    help
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let matches = Args::command().after_help(playing_by_hand()).get_matches();
    let args = Args::from_arg_matches(&matches)?;
    let script = args.default_script()?;
    let sim = Sim::with(Options { listen: args.listen, record: false })
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    sim.script(script);
    println!("{}", sim.base_url());
    tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")?;
    Ok(())
}
