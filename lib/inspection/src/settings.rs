//! The checks of a profile, with their bounds.

use serde::{Deserialize, Serialize};

/// The checks that are made of a file. One that is absent is off.
///
/// The fields serialize in one order, with every default filled in, so that equal settings have equal digests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The media type, by the bytes.
    #[serde(rename = "type")]
    pub media_type: Option<TypeCheck>,
    /// The format and the dimensions of images.
    pub image: Option<ImageCheck>,
    /// The entries of archives.
    pub archive: Option<ArchiveCheck>,
}

impl Settings {
    /// Tells whether no check is on.
    pub fn is_empty(&self) -> bool {
        let Self {
            media_type,
            image,
            archive,
        } = self;
        media_type.is_none() && image.is_none() && archive.is_none()
    }
}

/// The check of the media type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TypeCheck {
    /// Accepts bytes of no known format under the type that is declared, unless that type has a known format. By default
    /// they are rejected.
    pub allow_unknown: bool,
}

/// The check of images: a file of any other kind is rejected.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImageCheck {
    /// The largest width in pixels.
    pub max_width: u32,
    /// The largest height in pixels.
    pub max_height: u32,
    /// The largest number of pixels of a frame.
    pub max_pixels: u64,
    /// The largest number of frames of an animation, or of pages of a TIFF file. One allows no animation. The frames of
    /// AVIF and HEIF sequences are not counted beyond one, and those of JPEG XL not at all.
    pub max_frames: u32,
}

impl Default for ImageCheck {
    fn default() -> Self {
        Self {
            max_width: 20_000,
            max_height: 20_000,
            max_pixels: 100_000_000,
            max_frames: 1000,
        }
    }
}

/// The check of archives: zip and the formats that are made of it, tar, gzip. A file of any other kind of archive is
/// rejected. A file that is no archive is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArchiveCheck {
    /// The largest number of entries, those of archives inside included.
    pub max_entries: u32,
    /// The largest size in bytes of everything unpacked.
    pub max_unpacked_bytes: u64,
    /// The largest ratio of an entry's size to its packed size. Entries of less than 1 MiB have no limit.
    pub max_ratio: u32,
    /// The largest depth of archives inside archives, at most [`ArchiveCheck::MAX_DEPTH`]. One allows none inside. A document of an office program
    /// is an archive, and so is a table inside of it.
    pub max_depth: u32,
    /// Accepts entries that are encrypted, whose contents nobody can check. By default they are rejected.
    pub allow_encrypted: bool,
}

impl ArchiveCheck {
    /// The largest depth that a check can allow: archives inside are listed in memory.
    pub const MAX_DEPTH: u32 = 8;
}

impl Default for ArchiveCheck {
    fn default() -> Self {
        Self {
            max_entries: 10_000,
            max_unpacked_bytes: 1024 * 1024 * 1024,
            max_ratio: 200,
            max_depth: 3,
            allow_encrypted: false,
        }
    }
}
