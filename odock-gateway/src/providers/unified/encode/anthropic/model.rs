//! What Anthropic's models take, as far as it differs and their names tell.

/// A generation of models. The lists below are of the past and do not grow: a name that they do not have is of today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    /// Up to Claude 4.5, and other makers' models behind the same API: thinks by a budget of tokens.
    Budget,
    /// Claude 4.6: thinks by a budget or as it sees fit.
    Both,
    /// Since Claude Opus 4.7: thinks as it sees fit, and takes no sampling parameters.
    Adaptive,
    /// Since Claude Opus 4.8: takes instructions in mid-conversation too.
    Instructed,
}

const BUDGET: &[&str] = &[
    "claude-3",
    "claude-opus-4-0",
    "claude-opus-4-1",
    "claude-opus-4-2",
    "claude-opus-4-5",
    "claude-sonnet-4-0",
    "claude-sonnet-4-2",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
    "claude-4-",
];
const BOTH: &[&str] = &["claude-opus-4-6", "claude-sonnet-4-6"];
const ADAPTIVE: &[&str] = &["claude-opus-4-7", "claude-sonnet-5"];

impl Generation {
    pub(super) fn of(slug: &str) -> Self {
        // Some name versions with a dot.
        let name = slug.to_ascii_lowercase().replace('.', "-");
        let is_in = |list: &[&str]| list.iter().any(|known| name.contains(known));
        if !name.contains("claude") || is_in(BUDGET) {
            return Self::Budget;
        }
        match () {
            () if is_in(BOTH) => Self::Both,
            () if is_in(ADAPTIVE) && !name.contains("claude-sonnet-5-") => Self::Adaptive,
            () => Self::Instructed,
        }
    }

    /// Whether it takes `temperature`, `top_p` and `top_k`.
    pub(super) fn samples(self) -> bool {
        matches!(self, Self::Budget | Self::Both)
    }

    /// Whether it can be given a budget of thoughts.
    pub(super) fn budgets(self) -> bool {
        matches!(self, Self::Budget | Self::Both)
    }

    /// Whether it thinks as it sees fit, by an effort.
    pub(super) fn adapts(self) -> bool {
        self != Self::Budget
    }

    /// Whether instructions may stand within the conversation.
    pub(super) fn takes_late_instructions(self) -> bool {
        self == Self::Instructed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_tells_its_generation() {
        let cases = [
            ("claude-3-7-sonnet-20250219", Generation::Budget),
            ("claude-sonnet-4-20250514", Generation::Budget),
            ("claude-opus-4-5-20251101", Generation::Budget),
            ("anthropic/claude-sonnet-4.5", Generation::Budget),
            ("MiniMax-M2", Generation::Budget),
            ("claude-opus-4-6", Generation::Both),
            ("claude-opus-4-7", Generation::Adaptive),
            ("claude-sonnet-5", Generation::Adaptive),
            ("claude-sonnet-5-5", Generation::Instructed),
            ("claude-opus-4-8", Generation::Instructed),
            ("claude-opus-5", Generation::Instructed),
        ];
        for (slug, generation) in cases {
            assert_eq!(Generation::of(slug), generation, "{slug}");
        }
    }
}
