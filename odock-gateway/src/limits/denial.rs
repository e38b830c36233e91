//! Why a limit refuses a request, in words that name the scope, the limit and when to try again.

use entity::vocab::ScopeType;

use super::words::{Gate, LimitWord};
use crate::hot::meters::Wait;

/// A limit's refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Where.
    pub gate: Gate,
    /// Whose limit.
    pub scope: ScopeType,
    /// Which.
    pub limit: LimitWord,
    /// Its number; 0 for addresses.
    pub of: u64,
    /// What is left of it.
    pub left: u64,
    /// What the request would take.
    pub cost: u64,
    /// When there is room.
    pub wait: Wait,
}

/// When to ask again about a limit that an overlay has brought down to nothing.
const BRAKED_SECONDS: u32 = 60;

impl Denial {
    /// Seconds after which another try makes sense, rounded up; `None` where it never will.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match (self.wait, self.limit) {
            (_, LimitWord::Ip | LimitWord::Payload | LimitWord::MaxTokens) => None,
            (Wait::Us(us), _) => Some(u32::try_from(us.div_ceil(1_000_000)).unwrap_or(u32::MAX).max(1)),
            (Wait::None, _) => Some(1),
            (Wait::Never, LimitWord::Tpm) if self.of > 0 => None,
            (Wait::Never, _) => Some(BRAKED_SECONDS),
        }
    }

    /// The refusal in words. `who` is the scope's name, such as "the team search".
    #[must_use]
    pub fn message(&self, who: &str) -> String {
        let Self { of, left, cost, .. } = *self;
        let again = self.retry_after().map_or_else(String::new, |seconds| format!("; try again in {seconds} s"));
        let requests = if of == 1 { "request" } else { "requests" };
        if of == 0 && self.retry_after().is_some() {
            return format!("{who} may make no requests at present, because an overlay has stopped it{again}");
        }
        match self.limit {
            LimitWord::Ip => format!("{who} does not allow requests from this address"),
            LimitWord::Payload => format!("the body is larger than the {of} bytes that {who} allows"),
            LimitWord::MaxTokens => {
                format!("the request asks for up to {cost} tokens of answer, and {who} allows {of}")
            }
            LimitWord::Concurrency => {
                format!("{who} has {of} {requests} under way, as many as it may have at once{again}")
            }
            LimitWord::Burst => format!("{who} has used up its burst of {of} {requests}{again}"),
            LimitWord::Rps => format!("{who} has had its {of} {requests} of this second{again}"),
            LimitWord::Rpm => format!("{who} has had its {of} {requests} of this minute{again}"),
            LimitWord::Tpm if self.wait == Wait::Never => format!(
                "the request may use {cost} tokens, and {who} has {of} a minute: it can never fit; \
                 send a shorter prompt or ask for a shorter answer"
            ),
            LimitWord::Tpm => format!(
                "the request may use {cost} tokens, and {who} has {left} of its {of} tokens of this minute left{again}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(limit: LimitWord, of: u64, wait: Wait) -> Denial {
        Denial { gate: Gate::Early, scope: ScopeType::Team, limit, of, left: 3, cost: 70, wait }
    }

    #[test]
    fn the_words_say_whose_limit_which_and_when() {
        let said = |limit, of, wait| denial(limit, of, wait).message("the team search");
        insta::assert_snapshot!(
            [
                said(LimitWord::Rpm, 60, Wait::Us(11_000_001)),
                said(LimitWord::Rps, 1, Wait::Us(1)),
                said(LimitWord::Burst, 10, Wait::Us(1_500_000)),
                said(LimitWord::Concurrency, 2, Wait::Us(1_000_000)),
                said(LimitWord::Tpm, 100, Wait::Us(30_000_000)),
                said(LimitWord::Tpm, 50, Wait::Never),
                said(LimitWord::Rpm, 0, Wait::Never),
                said(LimitWord::MaxTokens, 64, Wait::Never),
                said(LimitWord::Payload, 1_000, Wait::Never),
                said(LimitWord::Ip, 0, Wait::Never),
            ]
            .join("\n"),
            @r"
        the team search has had its 60 requests of this minute; try again in 12 s
        the team search has had its 1 request of this second; try again in 1 s
        the team search has used up its burst of 10 requests; try again in 2 s
        the team search has 2 requests under way, as many as it may have at once; try again in 1 s
        the request may use 70 tokens, and the team search has 3 of its 100 tokens of this minute left; try again in 30 s
        the request may use 70 tokens, and the team search has 50 a minute: it can never fit; send a shorter prompt or ask for a shorter answer
        the team search may make no requests at present, because an overlay has stopped it; try again in 60 s
        the request asks for up to 70 tokens of answer, and the team search allows 64
        the body is larger than the 1000 bytes that the team search allows
        the team search does not allow requests from this address
        "
        );
    }
}
