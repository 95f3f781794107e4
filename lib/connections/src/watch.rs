//! The timeouts of a connection. The module only decides, and time is an argument.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::limits::ConnectionLimits;

/// The time that a client has to close a connection without requests in flight, after it was asked to.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The first bytes of every HTTP/2 connection. No HTTP/1 request begins so, and until the last of them has arrived the
/// connection speaks neither.
///
/// Source: RFC 9113, section 3.4.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The event that did not happen in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The head of a request, or the HTTP/2 preface, did not arrive.
    Head,
    /// The client did not read.
    Reading,
    /// The client sent no further request.
    Request,
}

/// The timeouts of one connection. Clones share its state.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    timeouts: Timeouts,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Clone, Copy)]
struct Timeouts {
    header: Duration,
    write: Duration,
    idle: Duration,
}

/// The state of a connection, as far as timeouts depend on it.
#[derive(Debug)]
struct State {
    protocol: Protocol,
    /// The number of requests in flight.
    requests: usize,
    /// The time since which no request is in flight.
    quiet_since: Instant,
    /// The time since which the server waits for the head of a request.
    head_since: Option<Instant>,
    /// The time since which the socket has accepted no bytes.
    blocked_since: Option<Instant>,
    /// The times since which responses wait for the client to read, each with a number of its own. A vector is enough,
    /// since few wait at once.
    responses: Vec<(u64, Instant)>,
    next_response: u64,
    is_closing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// Undecided: this many bytes of the preface have arrived.
    Unknown(usize),
    Http1,
    Http2,
}

