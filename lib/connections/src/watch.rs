//! What a connection is waited for, and until when. Decides only; time is an argument.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::limits::ConnectionLimits;

/// For a connection that was told to end and has nothing under way.
const FAREWELL: Duration = Duration::from_secs(1);

/// What every connection in HTTP/2 begins with, and no request of HTTP/1.
///
/// Source: RFC 9113, section 3.4.
const PREFACE: &[u8; 4] = b"PRI ";

/// What was not waited for any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The head of a request, or the preface of HTTP/2.
    Head,
    /// That the client reads.
    Reading,
    /// Another request.
    Request,
}

/// A connection's own. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    limits: ConnectionLimits,
    seen: Arc<Mutex<Seen>>,
}

/// What has been seen of a connection.
#[derive(Debug)]
struct Seen {
    protocol: Protocol,
    /// Requests under way.
    requests: usize,
    /// Since when there is none.
    quiet_since: Instant,
    /// Since when the head of a request is awaited, or has begun to arrive.
    head_since: Option<Instant>,
    /// Since when the socket takes nothing.
    blocked_since: Option<Instant>,
    /// Since when answers wait for their client, by a number of their own. Few at a time, and none that needs room of its own.
    answers: Vec<(u64, Instant)>,
    next_answer: u64,
    is_leaving: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// So many bytes of the preface have come.
    Unknown(usize),
    Http1,
    Http2,
}

impl Watch {
    /// Of a connection that was accepted now.
    pub(super) fn new(limits: ConnectionLimits, now: Instant) -> Self {
        let seen = Seen {
            protocol: Protocol::Unknown(0),
            requests: 0,
            quiet_since: now,
            head_since: Some(now),
            blocked_since: None,
            answers: Vec::new(),
            next_answer: 0,
            is_leaving: false,
        };
        Self {
            limits,
            seen: Arc::new(Mutex::new(seen)),
        }
    }

    /// Bytes have come. Most often it does not matter when, and the clock is not asked.
    pub(super) fn read(&self, bytes: &[u8], now: impl FnOnce() -> Instant) {
        let mut seen = self.seen();
        if let Protocol::Unknown(before) = seen.protocol {
            seen.protocol = protocol(before, bytes);
            if seen.protocol == Protocol::Http2 {
                seen.head_since = None;
                seen.quiet_since = now();
            }
        } else if seen.protocol == Protocol::Http1 && seen.requests == 0 && !bytes.is_empty() {
            seen.head_since.get_or_insert_with(now);
        }
    }

    /// The socket does not take what it is given.
    pub(super) fn is_blocked(&self, now: Instant) {
        self.seen().blocked_since.get_or_insert(now);
    }

    /// It does again.
    pub(super) fn is_free(&self) {
        self.seen().blocked_since = None;
    }

    /// A request has come; it is under way until the guard is dropped.
    pub(super) fn request(&self) -> UnderWay {
        let mut seen = self.seen();
        seen.requests += 1;
        seen.head_since = None;
        let number = seen.next_answer;
        seen.next_answer += 1;
        UnderWay {
            watch: self.clone(),
            number,
        }
    }

    /// It was told to end: from now on it is waited for only while something is under way.
    pub(super) fn leaves(&self, now: Instant) {
        let mut seen = self.seen();
        seen.is_leaving = true;
        seen.quiet_since = now;
    }

    /// Whether dropping it loses nothing: no request is under way, and there is nobody to take leave of.
    pub(super) fn is_bare(&self) -> bool {
        let seen = self.seen();
        seen.requests == 0 && seen.protocol != Protocol::Http2
    }

