//! The count of all buckets after a sweep.

use draftstore_service::UsageCounter;
use draftstore_service::usage_counter::CountError;

use crate::SweepMetrics;

/// Continues the count of all buckets, and sets its metrics. A failure is only logged: the next sweep continues.
pub async fn count_usage(counter: &UsageCounter, metrics: &SweepMetrics) {
    match counter.count().await {
        Ok(None) => {}
        Ok(Some(usage)) => {
            tracing::debug!(lists = usage.lists, "usage counted");
            if let Some(last) = &usage.last {
                metrics.counted(last);
            }
        }
        Err(CountError::Taken) => tracing::info!("usage counted by another sweep"),
        Err(CountError::Store(error)) => {
            let error = &error as &dyn std::error::Error;
            let remedy = "let the sweep list main and write .drafts/usage/ in the draft bucket, or set USAGE_LISTS=0";
            tracing::warn!(error, remedy, "usage not counted");
        }
    }
}
