//! The figures of a count, by group of objects.

use std::collections::BTreeMap;

use draftstore_storage::ListedObject;
use serde::{Deserialize, Serialize};

use crate::{DraftId, REPLACED_PREFIX, RESERVED_PREFIX, Stage};

/// The maximum number of groups of one count, which bounds its memory and the size of a saved inventory.
pub const MAX_GROUPS: usize = 10_000;

/// The maximum number of segments of a name by which tenants are told apart.
pub const MAX_SEGMENTS: u8 = 8;

/// The maximum length of a tenant in bytes. A name whose beginning is longer belongs to no tenant.
const MAX_TENANT_BYTES: usize = 63;

/// A group of objects that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Group {
    /// The tenant: the first segments of the name. Empty for objects without one.
    pub tenant: String,
    /// The stage of the objects.
    pub stage: Stage,
    /// The bucket of a destination. `None` is the draft bucket, or main.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The storage class that the store lists, if it lists one.
    pub storage_class: Option<String>,
}

/// A number of objects, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Usage {
    /// The number of objects.
    pub objects: u64,
    /// The sum of their sizes in bytes.
    pub bytes: u64,
}

impl Usage {
    /// Adds the figures of other objects.
    pub fn add(&mut self, other: Self) {
        self.objects = self.objects.saturating_add(other.objects);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// The figures of one count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Counts {
    #[serde(with = "rows")]
    groups: BTreeMap<Group, Usage>,
    /// The objects of groups beyond [`MAX_GROUPS`].
    beyond: Usage,
}

impl Counts {
    /// Returns the figures of all groups that fit, in the order of tenants.
    pub fn groups(&self) -> impl Iterator<Item = (&Group, Usage)> {
        self.groups.iter().map(|(group, usage)| (group, *usage))
    }

    /// Returns the figures of objects that belong to no group, because there were more than [`MAX_GROUPS`].
    pub fn beyond(&self) -> Usage {
        self.beyond
    }

    /// Counts an object that was listed in this stage, and in this bucket if it is that of a destination. Objects of the server
    /// itself are not counted.
    pub(super) fn count(&mut self, stage: Stage, bucket: Option<&str>, object: &ListedObject, segments: u8) {
        let key = object.key.as_str();
        let name = match (stage, DraftId::split(key)) {
            (Stage::Draft, Some((_, name))) => name,
            (Stage::Draft, None) | (Stage::Main, _) => key,
        };
        if [RESERVED_PREFIX, REPLACED_PREFIX]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            return;
        }
        let group = Group {
            tenant: tenant(name, segments).to_owned(),
            stage,
            bucket: bucket.map(ToOwned::to_owned),
            storage_class: object.storage_class.clone(),
        };
        let one = Usage {
            objects: 1,
            bytes: object.size,
        };
        self.add(group, one);
    }

    fn add(&mut self, group: Group, usage: Usage) {
        if self.groups.len() < MAX_GROUPS || self.groups.contains_key(&group) {
            self.groups.entry(group).or_default().add(usage);
        } else {
            self.beyond.add(usage);
        }
    }
}

/// Returns the first segments of a name, without the last segment. Empty if the name has none, or they are too long.
fn tenant(name: &str, segments: u8) -> &str {
    let ends = name.match_indices('/').map(|(at, _)| at);
    let end = ends.take(segments.into()).last().unwrap_or_default();
    if end <= MAX_TENANT_BYTES { &name[..end] } else { "" }
}

/// The groups as a list, because keys of JSON objects are strings.
mod rows {
    use std::collections::BTreeMap;

    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::{Group, Usage};

    pub(super) fn serialize<S: Serializer>(groups: &BTreeMap<Group, Usage>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(groups)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Group, Usage>, D::Error> {
        let rows = Vec::<(Group, Usage)>::deserialize(from)?;
        Ok(rows.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn listed(key: &str, size: u64) -> ListedObject {
        ListedObject {
            key: key.parse().expect("a key"),
            etag: "0".parse().expect("an ETag"),
            size,
            last_modified: UNIX_EPOCH,
            storage_class: None,
        }
    }

    #[test]
    fn tenant_is_the_first_segments_of_the_name() {
        for (name, segments, expected) in [
            ("t1/a.jpg", 1, "t1"),
            ("t1/b/c.jpg", 1, "t1"),
            ("t1/b/c.jpg", 2, "t1/b"),
            ("t1/a.jpg", 2, "t1"),
            ("t1/a.jpg", 0, ""),
            ("a.jpg", 1, ""),
            ("/a.jpg", 1, ""),
        ] {
            assert_eq!(tenant(name, segments), expected, "{name} {segments}");
        }
        let longest = "x".repeat(MAX_TENANT_BYTES);
        assert_eq!(tenant(&format!("{longest}/a"), 1), longest);
        assert_eq!(tenant(&format!("{longest}x/a"), 1), "");
    }

    #[test]
    fn unique_draft_belongs_to_the_tenant_of_its_name_and_objects_of_the_server_to_nobody() {
        let unique = DraftId::new(UNIX_EPOCH + Duration::from_secs(9), 7).key(&"t1/a".parse().expect("a key"));
        let mut counts = Counts::default();
        counts.count(Stage::Draft, None, &listed(unique.as_str(), 3), 1);
        counts.count(Stage::Draft, None, &listed("t1/b", 4), 1);
        counts.count(Stage::Draft, None, &listed(".drafts/staging/x", 5), 1);
        counts.count(Stage::Main, None, &listed(".replaced/t1/b/replaced-0", 6), 1);
        let groups: Vec<_> = counts.groups().map(|(group, usage)| (&*group.tenant, usage)).collect();
        assert_eq!(groups, [("t1", Usage { objects: 2, bytes: 7 })]);
    }

    #[test]
    fn objects_beyond_the_maximum_of_groups_are_counted_together() {
        let mut counts = Counts::default();
        for tenant in 0..MAX_GROUPS + 2 {
            counts.count(Stage::Main, None, &listed(&format!("{tenant}/a"), 1), 1);
        }
        counts.count(Stage::Main, None, &listed("0/b", 1), 1);
        assert_eq!(counts.groups().count(), MAX_GROUPS);
        assert_eq!(counts.beyond(), Usage { objects: 2, bytes: 2 });
        let first = counts.groups().next().map(|(_, usage)| usage);
        assert_eq!(first, Some(Usage { objects: 2, bytes: 2 }));
    }
}
