//! The draft that a caller means, and its key.

use draftstore_protocol::{DraftId, RESERVED_PREFIX};
use draftstore_storage::ObjectKey;

use super::Drafts;
use crate::fields::draft_id;
use crate::violation::Violations;
use crate::{Caller, Error, ObjectName, Violation};

/// The two fields that name one draft, as they came: nothing is checked yet.
#[derive(Debug, Clone, Default)]
pub struct DraftName {
    /// See [`ObjectName`]; or the whole key of a unique draft, which says its ID too.
    pub object_name: String,
    /// The draft, where it is a unique one.
    pub draft_id: Option<String>,
}

/// The key of a draft, and the key that it has or gets in main.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) draft: ObjectKey,
    pub(super) main: ObjectKey,
}

/// One draft of a caller's. What is read once from a request is handed on as this.
#[derive(Debug, Clone)]
pub(super) struct DraftRef {
    /// The name that it is or was uploaded under.
    pub(super) name: ObjectName,
    /// Its ID, where it is a unique one.
    pub(super) id: Option<DraftId>,
    /// Its key in the draft bucket.
    pub(super) key: ObjectKey,
}

impl DraftRef {
    /// The draft of this name, unique if it has an ID.
    pub(super) fn new(caller: &Caller, name: ObjectName, id: Option<DraftId>) -> Self {
        let named = caller.key(&name);
        let key = match id {
            Some(id) => id.key(&named),
            None => named,
        };
        Self { name, id, key }
    }

    /// The draft that two fields of a request name. What is wrong with them is among the violations, and then there may be
    /// none.
    ///
    /// An `object_name` under `.drafts/` is the key of a unique draft as the store knows it, which is all that upload
    /// clients tell an application. No name is refused that was allowed before: names cannot begin so.
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
            let rule = "must be the one in object_name, or be left out";
            broken.take::<()>(Err(Violation::new("draft_id", rule)))?;
        }
        Some(whole)
    }

    /// Another tenant's key is read as a name in this one: there is nothing of that name, and that is how it looks.
    fn of_whole_key(caller: &Caller, key: &str) -> Result<Self, Violation> {
        let (id, named) = DraftId::split(key).ok_or_else(|| {
            let rule = "must be the whole key of a unique draft where it begins with '.drafts/': \
                        '.drafts/<shard>/<draft_id>/<object_name>', as its upload answered it";
            Violation::new("object_name", rule)
        })?;
        Ok(Self::new(caller, caller.name_in_key(named)?, Some(id)))
    }
}

impl Drafts {
    /// The unique draft of this whole key.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is none.
    pub fn of_whole_key(&self, key: &str) -> Result<DraftName, Error> {
        let draft = DraftRef::of_whole_key(&self.caller, key);
        let DraftRef { name, id, .. } = draft.map_err(|violation| Error::Invalid(vec![violation]))?;
        Ok(DraftName {
            object_name: name.to_string(),
            draft_id: id.map(|id| id.to_string()),
        })
    }

    /// Where the store has it: the whole key of a unique draft, the name of a named one, each with the tenant.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it names no draft.
    pub fn whole_key(&self, draft: &DraftName) -> Result<String, Error> {
        Ok(self.draft_named(draft)?.key.to_string())
    }

    /// The draft that a request names, if it names one at all.
    pub(super) fn draft_named(&self, draft: &DraftName) -> Result<DraftRef, Error> {
        let mut broken = Violations::default();
        let read = self.read_draft(&draft.object_name, draft.draft_id.as_deref(), &mut broken);
        match (read, broken.as_slice()) {
            (Some(draft), []) => Ok(draft),
            _ => Err(Error::Invalid(broken.into_vec())),
        }
    }

    /// The keys of a draft that is kept under its own name or another.
    pub(super) fn keys(&self, draft: DraftRef, destination: Option<&ObjectName>) -> Keys {
        Keys {
            main: self.caller.key(destination.unwrap_or(&draft.name)),
            draft: draft.key,
        }
    }

    /// See [`DraftRef::read`].
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

    type Meant = Result<(String, Option<DraftId>), Vec<Violation>>;

    fn meant(object_name: &str, draft_id: Option<&str>) -> Meant {
        meant_by(&Caller::anyone(), object_name, draft_id)
    }

    fn meant_by(caller: &Caller, object_name: &str, draft_id: Option<&str>) -> Meant {
        let mut broken = Violations::default();
        let read = DraftRef::read(caller, object_name, draft_id, &mut broken);
        match (read, broken.into_vec()) {
            (Some(draft), broken) if broken.is_empty() => Ok((draft.name.to_string(), draft.id)),
            (_, broken) => Err(broken),
        }
    }

    #[test]
    fn a_whole_key_says_name_and_id() {
        let id = id();
        let key = format!(".drafts/ab/{id}/a/b c.jpg");
        let expected = Ok(("a/b c.jpg".to_owned(), Some(id)));
        assert_eq!(meant(&key, None), expected);
        assert_eq!(meant(&key, Some(&id.to_string())), expected);
        assert_eq!(meant("a/b c.jpg", Some(&id.to_string())), expected);
        assert_eq!(meant("a", None), Ok(("a".to_owned(), None)));
        assert!(DraftRef::of_whole_key(&Caller::anyone(), "a/b c.jpg").is_err());
    }

    #[test]
    fn a_tenant_means_its_own_draft_or_none() {
        let id = id();
        let tenant = Caller {
            tenant: "t1".parse().ok(),
            ..Caller::anyone()
        };
        let meant = |key: &str| meant_by(&tenant, key, None).expect("names a draft").0;
        assert_eq!(meant(&format!(".drafts/ab/{id}/t1/a.jpg")), "a.jpg");
        assert_eq!(meant("t1/a.jpg"), "t1/a.jpg", "a name like any other");
        for foreign in ["t10/a.jpg", "a.jpg", "t2/t1/a.jpg"] {
            assert_eq!(meant(&format!(".drafts/ab/{id}/{foreign}")), foreign);
        }
    }

    #[test]
    fn names_are_held_to_those_of_the_caller() {
        let id = id();
        let caller = |names| Caller {
            names,
            ..Caller::anyone()
        };
        let one = caller(Names::Exactly("u/1/a.jpg".to_owned()));
        let under = caller(Names::Under("u/1/".to_owned()));
        for name in ["u/1/a.jpg".to_owned(), format!(".drafts/ab/{id}/u/1/a.jpg")] {
            assert!(meant_by(&one, &name, None).is_ok() && meant_by(&under, &name, None).is_ok());
        }
        for name in ["u/10/a.jpg", "u/1", "U/1/a.jpg", "x"] {
            for caller in [&one, &under] {
                let broken = meant_by(caller, name, None).expect_err(name);
                assert_eq!(broken[0].field, "object_name", "{name}");
                assert!(meant_by(caller, &format!(".drafts/ab/{id}/{name}"), None).is_err());
            }
        }
    }

    #[test]
    fn a_malformed_key_is_refused_by_field() {
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
            let broken = meant(bad, None).expect_err(bad);
            assert_eq!(broken[0].field, "object_name", "{bad}");
        }
        let broken = meant(&format!(".drafts/ab/{id}/a"), Some(&other.to_string())).expect_err("they differ");
        assert_eq!(broken[0].field, "draft_id");
        let broken = meant(".drafts/x", Some("nonsense")).expect_err("both are wrong");
        assert_eq!(broken.len(), 2, "{broken:?}");
    }
}
