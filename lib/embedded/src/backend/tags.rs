//! The tags of objects: of each version, from the header of a write or from an operation of their own.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>

use std::collections::BTreeMap;

use s3s::dto::{
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, GetObjectTaggingInput, GetObjectTaggingOutput,
    PutObjectTaggingInput, PutObjectTaggingOutput, Tag, Tagging,
};
use s3s::xml::Deserialize as _;
use s3s::{S3Error, S3Result, s3_error};

use super::Backend;
use super::version::VersionedObject;
use crate::index::VersionSelector;

/// The maximum number of tags of an object.
const MAX_TAGS: usize = 10;
/// The maximum number of characters in the key of a tag.
const MAX_KEY: usize = 128;
/// The maximum number of characters in the value of a tag.
const MAX_VALUE: usize = 256;

pub(super) type Tags = BTreeMap<String, String>;

pub(super) async fn get(backend: &Backend, input: GetObjectTaggingInput) -> S3Result<GetObjectTaggingOutput> {
    let wanted = VersionSelector::parse(input.version_id.as_deref())?;
    let VersionedObject { object, version_id } = backend.object(input.bucket, input.key, wanted).await?;
    let tag = |(key, value)| Tag {
        key: Some(key),
        value: Some(value),
    };
    Ok(GetObjectTaggingOutput {
        tag_set: object.attributes.tags.into_iter().map(tag).collect(),
        version_id,
    })
}

/// Replaces the tags of a version. Its ETag and its time stay.
pub(super) async fn put(backend: &Backend, input: PutObjectTaggingInput) -> S3Result<PutObjectTaggingOutput> {
    let tags = from_list(input.tagging.tag_set)?;
    let wanted = VersionSelector::parse(input.version_id.as_deref())?;
    let version_id = set(backend, input.bucket, input.key, wanted, tags).await?;
    Ok(PutObjectTaggingOutput { version_id })
}

pub(super) async fn delete(backend: &Backend, input: DeleteObjectTaggingInput) -> S3Result<DeleteObjectTaggingOutput> {
    let wanted = VersionSelector::parse(input.version_id.as_deref())?;
    let version_id = set(backend, input.bucket, input.key, wanted, Tags::new()).await?;
    Ok(DeleteObjectTaggingOutput { version_id })
}

async fn set(
    backend: &Backend,
    bucket: String,
    key: String,
    wanted: VersionSelector,
    tags: Tags,
) -> S3Result<Option<String>> {
    let change = backend.update_object(bucket, key, wanted, |_, object| {
        object.attributes.tags = tags;
        Ok(())
    });
    Ok(change.await?.version_id)
}

/// Reads the tags from `x-amz-tagging`, which has the form of a query.
///
/// # Errors
/// Returns `InvalidTag`, or `InvalidArgument` for a header without tags in it.
pub(super) fn from_header(header: Option<&str>) -> S3Result<Tags> {
    let pairs = form_urlencoded::parse(header.unwrap_or_default().as_bytes());
    from_pairs(pairs.map(|(key, value)| (key.into_owned(), value.into_owned())))
}

/// Reads the tags from the XML document that a form contains.
///
/// # Errors
/// Returns `InvalidTag`, or `MalformedXML` for anything else.
pub(super) fn from_document(document: &str) -> S3Result<Tags> {
    let tagging = Tagging::deserialize(&mut s3s::xml::Deserializer::new(document.as_bytes()));
    let tagging = tagging.map_err(|_| s3_error!(MalformedXML, "The field tagging must be a Tagging document."))?;
    from_list(tagging.tag_set)
}

fn from_list(tags: Vec<Tag>) -> S3Result<Tags> {
    from_pairs(
        tags.into_iter()
            .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())),
    )
}

/// # Errors
/// Returns `InvalidTag` for more tags than allowed, for one twice, and for one that is empty or too long.
fn from_pairs(pairs: impl Iterator<Item = (String, String)>) -> S3Result<Tags> {
    let mut tags = Tags::new();
    for (key, value) in pairs {
        if key.is_empty() || key.chars().count() > MAX_KEY {
            return Err(invalid("The TagKey you have provided is invalid"));
        }
        if value.chars().count() > MAX_VALUE {
            return Err(invalid("The TagValue you have provided is invalid"));
        }
        if tags.insert(key, value).is_some() {
            return Err(invalid("Cannot provide multiple Tags with the same key"));
        }
    }
    if tags.len() > MAX_TAGS {
        return Err(invalid("Object tags cannot be greater than 10"));
    }
    Ok(tags)
}

fn invalid(message: &'static str) -> S3Error {
    s3_error!(InvalidTag, "{message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_document_contain_the_same_tags() {
        let header = from_header(Some("a=1%262&b=&c=x+y")).unwrap();
        let tag = |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
        let tags = [tag("a", "1&amp;2"), tag("b", ""), tag("c", "x y")].concat();
        let document = from_document(&format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")).unwrap();
        assert_eq!(header, document);
        assert_eq!(header["a"], "1&2");
        assert!(from_header(None).unwrap().is_empty());
    }

    #[test]
    fn limits_of_tags_are_enforced() {
        let many = |count: usize| (0..count).map(|n| format!("{n}=v")).collect::<Vec<_>>().join("&");
        assert!(from_header(Some(&many(MAX_TAGS))).is_ok());
        assert!(from_header(Some(&many(MAX_TAGS + 1))).is_err());
        let pair = |key: usize, value: usize| format!("{}={}", "é".repeat(key), "é".repeat(value));
        assert!(from_header(Some(&pair(MAX_KEY, MAX_VALUE))).is_ok());
        assert!(from_header(Some(&pair(MAX_KEY + 1, 1))).is_err());
        assert!(from_header(Some(&pair(1, MAX_VALUE + 1))).is_err());
        assert!(from_header(Some("a=1&a=2")).is_err());
        assert!(from_header(Some("=1")).is_err());
        assert!(from_document("<Other/>").is_err());
    }
}
