//! Everything that a person can do, once: keys, help, palette and tests are made from this table.

/// Whether an action can lead to a change at the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Danger {
    /// Never.
    Safe,
    /// It can, after a confirmation that names the object and the consequence.
    Mutates,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident $word:literal $danger:ident $title:literal;)*) => {
        /// Something that a person can do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $(#[doc = $title] $name,)* }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word that the palette and the footer use.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What it does, in one line.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Whether it can lead to a change at the gateway.
            #[must_use]
            pub const fn danger(self) -> Danger {
                match self { $(Self::$name => Danger::$danger,)* }
            }
        }
    };
}

actions! {
    Palette "palette" Safe "Go to a screen, an object or an action by name";
    Filter "filter" Safe "Filter what is shown";
    Help "help" Safe "Show the keys that are valid here";
    Back "back" Safe "Go back one layer";
    Close "close" Safe "Go back one layer, and at the last one ask whether to quit";
    Quit "quit" Safe "Quit";
    Suspend "suspend" Safe "Give the terminal back to the shell for a while";
    Redraw "redraw" Safe "Draw everything again";
    Reconnect "reconnect" Safe "Connect to the gateway now, without waiting";
    Refresh "refresh" Safe "Fetch again what is shown";
    Exact "exact" Safe "Switch between human and exact numbers";
    Theme "theme" Safe "Switch to the next theme";
    Zoom "zoom" Safe "Give the focused pane the whole screen";

    Pulse "pulse" Safe "Go to the overview: traffic, latency, the busiest, refusals";
    Tail "tail" Safe "Go to the requests as they end";
    Keys "keys" Safe "Go to the virtual keys";
    Budgets "budgets" Safe "Go to the budgets: what is spent, what is left, when it runs out";
    Quotas "quotas" Safe "Go to the quotas: what is used, what is left, when it runs out";
    Overlays "overlays" Safe "Go to the overlays: brakes and boosts of limits";
    Providers "providers" Safe "Go to the providers: how the upstreams are doing";
    Contexts "ctx" Safe "Go to the contexts: other gateways and organisations";
    Acts "acts" Safe "Go to what was done here, as odockctl lines";
    Log "log" Safe "Go to our own diagnostics";

    Up "up" Safe "Move up";
    Down "down" Safe "Move down";
    PageUp "page up" Safe "Move up a page";
    PageDown "page down" Safe "Move down a page";
    Top "top" Safe "Move to the first row";
    Bottom "bottom" Safe "Move to the last row";
    NextPane "next pane" Safe "Focus the next pane";
    PreviousPane "previous pane" Safe "Focus the pane before";
    Open "open" Safe "Open what is selected";

    Pause "pause" Safe "Hold the display still while data keeps coming, or let it run";
    Metric "metric" Safe "Rank the busiest by the next metric";
    Sort "sort" Safe "Choose the column to sort by";
    Reverse "reverse" Safe "Sort the other way round";
    Test "test" Safe "Ask the selected provider for its models, which costs nothing";
    Details "details" Safe "Show or hide the details of what is selected";
    Traffic "traffic" Safe "Show the requests of this key";
    OpenKey "key" Safe "Open the key of what is selected";

    CopyId "copy id" Safe "Copy the id of what is selected";
    CopyJson "copy json" Safe "Copy what is selected as JSON, without secrets";
    CopyYaml "copy yaml" Safe "Copy what is selected as YAML, without secrets";
    CopyCommand "copy command" Safe "Copy the odockctl line of what was done";

    Danger "act" Safe "Open the menu of dangerous acts on what is selected";
    Rotate "rotate" Mutates "Replace the secret of the selected key";
    Revoke "revoke" Mutates "Refuse the selected key from now on";
    Unrevoke "unrevoke" Mutates "Let the selected key work again";
    Brake "brake" Mutates "Scale the limits of what is selected for a while";
    EndOverlay "end overlay" Mutates "End the selected overlay now";
}
