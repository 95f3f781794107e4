//! JSON objects without duplicate names.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

/// A JSON object, such as the header and the claims of a token. Duplicate names are rejected, because parsers disagree
/// about which value counts.
#[derive(Debug)]
pub(super) struct Object(BTreeMap<String, Value>);

impl Object {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Returns the member with this name or, within objects, at this path of names with dots between. Names themselves may have
    /// dots: `kubernetes.io.namespace` is also found as `namespace` of `kubernetes.io`.
    pub(super) fn find(&self, path: &str) -> Option<&Value> {
        find(&|name| self.0.get(name), path)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

/// Looks up the whole path as a name first, and then its beginnings as names of objects.
fn find<'v>(get: &dyn Fn(&str) -> Option<&'v Value>, path: &str) -> Option<&'v Value> {
    get(path).or_else(|| {
        path.match_indices('.').find_map(|(dot, _)| {
            let inner = get(&path[..dot])?.as_object()?;
            find(&|name| inner.get(name), &path[dot + 1..])
        })
    })
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((name, value)) = members.next_entry()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate name"));
            }
        }
        Ok(Object(object))
    }
}
