//! Logs, metrics and trace context: the same in every process.

use std::{io::IsTerminal as _, net::SocketAddr, str::FromStr, time::Duration};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use uuid::Uuid;

/// How logs are written.
#[derive(Debug, Clone, clap::Args)]
pub struct LogArgs {
    /// What to log, as a tracing filter.
    #[arg(long = "log", env = "REMIT_LOG", default_value = "info")]
    pub filter: String,
    /// `json` or `text`; by default text in a terminal and JSON elsewhere.
    #[arg(long = "log-format", env = "REMIT_LOG_FORMAT")]
    pub format: Option<LogFormat>,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Starts logging, on standard error.
///
/// # Errors
/// When the filter cannot be read.
pub fn init_logs(args: &LogArgs) -> Result<(), String> {
    let filter = EnvFilter::from_str(&args.filter).map_err(|error| format!("REMIT_LOG: {error}"))?;
    let terminal = std::io::stderr().is_terminal();
    let format = args.format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).init(),
        LogFormat::Text => builder.with_ansi(terminal).with_target(false).init(),
    }
    Ok(())
}

/// Seconds: the bounds of every duration that we measure.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_duration_seconds".into()), &SECONDS)
}

/// How often what was measured is summed up; until then each single value is kept.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Collects metrics for a process that serves them itself.
///
/// # Errors
/// When another collector was installed before.
pub fn init_metrics() -> Result<PrometheusHandle, BuildError> {
    let metrics = builder()?.install_recorder()?;
    let handle = metrics.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP_EVERY).await;
            handle.run_upkeep();
        }
    });
    Ok(metrics)
}

/// Collects metrics and serves them at `http://{address}/metrics`, with `/health` beside it.
///
/// # Errors
/// When the address cannot be bound.
pub fn serve_metrics(address: SocketAddr) -> Result<(), BuildError> {
    builder()?.with_http_listener(address).install()
}

/// A W3C `traceparent`, taken from a request or made anew. It travels with the job to the worker, so
/// that the lines of one payment can be found by one id.
#[must_use]
pub fn traceparent(received: Option<&str>) -> String {
    match received {
        Some(text) if trace_id(text).is_some() => text.to_owned(),
        _ => {
            let span = Uuid::new_v4().simple().to_string();
            format!("00-{}-{}-01", Uuid::new_v4().simple(), &span[..16])
        }
    }
}

/// The trace id within a `traceparent`, if it is one.
#[must_use]
pub fn trace_id(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let well_formed =
        hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2) && parts.next().is_none();
    (well_formed && trace.bytes().any(|b| b != b'0')).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_context_is_taken_when_it_is_one_and_made_when_not() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(traceparent(Some(given)), given);
        assert_eq!(trace_id(given), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        for text in ["", "00-1-2-3", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "x\r\ny"] {
            let made = traceparent(Some(text));
            assert!(trace_id(&made).is_some(), "{made}");
            assert_ne!(made, text);
        }
    }
}
