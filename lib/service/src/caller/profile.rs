//! What the uploads of a caller are held to.

use std::str::FromStr;
use std::time::Duration;

use crate::fields::is_token;
use crate::{Error, Violation};

/// Limits on what a caller uploads, beside those of the installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The largest object, in bytes. An upload must then say how large it is, or how large it may be.
    pub max_object_bytes: Option<u64>,
    /// The media types. An upload must then say its own.
    pub content_types: Option<ContentTypes>,
    /// The longest life of a draft. Where that is less than the installation's, drafts must be unique: a named one
    /// cannot have a lifetime of its own.
    pub max_draft_lifetime: Option<Duration>,
}

impl Profile {
    /// Checks the media type of an upload.
    pub(crate) fn allows(&self, content_type: Option<&str>) -> Result<(), Violation> {
        let Some(allowed) = &self.content_types else {
            return Ok(());
        };
        if content_type.is_some_and(|content_type| allowed.allow(content_type)) {
            return Ok(());
        }
        let rule = format!("must be given, and be one of {}", allowed.0.join(", "));
        Err(Violation::new("content_type", rule))
    }

    /// Checks an upload that does not say how large it is.
    pub(crate) fn needs_no_size(&self) -> Result<(), Violation> {
        match self.max_object_bytes {
            None => Ok(()),
            Some(most) => {
                let rule =
                    format!("must be given, or max_content_length: this caller's objects have at most {most} bytes");
                Err(Violation::new("content_length", rule))
            }
        }
    }

    /// Checks the size of an object.
    pub(crate) fn holds(&self, field: &'static str, bytes: u64) -> Result<(), Error> {
        match self.max_object_bytes {
            Some(limit) if bytes > limit => Err(Error::TooLarge { field, limit }),
            Some(_) | None => Ok(()),
        }
    }
}

/// Media types that are allowed: `image/png` alone, or `image/*` for all of a kind. Parameters do not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentTypes(Vec<String>);

/// Why a text is no media type, and no kind of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a media type such as image/png nor a kind such as image/*")]
pub struct InvalidContentTypes(String);

impl ContentTypes {
    /// Whether uploads of this media type are allowed.
    pub fn allow(&self, content_type: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default().trim_end();
        let essence = essence.to_ascii_lowercase();
        self.0.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(kind) => essence.starts_with(kind),
            None => essence == *allowed,
        })
    }

    /// Each, as given, but in lower case.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl FromIterator<ContentTypes> for ContentTypes {
    fn from_iter<I: IntoIterator<Item = ContentTypes>>(sets: I) -> Self {
        Self(sets.into_iter().flat_map(|set| set.0).collect())
    }
}

impl FromStr for ContentTypes {
    type Err = InvalidContentTypes;

    /// Takes one: collect several.
    fn from_str(text: &str) -> Result<Self, InvalidContentTypes> {
        let token = |text: &str| is_token(text) && !text.contains('*');
        let valid = text
            .split_once('/')
            .is_some_and(|(kind, subtype)| token(kind) && (subtype == "*" || token(subtype)));
        if valid {
            Ok(Self(vec![text.to_ascii_lowercase()]))
        } else {
            Err(InvalidContentTypes(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_allowed_one_by_one_or_by_kind() {
        let all: Result<ContentTypes, _> = ["image/*", "Application/PDF"]
            .into_iter()
            .map(str::parse::<ContentTypes>)
            .collect();
        let allowed = all.expect("valid");
        for good in [
            "image/png",
            "IMAGE/PNG",
            "image/svg+xml; charset=utf-8",
            "application/pdf",
        ] {
            assert!(allowed.allow(good), "{good}");
        }
        for bad in [
            "text/html",
            "imagepng",
            "image",
            "application/pdfx",
            "application/x",
            "",
        ] {
            assert!(!allowed.allow(bad), "{bad}");
        }
        for bad in ["", "*", "*/*", "image", "image/", "image/p*", "a b/c", "image/png;q=1"] {
            assert!(bad.parse::<ContentTypes>().is_err(), "{bad}");
        }
    }
}
