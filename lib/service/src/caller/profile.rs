//! The limits on the uploads of a caller, and the checks of its drafts.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use draftstore_storage::{MediaType, ObjectHeaders, StorageOption};

use super::{Checks, Destinations, FixedOptions};
use crate::{Amount, Error, Violation};

/// The limits on a caller's uploads, in addition to those of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The name of the profile in the policy. A ticket has that of the profile by which its drafts are checked and confirmed.
    pub name: Option<String>,
    /// The maximum size of an object, in bytes. If set, every upload must declare its size or its maximum size.
    pub max_object_bytes: Option<u64>,
    /// The allowed media types. If set, every upload must declare its media type.
    pub content_types: Option<ContentTypes>,
    /// The maximum lifetime of a draft. If it is shorter than the server's, drafts must be unique, because named drafts
    /// cannot have a lifetime of their own.
    pub max_draft_lifetime: Option<Duration>,
    /// The headers that every object gets. An upload may not set another value.
    pub headers: ObjectHeaders,
    /// The checks that a draft must pass before it is confirmed. At least one is on.
    pub checks: Option<Checks>,
    /// Set if the drafts of its uploads confirm themselves when they have arrived and pass its checks. Needs the name.
    pub auto_confirm: bool,
    /// The destination of drafts that confirm themselves. `None` is the main bucket.
    pub auto_confirm_destination: Option<String>,
    /// The destinations that the caller may name.
    pub destinations: Destinations,
    /// The storage options that uploads and confirms may set. `None` allows all.
    pub storage_options: Option<BTreeSet<StorageOption>>,
    /// The storage options that every upload and every confirm has.
    pub fixed_options: FixedOptions,
}

impl Profile {
    /// Checks the media type of an upload.
    pub(crate) fn check_content_type(&self, content_type: Option<&MediaType>) -> Result<(), Violation> {
        let Some(allowed) = &self.content_types else {
            return Ok(());
        };
        if content_type.is_some_and(|content_type| allowed.allow(content_type)) {
            return Ok(());
        }
        let rule = format!("must be given, and be one of {}", allowed.0.join(", "));
        Err(Violation::new("content_type", rule))
    }

    /// Checks the headers of an upload, or of the uploads of a ticket.
    ///
    /// # Errors
    /// Returns a violation if a header of the profile is not set, or has another value.
    pub fn check_headers(&self, headers: &ObjectHeaders) -> Result<(), Violation> {
        let changed = self
            .headers
            .iter()
            .find(|(header, value)| headers.get(*header) != Some(value));
        match changed {
            None => Ok(()),
            Some((header, value)) => {
                let rule = format!("must be left out, or be '{value}', which {} sets", self.described());
                Err(Violation::new(header.as_str(), rule))
            }
        }
    }

    /// Checks that a request may set an option.
    pub(crate) fn check_option(&self, option: StorageOption) -> Result<(), Violation> {
        match &self.storage_options {
            Some(allowed) if !allowed.contains(&option) => {
                let rule = format!("must not be set: {} does not allow it", self.described());
                Err(Violation::new(option.as_str(), rule))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the words for the profile in the rule of a violation.
    pub(crate) fn described(&self) -> String {
        match &self.name {
            Some(name) => format!("the profile '{name}'"),
            None => "the ticket".to_owned(),
        }
    }

    /// Checks that an upload may leave out its size.
    pub(crate) fn check_missing_size(&self) -> Result<(), Violation> {
        match self.max_object_bytes {
            None => Ok(()),
            Some(most) => {
                let most = Amount::bytes(most);
                let rule = format!("must be given, or max_content_length: this caller's objects have at most {most}");
                Err(Violation::new("content_length", rule))
            }
        }
    }

    /// Checks that a multipart upload may leave out its size. Its parts can be limited only if it is known.
    pub(crate) fn check_missing_length(&self) -> Result<(), Violation> {
        match self.max_object_bytes {
            None => Ok(()),
            Some(most) => {
                let most = Amount::bytes(most);
                let rule = format!("must be given: this caller's objects have at most {most}");
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
    pub fn allow(&self, content_type: &MediaType) -> bool {
        self.contains(content_type.essence())
    }

    /// Returns the media types that both sets contain, or `None` if there are none.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let of_self = self.0.iter().filter(|one| other.contains(one));
        let of_other = other.0.iter().filter(|one| self.contains(one) && !self.0.contains(one));
        let both: Vec<_> = of_self.chain(of_other).cloned().collect();
        (!both.is_empty()).then_some(Self(both))
    }

    /// Returns `true` if the set contains a media type without parameters, or all of a wildcard.
    fn contains(&self, essence: &str) -> bool {
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
        let wildcard = text.strip_suffix("/*").map(|kind| format!("{kind}/x"));
        let parsed: Option<MediaType> = wildcard.as_deref().unwrap_or(text).parse().ok();
        let without_parameters = parsed.filter(|parsed| parsed.essence() == parsed.as_str());
        if without_parameters.is_some() {
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
            assert!(allowed.allow(&good.parse().expect(good)), "{good}");
        }
        for bad in ["text/html", "imagex/png", "application/pdfx", "application/x"] {
            assert!(!allowed.allow(&bad.parse().expect(bad)), "{bad}");
        }
        for bad in [
            "",
            "*",
            "*/*",
            "image",
            "image/",
            "image/p*",
            "a b/c",
            "image/png;q=1",
            "image/png;,text/html",
            "image/*, text/html",
            "image/*;q=1",
            "image/png/*",
            " image/*",
        ] {
            assert!(bad.parse::<ContentTypes>().is_err(), "{bad}");
        }
    }
}
