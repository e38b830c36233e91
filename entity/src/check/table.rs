//! The fields of every spec: what the types in `resource` and `pricing` say, in a form that can be walked.
//!
//! `agreement.rs` compares each table with what serde does, so that a field cannot be added to one of them only.

use super::text::Rule;
use crate::resource::Kind;
use crate::routing::MOST_RETRIES;
use crate::vocab::{
    ApiKeyType, Capability, Enforcement, FailoverTrigger, Metric, ModelType, NativeFamily, OrganisationStatus,
    OwnerType, Period, ProviderType, Role, RoutingStrategy, Scope, ScopeType, TeamRole, UserStatus,
};

/// What a value must look like.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// A string that keeps a rule.
    Text(Rule),
    /// One of a closed set of strings.
    Word(fn() -> Vec<&'static str>),
    /// A whole number between two bounds, both included.
    Whole(u64, u64),
    /// `true` or `false`.
    Flag,
    /// An object with these fields and no others.
    Object(&'static Object),
    /// A list of objects that one of their fields tells apart.
    Named(&'static str, &'static Object),
    /// A list without repetition.
    Set(&'static Shape),
    /// An object whose fields are words of a closed set, each with the same shape.
    ByWord(fn() -> Vec<&'static str>, &'static Shape),
}

/// A field of an object.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) presence: Presence,
}

/// Whether a field may be left out, and whether it may be `null`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Must be there.
    Required,
    /// Has a default when it is left out, but `null` says nothing.
    Defaulted,
    /// May be left out, which `null` says too.
    Optional,
}

/// An object: its title for messages, its fields, and those that later versions add.
pub(super) struct Object {
    pub(super) title: &'static str,
    pub(super) fields: &'static [Field],
    pub(super) later: &'static [&'static str],
}

const fn required(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, presence: Presence::Required }
}

const fn defaulted(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, presence: Presence::Defaulted }
}

const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, presence: Presence::Optional }
}

macro_rules! word {
    ($vocabulary:ident) => {
        Shape::Word(|| $vocabulary::ALL.iter().map(|word| word.as_str()).collect())
    };
}

macro_rules! by_word {
    ($vocabulary:ident, $shape:expr) => {
        Shape::ByWord(|| $vocabulary::ALL.iter().map(|word| word.as_str()).collect(), $shape)
    };
}

/// An hour.
const MILLISECONDS: Shape = Shape::Whole(1, 3_600_000);
const TOKENS: Shape = Shape::Whole(1, u32::MAX as u64);
const AMOUNT: Shape = Shape::Text(Rule::Money);
const LINE: Shape = Shape::Text(Rule::Line);
const NAME: Shape = Shape::Text(Rule::Name);

/// The table of a kind's spec.
pub(super) const fn of(kind: Kind) -> &'static Object {
    match kind {
        Kind::Organisation => &ORGANISATION,
        Kind::User => &USER,
        Kind::Team => &TEAM,
        Kind::ServiceAccount => &SERVICE_ACCOUNT,
        Kind::Provider => &PROVIDER,
        Kind::Model => &MODEL,
        Kind::ApiKey => &API_KEY,
        Kind::Budget => &BUDGET,
        Kind::Quota => &QUOTA,
        Kind::Overlay => &OVERLAY,
    }
}

pub(super) static ORGANISATION: Object = Object {
    title: "an Organisation's spec",
    fields: &[
        optional("displayName", LINE),
        optional("contact", LINE),
        defaulted("status", word!(OrganisationStatus)),
        POLICIES_FIELD,
        defaulted("routing", Shape::Object(&ROUTING_SWITCH)),
    ],
    later: &["branding"],
};

pub(super) static USER: Object = Object {
    title: "a User's spec",
    fields: &[optional("displayName", LINE), defaulted("role", word!(Role)), defaulted("status", word!(UserStatus))],
    later: &["identities", "password"],
};

pub(super) static TEAM: Object = Object {
    title: "a Team's spec",
    fields: &[
        optional("description", Shape::Text(Rule::Prose)),
        defaulted("members", Shape::Named("user", &TEAM_MEMBER)),
        POLICIES_FIELD,
    ],
    later: &[],
};

pub(super) static TEAM_MEMBER: Object = Object {
    title: "a team member",
    fields: &[required("user", Shape::Text(Rule::Email)), defaulted("role", word!(TeamRole))],
    later: &[],
};

