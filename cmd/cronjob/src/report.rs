//! The report of a sweep: metrics in a file or a Pushgateway, because the cronjob ends before it could be scraped.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use draftstore_config::parse::UrlWithUser;
use draftstore_cronjob::{LAST_SUCCESS, ReportSettings, SweepMetrics};
use draftstore_proxy::basic;
use draftstore_runtime::HttpClient;
use draftstore_service::cleaner::{Slice, Summary};
use draftstore_telemetry::metrics::{CONTENT_TYPE, Metrics, StoreCalls};
use hyper::{Request, header};

/// Returns the group of the metrics at a Pushgateway. Each shard has its own.
fn group(slice: Slice) -> String {
    let job = "job/draftstore_cronjob";
    slice
        .index()
        .map_or_else(|| job.to_owned(), |index| format!("{job}/shard/{index}"))
}

/// The timeout for a Pushgateway. After a timeout it gets the metrics of the next sweep.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum size of a Pushgateway's response, in bytes. It is empty, or an error message.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The metrics of sweeps, and their destinations.
#[derive(Debug)]
pub(crate) struct Report {
    metrics: Metrics,
    pub(crate) sweeps: SweepMetrics,
    pub(crate) store_calls: Arc<StoreCalls>,
    to: ReportSettings,
    group: String,
}

impl Report {
    /// Creates the report of sweeps of this shard, with the last success from the file of an earlier process.
    pub(crate) fn new(to: ReportSettings, slice: Slice) -> Self {
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
        let sweeps = SweepMetrics::new(&metrics);
        if let Some(before) = to.textfile.as_deref().and_then(last_success) {
            sweeps.succeeded_at(before);
        }
        Self {
            store_calls: Arc::new(StoreCalls::new(&metrics)),
            sweeps,
            metrics,
            to,
            group: group(slice),
        }
    }

    /// Reports the end of a sweep; the summary is `None` if it could not start. A failure to report is only logged, and does
    /// not fail the sweep.
    pub(crate) async fn ended(&self, summary: Option<&Summary>, success: bool) {
        let none = Summary::default();
        self.sweeps.ended(summary.unwrap_or(&none), success, SystemTime::now());
        let text = self.metrics.text();
        if let Some(path) = &self.to.textfile
            && let Err(error) = replace(path, &text)
        {
            tracing::error!(%error, variable = "METRICS_TEXTFILE", path = %path.display(), "metrics file not written");
        }
        if let Some(url) = &self.to.pushgateway
            && let Err(error) = push(url, &self.group, &text).await
        {
            tracing::error!(
                error = format!("{error:#}"),
                variable = "PUSHGATEWAY_URL",
                "metrics not pushed"
            );
        }
    }
}

/// Returns the last success from the file, or `None` if the file is absent or has none.
fn last_success(path: &Path) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(LAST_SUCCESS)?.strip_prefix(' '));
    value?.parse().ok()
}

/// Replaces the file atomically, so that a concurrent reader gets the old one or the new one. The file is readable by all,
/// because `node_exporter` runs as another user.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // Without the extension that the collector reads.
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let replaced = fs::write(&draft, text).and_then(|()| fs::rename(&draft, path));
    if replaced.is_err() {
        // The file may not exist.
        let _ = fs::remove_file(&draft);
    }
    replaced
}

/// Sends the metrics by POST, which keeps metrics that are not in the request: the last success of an earlier process.
async fn push(to: &UrlWithUser, group: &str, text: &str) -> anyhow::Result<()> {
    let url = &to.url;
    let mut request = Request::post(format!("{url}/metrics/{group}")).header(header::CONTENT_TYPE, CONTENT_TYPE);
    if let Some((user, password)) = &to.user {
        let authorization = basic(user, password).context("the user or the password cannot be sent")?;
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.body(without_unknown(text))?;
    let status = HttpClient::new(TIMEOUT, MAX_RESPONSE_BYTES)
        .send(request)
        .await?
        .status();
    ensure!(status.is_success(), "response status {status}");
    Ok(())
}

/// Returns the metrics without the last success, if this process knows of none.
fn without_unknown(text: &str) -> String {
    let unknown = format!("{LAST_SUCCESS} 0");
    if !text.lines().any(|line| line == unknown) {
        return text.to_owned();
    }
    let kept = text.lines().filter(|line| !line.contains(LAST_SUCCESS));
    kept.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn push_without_a_known_success_keeps_the_earlier_one() {
        let metrics = Metrics::new("1");
        let sweeps = SweepMetrics::new(&metrics);
        sweeps.ended(&Summary::default(), false, SystemTime::now());
        let text = without_unknown(&metrics.text());
        assert!(
            !text.contains(LAST_SUCCESS) && text.contains("draftstore_sweep_success 0\n"),
            "{text}"
        );
        sweeps.ended(&Summary::default(), true, SystemTime::now());
        let text = metrics.text();
        assert!(text.contains(LAST_SUCCESS));
        assert_eq!(without_unknown(&text), text);
    }
}
