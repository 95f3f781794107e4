//! The order of a ticket, and its validation against the rights of the minter.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use draftstore_service::caller::{ContentTypes, Destinations, FixedOptions, Names, Profile};
use draftstore_service::{Amount, Error, ObjectHeader, ObjectHeaders, ObjectName, Scope, Violation};

use super::TicketMint;
use crate::Profiles;

/// The default lifetime of a ticket.
const DEFAULT_LIFE: Duration = Duration::from_secs(15 * 60);

/// The time between the end of a ticket and the expiry of its drafts, if it limits their number.
const MARGIN: Duration = Duration::from_secs(1);

/// The shortest lifetime of drafts for such a ticket, which lives at least one second itself.
const SHORTEST_DRAFTS: Duration = Duration::from_secs(2);

/// The rights that a minter requests for a ticket, not yet validated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketOrder {
    /// The only name that drafts may have.
    pub object_name: Option<String>,
    /// The prefix that names must have.
    pub prefix: Option<String>,
    /// A profile of the current policy, whose limits apply too.
    pub profile: Option<String>,
    /// The maximum size of an object, in bytes.
    pub max_object_bytes: Option<i64>,
    /// The allowed media types. If empty, all that the minter may upload.
    pub content_types: Vec<String>,
    /// The longest lifetime of a draft, in seconds.
    pub max_draft_lifetime: Option<i32>,
    /// The headers of every upload.
    pub headers: BTreeMap<ObjectHeader, String>,
    /// The maximum number of drafts at a time.
    pub max_uploads: Option<i32>,
    /// The lifetime of the ticket, in seconds.
    pub expires_in: Option<i32>,
}

/// The rights of a ticket, which never exceed those of its minter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Narrowed {
    pub(super) names: Names,
    pub(super) profile: Profile,
    pub(super) inspects: bool,
    pub(super) life: Duration,
    /// The maximum number of drafts, and their lifetime from now on.
    pub(super) drafts: Option<(u8, Duration)>,
}

impl TicketOrder {
    /// The maximum lifetime of a ticket. It is short because a single ticket cannot be revoked.
    pub const MAX_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

    /// The maximum length of the prefix, in bytes, so that it leaves room for names.
    pub const MAX_PREFIX_BYTES: usize = 600;

    /// The maximum number of drafts of a ticket, if it limits them: as many as a batch has.
    pub const MAX_UPLOADS: u8 = 100;

    /// The maximum number of media types of a ticket.
    pub const MAX_CONTENT_TYPES: usize = 20;

    /// Checks the rights of the minter, then validates every field.
    pub(super) fn narrow(&self, mint: &TicketMint<'_>) -> Result<Narrowed, Error> {
        let minter = mint.minter;
        if minter.require(Scope::Admin).is_err() {
            minter.require(Scope::Confirm)?;
        }
        minter.require(Scope::Upload)?;
        let mut broken = Vec::new();
        let names = keep(&mut broken, self.names(&minter.names));
        let effective_profile = keep(&mut broken, self.effective_profile(&minter.profile, mint.profiles));
        let own = effective_profile.as_ref().unwrap_or(&minter.profile);
        let bytes = self.max_object_bytes.map(|bytes| {
            let bytes = u64::try_from(bytes).ok().filter(|bytes| *bytes > 0);
            bytes.ok_or_else(|| Violation::new("max_object_bytes", "must be at least 1"))
        });
        let bytes = keep(&mut broken, bytes.transpose());
        let types = keep(&mut broken, self.content_types(own.content_types.as_ref()));
        let headers = self.headers(own, &mut broken);
        let lifetime = self.max_draft_lifetime.map(|seconds| {
            let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
            let rule = || Violation::new("max_draft_lifetime", "must be at least 1 second");
            seconds.map(Duration::from_secs).ok_or_else(rule)
        });
        let lifetime = keep(&mut broken, lifetime.transpose());
        let longest = least(lifetime.flatten(), own.max_draft_lifetime);
        let drafts_live = longest.map_or(mint.object_lifetime, |most| most.min(mint.object_lifetime));
        let drafts = keep(&mut broken, self.drafts(names.as_ref(), drafts_live));
        let life = keep(&mut broken, self.life(drafts.flatten().map(|(_, live)| live)));
        let (Some(names), Some(bytes), Some(types), Some(lifetime), Some(life), Some(drafts), []) =
            (names, bytes, types, lifetime, life, drafts, broken.as_slice())
        else {
            return Err(Error::Invalid(broken));
        };
        let profile = Profile {
            name: own.name.clone(),
            max_object_bytes: least(bytes, own.max_object_bytes),
            content_types: types,
            max_draft_lifetime: least(lifetime, own.max_draft_lifetime),
            headers,
            checks: None,
            auto_confirm: own.auto_confirm,
            auto_confirm_destination: None,
            destinations: Destinations::new(),
            storage_options: Some(BTreeSet::new()),
            fixed_options: FixedOptions::default(),
        };
        // The scope includes lists, which without names would show all drafts of the tenant.
        let inspects = names != Names::Any && minter.require(Scope::Inspect).is_ok();
        Ok(Narrowed {
            names,
            profile,
            inspects,
            life,
            drafts,
        })
    }

