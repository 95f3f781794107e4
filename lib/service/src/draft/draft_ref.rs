//! References to drafts in requests, and the keys of drafts.

use draftstore_protocol::{DraftId, RESERVED_PREFIX};
use draftstore_storage::ObjectKey;

use super::Drafts;
use crate::fields::draft_id;
use crate::violation::Violations;
use crate::{Caller, Error, ObjectName, Violation};

/// The two fields that identify a draft in a request, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct DraftName {
    /// An [`ObjectName`], or the whole key of a unique draft, which includes its ID.
    pub object_name: String,
    /// The ID of a unique draft.
    pub draft_id: Option<String>,
}

/// The key of a draft, and its key in main.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) draft: ObjectKey,
    pub(super) main: ObjectKey,
}

/// A validated reference to a draft of a caller.
#[derive(Debug, Clone)]
pub(super) struct DraftRef {
    /// The object name under which the draft is uploaded.
    pub(super) name: ObjectName,
    /// The ID of a unique draft.
    pub(super) id: Option<DraftId>,
    /// The key in the draft bucket.
    pub(super) key: ObjectKey,
}

impl DraftRef {
    /// Creates a reference to a draft, which is unique if it has an ID.
    pub(super) fn new(caller: &Caller, name: ObjectName, id: Option<DraftId>) -> Self {
        let named = caller.key(&name);
        let key = match id {
            Some(id) => id.key(&named),
            None => named,
        };
        Self { name, id, key }
    }

    /// Parses the two fields that identify a draft. Records the rules that they break, and may then return `None`.
    ///
    /// An `object_name` under `.drafts/` is the key of a unique draft in the store. Upload clients tell an application
    /// nothing but this key. It is never ambiguous, because no object name has that prefix.
    pub(super) fn read(
        caller: &Caller,
        object_name: &str,
        given_id: Option<&str>,
        broken: &mut Violations,
    ) -> Option<Self> {
        let given = broken.take_optional(given_id.map(draft_id));
        if !object_name.starts_with(RESERVED_PREFIX) {
            return Some(Self::new(caller, broken.take(caller.name(object_name))?, given));
        }
        let whole = broken.take(Self::of_whole_key(caller, object_name))?;
        if given.is_some() && given != whole.id {
            let rule = "must be the ID in object_name, or be omitted";
            broken.take::<()>(Err(Violation::new("draft_id", rule)))?;
        }
        Some(whole)
    }

    /// Parses the whole key of a unique draft.
    ///
    /// The key of another tenant is parsed as a name within the caller's tenant, where no such draft exists. The caller
    /// cannot tell it from a missing one.
    fn of_whole_key(caller: &Caller, key: &str) -> Result<Self, Violation> {
        let (id, named) = DraftId::split(key).ok_or_else(|| {
            let rule = "must be the whole key of a unique draft if it begins with '.drafts/': \
                        '.drafts/<shard>/<draft_id>/<object_name>', as in the response to its upload";
            Violation::new("object_name", rule)
        })?;
        Ok(Self::new(caller, caller.name_in_key(named)?, Some(id)))
    }
}

impl Drafts {
    /// Parses the whole key of a unique draft into the two fields that identify it.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the key is not that of a unique draft.
    pub fn of_whole_key(&self, key: &str) -> Result<DraftName, Error> {
        let draft = DraftRef::of_whole_key(&self.caller, key);
        let DraftRef { name, id, .. } = draft.map_err(|violation| Error::Invalid(vec![violation]))?;
        Ok(DraftName {
            object_name: name.to_string(),
            draft_id: id.map(|id| id.to_string()),
        })
    }

    /// Returns the key of a draft in the draft bucket, including the tenant.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule.
    pub fn whole_key(&self, draft: &DraftName) -> Result<String, Error> {
        Ok(self.parse_draft(draft)?.key.to_string())
    }

    /// Parses the fields that identify a draft.
    pub(super) fn parse_draft(&self, draft: &DraftName) -> Result<DraftRef, Error> {
        let mut broken = Violations::default();
        let read = self.read_draft(&draft.object_name, draft.draft_id.as_deref(), &mut broken);
        match (read, broken.as_slice()) {
            (Some(draft), []) => Ok(draft),
            _ => Err(Error::Invalid(broken.into_vec())),
        }
    }

    /// Returns the key of a draft, and its key in main under `destination` or else its own name.
    pub(super) fn keys(&self, draft: DraftRef, destination: Option<&ObjectName>) -> Keys {
        Keys {
            main: self.main_key(destination.unwrap_or(&draft.name)),
            draft: draft.key,
        }
    }