impl Watch {
    /// Starts to watch a connection that was just accepted.
    pub(super) fn new(limits: &ConnectionLimits, now: Instant) -> Self {
        let timeouts = Timeouts {
            header: limits.header_timeout,
            write: limits.write_timeout,
            idle: limits.idle_timeout,
        };
        let state = State {
            protocol: Protocol::Unknown(0),
            requests: 0,
            quiet_since: now,
            head_since: Some(now),
            blocked_since: None,
            responses: Vec::new(),
            next_response: 0,
            is_closing: false,
        };
        Self {
            timeouts,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Records bytes that arrived. The clock is read only if the time matters, which is rare.
    pub(super) fn read(&self, bytes: &[u8], now: impl FnOnce() -> Instant) {
        let mut state = self.state();
        if let Protocol::Unknown(before) = state.protocol {
            state.protocol = protocol(before, bytes);
            if state.protocol == Protocol::Http2 {
                state.head_since = None;
                state.quiet_since = now();
            }
        } else if state.protocol == Protocol::Http1 && state.requests == 0 && !bytes.is_empty() {
            state.head_since.get_or_insert_with(now);
        }
    }

    /// Records that the socket accepts no bytes.
    pub(super) fn is_blocked(&self, now: Instant) {
        self.state().blocked_since.get_or_insert(now);
    }

    /// Records that the socket accepts bytes again.
    pub(super) fn is_free(&self) {
        self.state().blocked_since = None;
    }

    /// Records a new request, which is in flight until the guard is dropped.
    pub(super) fn request(&self) -> ActiveRequest {
        let mut state = self.state();
        state.requests += 1;
        state.head_since = None;
        let number = state.next_response;
        state.next_response += 1;
        ActiveRequest {
            watch: self.clone(),
            number,
        }
    }

    /// Records that the client was asked to close the connection, which from now on stays open only while a request is in
    /// flight.
    pub(super) fn begin_close(&self, now: Instant) {
        let mut state = self.state();
        state.is_closing = true;
        state.quiet_since = now;
    }

    /// Returns true if the connection can be dropped without loss: it has no request in flight, and does not need a
    /// GOAWAY frame.
    pub(super) fn is_droppable(&self) -> bool {
        let state = self.state();
        state.requests == 0 && state.protocol != Protocol::Http2
    }

    /// Returns true if the client speaks HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.state().protocol == Protocol::Http2
    }

    /// Returns the next timeout and the event that it waits for, if there is one.
    fn next(&self) -> Option<(Instant, Overdue)> {
        let state = self.state();
        let quiet = (state.requests == 0).then(|| match state.head_since {
            _ if state.is_closing => (state.quiet_since + CLOSE_TIMEOUT, Overdue::Request),
            Some(since) => (since + self.timeouts.header, Overdue::Head),
            None => (state.quiet_since + self.timeouts.idle, Overdue::Request),
        });
        let responses = state.responses.iter().map(|(_, since)| *since);
        let unread = responses.chain(state.blocked_since).min();
        let unread = unread.map(|since| (since + self.timeouts.write, Overdue::Reading));
        quiet.into_iter().chain(unread).min_by_key(|(until, _)| *until)
    }

    /// Returns the event that is overdue, or the time of the next check. The pause is at most the shortest timeout, so
    /// that no later event can become overdue before that check.
    pub(super) fn check(&self, now: Instant) -> Result<Instant, Overdue> {
        let Timeouts { header, write, idle } = self.timeouts;
        let shortest = header.min(write).min(idle);
        let longest = if self.state().is_closing {
            shortest.min(CLOSE_TIMEOUT)
        } else {
            shortest
        };
        match self.next() {
            Some((until, overdue)) if until <= now => Err(overdue),
            Some((until, _)) => Ok(until.min(now + longest)),
            None => Ok(now + longest),
        }
    }

    /// Waits until an event is overdue.
    pub(super) async fn overdue(&self) -> Overdue {
        loop {
            match self.check(Instant::now()) {
                Ok(again) => tokio::time::sleep_until(again.into()).await,
                Err(overdue) => return overdue,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guard for a request in flight, dropped when its response was read or abandoned.
#[derive(Debug)]
pub(super) struct ActiveRequest {
    watch: Watch,
    number: u64,
}

impl ActiveRequest {
    /// Records that a part of the response is ready, for the client to read.
    pub(super) fn waits_for_client(&self, now: Instant) {
        let mut state = self.watch.state();
        match state.responses.iter_mut().find(|(number, _)| *number == self.number) {
            Some((_, since)) => *since = now,
            None => state.responses.push((self.number, now)),
        }
    }

    /// Records that the client has read everything so far.
    pub(super) fn waits_for_server(&self) {
        self.watch.state().stop_waiting(self.number);
    }
}

impl State {
    /// Records that a response no longer waits for the client.
    fn stop_waiting(&mut self, number: u64) {
        self.responses.retain(|(waiting, _)| *waiting != number);
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let mut state = self.watch.state();
        state.stop_waiting(self.number);
        state.requests -= 1;
        if state.requests == 0 {
            state.quiet_since = Instant::now();
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

    fn new(start: Instant) -> Watch {
        Watch::new(&ConnectionLimits::default(), start)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Asserts that the event is overdue at that time, and not before.
    fn assert_due(watch: &Watch, at: Instant, overdue: Overdue) {
        assert_eq!(watch.next(), Some((at, overdue)));
        assert_eq!(watch.check(at), Err(overdue));
    }

    #[test]
    fn slow_bytes_do_not_extend_the_header_timeout() {
        let start = Instant::now();
        let watch = new(start);
        assert_due(&watch, start + seconds(10), Overdue::Head);
        for (second, byte) in (0..).zip(b"POST /api") {
            watch.read(&[*byte], || start + seconds(second));
        }
        assert_due(&watch, start + seconds(10), Overdue::Head);
        for pieces in 1..PREFACE.len() {
            let half = new(start);
            for byte in &PREFACE[..pieces] {
                half.read(&[*byte], || start + seconds(9));
            }
            assert_due(&half, start + seconds(10), Overdue::Head);
        }
    }

    #[test]
    fn header_timeout_of_a_later_request_starts_at_its_first_byte() {
        let start = Instant::now();
        let watch = new(start);
        watch.read(b"GET / HTTP/1.1\r\n\r\n", || start);
        let request = watch.request();
        assert_eq!(watch.next(), None, "a request in flight has no timeout here");
        drop(request);
        let quiet = watch.state().quiet_since;
        assert_due(&watch, quiet + seconds(75), Overdue::Request);
        watch.read(b"G", || quiet + seconds(70));
        watch.read(b"E", || quiet + seconds(79));
        assert_due(&watch, quiet + seconds(80), Overdue::Head);
    }

    #[test]
    fn http2_connection_without_a_request_is_idle_whatever_it_sends() {
        let start = Instant::now();
        let watch = new(start);
        watch.read(b"PR", || start);
        watch.read(b"I * HTTP/2.0\r\n\r\nSM\r\n\r\n", || start + seconds(1));
        watch.read(b"pings", || start + seconds(60));
        assert_due(&watch, start + seconds(76), Overdue::Request);
    }

    #[test]
    fn client_that_does_not_read_times_out() {
        let start = Instant::now();
        let watch = new(start);
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
        assert!(watch.state().responses.is_empty());
    }

    #[test]
    fn closing_connection_stays_open_while_a_request_is_in_flight() {
        let start = Instant::now();
        let watch = new(start);
        watch.read(PREFACE, || start);
        assert!(!watch.is_droppable(), "it is told before it ends");
        watch.begin_close(start);
        assert_due(&watch, start + CLOSE_TIMEOUT, Overdue::Request);
        let request = watch.request();
        assert_eq!(watch.next(), None);
        drop(request);
        assert!(watch.next().is_some());
    }
}
