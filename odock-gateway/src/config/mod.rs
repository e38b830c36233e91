//! What the gateway is told: defaults, then `odock.toml`, then the environment, then flags.
//!
//! `default.toml` lists and explains every setting. `raw` merges the layers and remembers where each value came from,
//! `check` turns values into types, one file a section. All problems are reported at once.

mod cache;
mod check;
mod data;
mod database;
mod flags;
mod http;
mod idempotency;
mod identity;
mod jobs;
mod keys;
mod ledger;
mod limits;
mod log;
mod problem;
mod providers;
mod raw;
pub mod redact;
mod redis;
mod routing;
mod secrets;
mod show;
mod units;
mod upstream;
mod usage;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use self::cache::Cache;
pub use self::data::Data;
pub use self::database::{Database, DatabaseUrl};
pub use self::flags::Flags;
pub use self::http::{Http, TlsFiles};
pub use self::idempotency::Idempotency;
pub use self::identity::{GITHUB, Identity, IdentityProvider, Unknown};
pub use self::jobs::Jobs;
pub use self::ledger::{Ledger, LedgerFailure, NodeLoss, Webhook};
pub use self::limits::{FailureMode, Limits};
pub use self::log::{Log, LogFormat, Metrics};
pub use self::problem::{ConfigErrors, Problem, Source};
pub use self::providers::{ProviderDefaults, Providers};
pub use self::redis::{Redis, RedisUrl};
pub use self::routing::Routing;
pub use self::secrets::{KeyPair, Secrets};
pub use self::upstream::Upstream;
pub use self::usage::{Usage, WhenFull};

use self::check::Check;
use self::raw::{Raw, Value};

/// The documented defaults that the program carries.
pub const DEFAULTS: &str = include_str!("default.toml");

/// Everything the gateway was told, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it keeps its files.
    pub data: Data,
    /// Its listeners and their limits.
    pub http: Http,
    /// The system of record.
    pub database: Database,
    /// Shared state; without it, state stays in the process.
    pub redis: Option<Redis>,
    /// What holds for a provider whose row does not say.
    pub providers: Providers,
    /// Limits on calls to providers.
    pub upstream: Upstream,
    /// How long facts are kept in memory.
    pub cache: Cache,
    /// The key pair that provider keys are sealed for.
    pub secrets: Secrets,
    /// Limits that hold for everything.
    pub limits: Limits,
    /// The usage journal.
    pub usage: Usage,
    /// Budgets and quotas.
    pub ledger: Ledger,
    /// When upstreams rest, and how long a call may be tried again.
    pub routing: Routing,
    /// Repeated requests.
    pub idempotency: Idempotency,
    /// How long people stay signed in, and whose word is taken for who they are.
    pub identity: Identity,
    /// Tasks that are done while their caller does something else.
    pub jobs: Jobs,
    /// Logging.
    pub log: Log,
    /// The gateway's own metrics.
    pub metrics: Metrics,
}

/// A configuration, with what is worth telling about it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is suspicious but did not stop the load.
    pub warnings: Vec<String>,
    /// The settings in effect as TOML, each with its source, secrets masked.
    pub effective: String,
    /// A digest of each setting's value.
    digests: raw::Digests,
}

impl Loaded {
    /// The settings whose values differ, by their paths.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let mut paths = self.digests.differences(&other.digests);
        // The same file may hold another policy.
        let policy = "limits.global_policy";
        if self.config.limits.global_policy != other.config.limits.global_policy && !paths.contains(&policy) {
            paths.push(policy);
        }
        paths
    }
}

impl Config {
    /// Loads the configuration from all its sources. The process's own environment is `std::env::vars_os()`.
    ///
    /// # Errors
    /// Every problem there is, each with the source of the value.
    pub fn load<Name: Into<OsString>, Text: Into<OsString>>(
        flags: &Flags,
        env: impl IntoIterator<Item = (Name, Text)>,
    ) -> Result<Loaded, ConfigErrors> {
        Self::load_from(flags, env, Path::new(""))
    }

