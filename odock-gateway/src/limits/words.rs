//! The words of limits: in records, metrics and refusals they are the same.

use crate::hot::meters::Module;

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// Where a request is held against limits.
    Gate {
        /// Before its key is looked up.
        PreAuth = "pre_auth",
        /// Before its body is read.
        Early = "early",
        /// Before anything is paid for.
        Final = "final",
    }
}

words! {
    /// What is limited.
    LimitWord {
        /// Who may call, by address.
        Ip = "ip",
        /// Bytes of the body.
        Payload = "payload",
        /// Requests at once.
        Concurrency = "concurrency",
        /// Requests out of a bucket.
        Burst = "burst",
        /// Requests in a second.
        Rps = "rps",
        /// Requests in a minute.
        Rpm = "rpm",
        /// Tokens that the caller asks for.
        MaxTokens = "max_tokens",
        /// Tokens in a minute.
        Tpm = "tpm",
    }
}

impl From<Module> for LimitWord {
    fn from(module: Module) -> Self {
        match module {
            Module::Concurrency => Self::Concurrency,
            Module::Burst => Self::Burst,
            Module::Rps => Self::Rps,
            Module::Rpm => Self::Rpm,
            Module::Tpm => Self::Tpm,
        }
    }
}

words! {
    /// What a limit says to a request.
    Verdict {
        /// It may pass.
        Pass = "pass",
        /// It may not.
        Deny = "deny",
        /// It might not, if the scope were not only watched.
        Shadow = "shadow",
    }
}
