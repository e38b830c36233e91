//! Arguments, the same words and variables as odockctl's.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::FalseyValueParser;
use odock_tui::theme::Theme;
use url::Url;

/// Watches a gateway's traffic live, and stops what is wrong.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "odock-tui",
    version,
    max_term_width = 120,
    after_help = "The token comes from --token-file, ODOCK_TOKEN, ODOCK_TOKEN_FILE or the context's reference, in this order.
Inside, `?` shows the keys that are valid and `:` goes anywhere by name.

Examples:
  odock-tui
  odock-tui --context prod --read-only
  ODOCK_TOKEN=… odock-tui --url http://127.0.0.1:8080 --organisation acme"
)]
pub(crate) struct Args {
    /// The named gateway to use, instead of the current one.
    #[arg(long, env = "ODOCK_CONTEXT", hide_env_values = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The gateway's address. A context's token is not sent to another address.
    #[arg(long, env = "ODOCK_URL", hide_env_values = true, value_name = "URL", value_parser = address)]
    pub(crate) url: Option<Url>,
    /// The organisation, by slug; all of them for a super admin who names none.
    #[arg(long, env = "ODOCK_ORGANISATION", hide_env_values = true, value_name = "NAME")]
    pub(crate) organisation: Option<String>,
    /// Read the token from this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Trust only the certificates in this PEM file.
    #[arg(long, env = "ODOCK_CA_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Change nothing.
    #[arg(long, env = "ODOCK_READ_ONLY", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) read_only: bool,
    /// The colours: auto, dark, light, high-contrast, deuteranopia or mono. `NO_COLOR` makes auto mean mono.
    #[arg(long, env = "ODOCK_TUI_THEME", hide_env_values = true, value_name = "THEME", default_value = "auto", value_parser = theme)]
    pub(crate) theme: ThemeChoice,
    /// Draw with ASCII characters only.
    #[arg(long, env = "ODOCK_TUI_ASCII", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) ascii: bool,
}

/// The wanted colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThemeChoice {
    /// Whatever fits the terminal.
    Auto,
    /// These.
    Fixed(Theme),
}

fn theme(text: &str) -> Result<ThemeChoice, String> {
    if text == "auto" { Ok(ThemeChoice::Auto) } else { text.parse().map(ThemeChoice::Fixed) }
}

fn address(text: &str) -> Result<Url, String> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()).ok_or_else(|| {
        // Not repeated: somebody may have put a token here.
        "this is no http or https URL, such as http://127.0.0.1:8080".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_token_in_the_place_of_an_address_is_not_repeated() {
        let error = Args::try_parse_from(["odock-tui", "--url", "odock-pat-abc"]).unwrap_err().to_string();
        assert!(error.contains("no http or https URL"), "{error}");
        // clap itself names the value; the secret part must come from nowhere else.
        assert_eq!(error.matches("odock-pat-abc").count(), 1, "{error}");
    }

    #[test]
    fn themes_are_checked_at_the_door() {
        assert!(Args::try_parse_from(["odock-tui", "--theme", "pink"]).is_err());
        let args = Args::try_parse_from(["odock-tui", "--theme", "mono"]).unwrap();
        assert_eq!(args.theme, ThemeChoice::Fixed(Theme::Mono));
    }
}
