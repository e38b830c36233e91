//! Closed sets of words, spelled the same in the database, on the wire and in manifests.

/// The text is not one of the words.
#[derive(Debug, thiserror::Error)]
#[error("`{given}` is not one of {allowed}")]
pub struct UnknownWord {
    given: String,
    allowed: String,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)* }

        // Spelled out, because utoipa's derive does not see words that a macro passes on.
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($word,)*]))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}

        impl $name {
            /// Every word of the set, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word as it is stored and sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(UnknownWord {
                        given: text.chars().take(60).collect(),
                        allowed: Self::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", "),
                    }),
                }
            }
        }
    )*};
}

words! {
    /// What a user may do.
    Role {
        /// Everything, in every organisation.
        SuperAdmin = "SUPER_ADMIN",
        /// Everything in one organisation.
        OrgAdmin = "ORG_ADMIN",
        /// The teams that the user manages.
        Manager = "MANAGER",
        /// The user's own profile, keys and usage.
        User = "USER",
    }
    /// Whether a user may sign in.
    UserStatus {
        /// Waits for approval.
        Pending = "PENDING",
        /// May sign in.
        Active = "ACTIVE",
        /// May not sign in any more.
        Revoked = "REVOKED",
    }
    /// Whether an organisation's traffic and administration are served.
    OrganisationStatus {
        /// Served.
        Active = "ACTIVE",
        /// Its keys are refused; its data stays.
        Suspended = "SUSPENDED",
    }
    /// A user's place in a team.
    TeamRole {
        /// Administers the team.
        Manager = "MANAGER",
        /// Belongs to the team.
        Member = "MEMBER",
    }
    /// On whose behalf a virtual key calls.
    ApiKeyType {
        /// The organisation itself.
        Organisation = "ORGANISATION",
        /// A team.
        Team = "TEAM",
        /// A user.
        User = "USER",
    }
    /// The family of an upstream provider.
    ProviderType {
        /// OpenAI.
        OpenAi = "OPENAI",
        /// Anthropic.
        Anthropic = "ANTHROPIC",
        /// Google Gemini.
        Google = "GOOGLE",
        /// OpenAI models hosted by Azure.
        AzureOpenAi = "AZURE_OPENAI",
        /// vLLM's OpenAI-compatible server.
        Vllm = "VLLM",
        /// Mistral.
        Mistral = "MISTRAL",
        /// Hugging Face.
        HuggingFace = "HUGGINGFACE",
        /// Any server that speaks the OpenAI protocol.
        Custom = "CUSTOM",
    }
    /// What a model is for.
    ModelType {
        /// Conversation.
        Chat = "chat",
        /// Conversation with a reasoning phase.
        Reasoning = "reasoning",
        /// Image generation.
        Image = "image",
        /// Text to vectors.
        Embeddings = "embeddings",
        /// Sound in or out.
        Audio = "audio",
        /// Content classification.
        Moderation = "moderation",
        /// Speech to text.
        Transcription = "transcription",
        /// Text to speech.
        Tts = "tts",
        /// Documents to text.
        Ocr = "ocr",
    }
    /// What a model can do beyond text.
    Capability {
        /// Reads images.
        Vision = "vision",
        /// Reasons before it answers.
        Reasoning = "reasoning",
        /// Calls tools.
        ToolUse = "tool_use",
    }
    /// Where a record's token counts come from.
    UsageSource {
        /// Nothing was consumed or nothing is known.
        Missing = "missing",
        /// The provider said so; a reported zero is a report.
        Reported = "reported",
        /// Counted by the gateway.
        Estimated = "estimated",
    }
    /// How the test of a provider ended.
    ProbeOutcome {
        /// It listed its models.
        Ok = "ok",
        /// It was not asked: its address or its credential cannot be used.
        NotConfigured = "not_configured",
        /// No connection came about, or it broke.
        Unreachable = "unreachable",
        /// It did not answer in time.
        TimedOut = "timed_out",
        /// It refused the credential.
        CredentialRefused = "credential_refused",
        /// It answered with something else.
        Unexpected = "unexpected",
    }
    /// How a request ended.
    Outcome {
        /// Answered by the upstream with success.
        Ok = "ok",
        /// Refused by the gateway before any upstream was called.
        Denied = "denied",
        /// The upstream refused, failed or could not be reached.
        Failed = "failed",
        /// The caller went away.
        Cancelled = "cancelled",
    }
    /// Whose spending or use a budget or quota caps.
    OwnerType {
        /// Everything in the organisation.
        Org = "ORG",
        /// The keys of a team.
        Team = "TEAM",
        /// The keys of a user.
        User = "USER",
        /// One key.
        ApiKey = "APIKEY",
    }
    /// Which of a routing policy's candidates is tried first.
    RoutingStrategy {
        /// The model that was asked for, then the candidates by priority.
        Failover = "failover",
        /// The candidates by priority, whichever model was asked for.
        Priority = "priority",
        /// Each in turn, over all calls of the key on all nodes; then the others in their order.
        RoundRobin = "round_robin",
    }
    /// What has another candidate tried.
    FailoverTrigger {
        /// The upstream failed, refused the gateway, broke off or could not be reached: what callers get as a 5xx status.
        ServerError = "5xx",
        /// It did not answer in time.
        Timeout = "timeout",
        /// It answered 429.
        RateLimit = "rate_limit",
        /// Anything but success.
        Any = "any",
    }
    /// The family of a native route, as routing policies name it.
    NativeFamily {
        /// OpenAI's routes.
        OpenAi = "openai",
        /// Anthropic's routes.
        Anthropic = "anthropic",
        /// Gemini's routes.
        Gemini = "gemini",
        /// vLLM's routes.
        Vllm = "vllm",
        /// Mistral's routes.
        Mistral = "mistral",
        /// Hugging Face's routes.
        HuggingFace = "huggingface",
    }
    /// Whether a call was served by the model that was asked for.
    RoutingDecision {
        /// By that model.
        Direct = "direct",
        /// By another, or another was tried last.
        Rerouted = "rerouted",
    }
    /// What came of one attempt at an upstream.
    AttemptOutcome {
        /// It answered with success.
        Ok = "ok",
        /// It refused, failed or could not be reached.
        Failed = "failed",
        /// It was not called; `error` says why.
        Skipped = "skipped",
        /// It was called and given up before it answered.
        Cancelled = "cancelled",
    }
    /// How far a job has come.
    JobStatus {
        /// Its upstream is at work.
        Running = "running",
        /// Its result is there.
        Succeeded = "succeeded",
        /// It came to nothing; its error says why.
        Failed = "failed",
        /// Its caller no longer wanted it.
        Cancelled = "cancelled",
    }
    /// Whether an upstream is called.
    BreakerState {
        /// As usual.
        Closed = "closed",
        /// It failed too often, and rests.
        Open = "open",
        /// It has rested; one call finds out how it is.
        HalfOpen = "half_open",
    }
    /// How long a window of a budget or quota lasts. Windows begin at midnight in the owner's timezone.
    Period {
        /// A day.
        Daily = "DAILY",
        /// A week from Monday (ISO 8601).
        Weekly = "WEEKLY",
        /// A calendar month.
        Monthly = "MONTHLY",
        /// Three calendar months, from January, April, July or October.
        Quarterly = "QUARTERLY",
    }
    /// How strictly a budget is kept.
    Enforcement {
        /// A request is refused when its estimate does not fit. What its answer costs beyond the estimate is still paid.
        Standard = "standard",
        /// The answer's length is also cut to what is left, so that no request can pass the limit.
        Hard = "hard",
    }
    /// What a quota counts. Requests that the gateway refused are not counted.
    Metric {
        /// Requests that were sent to an upstream.
        Requests = "REQUESTS",
        /// Tokens in and out.
        Tokens = "TOKENS",
        /// Tokens in.
        TokensIn = "TOKENS_IN",
        /// Tokens out.
        TokensOut = "TOKENS_OUT",
        /// Requests that an upstream did not answer with success. Known only afterwards.
        Errors = "ERRORS",
        /// Nanos of USD.
        Cost = "COST",
        /// Milliseconds of latency, summed. Known only afterwards.
        LatencyMs = "LATENCY_MS",
    }
    /// Whether a window belongs to a budget or to a quota.
    LimitKind {
        /// A budget: caps spend.
        Budget = "budget",
        /// A quota: caps a metric.
        Quota = "quota",
    }
    /// What a policy or an overlay applies to.
    ScopeType {
        /// Everything that the gateway serves.
        Global = "GLOBAL",
        /// An organisation.
        Org = "ORG",
        /// A team.
        Team = "TEAM",
        /// A virtual key.
        ApiKey = "APIKEY",
        /// A model.
        Model = "MODEL",
        /// An MCP server.
        McpServer = "MCP",
    }
    /// What an access token is for.
    TokenKind {
        /// Signs in once: it is exchanged for a personal token.
        SignIn = "SIGN_IN",
        /// Authorises calls of the management API.
        Personal = "PERSONAL",
    }
    /// How a service account came by a token.
    ServiceTokenKind {
        /// An administrator made it.
        Issued = "ISSUED",
        /// It was given for a token of an issuer that the service account trusts.
        Exchanged = "EXCHANGED",
    }
    /// How somebody signed in.
    SignInMethod {
        /// By password.
        Password = "password",
        /// By a one-time token.
        OneTimeToken = "one_time_token",
        /// By a code that was typed in a browser.
        Device = "device",
    }
    /// What became of an invitation.
    InvitationStatus {
        /// Nobody has accepted it yet.
        Pending = "PENDING",
        /// Somebody did.
        Accepted = "ACCEPTED",
        /// It was taken back.
        Revoked = "REVOKED",
        /// Its time is over.
        Expired = "EXPIRED",
    }
    /// The protocol of an identity provider.
    IdentityKind {
        /// OpenID Connect with the device authorisation grant.
        OpenId = "openid",
        /// GitHub's OAuth.
        GitHub = "github",
    }
    /// What a token may be used for, within the role of whose it is.
    Scope {
        /// Read everything that the role may read.
        Read = "read",
        /// Create, change and delete what the role may.
        Write = "write",
    }
}

impl ProviderType {
    /// Where a provider of that type is unless it says otherwise; `None` if there is no such place.
    #[must_use]
    pub const fn public_address(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("https://api.openai.com"),
            Self::Anthropic => Some("https://api.anthropic.com"),
            Self::Google => Some("https://generativelanguage.googleapis.com"),
            Self::Mistral => Some("https://api.mistral.ai"),
            Self::HuggingFace => Some("https://router.huggingface.co"),
            Self::AzureOpenAi | Self::Vllm | Self::Custom => None,
        }
    }
}
