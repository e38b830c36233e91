//! How much a model shall think.

use super::super::path::At;
use super::DecodeError;
use super::fields::Fields;

/// How hard to think, in OpenAI's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

impl Effort {
    const ALL: [Self; 7] = [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::Xhigh, Self::Max];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }
}

/// What `reasoning_effort`, or the object `reasoning`, asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reasoning {
    pub(crate) effort: Option<Effort>,
    /// A bound on thoughts, in tokens.
    pub(crate) max_tokens: Option<u64>,
    /// Whether the thoughts stay out of the answer.
    pub(crate) exclude: bool,
    /// The field that spoke.
    pub(crate) field: &'static str,
}

impl Reasoning {
    pub(super) fn read(fields: &mut Fields<'_, '_>) -> Result<Option<Self>, DecodeError> {
        let plain = fields.map("reasoning_effort", |value, at| effort(&super::fields::text(value, at)?, at))?;
        let object = fields.map("reasoning", |value, at| {
            let mut inner = Fields::of(value, at)?;
            Ok(Self {
                effort: inner.map("effort", |value, at| effort(&super::fields::text(value, at)?, at))?,
                max_tokens: inner.whole("max_tokens", 1)?,
                exclude: inner.flag("exclude")?.unwrap_or(false),
                field: "reasoning",
            })
        })?;
        match (plain, object) {
            (Some(one), Some(Self { effort: Some(other), .. })) if one != other => {
                Err(fields.wrong("reasoning_effort", "asks for another effort than reasoning.effort"))
            }
            (None, object) => Ok(object),
            (Some(effort), None) => {
                Ok(Some(Self { effort: Some(effort), field: "reasoning_effort", ..Self::default() }))
            }
            (Some(effort), Some(object)) => Ok(Some(Self { effort: Some(effort), ..object })),
        }
    }
}

fn effort(word: &str, at: At<'_>) -> Result<Effort, DecodeError> {
    let known = Effort::ALL.into_iter().find(|effort| effort.word() == word);
    known.ok_or_else(|| DecodeError::at(at, "must be none, minimal, low, medium, high, xhigh or max"))
}