    /// Whether its client speaks HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.seen().protocol == Protocol::Http2
    }

    /// What it is waited for, and until when, of all the thing that ends first.
    fn next(&self) -> Option<(Instant, Overdue)> {
        let seen = self.seen();
        let quiet = (seen.requests == 0).then(|| match seen.head_since {
            _ if seen.is_leaving => (seen.quiet_since + FAREWELL, Overdue::Request),
            Some(since) => (since + self.limits.header_timeout, Overdue::Head),
            None => (seen.quiet_since + self.limits.idle_timeout, Overdue::Request),
        });
        let answers = seen.answers.iter().map(|(_, since)| *since);
        let unread = answers.chain(seen.blocked_since).min();
        let unread = unread.map(|since| (since + self.limits.write_timeout, Overdue::Reading));
        quiet.into_iter().chain(unread).min_by_key(|(until, _)| *until)
    }

    /// What it is overdue with, or when to look again. Nothing that begins after now can be overdue by then.
    pub(super) fn look(&self, now: Instant) -> Result<Instant, Overdue> {
        let ConnectionLimits {
            header_timeout,
            write_timeout,
            idle_timeout,
            ..
        } = self.limits;
        let shortest = FAREWELL.min(header_timeout).min(write_timeout).min(idle_timeout);
        let patience = if self.seen().is_leaving {
            shortest
        } else {
            header_timeout.min(write_timeout).min(idle_timeout)
        };
        match self.next() {
            Some((until, overdue)) if until <= now => Err(overdue),
            Some((until, _)) => Ok(until.min(now + patience)),
            None => Ok(now + patience),
        }
    }

    /// Ends when it is overdue.
    pub(super) async fn overdue(&self) -> Overdue {
        loop {
            match self.look(Instant::now()) {
                Ok(again) => tokio::time::sleep_until(again.into()).await,
                Err(overdue) => return overdue,
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Nothing panics while it holds the lock.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is under way, until its answer was taken or given up.
#[derive(Debug)]
pub(super) struct UnderWay {
    watch: Watch,
    number: u64,
}

impl UnderWay {
    /// Its answer is there: the client is to take it, or to go on taking it.
    pub(super) fn waits_for_client(&self, now: Instant) {
        let mut seen = self.watch.seen();
        match seen.answers.iter_mut().find(|(number, _)| *number == self.number) {
            Some((_, since)) => *since = now,
            None => seen.answers.push((self.number, now)),
        }
    }

    /// The client has room, so that the server is to go on.
    pub(super) fn waits_for_server(&self) {
        self.watch.seen().answered(self.number);
    }
}

impl Seen {
    /// That answer waits for its client no more.
    fn answered(&mut self, number: u64) {
        self.answers.retain(|(waiting, _)| *waiting != number);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut seen = self.watch.seen();
        seen.answered(self.number);
        seen.requests -= 1;
        if seen.requests == 0 {
            seen.quiet_since = Instant::now();
        }
    }
}

fn protocol(before: usize, bytes: &[u8]) -> Protocol {
    let expected = &PREFACE[before..];
    let common = expected.len().min(bytes.len());
    if expected[..common] != bytes[..common] {
        Protocol::Http1
    } else if common == expected.len() {
        Protocol::Http2
    } else {
        Protocol::Unknown(before + common)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ConnectionLimits = ConnectionLimits {
        header_timeout: Duration::from_secs(10),
        write_timeout: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(75),
        max_connections: 1,
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// At that time, and no earlier.
    fn assert_due(watch: &Watch, at: Instant, overdue: Overdue) {
        assert_eq!(watch.next(), Some((at, overdue)));
        assert_eq!(watch.look(at), Err(overdue));
    }

    #[test]
    fn a_head_has_its_time_however_its_bytes_come() {
        let start = Instant::now();
        let watch = Watch::new(LIMITS, start);
        assert_due(&watch, start + seconds(10), Overdue::Head);
        for (second, byte) in (0..).zip(b"POST /api") {
            watch.read(&[*byte], || start + seconds(second));
        }
        assert_due(&watch, start + seconds(10), Overdue::Head);
        let half = Watch::new(LIMITS, start);
        half.read(b"PR", || start + seconds(9));
        assert_due(&half, start + seconds(10), Overdue::Head);
    }

    #[test]
    fn the_next_head_has_its_time_from_its_first_byte() {
        let start = Instant::now();
        let watch = Watch::new(LIMITS, start);
        watch.read(b"GET / HTTP/1.1\r\n\r\n", || start);
        let request = watch.request();
        assert_eq!(
            watch.next(),
            None,
            "a request that is under way is not the connection's fault"
        );
        drop(request);
        let quiet = watch.seen().quiet_since;
        assert_due(&watch, quiet + seconds(75), Overdue::Request);
        watch.read(b"G", || quiet + seconds(70));
        watch.read(b"E", || quiet + seconds(79));
        assert_due(&watch, quiet + seconds(80), Overdue::Head);
    }

    #[test]
    fn http2_without_a_request_is_idle_whatever_it_sends() {
        let start = Instant::now();
        let watch = Watch::new(LIMITS, start);
        watch.read(b"PR", || start);
        watch.read(b"I * HTTP/2.0\r\n", || start + seconds(1));
        watch.read(b"pings", || start + seconds(60));
        assert_due(&watch, start + seconds(76), Overdue::Request);
    }

    #[test]
    fn a_client_that_does_not_read_has_its_time() {
        let start = Instant::now();
        let watch = Watch::new(LIMITS, start);
        let requests = [watch.request(), watch.request()];
        requests[0].waits_for_client(start);
        requests[1].waits_for_client(start + seconds(5));
        assert_due(&watch, start + seconds(30), Overdue::Reading);
        requests[0].waits_for_server();
        assert_due(&watch, start + seconds(35), Overdue::Reading);
        watch.is_blocked(start + seconds(1));
        watch.is_blocked(start + seconds(9));
        assert_due(&watch, start + seconds(31), Overdue::Reading);
        watch.is_free();
        assert_due(&watch, start + seconds(35), Overdue::Reading);
        drop(requests);
        assert!(watch.seen().answers.is_empty());
    }

    #[test]
    fn what_leaves_is_waited_for_while_something_is_under_way() {
        let start = Instant::now();
        let watch = Watch::new(LIMITS, start);
        watch.read(b"PRI ", || start);
        assert!(!watch.is_bare(), "it is told before it ends");
        watch.leaves(start);
        assert_due(&watch, start + FAREWELL, Overdue::Request);
        let request = watch.request();
        assert_eq!(watch.next(), None);
        drop(request);
        assert!(watch.next().is_some());
    }
}
