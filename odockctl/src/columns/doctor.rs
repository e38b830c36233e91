//! What the doctor finds, as a table.

use serde::Serialize;

use crate::output::{Column, Show};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it shall be.
    Ok,
    /// It works, but somebody should know.
    Warn,
    /// It does not work.
    Fail,
    /// It could not be looked at, because something before it failed, or does not apply.
    Skip,
}

impl Verdict {
    /// The word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
            Self::Skip => "-",
        }
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: a stable word.
    pub check: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Show for Finding {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("CHECK", "check", |f| f.check.to_owned()),
                Column::new("VERDICT", "", |f| f.verdict.as_str().to_owned()),
                Column::new("FOUND", "found", |f| f.found.clone()),
                Column::wide("HINT", "hint", |f| super::or_dash(f.hint.as_ref())),
            ]
        }
    }

    fn example() -> Self {
        Self { check: "clock", verdict: Verdict::Warn, found: "2 s behind".into(), hint: Some("set the clock".into()) }
    }

    fn handle(&self) -> String {
        format!("check/{}", self.check)
    }
}
