//! Receiving an object's bytes, through as many connections as it takes.

use std::path::Path;

use draftstore_proto::v1::GetDownloadUrlResponse;
use reqwest::header::{CONTENT_RANGE, ETAG, IF_MATCH, RANGE};
use reqwest::{Response, StatusCode};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::partial::Partial;
use super::{Version, issue, replaced};
use crate::cli::Download;
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Bar;
use crate::store::{Meter, Trouble, broken, read_refusal, unless_stalled};

/// One download under way.
#[derive(Debug)]
pub(super) struct Receiver<'a> {
    context: &'a Context,
    request: &'a Download,
    http: &'a reqwest::Client,
    pub(super) version: Version,
    pub(super) bar: Bar,
}

impl<'a> Receiver<'a> {
    pub(super) async fn new(
        context: &'a Context,
        request: &'a Download,
        version: Version,
        bar: Bar,
    ) -> Result<Self, Failure> {
        Ok(Self {
            context,
            request,
            http: context.http().await?,
            version,
            bar,
        })
    }

    /// Everything to standard output. Gives how many bytes came.
    pub(super) async fn fill_stdout(&self, issued: GetDownloadUrlResponse) -> Result<u64, Failure> {
        self.receive(issued, 0, &mut tokio::io::stdout()).await
    }

    /// What is missing to a file beside the target, which then takes its place. Gives how many bytes came.
    pub(super) async fn fill_file(
        &self,
        issued: GetDownloadUrlResponse,
        target: &Path,
        force: bool,
    ) -> Result<u64, Failure> {
        let partial = Partial::of(target, &self.version)?;
        if partial.len > 0 {
            self.bar.was_there(partial.len);
        }
        let file = partial.file.try_clone().map_err(|error| partial.failure(&error))?;
        let mut file = tokio::fs::File::from_std(file);
        let received = self.receive(issued, partial.len, &mut file).await?;
        partial.finish(target, force)?;
        Ok(received)
    }

    async fn receive(
        &self,
        mut issued: GetDownloadUrlResponse,
        from: u64,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<u64, Failure> {
        let mut retries = self.context.retries();
        let meter = Meter::new(self.bar.clone());
        while from + meter.taken() < self.version.size {
            let before = meter.taken();
            let ended = self.receive_once(&issued, from, to, &meter).await;
            // An end that was too early is no reason to give up as long as something comes.
            let moved = meter.taken() > before;
            if moved {
                retries = self.context.retries();
            }
            let trouble = match ended {
                Ok(()) if moved => continue,
                Ok(()) => no_more_bytes(),
                Err(trouble) => trouble,
            };
            let (failure, after) = match trouble {
                Trouble::Final(failure) => return Err(failure),
                Trouble::Url(failure) => (failure, None),
                Trouble::Passing { why, after } => (Failure::unavailable(why), after),
            };
            if !retries.wait(&failure.message, after).await {
                return Err(failure);
            }
            issued = issue(self.context, self.request).await?;
            if issued.etag.as_ref() != Some(&self.version.etag) {
                return Err(replaced());
            }
        }
        to.flush().await.map_err(|error| written(&error))?;
        Ok(meter.taken())
    }

    /// One answer's bytes, up to where it breaks off. The meter counts what was written.
    async fn receive_once(
        &self,
        issued: &GetDownloadUrlResponse,
        from: u64,
        to: &mut (impl AsyncWrite + Unpin),
        meter: &Meter,
    ) -> Result<(), Trouble> {
        let at = from + meter.taken();
        let get = self
            .http
            .get(&issued.download_url)
            .header(RANGE, format!("bytes={at}-"))
            .header(IF_MATCH, format!("\"{}\"", self.version.etag));
        let answer = unless_stalled(get.send(), meter).await.ok_or_else(no_more_bytes)?;
        let mut answer = self.check(answer.map_err(broken)?, at).await?;
        loop {
            let chunk = unless_stalled(answer.chunk(), meter).await.ok_or_else(no_more_bytes)?;
            let Some(chunk) = chunk.map_err(broken)? else {
                return Ok(());
            };
            let len = chunk.len() as u64;
            if from + meter.taken() + len > self.version.size {
                return Err(Trouble::Final(Failure::nonsense("the store sends more than there is")));
            }
            let wrote = to.write_all(&chunk).await;
            wrote.map_err(|error| Trouble::Final(written(&error)))?;
            meter.add(len);
        }
    }

    /// Whether it is an answer to what was asked: from this byte on, of this version.
    async fn check(&self, answer: Response, at: u64) -> Result<Response, Trouble> {
        match answer.status() {
            StatusCode::PARTIAL_CONTENT => {}
            StatusCode::PRECONDITION_FAILED => return Err(Trouble::Final(replaced())),
            status if status.is_success() => {
                return Err(Trouble::Final(Failure::nonsense("the store does not send ranges")));
            }
            _ => return Err(read_refusal(answer, false).await),
        }
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let begins = header(CONTENT_RANGE).is_some_and(|range| range.starts_with(&format!("bytes {at}-")));
        let etag = header(ETAG).map(|etag| etag.trim_matches('"'));
        if etag.is_some_and(|etag| etag != self.version.etag) {
            Err(Trouble::Final(replaced()))
        } else if begins {
            Ok(answer)
        } else {
            Err(Trouble::Final(Failure::nonsense("the store sends another range")))
        }
    }
}

fn no_more_bytes() -> Trouble {
    Trouble::Passing {
        why: "the store sends no more bytes".to_owned(),
        after: None,
    }
}

fn written(error: &std::io::Error) -> Failure {
    Failure::local("what comes cannot be written", error)
}