    /// Parses the fields that identify a draft of this caller. See [`DraftRef::read`].
    pub(super) fn read_draft(
        &self,
        object_name: &str,
        draft_id: Option<&str>,
        broken: &mut Violations,
    ) -> Option<DraftRef> {
        DraftRef::read(&self.caller, object_name, draft_id, broken)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::caller::Names;

    fn id() -> DraftId {
        DraftId::new(UNIX_EPOCH + Duration::from_secs(1_800_000_000), 0xab)
    }

    type Parsed = Result<(String, Option<DraftId>), Vec<Violation>>;

    fn parse(object_name: &str, draft_id: Option<&str>) -> Parsed {
        parse_as(&Caller::anyone(), object_name, draft_id)
    }

    fn parse_as(caller: &Caller, object_name: &str, draft_id: Option<&str>) -> Parsed {
        let mut broken = Violations::default();
        let read = DraftRef::read(caller, object_name, draft_id, &mut broken);
        match (read, broken.into_vec()) {
            (Some(draft), broken) if broken.is_empty() => Ok((draft.name.to_string(), draft.id)),
            (_, broken) => Err(broken),
        }
    }

    #[test]
    fn whole_key_contains_name_and_id() {
        let id = id();
        let key = format!(".drafts/ab/{id}/a/b c.jpg");
        let expected = Ok(("a/b c.jpg".to_owned(), Some(id)));
        assert_eq!(parse(&key, None), expected);
        assert_eq!(parse(&key, Some(&id.to_string())), expected);
        assert_eq!(parse("a/b c.jpg", Some(&id.to_string())), expected);
        assert_eq!(parse("a", None), Ok(("a".to_owned(), None)));
        assert!(DraftRef::of_whole_key(&Caller::anyone(), "a/b c.jpg").is_err());
    }

    #[test]
    fn keys_of_other_tenants_are_names_within_the_tenant() {
        let id = id();
        let tenant = Caller {
            tenant: "t1".parse().ok(),
            ..Caller::anyone()
        };
        let parse = |key: &str| parse_as(&tenant, key, None).expect("names a draft").0;
        assert_eq!(parse(&format!(".drafts/ab/{id}/t1/a.jpg")), "a.jpg");
        assert_eq!(parse("t1/a.jpg"), "t1/a.jpg", "a name like any other");
        for foreign in ["t10/a.jpg", "a.jpg", "t2/t1/a.jpg"] {
            assert_eq!(parse(&format!(".drafts/ab/{id}/{foreign}")), foreign);
        }
    }

    #[test]
    fn names_that_the_caller_may_not_use_are_refused() {
        let id = id();
        let caller = |names| Caller {
            names,
            ..Caller::anyone()
        };
        let one = caller(Names::Exactly("u/1/a.jpg".to_owned()));
        let under = caller(Names::Under("u/1/".to_owned()));
        for name in ["u/1/a.jpg".to_owned(), format!(".drafts/ab/{id}/u/1/a.jpg")] {
            assert!(parse_as(&one, &name, None).is_ok() && parse_as(&under, &name, None).is_ok());
        }
        for name in ["u/10/a.jpg", "u/1", "U/1/a.jpg", "x"] {
            for caller in [&one, &under] {
                let broken = parse_as(caller, name, None).expect_err(name);
                assert_eq!(broken[0].field, "object_name", "{name}");
                assert!(parse_as(caller, &format!(".drafts/ab/{id}/{name}"), None).is_err());
            }
        }
    }

    #[test]
    fn violation_of_a_malformed_key_names_the_field() {
        let (id, other) = (id(), DraftId::new(UNIX_EPOCH, 1));
        for bad in [
            ".drafts/",
            ".drafts/ab",
            ".drafts/ab/",
            &format!(".drafts/ab/{id}"),
            &format!(".drafts/ac/{id}/a"),
            &format!(".drafts/AB/{id}/a"),
            &format!(".drafts//ab/{id}/a"),
            &format!(".drafts/ab/{}/a", id.to_string().to_lowercase()),
            &format!(".drafts/ab/{id}/"),
            &format!(".drafts/ab/{id}/../a"),
            &format!(".drafts/ab/{id}/.drafts/ab/{id}/a"),
            &format!(".drafts/ab/{id}/{}", "x".repeat(901)),
            ".drafts/staging/00000A10ER00000000P2H278R1/a",
            ".drafts/settled/00000A10ER00000000P2H278R1",
        ] {
            let broken = parse(bad, None).expect_err(bad);
            assert_eq!(broken[0].field, "object_name", "{bad}");
        }
        let broken = parse(&format!(".drafts/ab/{id}/a"), Some(&other.to_string())).expect_err("they differ");
        assert_eq!(broken[0].field, "draft_id");
        let broken = parse(".drafts/x", Some("nonsense")).expect_err("both are wrong");
        assert_eq!(broken.len(), 2, "{broken:?}");
    }
}
