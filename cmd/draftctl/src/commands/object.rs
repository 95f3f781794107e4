//! `draftctl inspect NAME --confirmed`

use std::fmt::Write as _;

use draftstore_proto::v1::{GetObjectRequest, GetObjectResponse, RetentionMode};

use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::output::{HumanSize, HumanTime};

pub(super) async fn run(context: &Context, object_name: String, at: Option<String>) -> Result<(), CommandError> {
    let request = GetObjectRequest {
        object_name: object_name.clone(),
        version_id: None,
        destination: at,
    };
    let server = context.server().await?;
    let describe = async |mut client: GrpcClient, request| client.get_object(request).await;
    let object = server.call(&context.output, request, describe).await;
    let object = object.map_err(|error| error.about_object(&object_name))?;
    context.output.result(&object, &text(&object))
}

/// Returns the name of a checksum's algorithm as it is written for people.
fn label(algorithm: &str) -> &str {
    match algorithm {
        "crc32" => "CRC-32",
        "crc32c" => "CRC-32C",
        "crc64nvme" => "CRC-64/NVME",
        "sha1" => "SHA-1",
        "sha256" => "SHA-256",
        other => other,
    }
}

fn text(object: &GetObjectResponse) -> String {
    let mut text = format!("object name   {}", object.object_name);
    let mut row = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{name:<13} {value}");
    };
    row("ETag", &object.etag);
    row("size", &format!("{} ({} bytes)", HumanSize(object.size), object.size));
    for (name, value) in [
        ("content type", &object.content_type),
        ("cache control", &object.cache_control),
        ("disposition", &object.content_disposition),
        ("encoding", &object.content_encoding),
        ("language", &object.content_language),
        ("expires", &object.expires),
        ("storage class", &object.storage_class),
        ("encryption", &object.encryption),
        ("version ID", &object.version_id),
        ("draft ID", &object.draft_id),
        ("draft ETag", &object.draft_etag),
    ] {
        if let Some(value) = value {
            row(name, value);
        }
    }
    for (algorithm, checksum) in &object.checksums {
        row(label(algorithm), checksum);
    }
    for (name, value) in &object.metadata {
        row("metadata", &format!("{name}={value}"));
    }
    for (name, value) in &object.tags {
        row("tag", &format!("{name}={value}"));
    }
    if let Some(retention) = &object.retention {
        let mode = match retention.mode() {
            RetentionMode::Governance => "governance",
            RetentionMode::Compliance => "compliance",
            RetentionMode::Unspecified => "unknown",
        };
        let until = retention.until.map(|until| HumanTime(until).to_string());
        row("retention", &format!("{mode} until {}", until.unwrap_or_default()));
    }
    if object.legal_hold {
        row("legal hold", "on");
    }
    if let Some(confirmed_at) = object.confirmed_at {
        row("confirmed at", &HumanTime(confirmed_at).to_string());
    }
    text
}
