//! The names, kinds and descriptions of all metric families: the published list.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, Unit};

/// What a family measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something that only grows.
    Counter,
    /// Something that goes up and down.
    Gauge,
    /// Seconds, in buckets.
    Seconds,
}

macro_rules! families {
    ($($variant:ident = $name:literal, $kind:ident, $about:literal;)*) => {
        /// Every family of metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Family { $(#[doc = $about] $variant,)* }

        impl Family {
            /// Every family, in the order of the list.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The published name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What the family measures.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }

            /// What the family tells, in words.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }
        }
    };
}

families! {
    Requests = "gateway_requests_total", Counter, "Requests answered, by route and status class.";
    RequestDuration = "gateway_request_duration_seconds", Seconds, "Time from a request's first byte to its answer's last.";
    RequestOverhead = "gateway_overhead_seconds", Seconds, "The gateway's own part of that time, without the upstream's.";
    RequestsInFlight = "gateway_requests_in_flight", Gauge, "Requests being served.";
    ProviderRequests = "gateway_provider_requests_total", Counter, "Calls to upstreams, by status class of their answer.";
    ProviderDuration = "gateway_provider_request_duration_seconds", Seconds, "Time from dispatch to the end of an upstream's answer.";
    ProviderFirstByte = "gateway_provider_first_byte_seconds", Seconds, "Time from dispatch to the first byte of an upstream's body.";
    ProviderErrors = "gateway_provider_errors_total", Counter, "Calls to upstreams that failed, by kind of failure.";
    CacheLookups = "gateway_cache_lookups_total", Counter, "Lookups, by cache and by the layer that answered.";
    Tokens = "gateway_tokens_total", Counter, "Tokens used, by class; the classes are disjoint.";
    StreamsOpen = "gateway_streams_open", Gauge, "Streams being delivered.";
    StreamSessions = "gateway_stream_sessions_total", Counter, "Streams ended, by how they ended.";
    StreamDuration = "gateway_stream_duration_seconds", Seconds, "Time from a stream's first byte to its end.";
    UsageAppended = "gateway_usage_appended_total", Counter, "Usage records written to the journal.";
    UsageAppendErrors = "gateway_usage_append_errors_total", Counter, "Usage records that the journal refused.";
    UsageFlushed = "gateway_usage_flushed_total", Counter, "Usage records moved from the journal to the database.";
    UsageFlushErrors = "gateway_usage_flush_errors_total", Counter, "Batches of usage records that the database refused; they are tried again.";
    UsageFlushDuration = "gateway_usage_flush_duration_seconds", Seconds, "Time that one batch of usage records took.";
    UsageQueueDepth = "gateway_usage_queue_depth", Gauge, "Usage records that wait for the database.";
    UsageJournalBytes = "gateway_usage_journal_bytes", Gauge, "Size of the usage journal on disk.";
    BudgetDecisions = "gateway_budget_decisions_total", Counter, "Reservations of budgets and quotas, by what became of them.";
    BudgetRequests = "gateway_budget_requests_under_way", Gauge, "Requests that have set something aside of a budget or quota and were sent.";
    BudgetThresholds = "gateway_budget_thresholds_total", Counter, "Thresholds that windows of budgets and quotas have reached.";
    WebhookPosts = "gateway_webhook_posts_total", Counter, "Events posted to the webhook, by whether it took them.";
    DatabaseDuration = "gateway_database_operation_duration_seconds", Seconds, "Time that an operation of the database took.";
    DatabaseErrors = "gateway_database_errors_total", Counter, "Operations of the database that failed.";
    HotStoreDuration = "gateway_hot_store_operation_duration_seconds", Seconds, "Time that an operation of the hot store took.";
    HotStoreErrors = "gateway_hot_store_errors_total", Counter, "Operations of the hot store that failed.";
    RateLimitDecisions = "gateway_rate_limit_decisions_total", Counter, "Decisions of gates at which something is limited, by gate.";
    RateLimitRejections = "gateway_rate_limit_rejections_total", Counter, "Limits without room, by gate and kind of limit; those in shadow mode let pass.";
    RateLimitLocalFallback = "gateway_rate_limit_local_fallback", Gauge, "1 while this node counts by itself because the hot store is away.";
    RoutingDecisions = "gateway_routing_decisions_total", Counter, "Routed calls ended, by whether the model that was asked for served.";
    RoutingAttempts = "gateway_routing_attempts_total", Counter, "Attempts of routed calls, by outcome.";
    RoutingErrors = "gateway_routing_errors_total", Counter, "Routed calls that no candidate served.";
    RoutingDuration = "gateway_routing_duration_seconds", Seconds, "Time from a routed call's first dispatch until it was known who serves it.";
    RoutingHedges = "gateway_routing_hedges_total", Counter, "Routed calls that asked a second upstream before the first had answered, by which of them served.";
    Breakers = "gateway_routing_breakers", Gauge, "Circuit breakers that are not closed, by provider type and state.";
    BreakerTransitions = "gateway_routing_breaker_transitions_total", Counter, "Times that a circuit breaker came into a state.";
    LogLines = "gateway_log_lines_total", Counter, "Log lines handed to a sink's queue.";
    LogDropped = "gateway_log_dropped_total", Counter, "Log lines dropped because a sink was too slow.";
    LogWriteErrors = "gateway_log_write_errors_total", Counter, "Writes that a sink refused.";
    LogBatches = "gateway_log_batches_total", Counter, "Writes made to a sink; each carries the lines that had gathered.";
    LogQueueBytes = "gateway_log_queue_bytes", Gauge, "Bytes of log lines that wait for a sink.";
    LogFlushSeconds = "gateway_log_write_seconds_total", Counter, "Whole seconds spent writing to a sink.";
    RuntimeTasks = "gateway_runtime_tasks", Gauge, "Tasks alive in the async runtime.";
    RuntimeQueueDepth = "gateway_runtime_queue_depth", Gauge, "Tasks that wait in the async runtime's global queue.";
    BuildInfo = "gateway_build_info", Gauge, "Always 1; the label is the program's version.";
    Uptime = "gateway_uptime_seconds", Gauge, "Time since this gateway started.";
    ResidentMemory = "process_resident_memory_bytes", Gauge, "Memory of the process that is in RAM.";
    CpuSeconds = "process_cpu_seconds", Gauge, "Processor time that the process has used, in user and system mode.";
    OpenFiles = "process_open_fds", Gauge, "File descriptors that the process holds.";
    Threads = "process_threads", Gauge, "Threads of the process.";
}

