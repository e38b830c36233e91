//! What a scrape shows after something was recorded.

use std::sync::Arc;
use std::time::Duration;

use entity::usage::TokenUsage;

use super::*;
use crate::telemetry::Telemetry;

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "no line {line} in\n{text}");
}

#[test]
fn a_request_shows_by_route_and_status_class() {
    let telemetry = Telemetry::new(None);
    let route = telemetry.metrics.route("/v1/chat/completions");
    let guard = route.start();
    route.finished(200, Duration::from_millis(300), Duration::from_micros(70));
    route.finished(404, Duration::from_millis(1), Duration::from_micros(70));
    route.finished(499, Duration::from_millis(1), Duration::from_micros(70));
    let text = telemetry.render();
    for class in ["2xx", "4xx", "499"] {
        has(&text, &format!("gateway_requests_total{{route=\"/v1/chat/completions\",status=\"{class}\"}} 1"));
    }
    has(&text, "gateway_requests_in_flight{route=\"/v1/chat/completions\"} 1");
    has(&text, "gateway_request_duration_seconds_bucket{route=\"/v1/chat/completions\",le=\"0.5\"} 3");
    has(&text, "gateway_request_duration_seconds_bucket{route=\"/v1/chat/completions\",le=\"0.25\"} 2");
    has(&text, "gateway_overhead_seconds_bucket{route=\"/v1/chat/completions\",le=\"0.0001\"} 3");
    drop(guard);
    has(&telemetry.render(), "gateway_requests_in_flight{route=\"/v1/chat/completions\"} 0");
}

#[test]
fn an_upstream_call_shows_its_answer_failure_tokens_and_stream() {
    let telemetry = Telemetry::new(None);
    let provider = telemetry.metrics.provider("openai", "chat_completions");
    provider.answered(200);
    provider.failed(Failure::RateLimited);
    provider.tokens(&TokenUsage { input_text: 7, output_reasoning: 5, ..TokenUsage::default() });
    provider.stream().end(StreamEnd::Completed);
    drop(provider.stream());
    let open = provider.stream();
    let text = telemetry.render();
    let tags = "provider=\"openai\",endpoint=\"chat_completions\"";
    has(&text, &format!("gateway_provider_requests_total{{{tags},status=\"2xx\"}} 1"));
    has(&text, &format!("gateway_provider_errors_total{{{tags},kind=\"rate_limit\"}} 1"));
    has(&text, &format!("gateway_tokens_total{{{tags},class=\"input_text\"}} 7"));
    has(&text, &format!("gateway_tokens_total{{{tags},class=\"output_reasoning\"}} 5"));
    has(&text, &format!("gateway_stream_sessions_total{{{tags},end=\"completed\"}} 1"));
    has(&text, &format!("gateway_stream_sessions_total{{{tags},end=\"cancelled\"}} 1"));
    has(&text, &format!("gateway_streams_open{{{tags}}} 1"));
    open.end(StreamEnd::Failed);
    has(&telemetry.render(), &format!("gateway_streams_open{{{tags}}} 0"));
}

#[tokio::test]
async fn an_operation_that_fails_is_measured_and_counted() {
    let telemetry = Telemetry::new(None);
    let operation = telemetry.metrics.database("find_key");
    assert_eq!(operation.measure(async { Err::<(), _>("gone") }).await, Err("gone"));
    assert_eq!(operation.measure(async { Ok::<_, ()>(1) }).await, Ok(1));
    let text = telemetry.render();
    has(&text, "gateway_database_errors_total{operation=\"find_key\"} 1");
    has(&text, "gateway_database_operation_duration_seconds_count{operation=\"find_key\"} 2");
}

#[test]
fn gateways_in_one_process_do_not_see_each_others_metrics() {
    let (one, two) = (Telemetry::new(None), Telemetry::new(None));
    one.metrics.usage().appended(3);
    one.metrics.cache("api_key").looked_up(Lookup::Negative);
    has(&one.render(), "gateway_usage_appended_total 3");
    has(&two.render(), "gateway_usage_appended_total 0");
    assert!(!two.render().contains("gateway_cache_lookups_total{"));
}

#[test]
fn the_same_labels_share_their_handles_even_when_asked_for_at_once() {
    let metrics = Telemetry::new(None).metrics;
    let found: Vec<Arc<RouteMetrics>> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| metrics.route("/v1/models"))).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(found.iter().all(|route| Arc::ptr_eq(route, &found[0])));
}

#[test]
fn names_follow_the_conventions_and_are_unique() {
    let mut names: Vec<&str> = Family::ALL.iter().map(|family| family.name()).collect();
    for family in Family::ALL {
        assert_eq!(family.kind() == Kind::Counter, family.name().ends_with("_total"), "{}", family.name());
        assert!(family.kind() != Kind::Seconds || family.name().ends_with("_seconds"), "{}", family.name());
        assert!(family.about().ends_with('.'), "{}", family.name());
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Family::ALL.len());
}
