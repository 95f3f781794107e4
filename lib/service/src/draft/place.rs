//! The place of confirmed objects that a call is about: the main bucket, or a destination of the policy.

use std::sync::Arc;

use draftstore_storage::{ObjectKey, StorageOptions};

use super::Drafts;
use super::options::RequestedOptions;
use crate::caller::{Destination, Names, Tenant};
use crate::limits::MAX_DESTINATION_KEY_BYTES;
use crate::violation::Violations;
use crate::{Error, ObjectName, Violation};

impl Drafts {
    /// Returns the service for the objects of a destination, or of the main bucket if none is named. Makes no call to the store.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the caller may not name the destination, whether or not there is one of that name.
    pub fn at(&self, destination: Option<&str>) -> Result<Self, Error> {
        let Some(name) = destination else {
            return Ok(self.clone());
        };
        let invalid = |rule: String| Error::Invalid(vec![Violation::new("destination", rule)]);
        let Some(place) = self.caller.profile.destinations.get(name) else {
            let may_name = self.caller.profile.destinations.keys();
            let may_name: Vec<_> = may_name.map(|name| format!("'{name}'")).collect();
            return Err(invalid(if may_name.is_empty() {
                "must be left out: these credentials allow none".to_owned()
            } else {
                format!("must be {}, or be left out", may_name.join(" or "))
            }));
        };
        let mut shared = (*self.shared).clone();
        if let Some(bucket) = &place.bucket {
            let store = shared.store.at(bucket);
            shared.store = store.ok_or_else(|| {
                invalid(format!(
                    "has the bucket '{bucket}', which is not in DESTINATION_BUCKETS of the server"
                ))
            })?;
        }
        Ok(Self {
            shared: Arc::new(shared),
            caller: Arc::clone(&self.caller),
            place: Some(Arc::clone(place)),
            guard: self.guard.clone(),
        })
    }

    /// Returns the service for each other place in which the caller may have an object: the main bucket, and its other
    /// destinations.
    pub(super) fn elsewhere(&self, base: &Self) -> Vec<Self> {
        let own = self.place.as_ref().map(|place| &place.name);
        let names = self
            .caller
            .profile
            .destinations
            .keys()
            .filter(|name| Some(*name) != own);
        let main = own.is_some().then(|| base.clone());
        let others = names.filter_map(|name| base.at(Some(name)).ok());
        main.into_iter().chain(others).collect()
    }

    /// Returns the name of the destination.
    pub(super) fn destination(&self) -> Option<&str> {
        self.place.as_ref().map(|place| place.name.as_str())
    }

    fn prefix(&self) -> &str {
        self.place.as_ref().map_or("", |place| place.prefix.as_str())
    }

    fn tenant_prefix(&self) -> &str {
        self.caller.tenant.as_ref().map_or("", Tenant::prefix)
    }

    /// Returns the beginning of the keys of the caller's objects: its tenant, and the prefix of the destination. No other
    /// caller's object has it, because it begins with the tenant.
    pub(super) fn folder(&self) -> String {
        format!("{}{}", self.tenant_prefix(), self.prefix())
    }

    /// Parses the name of a confirmed object, and checks that the caller may use it.
    pub(super) fn object_name(&self, text: &str) -> Result<ObjectName, Violation> {
        let name = self.caller.name(text)?;
        self.check_length(&name)?;
        Ok(name)
    }

    /// Checks that the key of an object at a destination leaves room for what the server keeps about it.
    pub(super) fn check_length(&self, name: &ObjectName) -> Result<(), Violation> {
        let most = MAX_DESTINATION_KEY_BYTES - self.folder().len();
        if self.place.is_some() && name.as_str().len() > most {
            let rule = format!("must be at most {most} bytes of UTF-8 at this destination");
            return Err(Violation::new("object_name", rule));
        }
        Ok(())
    }

    /// Returns the key of a confirmed object.
    pub(super) fn main_key(&self, name: &ObjectName) -> ObjectKey {
        if self.place.is_none() {
            return self.caller.key(name);
        }
        ObjectKey::new(format!("{}{name}", self.folder())).expect("a checked name, a tenant and a prefix fit in a key")
    }

    /// Returns the name of a confirmed object, or `None` if the caller may not see its key here.
    pub(super) fn name_in_main<'k>(&self, key: &'k str) -> Option<&'k str> {
        if self.place.is_none() {
            return self.caller.name_of(key);
        }
        let name = key.strip_prefix(self.tenant_prefix())?.strip_prefix(self.prefix())?;
        self.caller.allows(name).then_some(name)
    }

    /// Returns the beginning of the keys of all objects that the caller may see here.
    pub(super) fn visible_in_main(&self) -> String {
        match &self.caller.names {
            Names::Any => self.folder(),
            Names::Exactly(names) | Names::Under(names) => format!("{}{names}", self.folder()),
        }
    }

    /// Validates the options of a request, and records the rules that they break, with those that contradict the destination.
    pub(super) fn check_options(&self, options: &RequestedOptions, broken: &mut Violations) -> StorageOptions {
        let requested = options.check(&self.caller.profile, self.shared.clock.now(), broken);
        if let Some(place) = &self.place {
            place.check_options(&requested, broken);
        }
        requested
    }

    /// Adds the options of the caller's profile and of the destination to those of a confirm. Those of the destination win.
    pub(super) fn add_fixed_options(&self, options: &mut StorageOptions) {
        let now = self.shared.clock.now();
        self.caller.profile.fixed_options.apply_without_tags(options, now);
        if let Some(Destination { options: fixed, .. }) = self.place.as_deref() {
            fixed.apply_without_tags(options, now);
        }
    }
}
