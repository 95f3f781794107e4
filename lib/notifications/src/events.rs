//! S3 events: the records that a bucket notifies by, and the events of `EventBridge`.
//!
//! Sources: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>

use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// The maximum number of records of a notification. S3 sends one, and MinIO one.
const MAX_RECORDS: usize = 1_000;

/// An object that a notification calls new, or that got tags: a scanner may have left its verdict there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObject {
    /// The name of the bucket.
    pub bucket: String,
    /// The key of the object, decoded.
    pub key: String,
}

/// The error of a body that is no S3 event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an S3 event notification: {0}")]
pub struct InvalidNotification(String);

/// Any of the forms of an event. Unknown fields are skipped: stores add their own.
#[derive(Debug, Deserialize)]
struct Body {
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
    /// The test event that S3 sends when notifications are configured.
    #[serde(rename = "Event")]
    event: Option<String>,
    source: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    detail: Option<Entity>,
}

#[derive(Debug, Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    event_name: String,
    s3: Entity,
}

#[derive(Debug, Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Debug, Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Object {
    key: String,
}

/// Reads the new objects of a notification. Events of other kinds have none.
///
/// # Errors
/// [`InvalidNotification`] if it has none of the forms of S3 events.
pub fn new_objects(body: &[u8]) -> Result<Vec<NewObject>, InvalidNotification> {
    let event: Body = serde_json::from_slice(body).map_err(|error| InvalidNotification(error.to_string()))?;
    if let Some(records) = event.records {
        if records.len() > MAX_RECORDS {
            return Err(InvalidNotification(format!("Records must be at most {MAX_RECORDS}")));
        }
        let new = |record: Record| {
            let name = record.event_name.trim_start_matches("s3:");
            let is_meant = name.starts_with("ObjectCreated:") || name == "ObjectTagging:Put";
            is_meant.then_some(record.s3)
        };
        return records.into_iter().filter_map(new).map(of_record).collect();
    }
    match (event.source.as_deref(), event.detail_type.as_deref(), event.detail) {
        (Some("aws.s3"), Some("Object Created" | "Object Tags Added"), Some(Entity { bucket, object })) => {
            Ok(vec![NewObject {
                bucket: bucket.name,
                key: object.key,
            }])
        }
        (Some("aws.s3"), Some(_), _) => Ok(Vec::new()),
        _ if event.event.as_deref() == Some("s3:TestEvent") => Ok(Vec::new()),
        _ => Err(InvalidNotification(
            "there are neither Records nor a detail of aws.s3".to_owned(),
        )),
    }
}

/// Returns the object of a record, whose key is encoded like a form.
fn of_record(Entity { bucket, object }: Entity) -> Result<NewObject, InvalidNotification> {
    let spaced = object.key.replace('+', " ");
    let key = percent_decode_str(&spaced).decode_utf8();
    let key = key.map_err(|_| InvalidNotification("a key is not UTF-8".to_owned()))?;
    Ok(NewObject {
        bucket: bucket.name,
        key: key.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<(String, String)>, String> {
        let objects = new_objects(body.as_bytes()).map_err(|error| error.to_string())?;
        Ok(objects.into_iter().map(|object| (object.bucket, object.key)).collect())
    }

    fn object(bucket: &str, key: &str) -> (String, String) {
        (bucket.to_owned(), key.to_owned())
    }

    #[test]
    fn records_have_encoded_keys() {
        let s3 = r#"{"Records":[
            {"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1","eventName":"ObjectCreated:Put",
             "s3":{"s3SchemaVersion":"1.0","bucket":{"name":"main-draft","arn":"arn:aws:s3:::main-draft"},
                   "object":{"key":"a+b%2Bc/%C3%BC.jpg","size":5,"eTag":"0123","sequencer":"00"}}},
            {"eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"main-draft"},"object":{"key":"gone"}}}]}"#;
        assert_eq!(read(s3), Ok(vec![object("main-draft", "a b+c/ü.jpg")]));
        let minio = r#"{"EventName":"s3:ObjectCreated:CompleteMultipartUpload","Key":"main-draft/film.mp4","Records":[
            {"eventVersion":"2.0","eventSource":"minio:s3","eventName":"s3:ObjectCreated:CompleteMultipartUpload",
             "s3":{"bucket":{"name":"main-draft"},"object":{"key":"film.mp4","userMetadata":{}}}}]}"#;
        assert_eq!(read(minio), Ok(vec![object("main-draft", "film.mp4")]));
        assert!(
            read(
                r#"{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"%FF"}}}]}"#
            )
            .is_err()
        );
    }

    #[test]
    fn events_of_eventbridge_have_plain_keys() {
        let event = r#"{"version":"0","id":"1","detail-type":"Object Created","source":"aws.s3","account":"1","region":"eu-west-1",
            "resources":["arn:aws:s3:::main-draft"],
            "detail":{"version":"0","bucket":{"name":"main-draft"},"object":{"key":"a+b%20.jpg","size":5},"reason":"PutObject"}}"#;
        assert_eq!(read(event), Ok(vec![object("main-draft", "a+b%20.jpg")]));
        let tagged = event.replace("Object Created", "Object Tags Added");
        assert_eq!(read(&tagged), read(event));
        assert_eq!(read(&event.replace("Object Created", "Object Deleted")), Ok(Vec::new()));
        assert!(read(&event.replace("aws.s3", "aws.sqs")).is_err());
    }

    #[test]
    fn test_event_has_no_objects_and_other_json_is_refused() {
        let test = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"main-draft"}"#;
        assert_eq!(read(test), Ok(Vec::new()));
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"Records":5}"#,
            r#"{"Records":[{"eventName":"ObjectCreated:Put"}]}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let record = r#"{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}},"#;
        let many = format!(
            r#"{{"Records":[{}]}}"#,
            record.repeat(MAX_RECORDS + 1).trim_end_matches(',')
        );
        assert!(read(&many).is_err());
    }
}
