//! Inspects files, and prints a line of JSON for each: its findings, and the reads that they took.
//!
//! The input is a line of JSON for each file, with `path`, and if there is any `declared`, `allowed` and `settings`.

use std::fs::File;
use std::io::{self, BufRead as _, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use draftstore_inspection::{Declared, Settings, Source, inspect};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    path: String,
    declared: Option<String>,
    allowed: Option<Vec<String>>,
    settings: Settings,
}

/// A file on disk that counts its reads.
struct Counted {
    file: File,
    reads: u64,
    bytes: u64,
}

impl Source for Counted {
    type Error = io::Error;

    fn read(&mut self, range: Range<u64>) -> impl Future<Output = io::Result<Bytes>> + Send {
        self.reads += 1;
        self.bytes += range.end - range.start;
        let mut buffer = vec![0; usize::try_from(range.end - range.start).unwrap_or(0)];
        let result = self.file.read_exact_at(&mut buffer, range.start);
        std::future::ready(result.map(|()| buffer.into()))
    }
}

fn main() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let input: Input = serde_json::from_str(&line?)?;
        let file = File::open(&input.path)?;
        let size = file.metadata()?.len();
        let mut source = Counted {
            file,
            reads: 0,
            bytes: 0,
        };
        let declared = Declared {
            media_type: input.declared.as_deref(),
            allowed: input.allowed.as_deref(),
        };
        let polled = {
            let inspection = pin!(inspect(&input.settings, declared, size, &mut source));
            inspection.poll(&mut Context::from_waker(Waker::noop()))
        };
        let Poll::Ready(findings) = polled else {
            return Err(io::Error::other("a read of a file does not wait"));
        };
        let findings = findings.map_err(io::Error::other)?;
        let reasons: Vec<_> = findings
            .reasons
            .iter()
            .map(|reason| json!({ "check": reason.check, "code": reason.code, "detail": reason.detail }))
            .collect();
        let output = json!({
            "path": input.path,
            "media_type": findings.media_type,
            "reasons": reasons,
            "reads": source.reads,
            "bytes": source.bytes,
        });
        writeln!(io::stdout(), "{output}")?;
    }
    Ok(())
}