    /// Loads the configuration, looking for `odock.toml` in `working_dir`.
    ///
    /// # Errors
    /// Every problem there is, each with the source of the value.
    pub fn load_from<Name: Into<OsString>, Text: Into<OsString>>(
        flags: &Flags,
        env: impl IntoIterator<Item = (Name, Text)>,
        working_dir: &Path,
    ) -> Result<Loaded, ConfigErrors> {
        let env: BTreeMap<OsString, OsString> =
            env.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let mut raw = Raw::default();
        raw.add_toml(DEFAULTS, &|_| Source::Default);
        if let Some(dir) = data::default_dir(&env) {
            raw.set("data.dir", Value::Text(dir.to_string_lossy().into_owned()), Source::Default);
        }
        if let Some(file) = file(flags, &env, working_dir) {
            raw.add_file(&file);
        }
        raw.add_env(&env);
        flags.add_to(&mut raw);
        resolve(raw, data::home(&env).as_deref())
    }

    /// The defaults for one test: a data directory of its own, any free port, nothing from the environment.
    ///
    /// # Panics
    /// When the built-in defaults are refused, which a test of this module rules out.
    pub fn for_tests(data_dir: impl Into<PathBuf>) -> Self {
        let flags = Flags { data_dir: Some(data_dir.into()), port: Some(0), ..Flags::default() };
        let mut raw = Raw::default();
        raw.add_toml(DEFAULTS, &|_| Source::Default);
        flags.add_to(&mut raw);
        match resolve(raw, None) {
            Ok(loaded) => loaded.config,
            Err(errors) => panic!("the built-in defaults are refused: {errors}"),
        }
    }
}

/// Finds the configuration file: a named one must exist, the one in the working directory may.
fn file(flags: &Flags, env: &BTreeMap<OsString, OsString>, working_dir: &Path) -> Option<PathBuf> {
    let named = flags
        .config
        .clone()
        .or_else(|| env.get(&OsString::from("ODOCK_CONFIG")).filter(|path| !path.is_empty()).map(PathBuf::from));
    named.or_else(|| Some(working_dir.join("odock.toml")).filter(|path| path.exists()))
}

fn resolve(mut raw: Raw, home: Option<&Path>) -> Result<Loaded, ConfigErrors> {
    let mut check = Check::new(&raw);
    let data = Data::read(&mut check, home);
    let (mut problems, mut warnings) = (check.problems, check.warnings);
    // What follows from the data directory is a default like any other, and is shown as one.
    if !raw.get("database.url").is_some_and(|found| found.value != Value::Text(String::new())) {
        let url = format!("sqlite://{}", data.database_file().display());
        raw.set("database.url", Value::Text(url), Source::Default);
    }
    let mut check = Check::new(&raw);
    let config = Config {
        data,
        http: Http::read(&mut check),
        database: Database::read(&mut check),
        redis: Redis::read(&mut check),
        providers: Providers::read(&mut check),
        upstream: Upstream::read(&mut check),
        cache: Cache::read(&mut check),
        secrets: Secrets::read(&mut check),
        limits: Limits::read(&mut check),
        usage: Usage::read(&mut check),
        ledger: Ledger::read(&mut check),
        routing: Routing::read(&mut check),
        idempotency: Idempotency::read(&mut check),
        identity: Identity::read(&mut check),
        jobs: Jobs::read(&mut check),
        log: Log::read(&mut check),
        metrics: Metrics::read(&mut check),
    };
    problems.append(&mut check.problems);
    warnings.append(&mut check.warnings);
    let all: Vec<Problem> = raw.problems.iter().cloned().chain(problems).collect();
    if !all.is_empty() {
        return Err(ConfigErrors { problems: all });
    }
    let warnings = raw.warnings.iter().cloned().chain(warnings).collect();
    Ok(Loaded { config, warnings, effective: show::effective(&raw), digests: raw.digests() })
}