    /// Returns the number of drafts and their lifetime. The lifetime starts now, even for drafts that are uploaded
    /// later, and is never longer than for other drafts of this caller.
    fn drafts(&self, names: Option<&Names>, live: Duration) -> Result<Option<(u8, Duration)>, Violation> {
        let violation = |rule: &str| Violation::new("max_uploads", rule);
        let Some(asked) = self.max_uploads else {
            return Ok(None);
        };
        let count = u8::try_from(asked)
            .ok()
            .filter(|count| (1..=Self::MAX_UPLOADS).contains(count));
        let count = count.ok_or_else(|| violation(&format!("must be 1 to {}", Self::MAX_UPLOADS)))?;
        if names.is_some_and(|names| !matches!(names, Names::Exactly(_))) {
            return Err(violation("needs object_name, since drafts are counted by name"));
        }
        if live < SHORTEST_DRAFTS {
            return Err(violation("must not be set if drafts live for less than 2 seconds"));
        }
        Ok(Some((count, live)))
    }

    /// Returns the lifetime of the ticket. With `max_uploads`, it ends at least one second before its drafts expire.
    fn life(&self, drafts_live: Option<Duration>) -> Result<Duration, Violation> {
        let longest = drafts_live.map_or(Self::MAX_LIFE, |live| Self::MAX_LIFE.min(live.saturating_sub(MARGIN)));
        let Some(seconds) = self.expires_in else {
            return Ok(DEFAULT_LIFE.min(longest));
        };
        let seconds = u64::try_from(seconds).ok().map(Duration::from_secs);
        let life = seconds.filter(|life| !life.is_zero() && *life <= longest);
        life.ok_or_else(|| {
            let why = if longest < Self::MAX_LIFE {
                ", since all drafts of max_uploads expire then"
            } else {
                ""
            };
            let rule = format!("must be 1 to {}{why}", Amount::seconds(longest.as_secs()));
            Violation::new("expires_in", rule)
        })
    }

    /// Returns the limits of the minter, combined with the named profile.
    fn effective_profile(&self, own: &Profile, profiles: Option<&Profiles>) -> Result<Profile, Violation> {
        let Some(name) = &self.profile else {
            return Ok(own.clone());
        };
        let Some(profiles) = profiles else {
            let rule = "must not be set: this server has no policy file, and so no profiles";
            return Err(Violation::new("profile", rule));
        };
        let unknown = || Violation::new("profile", "must be one of the profiles in the server's policy file");
        let named = profiles.get(name).ok_or_else(unknown)?;
        let settings = |profile: &Profile| profile.checks.as_ref().map(|checks| checks.settings.clone());
        let has_other_checks = settings(named) != settings(own);
        if named.checks.is_some() && has_other_checks {
            let rule = "has checks that the caller's own profile lacks: its confirms would not make them";
            return Err(Violation::new("profile", rule));
        }
        if named.auto_confirm && has_other_checks {
            let rule = "confirms its drafts without the checks of the caller's own profile";
            return Err(Violation::new("profile", rule));
        }
        let content_types = match (&named.content_types, &own.content_types) {
            (Some(named), Some(own)) => Some(named.intersection(own).ok_or_else(|| {
                let rule = "must allow at least one of the media types that the caller may upload";
                Violation::new("profile", rule)
            })?),
            (one, other) => one.clone().or_else(|| other.clone()),
        };
        let mut headers = own.headers.clone();
        headers.extend(&named.headers);
        own.check_headers(&headers).map_err(|violation| {
            Violation::new("profile", format!("has a {} that {}", violation.field, violation.rule))
        })?;
        let kept_by = if named.auto_confirm { named } else { own };
        Ok(Profile {
            name: kept_by.name.clone(),
            headers,
            checks: None,
            auto_confirm: named.auto_confirm,
            auto_confirm_destination: None,
            destinations: Destinations::new(),
            max_object_bytes: least(named.max_object_bytes, own.max_object_bytes),
            content_types,
            max_draft_lifetime: least(named.max_draft_lifetime, own.max_draft_lifetime),
            storage_options: Some(BTreeSet::new()),
            fixed_options: FixedOptions::default(),
        })
    }

