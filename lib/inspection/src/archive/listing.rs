//! An archive of any kind that can be listed.

use std::pin::Pin;

use bytes::Bytes;

use super::memory::Memory;
use super::report::Report;
use super::{gzip, tar, zip_listing};
use crate::Source;
use crate::window::{Stop, Window};
use crate::zip::LOCAL_HEADER;

/// A kind of archive that can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Zip,
    Tar,
    Gzip,
}

/// Finds the kind of archive with which bytes begin.
pub(super) fn kind(head: &[u8]) -> Option<Kind> {
    if head.starts_with(LOCAL_HEADER) || head.starts_with(b"PK\x05\x06") {
        Some(Kind::Zip)
    } else if head.starts_with(&[0x1f, 0x8b]) {
        Some(Kind::Gzip)
    } else {
        tar::is_tar(head).then_some(Kind::Tar)
    }
}

/// Lists an archive of a kind at a depth.
pub(super) async fn list<S: Source + Send>(
    kind: Kind,
    window: &mut Window<'_, S>,
    report: &mut Report<'_>,
    depth: u32,
) -> Result<(), Stop<S::Error>>
where
    S::Error: Send,
{
    match kind {
        Kind::Zip => zip_listing::list(window, report, depth).await,
        Kind::Tar => tar::list(window, report, depth).await,
        Kind::Gzip => gzip::list(window, report, depth).await,
    }
}

/// Lists an archive that lies in another one, at the depth of the inner one. Bytes that are no archive are accepted.
pub(super) fn list_inside<'a>(
    bytes: Bytes,
    report: &'a mut Report<'_>,
    depth: u32,
) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
    Box::pin(async move {
        let Some(kind) = kind(&bytes) else {
            return;
        };
        if !report.may_open(depth) {
            return;
        }
        let size = bytes.len() as u64;
        let mut memory = Memory(bytes);
        let mut window = Window::new(&mut memory, size);
        match list(kind, &mut window, report, depth).await {
            Ok(()) => {}
            Err(Stop::Source(never)) => match never {},
            Err(Stop::WrongLength | Stop::TooManyReads) => report.nested_too_large(),
        }
    })
}
