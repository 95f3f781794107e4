//! The limits on the uploads of a caller.

use std::str::FromStr;
use std::time::Duration;

use crate::fields::is_token;
use crate::{Error, Violation};

/// The limits on a caller's uploads, in addition to those of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The maximum size of an object, in bytes. If set, every upload must declare its size or its maximum size.
    pub max_object_bytes: Option<u64>,
    /// The allowed media types. If set, every upload must declare its media type.
    pub content_types: Option<ContentTypes>,
    /// The maximum lifetime of a draft. If it is shorter than the server's, drafts must be unique, because named drafts
    /// cannot have a lifetime of their own.
    pub max_draft_lifetime: Option<Duration>,
}

impl Profile {
    /// Checks the media type of an upload.
    pub(crate) fn check_content_type(&self, content_type: Option<&str>) -> Result<(), Violation> {
        let Some(allowed) = &self.content_types else {
            return Ok(());
        };
        if content_type.is_some_and(|content_type| allowed.allow(content_type)) {
            return Ok(());
        }
        let rule = format!("must be given, and be one of {}", allowed.0.join(", "));
        Err(Violation::new("content_type", rule))
    }

    /// Checks that an upload may leave out its size.
    pub(crate) fn check_missing_size(&self) -> Result<(), Violation> {
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
    pub(crate) fn check_size(&self, field: &'static str, bytes: u64) -> Result<(), Error> {
        match self.max_object_bytes {
            Some(limit) if bytes > limit => Err(Error::TooLarge { field, limit }),
            Some(_) | None => Ok(()),
        }
    }
}

/// A set of media types, each exact (`image/png`) or with a wildcard (`image/*`). Parameters are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentTypes(Vec<String>);

/// The error for a string that is neither a media type nor a wildcard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a media type: it must be exact, such as image/png, or a wildcard, such as image/*")]
pub struct InvalidContentTypes(String);

impl ContentTypes {
    /// Returns `true` if the set contains a media type.
    pub fn allow(&self, content_type: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default().trim_end();
        let essence = essence.to_ascii_lowercase();
        self.0.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(kind) => essence.starts_with(kind),
            None => essence == *allowed,
        })
    }

    /// Returns the media types, in lower case.
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

    /// Parses a single media type. Collect several to make a set of them.
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
    fn media_types_match_exactly_or_by_wildcard() {
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
