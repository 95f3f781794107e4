//! The query and the path of a request.

use std::sync::Arc;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use draftstore_service::Caller;
use draftstore_service::draft::DraftName;

use crate::Api;
use crate::errors::Failure;

/// The decoded pairs of a query. Uppy 5 encodes a space as `%20`, Uppy 6 as `+`.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn need(&self, name: &str) -> Result<&str, Failure> {
        let value = self.get(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| Failure::invalid(name, "must be in the query"))
    }

    /// Returns the draft that `key` names.
    pub(super) fn draft(&self, api: &Api, caller: &Arc<Caller>) -> Result<DraftName, Failure> {
        Ok(api.of_whole_key(caller, self.need("key")?)?)
    }

    /// Returns the values of `metadata[…]`, without those that stand for no value in JavaScript.
    pub(super) fn metadata(&self) -> impl Iterator<Item = (String, String)> {
        self.0.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            let is_none = matches!(value.as_str(), "null" | "undefined");
            (!is_none).then(|| (name.to_owned(), value.clone()))
        })
    }
}

pub(super) fn path<T>(path: Result<Path<T>, PathRejection>) -> Result<T, Failure> {
    let Path(path) = path.map_err(|_| Failure::invalid("path", "must be percent-encoded UTF-8"))?;
    Ok(path)
}

/// Parses the number of a part.
pub(super) fn part_number(text: &str) -> Result<i32, Failure> {
    text.parse()
        .map_err(|_| Failure::invalid("part_number", "must be a whole number, 1 to 10000"))
}