pub(super) static SERVICE_ACCOUNT: Object = Object {
    title: "a ServiceAccount's spec",
    fields: &[
        optional("description", Shape::Text(Rule::Prose)),
        defaulted("role", word!(Role)),
        defaulted("scopes", Shape::Set(&word!(Scope))),
        defaulted("teams", Shape::Set(&NAME)),
        defaulted("trust", Shape::Named("name", &TRUST_RULE)),
        defaulted("disabled", Shape::Flag),
    ],
    later: &[],
};

pub(super) static TRUST_RULE: Object = Object {
    title: "a trust rule",
    fields: &[
        required("name", NAME),
        required("issuer", Shape::Text(Rule::Issuer)),
        required("audience", LINE),
        required("subject", LINE),
        defaulted("claims", Shape::Named("claim", &CLAIM_RULE)),
        defaulted("reusable", Shape::Flag),
    ],
    later: &[],
};

pub(super) static CLAIM_RULE: Object =
    Object { title: "a claim rule", fields: &[required("claim", LINE), required("matches", LINE)], later: &[] };

pub(super) static PROVIDER: Object = Object {
    title: "a Provider's spec",
    fields: &[
        required("type", word!(ProviderType)),
        optional("baseUrl", Shape::Text(Rule::BaseUrl)),
        optional("timeoutMs", MILLISECONDS),
        defaulted("config", Shape::Object(&PROVIDER_CONFIG)),
        defaulted("enabled", Shape::Flag),
        defaulted("keys", Shape::Named("name", &PROVIDER_KEY)),
    ],
    later: &["policies"],
};

pub(super) static PROVIDER_CONFIG: Object = Object {
    title: "a provider's `config`",
    fields: &[
        optional("apiVersion", Shape::Text(Rule::ApiVersion)),
        optional("connectTimeoutMs", MILLISECONDS),
        optional("firstByteTimeoutMs", MILLISECONDS),
        optional("idleTimeoutMs", MILLISECONDS),
    ],
    later: &[],
};

pub(super) static PROVIDER_KEY: Object = Object {
    title: "a provider's key",
    fields: &[required("name", NAME), optional("secret", Shape::Object(&SECRET)), defaulted("revoked", Shape::Flag)],
    later: &[],
};

pub(super) static SECRET: Object = Object {
    title: "a sealed secret",
    fields: &[
        required("preview", Shape::Text(Rule::Preview)),
        required("fingerprint", Shape::Text(Rule::Fingerprint)),
        optional("sealed", Shape::Object(&ENVELOPE)),
    ],
    later: &[],
};

pub(super) static ENVELOPE: Object = Object {
    title: "an envelope",
    fields: &[
        required("v", Shape::Whole(1, 1)),
        required("alg", Shape::Text(Rule::Algorithm)),
        required("keyId", Shape::Text(Rule::KeyId)),
        required("wrappedKey", Shape::Text(Rule::Base64)),
        required("iv", Shape::Text(Rule::Base64)),
        required("ciphertext", Shape::Text(Rule::Base64)),
    ],
    later: &[],
};

pub(super) static MODEL: Object = Object {
    title: "a Model's spec",
    fields: &[
        defaulted("type", word!(ModelType)),
        optional("slug", Shape::Text(Rule::UpstreamName)),
        required("provider", NAME),
        optional("providerKey", NAME),
        defaulted("capabilities", Shape::Set(&word!(Capability))),
        defaulted("config", Shape::Object(&MODEL_CONFIG)),
        optional("pricing", Shape::Object(&PRICING)),
        defaulted("priceChanges", Shape::Named("from", &PRICE_CHANGE)),
        POLICIES_FIELD,
    ],
    later: &["routing"],
};

pub(super) static MODEL_CONFIG: Object = Object {
    title: "a model's `config`",
    fields: &[optional("contextWindow", TOKENS), optional("maxOutputTokens", TOKENS)],
    later: &[],
};

