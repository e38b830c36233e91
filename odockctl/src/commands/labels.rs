//! `-l`: resources chosen by their labels.

use std::collections::BTreeMap;

use entity::Kind;
use entity::selector::{Selector, SelectorError};
use odock_client::http::ListQuery;

use super::target::{self, Target, for_kind};
use crate::error::CliError;
use crate::session::Session;

/// Which resources are meant, by their labels.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ByLabels {
    /// Only resources whose labels are so: env=prod, env!=prod, env in (prod,test), env notin (test), env, !env; several with
    /// commas, which must all be true.
    #[arg(short = 'l', long, value_name = "SELECTOR", value_parser = read)]
    pub selector: Option<Selector>,
}

/// Reads a selector on this side, so that a mistake is told before anything is asked.
fn read(text: &str) -> Result<Selector, SelectorError> {
    text.parse()
}

impl ByLabels {
    /// The part of a list's query that says so.
    pub fn filters(&self) -> BTreeMap<String, String> {
        self.selector.iter().map(|selector| ("labelSelector".to_owned(), selector.to_string())).collect()
    }

    /// The targets, with the names of those that the labels choose where a selector stands instead of names.
    ///
    /// # Errors
    /// Names stand there too, or the gateway refuses.
    pub async fn choose(&self, session: &Session, targets: Vec<Target>) -> Result<Vec<Target>, CliError> {
        let Some(selector) = &self.selector else { return Ok(targets) };
        let mut chosen = Vec::with_capacity(targets.len());
        for Target { kind, names } in targets {
            if !names.is_empty() {
                return Err(CliError::usage("names are given: there is nothing to select")
                    .hint("leave the names or --selector away"));
            }
            let names = self.names(session, kind).await?;
            if names.is_empty() {
                session.out.note(&format!("no {} have the labels {selector}", target::nouns(kind)));
            }
            chosen.push(Target { kind, names });
        }
        Ok(chosen)
    }

    async fn names(&self, session: &Session, kind: Kind) -> Result<Vec<String>, CliError> {
        let query = ListQuery { filters: self.filters(), ..ListQuery::default() };
        Ok(for_kind!(kind, T => {
            let items: Vec<T> = match kind {
                Kind::Organisation => session.client().await?.admin().list(&query, usize::MAX).await?.items,
                _ => session.api().await?.list(&query).await?,
            };
            items.into_iter().map(|item| item.name).collect()
        }))
    }
}
