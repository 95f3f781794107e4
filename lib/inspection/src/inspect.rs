//! The inspection: which checks are made, and in which order.

use crate::media_type::Ends;
use crate::window::{Stop, Window};
use crate::{Check, Declared, Findings, Settings, Source, archive, image, media_type};

/// An inspection that has no findings.
#[derive(Debug, thiserror::Error)]
pub enum InspectError<E> {
    /// A read of the source failed.
    #[error("read a range of the file")]
    Source(#[source] E),
    /// The source returned fewer or more bytes than the range has.
    #[error("a range of the file has another length than was asked for")]
    WrongLength,
}

/// Inspects a file of `size` bytes.
///
/// # Errors
///
/// Fails only if a read of the source does. A file that cannot be read as what it seems to be has a reason to reject it.
pub async fn inspect<S: Source + Send>(
    settings: &Settings,
    declared: Declared<'_>,
    size: u64,
    source: &mut S,
) -> Result<Findings, InspectError<S::Error>>
where
    S::Error: Send,
{
    let mut findings = Findings::default();
    let mut window = Window::new(source, size);
    if settings.is_empty() {
        return Ok(findings);
    }
    let ends = match Ends::read(&mut window).await {
        Ok(ends) => ends,
        Err(stop) => {
            conclude(Check::Type, Err(stop), &mut findings)?;
            return Ok(findings);
        }
    };
    if let Some(check) = &settings.media_type {
        let result = media_type::check(check, declared, &mut window, &ends, &mut findings).await;
        conclude(Check::Type, result, &mut findings)?;
    }
    if let Some(check) = &settings.image {
        let result = image::check(check, &mut window, &mut findings).await;
        conclude(Check::Image, result, &mut findings)?;
    }
    if let Some(check) = &settings.archive {
        let result = archive::check(check, &mut window, &ends, &mut findings).await;
        conclude(Check::Archive, result, &mut findings)?;
    }
    Ok(findings)
}

/// Turns a check that would have taken too many reads into a reason.
fn conclude<E>(check: Check, result: Result<(), Stop<E>>, findings: &mut Findings) -> Result<(), InspectError<E>> {
    match result {
        Ok(()) => Ok(()),
        Err(Stop::Source(error)) => Err(InspectError::Source(error)),
        Err(Stop::WrongLength) => Err(InspectError::WrongLength),
        Err(Stop::TooManyReads) => {
            findings.reject(check, "TOO_MANY_READS", "The file is spread too far to be checked.");
            Ok(())
        }
    }
}
