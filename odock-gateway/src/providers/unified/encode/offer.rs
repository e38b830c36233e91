//! The tools that a model is offered, where a choice may leave some of them out.

use super::super::loss::Loss;
use super::super::request::{Options, Tool, ToolChoice};

/// Tools, and what a model may do with them.
pub(super) struct Offer<'r, 'a> {
    pub(super) tools: Vec<&'r Tool<'a>>,
    pub(super) choice: Option<Choice<'r>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice<'r> {
    Auto,
    None,
    Required,
    Named(&'r str),
}

/// Works out the offer. Only some tools being allowed is the same as only those being there.
pub(super) fn offer<'r, 'a>(options: &'r Options<'a>, who: &str, loss: &mut Loss) -> Offer<'r, 'a> {
    let all = || options.tools.iter().collect();
    let (tools, choice) = match &options.tool_choice {
        None => (all(), None),
        Some(ToolChoice::Auto) => (all(), Some(Choice::Auto)),
        Some(ToolChoice::None) => (all(), Some(Choice::None)),
        Some(ToolChoice::Required) => (all(), Some(Choice::Required)),
        Some(ToolChoice::Named(name)) => (all(), Some(Choice::Named(name))),
        Some(ToolChoice::Allowed { names, required }) => {
            let tools: Vec<_> = options.tools.iter().filter(|tool| names.contains(&tool.name)).collect();
            (tools, Some(if *required { Choice::Required } else { Choice::Auto }))
        }
        Some(ToolChoice::Other) => {
            loss.cannot("tool_choice", format!("{who} has no choice of this type"));
            (all(), None)
        }
    };
    // Without tools there is nothing to choose, and families refuse a choice.
    let choice = choice.filter(|_| !tools.is_empty());
    Offer { tools, choice }
}
