//! The list of settings: the path of each in a file, its environment variables, and whether it is a secret.

/// How much of a value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrecy {
    /// All of it.
    Open,
    /// A URL, without its password.
    Url,
    /// Nothing.
    Hidden,
}

/// One setting.
#[derive(Debug)]
pub(super) struct Key {
    /// Where it stands in a file: `section.name`.
    pub(super) path: &'static str,
    /// The environment variables that set it; any one will do.
    pub(super) env: &'static [&'static str],
    /// How much of it may be shown.
    pub(super) secrecy: Secrecy,
}

const fn open(path: &'static str, env: &'static [&'static str]) -> Key {
    Key { path, env, secrecy: Secrecy::Open }
}

const fn url(path: &'static str, env: &'static [&'static str]) -> Key {
    Key { path, env, secrecy: Secrecy::Url }
}

const fn hidden(path: &'static str, env: &'static [&'static str]) -> Key {
    Key { path, env, secrecy: Secrecy::Hidden }
}

/// Every setting there is, in the order in which they are shown.
pub(super) static KEYS: &[Key] = &[
    open("data.dir", &["ODOCK_DATA_DIR"]),
    hidden("data.bootstrap_token", &["ODOCK_BOOTSTRAP_TOKEN"]),
    open("http.host", &["HTTP_HOST"]),
    open("http.port", &["HTTP_PORT"]),
    open("http.read_timeout", &["HTTP_READ_TIMEOUT"]),
    open("http.write_timeout", &["HTTP_WRITE_TIMEOUT"]),
    open("http.idle_timeout", &["HTTP_IDLE_TIMEOUT"]),
    open("http.max_header_bytes", &["HTTP_MAX_HEADER_BYTES"]),
    open("http.max_body_bytes", &["HTTP_MAX_BODY_BYTES"]),
    open("http.max_upload_bytes", &["HTTP_MAX_UPLOAD_BYTES"]),
    open("http.max_concurrent_requests", &["HTTP_MAX_CONCURRENT_REQUESTS"]),
    open("http.workers", &["HTTP_WORKERS"]),
    open("http.shutdown_grace", &["HTTP_SHUTDOWN_GRACE"]),
    open("http.management_addr", &["HTTP_MANAGEMENT_ADDR"]),
    open("http.enable_tls", &["HTTP_ENABLE_TLS"]),
    open("http.tls_cert_file", &["HTTP_TLS_CERT_FILE"]),
    open("http.tls_key_file", &["HTTP_TLS_KEY_FILE"]),
    open("http.trust_proxy_headers", &["HTTP_TRUST_PROXY_HEADERS"]),
    open("http.trusted_proxy_cidrs", &["HTTP_TRUSTED_PROXY_CIDRS"]),
    url("database.url", &["DATABASE_URL", "POSTGRES_DSN"]),
    open("database.auto_migrate", &["DATABASE_AUTO_MIGRATE"]),
    open("database.max_open", &["POSTGRES_MAX_OPEN"]),
    open("database.max_idle", &["POSTGRES_MAX_IDLE"]),
    open("database.max_lifetime", &["POSTGRES_MAX_LIFETIME"]),
    open("database.log_queries", &["POSTGRES_LOG_QUERIES"]),
    url("redis.url", &["REDIS_URL"]),
    open("redis.addr", &["REDIS_ADDR"]),
    open("redis.username", &["REDIS_USERNAME"]),
    hidden("redis.password", &["REDIS_PASSWORD"]),
    open("redis.db", &["REDIS_DB"]),
    open("redis.pool_size", &["REDIS_POOL_SIZE"]),
    open("redis.dial_timeout", &["REDIS_DIAL_TIMEOUT"]),
    open("redis.command_timeout", &["REDIS_COMMAND_TIMEOUT"]),
    open("redis.key_prefix", &["REDIS_KEY_PREFIX"]),
    url("providers.openai.base_url", &["PROVIDER_OPENAI_BASE_URL"]),
    hidden("providers.openai.api_key", &["PROVIDER_OPENAI_API_KEY"]),
    open("providers.openai.timeout", &["PROVIDER_OPENAI_TIMEOUT"]),
    url("providers.anthropic.base_url", &["PROVIDER_ANTHROPIC_BASE_URL"]),
    hidden("providers.anthropic.api_key", &["PROVIDER_ANTHROPIC_API_KEY"]),
    open("providers.anthropic.timeout", &["PROVIDER_ANTHROPIC_TIMEOUT"]),
    url("providers.gemini.base_url", &["PROVIDER_GEMINI_BASE_URL"]),
    hidden("providers.gemini.api_key", &["PROVIDER_GEMINI_API_KEY"]),
    open("providers.gemini.timeout", &["PROVIDER_GEMINI_TIMEOUT"]),
    url("providers.azure_openai.base_url", &["PROVIDER_AZURE_OPENAI_BASE_URL"]),
    hidden("providers.azure_openai.api_key", &["PROVIDER_AZURE_OPENAI_API_KEY"]),
    open("providers.azure_openai.timeout", &["PROVIDER_AZURE_OPENAI_TIMEOUT"]),
    url("providers.vllm.base_url", &["PROVIDER_VLLM_BASE_URL"]),
    hidden("providers.vllm.api_key", &["PROVIDER_VLLM_API_KEY"]),
    open("providers.vllm.timeout", &["PROVIDER_VLLM_TIMEOUT"]),
    url("providers.mistral.base_url", &["PROVIDER_MISTRAL_BASE_URL"]),
    hidden("providers.mistral.api_key", &["PROVIDER_MISTRAL_API_KEY"]),
    open("providers.mistral.timeout", &["PROVIDER_MISTRAL_TIMEOUT"]),
    url("providers.huggingface.base_url", &["PROVIDER_HUGGINGFACE_BASE_URL"]),
    hidden("providers.huggingface.api_key", &["PROVIDER_HUGGINGFACE_API_KEY"]),
    open("providers.huggingface.timeout", &["PROVIDER_HUGGINGFACE_TIMEOUT"]),
    url("providers.custom.base_url", &["PROVIDER_CUSTOM_BASE_URL"]),
    hidden("providers.custom.api_key", &["PROVIDER_CUSTOM_API_KEY"]),
    open("providers.custom.timeout", &["PROVIDER_CUSTOM_TIMEOUT"]),
    open("upstream.connect_timeout", &["UPSTREAM_CONNECT_TIMEOUT"]),
    open("upstream.first_byte_timeout", &["UPSTREAM_FIRST_BYTE_TIMEOUT"]),
    open("upstream.total_timeout", &["UPSTREAM_TOTAL_TIMEOUT"]),
    open("upstream.stream_idle_timeout", &["UPSTREAM_STREAM_IDLE_TIMEOUT"]),
    open("upstream.max_response_bytes", &["UPSTREAM_MAX_RESPONSE_BYTES"]),
    open("upstream.allow_link_local", &["UPSTREAM_ALLOW_LINK_LOCAL"]),
    open("cache.auth_ttl", &["AUTH_CACHE_TTL"]),
    open("cache.auth_negative_ttl", &["AUTH_NEGATIVE_CACHE_TTL"]),
    open("cache.model_ttl", &["MODEL_CACHE_TTL"]),
    open("cache.provider_key_ttl", &["PROVIDER_KEY_DECRYPT_CACHE_TTL"]),
    hidden("cache.invalidation_secret", &["CACHE_INVALIDATION_SECRET"]),
    open("cache.invalidation_channel", &["CACHE_INVALIDATION_CHANNEL"]),
    open("secrets.key_id", &["PROVIDER_KEY_ENCRYPTION_KEY_ID"]),
    hidden("secrets.private_key", &["PROVIDER_KEY_ENCRYPTION_PRIVATE_KEY"]),
    hidden("secrets.previous_keys", &["PROVIDER_KEY_ENCRYPTION_PREVIOUS_KEYS"]),
    open("limits.global_policy", &["RATELIMIT_GLOBAL_POLICY"]),
    open("limits.failure_mode", &["RATELIMIT_FAILURE_MODE"]),
    open("usage.journal_max_bytes", &["USAGE_JOURNAL_MAX_BYTES"]),
    open("usage.journal_when_full", &["USAGE_JOURNAL_WHEN_FULL"]),
    open("usage.flush_interval", &["USAGE_FLUSH_INTERVAL"]),
    open("usage.batch", &["USAGE_BATCH"]),
    open("usage.retention", &["USAGE_RETENTION"]),
    open("usage.minute_retention", &["USAGE_MINUTE_RETENTION"]),
    open("ledger.lease_ttl", &["LEDGER_LEASE_TTL"]),
    open("ledger.worker_interval", &["LEDGER_WORKER_INTERVAL"]),
    open("ledger.patience", &["LEDGER_PATIENCE"]),
    open("ledger.failure_mode", &["LEDGER_FAILURE_MODE"]),
    open("ledger.on_node_loss", &["LEDGER_ON_NODE_LOSS"]),
    open("ledger.default_output_tokens", &["LEDGER_DEFAULT_OUTPUT_TOKENS"]),
    url("ledger.webhook_url", &["LEDGER_WEBHOOK_URL"]),
    hidden("ledger.webhook_secret", &["LEDGER_WEBHOOK_SECRET"]),
    open("routing.breaker_failures", &["ROUTING_BREAKER_FAILURES"]),
    open("routing.breaker_error_percent", &["ROUTING_BREAKER_ERROR_PERCENT"]),
    open("routing.breaker_min_calls", &["ROUTING_BREAKER_MIN_CALLS"]),
    open("routing.breaker_window", &["ROUTING_BREAKER_WINDOW"]),
    open("routing.breaker_rest", &["ROUTING_BREAKER_REST"]),
    open("routing.breaker_max_rest", &["ROUTING_BREAKER_MAX_REST"]),
    open("routing.deadline", &["ROUTING_DEADLINE"]),
    open("idempotency.ttl", &["IDEMPOTENCY_TTL"]),
    open("idempotency.max_bytes", &["IDEMPOTENCY_MAX_BYTES"]),
    open("identity.access_ttl", &["IDENTITY_ACCESS_TTL"]),
    open("identity.session_ttl", &["IDENTITY_SESSION_TTL"]),
    open("identity.exchange_ttl", &["IDENTITY_EXCHANGE_TTL"]),
    open("identity.ca_file", &["IDENTITY_CA_FILE"]),
    open("identity.allow_plain_loopback", &["IDENTITY_ALLOW_PLAIN_LOOPBACK"]),
    open("identity.providers", &[]),
    open("jobs.max_running_per_key", &["JOBS_MAX_RUNNING_PER_KEY"]),
    open("jobs.max_kept_per_key", &["JOBS_MAX_KEPT_PER_KEY"]),
    open("jobs.timeout", &["JOBS_TIMEOUT"]),
    open("jobs.retention", &["JOBS_RETENTION"]),
    open("jobs.max_result_bytes", &["JOBS_MAX_RESULT_BYTES"]),
    open("jobs.lease", &["JOBS_LEASE"]),
    open("log.level", &["LOG_LEVEL"]),
    open("log.format", &["LOG_FORMAT"]),
    open("log.file", &["LOG_FILE"]),
    open("log.access", &["LOG_ACCESS"]),
    open("metrics.enabled", &["OBSERVABILITY_PROMETHEUS_ENABLED"]),
];

/// Finds a setting by its path.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Says whether settings stand below `path`, so that it names a section.
pub(super) fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// Finds the path that someone who wrote `wrong` probably meant.
pub(super) fn nearest(wrong: &str) -> Option<&'static str> {
    if let Some(key) = KEYS.iter().find(|key| key.env.iter().any(|name| name.eq_ignore_ascii_case(wrong))) {
        return Some(key.path);
    }
    let last = wrong.rsplit('.').next().unwrap_or(wrong);
    let likeness = |key: &Key| {
        let path = strsim::jaro_winkler(key.path, wrong);
        // A right name in a wrong section, or at the top, is as good as a slip of the finger.
        let name = key.path.rsplit('.').next().map_or(0.0, |name| strsim::jaro_winkler(name, last) - 0.05);
        if key.path.contains('.') && !wrong.contains('.') { name.max(path) } else { path.max(name - 0.03) }
    };
    KEYS.iter()
        .map(|key| (likeness(key), key.path))
        .filter(|(score, _)| *score >= 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, path)| path)
}