    fn names(&self, own: &Names) -> Result<Names, Violation> {
        let (field, asked, sample) = match (&self.object_name, &self.prefix) {
            (None, None) => return Ok(own.clone()),
            (Some(_), Some(_)) => return Err(Violation::new("prefix", "must not be set together with object_name")),
            (Some(name), None) => ("object_name", Names::Exactly(name.clone()), name.clone()),
            (None, Some(prefix)) => ("prefix", Names::Under(prefix.clone()), format!("{prefix}x")),
        };
        if self.prefix.as_deref().is_some_and(str::is_empty) {
            return Err(Violation::new(field, "must not be empty: omit it to allow all names"));
        }
        if self
            .prefix
            .as_deref()
            .is_some_and(|prefix| prefix.len() > Self::MAX_PREFIX_BYTES)
        {
            return Err(Violation::new(
                field,
                format!("must be at most {} bytes of UTF-8", Self::MAX_PREFIX_BYTES),
            ));
        }
        sample
            .parse::<ObjectName>()
            .map_err(|violation| Violation::new(field, violation.rule))?;
        if contains(own, &asked) {
            Ok(asked)
        } else {
            Err(Violation::new(field, "must be among the names that the caller may use"))
        }
    }

    /// Returns the requested headers with those of the minter.
    fn headers(&self, own: &Profile, broken: &mut Vec<Violation>) -> ObjectHeaders {
        let mut headers = own.headers.clone();
        for (&header, value) in &self.headers {
            let set = headers.set(header, value);
            keep(
                broken,
                set.map_err(|error| Violation::new(header.as_str(), error.to_string())),
            );
        }
        keep(broken, own.check_headers(&headers));
        headers
    }

    /// Returns the requested media types, limited to those of the minter.
    fn content_types(&self, own: Option<&ContentTypes>) -> Result<Option<ContentTypes>, Violation> {
        if self.content_types.is_empty() {
            return Ok(own.cloned());
        }
        if self.content_types.len() > Self::MAX_CONTENT_TYPES {
            let rule = format!("must be at most {}", Self::MAX_CONTENT_TYPES);
            return Err(Violation::new("content_types", rule));
        }
        let one = |(place, text): (usize, &String)| {
            let parsed = text.parse::<ContentTypes>();
            parsed.map_err(|_| {
                let rule = "must be a media type such as image/png, or a kind such as image/*";
                Violation::new(format!("content_types[{place}]"), rule)
            })
        };
        let asked: ContentTypes = self
            .content_types
            .iter()
            .enumerate()
            .map(one)
            .collect::<Result<_, _>>()?;
        let Some(own) = own else {
            return Ok(Some(asked));
        };
        let both = asked.intersection(own).ok_or_else(|| {
            let rule = "must be among the media types that the caller, and the profile if set, allow";
            Violation::new("content_types", rule)
        })?;
        Ok(Some(both))
    }
}

fn keep<T>(broken: &mut Vec<Violation>, checked: Result<T, Violation>) -> Option<T> {
    checked.map_err(|violation| broken.push(violation)).ok()
}

fn contains(own: &Names, asked: &Names) -> bool {
    match (own, asked) {
        (Names::Any, _) => true,
        (Names::Exactly(own), Names::Exactly(asked)) => own == asked,
        (Names::Under(own), Names::Exactly(asked) | Names::Under(asked)) => asked.starts_with(own.as_str()),
        (Names::Exactly(_), Names::Under(_) | Names::Any) | (Names::Under(_), Names::Any) => false,
    }
}

fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
