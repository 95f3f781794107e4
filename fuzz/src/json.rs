//! Messages: what is read from JSON or protobuf is written, and read to be the same.

use std::fmt::Debug;

use draftstore_proto::v1;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Takes the kind of message from the first byte and its text from the rest.
pub fn run(data: &[u8]) {
    let Some((kind, text)) = data.split_first() else { return };
    let kinds: &[fn(&[u8])] = &[
        both::<v1::CreateDraftBucketRequest>,
        both::<v1::GetUploadUrlRequest>,
        both::<v1::BatchGetUploadUrLsRequest>,
        both::<v1::GetDownloadUrlRequest>,
        both::<v1::ConfirmUploadRequest>,
        both::<v1::BatchConfirmUploadsRequest>,
        both::<v1::InspectDraftRequest>,
        both::<v1::CheckDraftRequest>,
        both::<v1::ReportScanRequest>,
        both::<v1::WatchDraftRequest>,
        both::<v1::WatchDraftResponse>,
        both::<v1::DiscardDraftRequest>,
        both::<v1::ListDraftsRequest>,
        both::<v1::ListObjectsRequest>,
        both::<v1::CreateMultipartUploadRequest>,
        both::<v1::SignPartsRequest>,
        both::<v1::ListPartsRequest>,
        both::<v1::CompleteMultipartUploadRequest>,
        both::<v1::AbortMultipartUploadRequest>,
        both::<v1::InspectDraftResponse>,
        both::<v1::CheckDraftResponse>,
        both::<v1::GetObjectRequest>,
        both::<v1::DeleteObjectRequest>,
        both::<v1::BatchDeleteObjectsRequest>,
        both::<v1::GetObjectResponse>,
        both::<v1::GetUsageRequest>,
        both::<v1::GetUsageResponse>,
        both::<v1::ListEventsRequest>,
        both::<v1::ListEventsResponse>,
        both::<v1::WatchEventsRequest>,
        both::<v1::WatchEventsResponse>,
        both::<v1::ListUndeliveredEventsRequest>,
        both::<v1::ListUndeliveredEventsResponse>,
        both::<v1::RedeliverEventsRequest>,
        both::<v1::RedeliverEventsResponse>,
        both::<v1::RestoreObjectRequest>,
        both::<v1::RestoreObjectResponse>,
        both::<v1::ListVersionsRequest>,
        both::<v1::ListVersionsResponse>,
        both::<v1::RestoreVersionRequest>,
        both::<v1::DeleteVersionRequest>,
        both::<v1::UpdateObjectRequest>,
        both::<v1::CopyObjectRequest>,
        both::<v1::MoveObjectRequest>,
    ];
    kinds[usize::from(*kind) % kinds.len()](text);
}

fn both<T: Message + Default + PartialEq + Debug + Serialize + DeserializeOwned>(text: &[u8]) {
    if let Ok(message) = serde_json::from_slice::<T>(text) {
        same(&message);
    }
    if let Ok(message) = T::decode(text) {
        same(&message);
    }
}

fn same<T: Message + Default + PartialEq + Debug + Serialize + DeserializeOwned>(message: &T) {
    let binary = message.encode_to_vec();
    assert_eq!(&T::decode(binary.as_slice()).expect("protobuf"), message);
    // A number that no enum has is none of JSON's: protobuf alone can say it.
    if let Ok(json) = serde_json::to_string(message) {
        assert_eq!(&serde_json::from_str::<T>(&json).expect("JSON"), message, "{json}");
    }
}
