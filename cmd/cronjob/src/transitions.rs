//! The moves of confirmed objects to other storage classes.

use draftstore_service::Cleaner;
use draftstore_service::cleaner::{Mode, TransitionsSwept};
use draftstore_storage::{Error, ListedObject};

use crate::SweepMetrics;

/// Moves objects to the storage classes of their age, logs the result, and sets its metrics.
///
/// # Errors
/// Returns the error of the sweep, which is logged too.
pub async fn sweep_transitions(
    cleaner: &Cleaner,
    mode: Mode,
    found: &mut (dyn FnMut(&ListedObject, &str) + Send),
    metrics: &SweepMetrics,
) -> Result<TransitionsSwept, Error> {
    let swept = cleaner.sweep_transitions(mode, found).await;
    match &swept {
        Ok(swept) => {
            metrics.moved(swept);
            if *swept != TransitionsSwept::default() {
                let TransitionsSwept { moved, failed, bytes } = *swept;
                tracing::info!(moved, failed, bytes, "objects moved to storage classes");
            }
        }
        Err(error) => {
            let error = error as &dyn std::error::Error;
            let remedy = "allow what manifest/iam/cronjob-transitions.json allows, or unset TRANSITIONS";
            tracing::error!(error, remedy, "objects not moved");
        }
    }
    swept
}
