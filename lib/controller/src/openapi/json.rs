//! JSON whose objects keep the order in which they were written: people read the document.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A JSON value, as far as the document has need of it: no fractions, no null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object, in order.
    Object(Vec<(String, Json)>),
}

/// An object of these members.
pub(super) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.map(|(name, value)| (name.to_owned(), value)).into())
}

/// An array of texts.
pub(super) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Json {
    Json::List(texts.into_iter().map(|text| Json::Text(text.into())).collect())
}

/// A reference to a component.
pub(super) fn reference(kind: &str, name: &str) -> Json {
    object([("$ref", format!("#/components/{kind}/{name}").into())])
}

impl Json {
    /// The member of that name, in an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members()
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// What a JSON pointer without escapes leads to, such as `info/title`.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |json, name| json.get(name))
    }

    /// The text, of a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bool(_) | Self::Integer(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// The items of an array; none of anything else.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            Self::Bool(_) | Self::Integer(_) | Self::Text(_) | Self::Object(_) => &[],
        }
    }

    /// The members of an object; none of anything else.
    pub fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(members) => members,
            Self::Bool(_) | Self::Integer(_) | Self::Text(_) | Self::List(_) => &[],
        }
    }

    /// The same with one more member at the end, or with another value where there is one of that name.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl Into<Self>) -> Self {
        if let Self::Object(members) = &mut self {
            members.retain(|(known, _)| known != name);
            members.push((name.to_owned(), value.into()));
        }
        self
    }

    /// The same without a member.
    #[must_use]
    pub(super) fn without(mut self, name: &str) -> Self {
        if let Self::Object(members) = &mut self {
            members.retain(|(known, _)| known != name);
        }
        self
    }
}

impl From<bool> for Json {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Self::List(items)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => items.serialize(serializer),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without fractions and null")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Json, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Json, E> {
        i64::try_from(number).map(Json::Integer).map_err(E::custom)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}
