//! `odockctl grant` and `ungrant`: which keys may call which models.

use entity::Kind;

use super::target::{kind, nouns};
use crate::error::{CliError, Exit};
use crate::session::{Session, interrupted};

/// Let keys call models.
///
/// Works from either side: one key and its models, or one model and its keys. A grant that is there already stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl grant key ci --model support-fast --model support-deep
  odockctl grant model support-fast --key ci --key search")]
pub struct Args {
    #[command(flatten)]
    sides: Sides,
}

/// Stop keys from calling models.
///
/// Works from either side, like `grant`. A grant that is not there stays away.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl ungrant key ci --model support-deep
  odockctl ungrant model support-fast --key ci --key search")]
pub struct UngrantArgs {
    #[command(flatten)]
    sides: Sides,
}

/// Both ends of grants.
#[derive(Debug, clap::Args)]
struct Sides {
    /// `key` or `model`.
    #[arg(value_name = "KIND")]
    kind: String,
    /// Its names.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// A model, when KIND is key. Can be given several times.
    #[arg(long = "model", value_name = "NAME", conflicts_with = "keys")]
    models: Vec<String>,
    /// A key, when KIND is model. Can be given several times.
    #[arg(long = "key", value_name = "NAME")]
    keys: Vec<String>,
}

impl Sides {
    /// Every pair of a key and a model.
    fn pairs(self) -> Result<Vec<(String, String)>, CliError> {
        let (keys, models) = match kind(&self.kind)? {
            Kind::ApiKey if self.models.is_empty() => return Err(CliError::usage("say which models: --model NAME")),
            Kind::ApiKey => (self.names, self.models),
            Kind::Model if self.keys.is_empty() => return Err(CliError::usage("say which keys: --key NAME")),
            Kind::Model => (self.keys, self.names),
            other => return Err(CliError::usage(format!("{} have no grants; name a key or a model", nouns(other)))),
        };
        Ok(keys.iter().flat_map(|key| models.iter().map(move |model| (key.clone(), model.clone()))).collect())
    }
}

/// Runs `grant`.
///
/// # Errors
/// The gateway refuses.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    each(session, args.sides.pairs()?, true).await
}

/// Runs `ungrant`.
///
/// # Errors
/// The gateway refuses.
pub async fn ungrant(session: &Session, args: UngrantArgs) -> Result<Exit, CliError> {
    each(session, args.sides.pairs()?, false).await
}

async fn each(session: &Session, pairs: Vec<(String, String)>, allow: bool) -> Result<Exit, CliError> {
    session.must_write()?;
    let keys = session.api().await?.apikeys();
    for (done, (key, model)) in pairs.iter().enumerate() {
        let result = match (session.is_interrupted(), allow) {
            (true, _) => Err(interrupted()),
            (_, true) => keys.grant(key, model).await.map_err(CliError::from),
            (_, false) => keys.ungrant(key, model).await.map_err(CliError::from),
        };
        let word = if allow { "may call" } else { "may no longer call" };
        if let Err(error) = result {
            if pairs.len() > 1 {
                session.out.warn(&format!("{done} of {} grants were changed", pairs.len()));
            }
            return Err(error.about(&format!("key {key}, model {model}")));
        }
        session.out.note(&format!("key {key} {word} {model}"));
    }
    Ok(Exit::Done)
}
