//! Progress bars: bytes, rate and time left of each file that is on its way.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

const TEMPLATE: &str = "{msg:.bold} [{bar:24}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} left";

/// All bars. Nothing is drawn where standard error is no terminal.
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

    /// A bar of so many bytes. It goes when the last of its clones is dropped.
    pub(crate) fn bar(&self, name: &str, bytes: u64) -> Bar {
        let style = ProgressStyle::with_template(TEMPLATE).expect("the template is well-formed");
        let bar = ProgressBar::new(bytes).with_style(style.progress_chars("=> "));
        let bar = self.bars.add(bar);
        bar.set_message(name.to_owned());
        Bar(bar)
    }

    /// Prints something while the bars stand still.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bars.suspend(print)
    }
}

/// One file's bar.
#[derive(Debug, Clone)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// So many bytes have been sent or received.
    pub(crate) fn moved(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// So many bytes have to be sent or received once more.
    pub(crate) fn again(&self, bytes: u64) {
        self.0.dec(bytes);
    }

    /// So many bytes were there already: they say nothing about the rate.
    pub(crate) fn was_there(&self, bytes: u64) {
        self.0.inc(bytes);
        self.0.reset_eta();
    }

    /// Takes it away.
    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}
