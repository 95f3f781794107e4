//! Progress bars with the bytes, rate and remaining time of each file in progress.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

const TEMPLATE: &str = "{msg:.bold} [{bar:24}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} left";

/// The progress bars of a run, hidden if standard error is not a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    bars: MultiProgress,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
        }
    }

    /// Adds a bar for a file of `bytes` bytes. It is removed when its last clone is dropped.
    pub(crate) fn bar(&self, name: &str, bytes: u64) -> FileProgress {
        let style = ProgressStyle::with_template(TEMPLATE).expect("the template is well-formed");
        let bar = ProgressBar::new(bytes).with_style(style.progress_chars("=> "));
        let bar = self.bars.add(bar);
        bar.set_message(name.to_owned());
        FileProgress(bar)
    }

    /// Hides the bars while `print` runs.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bars.suspend(print)
    }
}

/// The progress bar of a file.
#[derive(Debug, Clone)]
pub(crate) struct FileProgress(ProgressBar);

impl FileProgress {
    /// Counts bytes that were sent or received.
    pub(crate) fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// Discounts bytes that must be sent or received again.
    pub(crate) fn rewind(&self, bytes: u64) {
        self.0.dec(bytes);
    }

    /// Counts bytes that were transferred by an earlier run, and therefore do not affect the rate.
    pub(crate) fn skip(&self, bytes: u64) {
        self.0.inc(bytes);
        self.0.reset_eta();
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
