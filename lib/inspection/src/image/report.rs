//! The limits of an image, and the reasons to reject it.

use crate::{Check, Findings, ImageCheck};

/// The frames so far, and where reasons go.
#[derive(Debug)]
pub(super) struct Report<'a> {
    check: &'a ImageCheck,
    findings: &'a mut Findings,
}

impl<'a> Report<'a> {
    pub(super) fn new(check: &'a ImageCheck, findings: &'a mut Findings) -> Self {
        Self { check, findings }
    }

    /// Adds a reason. Of each rule the first one counts.
    pub(super) fn reject(&mut self, code: &'static str, detail: impl Into<String>) {
        let same = |reason: &crate::Reason| reason.check == Check::Image && reason.code == code;
        if !self.findings.reasons.iter().any(same) {
            self.findings.reject(Check::Image, code, detail);
        }
    }

    /// Rejects a file of no known format.
    pub(super) fn not_an_image(&mut self) {
        self.reject("NOT_AN_IMAGE", "The file is no image of a known format.");
    }

    /// Rejects an image whose structure is wrong, or that ends too early.
    pub(super) fn damaged(&mut self) {
        self.reject("IMAGE_DAMAGED", "The image is damaged or not complete.");
    }

    /// Compares the dimensions of a frame with the limits.
    pub(super) fn frame(&mut self, width: u64, height: u64) {
        let ImageCheck {
            max_width,
            max_height,
            max_pixels,
            ..
        } = *self.check;
        if width == 0 || height == 0 {
            self.damaged();
        }
        if width > u64::from(max_width) || height > u64::from(max_height) {
            let detail = format!("The image has {width} by {height} pixels, and may have {max_width} by {max_height}.");
            self.reject("DIMENSIONS_TOO_LARGE", detail);
        }
        if width.saturating_mul(height) > max_pixels {
            self.reject(
                "TOO_MANY_PIXELS",
                format!("The image has more than {max_pixels} pixels."),
            );
        }
    }

    /// Compares a number of frames with the limit. `false` if it is exceeded.
    pub(super) fn frames(&mut self, frames: u64) -> bool {
        let max = u64::from(self.check.max_frames);
        if frames > max {
            self.reject(
                "TOO_MANY_FRAMES",
                format!("The image has more frames or pages than {max}."),
            );
        }
        frames <= max
    }
}
