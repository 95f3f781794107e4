//! Which draft a caller means: by its name and ID, or by its whole key, which says both.

use std::str::FromStr;

use super::keys::Keys;
use super::{DraftId, DraftName};
use crate::name::RESERVED_PREFIX;
use crate::violation::Violations;
use crate::{Error, ObjectName, Violation};

/// The name and the identity in the two fields that callers name a draft by. What is wrong with them is among the
/// violations, and then there is no answer.
///
/// An `object_name` under `.drafts/` is the key of a unique draft as the store knows it, which is all that upload clients
/// tell an application. No name is refused that was allowed before: names cannot begin so.
pub(super) fn draft_meant(
    object_name: &str,
    draft_id: Option<&str>,
    broken: &mut Violations,
) -> Option<(ObjectName, Option<DraftId>)> {
    let given: Option<DraftId> = broken.take_optional(draft_id.map(str::parse));
    if !object_name.starts_with(RESERVED_PREFIX) {
        return Some((broken.take(ObjectName::from_str(object_name))?, given));
    }
    let (name, id) = broken.take(parse(object_name))?;
    if given.is_some_and(|given| given != id) {
        let rule = "must be the one in object_name, or be left out";
        broken.take::<()>(Err(Violation::new("draft_id", rule)))?;
    }
    Some((name, Some(id)))
}

impl DraftName {
    /// The unique draft of this whole key.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is none.
    pub fn of_whole_key(key: &str) -> Result<Self, Error> {
        let (name, id) = parse(key).map_err(|violation| Error::Invalid(vec![violation]))?;
        Ok(Self {
            object_name: name.to_string(),
            draft_id: Some(id.to_string()),
        })
    }

    /// Where the store has it: the whole key of a unique draft, the name of a named one.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it names no draft.
    pub fn key(&self) -> Result<String, Error> {
        let (name, draft_id) = self.check()?;
        Ok(Keys::new(&name, draft_id, None).draft.to_string())
    }
}

fn parse(key: &str) -> Result<(ObjectName, DraftId), Violation> {
    let malformed = || {
        let rule = "must be the whole key of a unique draft where it begins with '.drafts/': \
                    '.drafts/<shard>/<draft_id>/<object_name>', as its upload answered it";
        Violation::new("object_name", rule)
    };
    let mut parts = key.strip_prefix(RESERVED_PREFIX).unwrap_or(key).splitn(3, '/');
    let (Some(_shard), Some(id), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(malformed());
    };
    let id: DraftId = id.parse().map_err(|_| malformed())?;
    let name: ObjectName = name.parse()?;
    // The shard follows from the ID: another one is the key of nothing.
    if id.key(&name).as_str() == key {
        Ok((name, id))
    } else {
        Err(malformed())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn id() -> DraftId {
        DraftId::new(UNIX_EPOCH + Duration::from_secs(1_800_000_000), 0xab)
    }

    fn meant(object_name: &str, draft_id: Option<&str>) -> Result<(String, Option<DraftId>), Vec<Violation>> {
        let mut broken = Violations::default();
        let meant = draft_meant(object_name, draft_id, &mut broken);
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
        let named = DraftName::of_whole_key(&key).expect("a key");
        assert_eq!(named.key().expect("names a draft"), key);
        assert!(DraftName::of_whole_key("a/b c.jpg").is_err());
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
