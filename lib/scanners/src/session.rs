//! One scan by one daemon: the command `INSTREAM`.
//!
//! Source: <https://docs.clamav.net/manual/Usage/Scanning.html#clamd>

use std::io;
use std::time::Duration;

use bytes::Bytes;
use draftstore_inspection::Source;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::{Address, Clamd};

/// The size of a piece of the file. Two are in memory at once: while one is sent, the next is read.
const PIECE: u64 = 384 * 1024;

/// The most bytes of an answer.
const MAX_ANSWER: u64 = 4096;

const COMMAND: &[u8] = b"zINSTREAM\0";

/// The names of signatures by which clamd says that it did not scan a file whole.
const LIMITS: &str = "Heuristics.Limits.Exceeded";

/// An answer of a daemon.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Clean,
    Found(String),
    TooLarge,
}

/// A session without an answer.
#[derive(Debug)]
pub(crate) enum Failure<E> {
    Source(E),
    WrongLength,
    /// The daemon did not answer, or answered an error.
    Daemon(String),
}

/// Sends a file to a daemon, and returns its answer.
pub(crate) async fn run<S: Source>(
    clamd: &Clamd,
    address: &Address,
    size: u64,
    source: &mut S,
) -> Result<Reply, Failure<S::Error>> {
    match address {
        Address::Tcp(address) => {
            let stream = within(clamd.timeout, "connect", TcpStream::connect(address)).await?;
            let (reader, writer) = stream.into_split();
            exchange(clamd, reader, writer, size, source).await
        }
        Address::Unix(path) => {
            let stream = within(clamd.timeout, "connect", UnixStream::connect(path)).await?;
            let (reader, writer) = stream.into_split();
            exchange(clamd, reader, writer, size, source).await
        }
    }
}

async fn exchange<S: Source>(
    clamd: &Clamd,
    reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    size: u64,
    source: &mut S,
) -> Result<Reply, Failure<S::Error>> {
    let mut answer = std::pin::pin!(read_answer(reader));
    within(clamd.timeout, "send", writer.write_all(COMMAND)).await?;
    let mut place = 0;
    let mut piece = read_piece(source, place, size).await?;
    while !piece.is_empty() {
        place += piece.len() as u64;
        let sending = timeout(clamd.timeout, send(&mut writer, &piece));
        // A daemon that has had enough answers and closes the connection: its answer counts, and not the broken pipe.
        let (sent, next) = tokio::select! {
            early = &mut answer => return early_reply(early),
            both = async { tokio::join!(sending, read_piece(source, place, size)) } => both,
        };
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let early = timeout(clamd.timeout, &mut answer).await;
                return early.map_or_else(|_| Err(daemon("send", &error)), early_reply);
            }
            Err(_) => return Err(Failure::Daemon("send: timeout".to_owned())),
        }
        piece = next?;
    }
    within(clamd.timeout, "send", writer.write_all(&0_u32.to_be_bytes())).await?;
    let text = within(clamd.scan_timeout, "scan", answer).await?;
    parse(&text).ok_or(Failure::Daemon(format!("answer {text:?}")))
}

/// Reads the piece that begins at a place. None is left at the end.
async fn read_piece<S: Source>(source: &mut S, place: u64, size: u64) -> Result<Bytes, Failure<S::Error>> {
    let end = size.min(place + PIECE);
    if place == end {
        return Ok(Bytes::new());
    }
    let piece = source.read(place..end).await.map_err(Failure::Source)?;
    if piece.len() as u64 == end - place {
        Ok(piece)
    } else {
        Err(Failure::WrongLength)
    }
}

async fn send(writer: &mut (impl AsyncWrite + Unpin), piece: &[u8]) -> io::Result<()> {
    let length = u32::try_from(piece.len()).map_err(io::Error::other)?;
    writer.write_all(&length.to_be_bytes()).await?;
    writer.write_all(piece).await
}

/// Reads an answer, which a zero ends. What follows is not read: it may be that the daemon resets the connection.
async fn read_answer(reader: impl AsyncRead + Unpin) -> io::Result<String> {
    let mut answer = Vec::new();
    BufReader::new(reader.take(MAX_ANSWER))
        .read_until(0, &mut answer)
        .await?;
    if answer.pop() != Some(0) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Takes an answer that comes before the whole file was sent. It cannot be that the file is clean.
fn early_reply<E>(answer: io::Result<String>) -> Result<Reply, Failure<E>> {
    let text = answer.map_err(|error| daemon("receive", &error))?;
    match parse(&text) {
        Some(Reply::Clean) | None => Err(Failure::Daemon(format!("answer {text:?} before the end of the file"))),
        Some(reply) => Ok(reply),
    }
}

fn parse(answer: &str) -> Option<Reply> {
    if answer.starts_with("INSTREAM size limit exceeded") {
        return Some(Reply::TooLarge);
    }
    let result = answer.strip_prefix("stream: ")?;
    if result == "OK" {
        return Some(Reply::Clean);
    }
    let name = result.strip_suffix(" FOUND")?;
    if name.starts_with(LIMITS) {
        Some(Reply::TooLarge)
    } else {
        Some(Reply::Found(name.to_owned()))
    }
}

async fn within<T, E>(
    limit: Duration,
    what: &str,
    action: impl Future<Output = io::Result<T>>,
) -> Result<T, Failure<E>> {
    match timeout(limit, action).await {
        Ok(result) => result.map_err(|error| daemon(what, &error)),
        Err(_) => Err(Failure::Daemon(format!("{what}: timeout"))),
    }
}

fn daemon<E>(what: &str, error: &io::Error) -> Failure<E> {
    Failure::Daemon(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{Reply, parse};

    #[test]
    fn only_ok_is_clean() {
        assert_eq!(parse("stream: OK"), Some(Reply::Clean));
        assert_eq!(
            parse("stream: Win.Test FOUND"),
            Some(Reply::Found("Win.Test".to_owned()))
        );
        let limit = "stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND";
        assert_eq!(parse(limit), Some(Reply::TooLarge));
        assert_eq!(parse("INSTREAM size limit exceeded. ERROR"), Some(Reply::TooLarge));
        for answer in [
            "",
            "OK",
            "stream: Can't allocate memory ERROR",
            "stream: OK ERROR",
            "UNKNOWN COMMAND",
        ] {
            assert_eq!(parse(answer), None, "{answer}");
        }
    }
}
