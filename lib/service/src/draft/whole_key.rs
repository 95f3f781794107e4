//! Which draft a caller means: by its name and ID, or by its whole key, which says both.

use draftstore_storage::ObjectKey;

use super::{DraftId, DraftName, Drafts};
use crate::caller::Tenant;
use crate::name::RESERVED_PREFIX;
use crate::violation::Violations;
use crate::{Caller, Error, ObjectName, Violation};

impl Drafts {
    /// The name and the identity in the two fields that callers name a draft by. What is wrong with them is among the
    /// violations, and then there is no answer.
    ///
    /// An `object_name` under `.drafts/` is the key of a unique draft as the store knows it, which is all that upload
    /// clients tell an application. No name is refused that was allowed before: names cannot begin so.
    pub(super) fn draft_meant(
        &self,
        object_name: &str,
        draft_id: Option<&str>,
        broken: &mut Violations,
    ) -> Option<(ObjectName, Option<DraftId>)> {
        draft_meant(&self.caller, object_name, draft_id, broken)
    }

    /// The unique draft of this whole key.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is none.
    pub fn of_whole_key(&self, key: &str) -> Result<DraftName, Error> {
        let (name, id) = parse(key, &self.caller).map_err(|violation| Error::Invalid(vec![violation]))?;
        Ok(DraftName {
            object_name: name.to_string(),
            draft_id: Some(id.to_string()),
        })
    }

    /// Where the store has it: the whole key of a unique draft, the name of a named one, each with the tenant.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it names no draft.
    pub fn whole_key(&self, draft: &DraftName) -> Result<String, Error> {
        let (name, draft_id) = self.draft_named(draft)?;
        Ok(self.keys(&name, draft_id, None).draft.to_string())
    }

    /// Which draft it names, if it names one at all.
    pub(super) fn draft_named(&self, draft: &DraftName) -> Result<(ObjectName, Option<DraftId>), Error> {
        let mut broken = Violations::default();
        let meant = self.draft_meant(&draft.object_name, draft.draft_id.as_deref(), &mut broken);
        match (meant, broken.as_slice()) {
            (Some(meant), []) => Ok(meant),
            _ => Err(Error::Invalid(broken.into_vec())),
        }
    }
}

fn draft_meant(
    caller: &Caller,
    object_name: &str,
    draft_id: Option<&str>,
    broken: &mut Violations,
) -> Option<(ObjectName, Option<DraftId>)> {
    let given: Option<DraftId> = broken.take_optional(draft_id.map(str::parse));
    if !object_name.starts_with(RESERVED_PREFIX) {
        return Some((broken.take(caller.name(object_name))?, given));
    }
    let (name, id) = broken.take(parse(object_name, caller))?;
    if given.is_some_and(|given| given != id) {
        let rule = "must be the one in object_name, or be left out";
        broken.take::<()>(Err(Violation::new("draft_id", rule)))?;
    }
    Some((name, Some(id)))
}

/// Another tenant's key is read as a name in this one: there is nothing of that name, and that is how it looks.
fn parse(key: &str, caller: &Caller) -> Result<(ObjectName, DraftId), Violation> {
    let malformed = || {
        let rule = "must be the whole key of a unique draft where it begins with '.drafts/': \
                    '.drafts/<shard>/<draft_id>/<object_name>', as its upload answered it";
        Violation::new("object_name", rule)
    };
    let mut parts = key.strip_prefix(RESERVED_PREFIX).unwrap_or(key).splitn(3, '/');
    let (Some(_shard), Some(id), Some(named)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(malformed());
    };
    let id: DraftId = id.parse().map_err(|_| malformed())?;
    let tenant = caller.tenant.as_ref().map_or("", Tenant::prefix);
    let name = caller.name(named.strip_prefix(tenant).unwrap_or(named))?;
    // The shard follows from the ID: another one is the key of nothing.
    let of_key = ObjectKey::new(key).ok().and_then(|key| DraftId::in_key(&key));
    if of_key == Some(id) {
        Ok((name, id))
    } else {
        Err(malformed())
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
        let meant = draft_meant(caller, object_name, draft_id, &mut broken);
        match (meant, broken.into_vec()) {
            (Some((name, id)), broken) if broken.is_empty() => Ok((name.to_string(), id)),
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
        assert!(parse("a/b c.jpg", &Caller::anyone()).is_err());
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
