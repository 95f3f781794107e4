//! What a sweep came to, put where monitoring finds it: the cronjob ends, and nobody can scrape it then.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::ensure;
use draftstore_cronjob::ReportSettings;
use draftstore_runtime::HttpClient;
use draftstore_runtime::metrics::{CONTENT_TYPE, LAST_SUCCESS, Metrics, StoreCalls, Sweeps};
use draftstore_service::cleaner::{Part, Summary};
use hyper::{Request, header};

/// Under which group a Pushgateway keeps the figures: those of a part of the bucket beside those of the others.
fn group(part: Part) -> String {
    let job = "job/draftstore_cronjob";
    part.index()
        .map_or_else(|| job.to_owned(), |index| format!("{job}/shard/{index}"))
}

/// The time for a Pushgateway to answer. One that needs longer gets the figures of the next sweep.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum length of its answer, in bytes: a sentence about an error.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The figures, and where they go.
#[derive(Debug)]
pub(crate) struct Report {
    metrics: Metrics,
    sweeps: Sweeps,
    pub(crate) store_calls: Arc<StoreCalls>,
    to: ReportSettings,
    group: String,
}

impl Report {
    /// Of sweeps of this part, with what the last process left in the file.
    pub(crate) fn new(to: ReportSettings, part: Part) -> Self {
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
        let sweeps = Sweeps::new(&metrics);
        if let Some(before) = to.textfile.as_deref().and_then(last_success) {
            sweeps.succeeded_at(before);
        }
        Self {
            store_calls: Arc::new(StoreCalls::new(&metrics)),
            sweeps,
            metrics,
            to,
            group: group(part),
        }
    }

    /// Puts down how a sweep ended; none: it could not begin. What cannot be put down is logged: it is no reason to fail.
    pub(crate) async fn ended(&self, summary: Option<&Summary>, went_through: bool) {
        let none = Summary::default();
        self.sweeps
            .ended(summary.unwrap_or(&none), went_through, SystemTime::now());
        let text = self.metrics.text();
        if let Some(path) = &self.to.textfile
            && let Err(error) = replace(path, &text)
        {
            tracing::error!(%error, path = %path.display(), "METRICS_TEXTFILE cannot be written");
        }
        if let Some(url) = &self.to.pushgateway
            && let Err(error) = push(url, &self.group, &text).await
        {
            tracing::error!(error = format!("{error:#}"), "PUSHGATEWAY_URL cannot be reached");
        }
    }
}

/// What the file says of the last success; nothing where there is no file, or it says nothing.
fn last_success(path: &Path) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(LAST_SUCCESS)?.strip_prefix(' '));
    value?.parse().ok()
}

/// As a whole: whoever reads it meanwhile reads the old one. Readable by all, for `node_exporter` is another user.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // Not by the ending that the collector looks for.
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let replaced = fs::write(&draft, text).and_then(|()| fs::rename(&draft, path));
    if replaced.is_err() {
        // There may be nothing to remove.
        let _ = fs::remove_file(&draft);
    }
    replaced
}

/// By POST, which leaves there what this does not name: an earlier process' success.
async fn push(url: &str, group: &str, text: &str) -> anyhow::Result<()> {
    let request = Request::post(format!("{url}/metrics/{group}"))
        .header(header::CONTENT_TYPE, CONTENT_TYPE)
        .body(without_unknown(text))?;
    let status = HttpClient::new(TIMEOUT, MAX_RESPONSE_BYTES)
        .send(request)
        .await?
        .status();
    ensure!(status.is_success(), "it answered {status}");
    Ok(())
}

/// Without the last success, where this process knows of none.
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
    fn success_that_nobody_knows_of_is_not_pushed_over_one_that_somebody_does() {
        let metrics = Metrics::new("1");
        let sweeps = Sweeps::new(&metrics);
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