pub(super) static PRICING: Object = Object {
    title: "a price list",
    fields: &[
        defaulted("input", Shape::Object(&CLASS_PRICES)),
        defaulted("output", Shape::Object(&CLASS_PRICES)),
        optional("cached_input_discount_percent", Shape::Whole(0, 100)),
        optional("cache_write_cost_per_1k_tokens", AMOUNT),
        defaulted("tool", Shape::Object(&TOOL_PRICES)),
        optional("embeddings_cost_per_1k_tokens", AMOUNT),
        optional("unit", Shape::Object(&UNIT_PRICE)),
        optional("long_prompt", Shape::Object(&LONG_PROMPT_PRICES)),
    ],
    later: &[],
};

pub(super) static LONG_PROMPT_PRICES: Object = Object {
    title: "prices of long prompts",
    fields: &[
        required("above_input_tokens", Shape::Whole(1, 1_000_000_000)),
        defaulted("input", Shape::Object(&CLASS_PRICES)),
        defaulted("output", Shape::Object(&CLASS_PRICES)),
        optional("cached_input_discount_percent", Shape::Whole(0, 100)),
        optional("cache_write_cost_per_1k_tokens", AMOUNT),
    ],
    later: &[],
};

pub(super) static CLASS_PRICES: Object = Object {
    title: "prices by modality",
    fields: &[
        optional("text_cost_per_1k_tokens", AMOUNT),
        optional("image_cost_per_1k_tokens", AMOUNT),
        optional("audio_cost_per_1k_tokens", AMOUNT),
        optional("video_cost_per_1k_tokens", AMOUNT),
        optional("reasoning_cost_per_1k_tokens", AMOUNT),
    ],
    later: &[],
};

pub(super) static API_KEY: Object = Object {
    title: "an ApiKey's spec",
    fields: &[
        required("type", word!(ApiKeyType)),
        optional("team", NAME),
        optional("user", Shape::Text(Rule::Email)),
        optional("expiry", Shape::Text(Rule::Time)),
        defaulted("models", Shape::Set(&NAME)),
        POLICIES_FIELD,
        defaulted("routing", by_word!(ModelType, &Shape::Object(&ROUTING_POLICY))),
    ],
    later: &["mcpServers", "secret", "timezone"],
};

pub(super) static ROUTING_SWITCH: Object =
    Object { title: "an organisation's `routing`", fields: &[defaulted("enabled", Shape::Flag)], later: &[] };

pub(super) static ROUTING_POLICY: Object = Object {
    title: "a routing policy",
    fields: &[
        defaulted("strategy", word!(RoutingStrategy)),
        defaulted("candidates", Shape::Named("modelName", &ROUTING_CANDIDATE)),
        defaulted("nativeFallback", by_word!(NativeFamily, &Shape::Set(&NAME))),
        defaulted("failoverOn", Shape::Set(&word!(FailoverTrigger))),
        defaulted("maxRetries", Shape::Whole(0, MOST_RETRIES as u64)),
        defaulted("retryDelayMs", Shape::Whole(0, 60_000)),
        optional("hedge", Shape::Object(&HEDGE)),
    ],
    later: &[],
};

pub(super) static HEDGE: Object = Object {
    title: "a hedge",
    fields: &[defaulted("percentile", Shape::Whole(50, 99)), defaulted("minDelayMs", Shape::Whole(1, 60_000))],
    later: &[],
};

pub(super) static ROUTING_CANDIDATE: Object = Object {
    title: "a routing candidate",
    fields: &[required("modelName", NAME), defaulted("priority", Shape::Whole(1, 1_000))],
    later: &[],
};

pub(super) static PRICE_CHANGE: Object = Object {
    title: "a price change",
    fields: &[required("from", Shape::Text(Rule::Time)), required("pricing", Shape::Object(&PRICING))],
    later: &[],
};

pub(super) static TOOL_PRICES: Object = Object {
    title: "prices of tools",
    fields: &[
        optional("definition_cost_per_1k_tokens", AMOUNT),
        optional("input_cost_per_1k_tokens", AMOUNT),
        optional("output_cost_per_1k_tokens", AMOUNT),
    ],
    later: &[],
};

pub(super) static UNIT_PRICE: Object = Object {
    title: "a unit price",
    fields: &[required("label", Shape::Text(Rule::Line)), required("cost_per_1k_units", AMOUNT)],
    later: &[],
};

const POLICIES_FIELD: Field = defaulted("policies", Shape::Object(&POLICIES));
/// Requests a second or a minute.
const REQUESTS: Shape = Shape::Whole(1, 1_000_000_000);

