//! Logs panics with their location only. The message is left out, because it may quote values from outside.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};

use tracing::Dispatch;

/// Sends the panics of every thread to this log, with a backtrace if `RUST_BACKTRACE` is set. The default hook would
/// print the whole message to standard error.
pub(crate) fn log_to(log: Dispatch) {
    panic::set_hook(Box::new(move |panic| {
        // The thread may have another log, or none.
        tracing::dispatcher::with_default(&log, || tell(panic));
    }));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(place, backtrace, "panicked");
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn location_of_a_panic_is_logged_and_its_message_is_not() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone());
        let before = panic::take_hook();
        log_to(Dispatch::new(subscriber.finish()));
        let panicked = std::thread::spawn(|| panic!("hush: {}", "a secret")).join();
        panic::set_hook(before);
        panicked.expect_err("it panics");
        let said = String::from_utf8(lines.0.lock().expect("not poisoned").clone()).expect("UTF-8");
        assert!(said.contains("panicked") && said.contains(file!()), "{said}");
        assert!(!said.contains("hush") && !said.contains("secret"), "{said}");
    }
}
