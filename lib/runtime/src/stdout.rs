//! Output to standard output.

use std::fmt;
use std::io::{self, Write as _};

/// Prints text in one piece. A reader that has closed standard output, as `head` does, is no error: the program's work goes on.
///
/// # Errors
/// If standard output cannot be written for another reason.
pub fn print(text: impl fmt::Display) -> io::Result<()> {
    let text = text.to_string();
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