pub(super) static POLICIES: Object = Object {
    title: "policies",
    fields: &[
        defaulted("ip", Shape::Object(&IP_POLICY)),
        defaulted("ratelimit", Shape::Object(&RATE_LIMIT)),
        defaulted("shadow", Shape::Flag),
    ],
    later: &[],
};

pub(super) static IP_POLICY: Object = Object {
    title: "an `ip` policy",
    fields: &[
        defaulted("allowlist", Shape::Set(&Shape::Text(Rule::Cidr))),
        defaulted("blocklist", Shape::Set(&Shape::Text(Rule::Cidr))),
    ],
    later: &[],
};

pub(super) static RATE_LIMIT: Object = Object {
    title: "a `ratelimit` policy",
    fields: &[
        defaulted("requests", Shape::Object(&REQUEST_LIMITS)),
        defaulted("tokens", Shape::Object(&TOKEN_LIMITS)),
        optional("concurrency", Shape::Object(&CONCURRENCY)),
        defaulted("payload", Shape::Object(&PAYLOAD_LIMITS)),
    ],
    later: &[],
};

pub(super) static REQUEST_LIMITS: Object = Object {
    title: "limits of requests",
    fields: &[optional("per_second", REQUESTS), optional("per_minute", REQUESTS), optional("burst", REQUESTS)],
    later: &[],
};

pub(super) static TOKEN_LIMITS: Object = Object {
    title: "limits of tokens",
    fields: &[optional("per_minute", Shape::Whole(1, 1_000_000_000_000))],
    later: &[],
};

pub(super) static CONCURRENCY: Object = Object {
    title: "a limit of concurrency",
    fields: &[required("max", Shape::Whole(1, 1_000_000)), defaulted("lease_ttl_seconds", Shape::Whole(5, 3_600))],
    later: &[],
};

pub(super) static PAYLOAD_LIMITS: Object = Object {
    title: "limits of the payload",
    fields: &[optional("max_request_bytes", Shape::Whole(1, 1_073_741_824)), optional("max_tokens", TOKENS)],
    later: &[],
};

const OWNER_FIELD: Field = required("owner", Shape::Object(&OWNER));
const TIMEZONE: Field = defaulted("timezone", Shape::Text(Rule::Timezone));
const THRESHOLDS: Field = defaulted("thresholds", Shape::Set(&Shape::Whole(1, 1_000)));

/// The name is a team's, a key's or an e-mail address, and which of them depends on the type.
pub(super) static OWNER: Object =
    Object { title: "an owner", fields: &[required("type", word!(OwnerType)), optional("name", LINE)], later: &[] };

pub(super) static BUDGET: Object = Object {
    title: "a Budget's spec",
    fields: &[
        OWNER_FIELD,
        required("period", word!(Period)),
        optional("start", Shape::Text(Rule::Time)),
        optional("end", Shape::Text(Rule::Time)),
        TIMEZONE,
        required("amountUsd", AMOUNT),
        defaulted("rollover", Shape::Flag),
        THRESHOLDS,
        defaulted("enforcement", word!(Enforcement)),
        defaulted("active", Shape::Flag),
    ],
    later: &["models", "currency"],
};

pub(super) static QUOTA: Object = Object {
    title: "a Quota's spec",
    fields: &[
        OWNER_FIELD,
        required("metric", word!(Metric)),
        required("limit", Shape::Whole(1, 1_000_000_000_000_000)),
        required("period", word!(Period)),
        optional("start", Shape::Text(Rule::Time)),
        optional("end", Shape::Text(Rule::Time)),
        TIMEZONE,
        defaulted("rollover", Shape::Flag),
        THRESHOLDS,
        defaulted("active", Shape::Flag),
    ],
    later: &["models"],
};

pub(super) static OVERLAY_SCOPE: Object = Object {
    title: "an overlay's scope",
    fields: &[required("type", word!(ScopeType)), optional("name", LINE)],
    later: &[],
};

pub(super) static OVERLAY: Object = Object {
    title: "an Overlay's spec",
    fields: &[
        required("scope", Shape::Object(&OVERLAY_SCOPE)),
        required("factor", Shape::Text(Rule::Factor)),
        optional("reason", LINE),
        optional("starts", Shape::Text(Rule::Time)),
        required("ends", Shape::Text(Rule::Time)),
    ],
    later: &[],
};