/// A label: its name and its value.
pub type Tag = (&'static str, &'static str);

impl Family {
    fn key(self, tags: &[Tag]) -> Key {
        let labels: Vec<Label> = tags.iter().map(|(name, value)| Label::from_static_parts(name, value)).collect();
        Key::from_parts(self.name(), labels)
    }

    /// Registers one counter of this family.
    pub fn counter(self, recorder: &dyn Recorder, tags: &[Tag]) -> Counter {
        debug_assert_eq!(self.kind(), Kind::Counter, "{}", self.name());
        recorder.register_counter(&self.key(tags), &METADATA)
    }

    /// Registers one gauge of this family.
    pub fn gauge(self, recorder: &dyn Recorder, tags: &[Tag]) -> Gauge {
        debug_assert_eq!(self.kind(), Kind::Gauge, "{}", self.name());
        recorder.register_gauge(&self.key(tags), &METADATA)
    }

    /// Registers one histogram of this family.
    pub fn histogram(self, recorder: &dyn Recorder, tags: &[Tag]) -> Histogram {
        debug_assert_eq!(self.kind(), Kind::Seconds, "{}", self.name());
        recorder.register_histogram(&self.key(tags), &METADATA)
    }
}

static METADATA: Metadata<'static> = Metadata::new("odock_gateway", Level::INFO, Some("odock_gateway"));

/// Tells a recorder what every family is.
pub(in crate::telemetry) fn describe(recorder: &dyn Recorder) {
    for family in Family::ALL {
        let (name, about) = (KeyName::from_const_str(family.name()), family.about().into());
        match family.kind() {
            Kind::Counter => recorder.describe_counter(name, None, about),
            Kind::Gauge => recorder.describe_gauge(name, None, about),
            Kind::Seconds => recorder.describe_histogram(name, Some(Unit::Seconds), about),
        }
    }
}
