//! The sweep of the copies of replaced objects.

use draftstore_service::Cleaner;
use draftstore_service::cleaner::{Expired, Mode, ReplacedSwept};
use draftstore_storage::Error;

/// Deletes the copies of replaced objects that have expired, and logs the result.
///
/// # Errors
/// Returns the error of a list, which is logged too.
pub async fn sweep_replaced(
    cleaner: &Cleaner,
    mode: Mode,
    found: &mut (dyn for<'a> FnMut(Expired<'a>) + Send),
) -> Result<ReplacedSwept, Error> {
    let swept = cleaner.sweep_replaced(mode, found).await;
    match &swept {
        Ok(swept) if *swept == ReplacedSwept::default() => {}
        Ok(swept) => tracing::info!(
            deleted = swept.deleted,
            failed = swept.failed,
            bytes = swept.bytes,
            "replaced copies swept"
        ),
        Err(error) => {
            let error = error as &dyn std::error::Error;
            let remedy = "let the sweep list main, and delete under .replaced/ there";
            tracing::error!(error, remedy, "replaced copies not swept");
        }
    }
    swept
}
