//! Where the tests find Postgres and Redis: named, running on this machine, or started for them.

use std::env;

use crate::private::Private;
use crate::probe;

const POSTGRES: &str = "postgres://postgres@127.0.0.1:5432/postgres";
const REDIS: &str = "redis://127.0.0.1:6379";

/// Servers that answer. Those that were started for the tests stop when this is dropped.
pub(crate) struct Servers {
    pub(crate) postgres: String,
    pub(crate) redis: String,
    pub(crate) private: Vec<Private>,
}

/// Finds servers, or says why there are none.
pub(crate) fn find_or_start() -> Result<Servers, String> {
    let mut private = Vec::new();
    let postgres = server("ODOCK_TEST_POSTGRES_URL", POSTGRES, probe::postgres, Private::postgres, &mut private)?;
    let redis = server("ODOCK_TEST_REDIS_URL", REDIS, probe::redis, Private::redis, &mut private)?;
    Ok(Servers { postgres, redis, private })
}

fn server(
    variable: &str,
    default: &str,
    probe: fn(&str) -> Result<(), String>,
    start: fn() -> Result<Private, String>,
    private: &mut Vec<Private>,
) -> Result<String, String> {
    // A server that was named is the one that is meant; another would prove something else.
    if let Some(url) = env::var(variable).ok().filter(|url| !url.is_empty()) {
        return match probe(&url) {
            Ok(()) => Ok(url),
            Err(reason) => Err(format!("the server that {variable} names {reason}")),
        };
    }
    match probe(default) {
        Ok(()) => Ok(default.to_owned()),
        Err(running) => match start() {
            Ok(started) => {
                let url = started.url.clone();
                private.push(started);
                Ok(url)
            }
            Err(starting) => Err(format!("{default} {running}, and {starting}")),
        },
    }
}
