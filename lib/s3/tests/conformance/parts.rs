//! An upload in parts: each goes to its own place by a presigned URL, they are listed, and become one draft at once.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use draftstore_storage::{
    Attributes, CompleteUpload, CreateUpload, ETag, Error, ErrorKind, ListParts, ListedPart, ObjectHeader, ObjectKey,
    Objects, PartPage, PresignPart, Sha256, UploadId,
};
use sha2::Digest as _;

use draftstore_testing::{SignedRequest, TestBuckets, attributes, key};

/// The least that a part may have that is not the last one.
const MIN_PART: usize = 5 * 1024 * 1024;

/// An upload under way.
struct Upload<'a> {
    world: &'a TestBuckets,
    key: ObjectKey,
    id: UploadId,
}

impl<'a> Upload<'a> {
    async fn begin(world: &'a TestBuckets, name: &str) -> Self {
        Self::begin_with(world, name, &Attributes::default(), false).await
    }

    async fn begin_with(world: &'a TestBuckets, name: &str, attributes: &Attributes, part_checksums: bool) -> Self {
        let key = key(name);
        let create = CreateUpload {
            bucket: &world.draft,
            key: &key,
            attributes,
            part_checksums,
        };
        let id = world.storage.create_upload(&create).await.expect("begun");
        Self { world, key, id }
    }

    /// A part of this number, with no constraints, for an hour.
    fn part(&self, number: u16) -> PresignPart<'_> {
        PresignPart {
            bucket: &self.world.draft,
            key: &self.key,
            upload_id: &self.id,
            number,
            content_length: None,
            checksum_sha256: None,
            now: SystemTime::now(),
            expires_in: Duration::from_secs(3600),
        }
    }

    async fn sign(&self, part: &PresignPart<'_>) -> SignedRequest {
        self.world.storage.presign_part(part).await.expect("signed").into()
    }

    /// Uploads a part by its URL and gives the ETag that the client sees.
    async fn send(&self, number: u16, body: impl Into<reqwest::Body>) -> ETag {
        let signed = self.sign(&self.part(number)).await;
        let answer = self.world.send(&signed, body).await;
        assert_eq!(answer.status(), 200, "part {number}");
        let etag = answer.headers()["etag"].to_str().expect("ASCII");
        etag.parse().expect("a strong ETag")
    }

    async fn page(&self, after: Option<u16>, max_parts: Option<u16>) -> Result<PartPage, Error> {
        let request = ListParts {
            bucket: &self.world.draft,
            key: &self.key,
            upload_id: &self.id,
            after,
            max_parts,
        };
        self.world.storage.list_parts(&request).await
    }

    async fn parts(&self) -> Vec<ListedPart> {
        self.page(None, None).await.expect("a page").parts
    }

    async fn complete(&self, parts: &[ListedPart], if_absent: bool) -> Result<ETag, Error> {
        let complete = CompleteUpload {
            bucket: &self.world.draft,
            key: &self.key,
            upload_id: &self.id,
            parts,
            if_absent,
        };
        self.world.storage.complete_upload(&complete).await
    }

    async fn abort(&self) {
        let (storage, bucket) = (&self.world.storage, &self.world.draft);
        storage
            .abort_upload(bucket, &self.key, &self.id)
            .await
            .expect("aborted");
    }

    async fn assert_gone(&self) {
        assert_eq!(self.page(None, None).await.expect_err("gone").kind, ErrorKind::NotFound);
        let late = self.world.send(&self.sign(&self.part(1)).await, "late").await;
        assert_eq!(late.status(), 404);
    }
}

fn numbers(parts: &[ListedPart]) -> Vec<u16> {
    parts.iter().map(|part| part.number).collect()
}

fn sha256(bytes: &[u8]) -> Sha256 {
    <[u8; 32]>::from(sha2::Sha256::digest(bytes)).into()
}

pub(crate) async fn parts_become_a_draft_at_once(world: &TestBuckets) {
    let headers = [(ObjectHeader::CacheControl, "no-store")];
    let attributes = attributes(Some("video/mp4"), headers, [("author", "ada")]);
    let upload = Upload::begin_with(world, "film ü +%20?.mp4", &attributes, false).await;
    let bytes = [vec![b'a'; MIN_PART], b"the rest".to_vec()];
    let etags = [
        upload.send(1, bytes[0].clone()).await,
        upload.send(2, bytes[1].clone()).await,
    ];
    let parts = upload.parts().await;
    assert_eq!(
        parts.iter().map(|part| &part.etag).collect::<Vec<_>>(),
        [&etags[0], &etags[1]]
    );
    assert_eq!(
        parts.iter().map(|part| part.size).collect::<Vec<_>>(),
        [MIN_PART as u64, 8]
    );
    assert_eq!(world.draft_bytes(&upload.key).await, None, "nobody sees it yet");

    let etag = upload.complete(&parts, true).await.expect("completed");
    let info = world
        .storage
        .head(world.draft.name(), &upload.key)
        .await
        .expect("there");
    assert_eq!((&info.etag, info.size), (&etag, MIN_PART as u64 + 8));
    assert!(
        etag.as_str().ends_with("-2"),
        "{etag}: its form tells that it came in parts"
    );
    assert_eq!(info.attributes, attributes.into());
    assert!(world.draft_bytes(&upload.key).await == Some(bytes.concat()));
}

/// A repeated completion is answered like the first.
pub(crate) async fn parts_become_a_draft_once_and_may_be_completed_again(world: &TestBuckets) {
    let upload = Upload::begin(world, "once").await;
    upload.send(1, "all of it").await;
    let parts = upload.parts().await;
    let etag = upload.complete(&parts, false).await.expect("completed");
    assert_eq!(upload.complete(&parts, false).await.expect("completed again"), etag);
    assert_eq!(world.draft_bytes(&upload.key).await.as_deref(), Some(&b"all of it"[..]));
}

/// Garage knows the upload no more.
pub(crate) async fn parts_become_a_draft_once(world: &TestBuckets) {
    let upload = Upload::begin(world, "once").await;
    upload.send(1, "all of it").await;
    let parts = upload.parts().await;
    upload.complete(&parts, false).await.expect("completed");
    let again = upload.complete(&parts, false).await.expect_err("the upload is gone");
    assert_eq!(again.kind, ErrorKind::NotFound);
    upload.assert_gone().await;
}

pub(crate) async fn parts_are_listed_in_order_and_page_by_page(world: &TestBuckets) {
    let upload = Upload::begin(world, "pages").await;
    assert_eq!(upload.page(None, None).await.expect("a page").parts, []);
    for number in [7, 1, 10_000, 3] {
        upload.send(number, format!("part {number}")).await;
    }
    let first = upload.page(None, Some(2)).await.expect("a page");
    assert_eq!(numbers(&first.parts), [1, 3]);
    let second = upload.page(first.next, Some(2)).await.expect("a page");
    assert!(first.next.is_some());
    assert_eq!((numbers(&second.parts), second.next), (vec![7, 10_000], None));
    assert_eq!(numbers(&upload.parts().await), [1, 3, 7, 10_000]);
}

/// SeaweedFS does not compare the `ETag` of a part that was sent again.
pub(crate) async fn a_part_that_is_sent_again_replaces_the_first_whatever_is_completed(world: &TestBuckets) {
    let upload = Upload::begin(world, "again").await;
    upload.send(1, "first").await;
    let before = upload.parts().await;
    upload.send(1, "second").await;
    upload.complete(&before, false).await.expect("completed");
    let bytes = world.draft_bytes(&upload.key).await.expect("there");
    assert!(bytes == b"first" || bytes == b"second", "{bytes:?}");
}

pub(crate) async fn a_part_that_is_sent_again_replaces_the_first(world: &TestBuckets) {
    let upload = Upload::begin(world, "again").await;
    upload.send(1, "first").await;
    let before = upload.parts().await;
    let etag = upload.send(1, "second").await;
    let refused = upload.complete(&before, false).await.expect_err("another version");
    assert_eq!(refused.kind, ErrorKind::Conflict);
    let parts = upload.parts().await;
    assert_eq!((parts.len(), &parts[0].etag), (1, &etag));
    upload.complete(&parts, false).await.expect("completed");
    assert_eq!(world.draft_bytes(&upload.key).await.as_deref(), Some(&b"second"[..]));
}

pub(crate) async fn one_empty_part_makes_an_empty_draft(world: &TestBuckets) {
    let upload = Upload::begin(world, "empty").await;
    upload.send(1, "").await;
    let parts = upload.parts().await;
    assert_eq!((parts.len(), parts[0].size), (1, 0));
    upload.complete(&parts, false).await.expect("completed");
    assert_eq!(world.draft_bytes(&upload.key).await.as_deref(), Some(&b""[..]));
}

/// Garage's lack: what is empty has to come in one piece.
pub(crate) async fn an_empty_part_is_refused(world: &TestBuckets) {
    let upload = Upload::begin(world, "empty").await;
    let signed = upload.sign(&upload.part(1)).await;
    assert_eq!(world.send(&signed, "").await.status(), 400);
    assert_eq!(upload.parts().await, []);
}

pub(crate) async fn the_signed_length_of_a_part_is_enforced(world: &TestBuckets) {
    let upload = Upload::begin(world, "length").await;
    let signed = upload
        .sign(&PresignPart {
            content_length: Some(5),
            ..upload.part(1)
        })
        .await;
    assert_eq!(
        signed.headers,
        BTreeMap::from([("content-length".to_owned(), "5".to_owned())])
    );
    for (length, body) in [("6", "123456"), ("4", "1234")] {
        let mut swapped = signed.clone();
        swapped.headers.insert("content-length".to_owned(), length.to_owned());
        let status = world.send(&swapped, body).await.status();
        assert!(status.is_client_error(), "{body} was answered by {status}");
    }
    assert_eq!(upload.parts().await, []);
    assert_eq!(world.send(&signed, "12345").await.status(), 200);
}

pub(crate) async fn a_url_is_for_one_part_of_one_upload(world: &TestBuckets) {
    let (upload, other) = (Upload::begin(world, "mine").await, Upload::begin(world, "mine").await);
    let signed = upload.sign(&upload.part(1)).await;
    for url in [
        signed.url.replace("partNumber=1", "partNumber=2"),
        signed.url.replace(upload.id.as_str(), other.id.as_str()),
        signed.url.replace("/mine?", "/yours?"),
    ] {
        assert_ne!(url, signed.url);
        let swapped = SignedRequest { url, ..signed.clone() };
        assert_eq!(world.send(&swapped, "bytes").await.status(), 403);
    }
    let mut copying = signed.clone();
    let secret = key("secret.bin");
    copying.headers.extend([world.copy_source(&secret)]);
    world.upload(&secret, "secret").await;
    assert!(world.send(&copying, "").await.status().is_client_error());
    assert_eq!(upload.parts().await, []);
}

pub(crate) async fn parts_with_checksums_are_checked_and_listed_with_them(world: &TestBuckets) {
    check_parts(world, true).await;
}

/// SeaweedFS lists no checksums, and completes no upload that was begun with an algorithm without them.
pub(crate) async fn parts_with_checksums_are_checked_and_listed_without_them(world: &TestBuckets) {
    let prefix = key("probe");
    world.storage.probe(&world.draft, &prefix).await.expect("found out");
    check_parts(world, false).await;
}

async fn check_parts(world: &TestBuckets, listed: bool) {
    let upload = Upload::begin_with(world, "sums", &Attributes::default(), true).await;
    let bytes = [vec![b'a'; MIN_PART], b"the rest".to_vec()];
    for (number, bytes) in (1..).zip(&bytes) {
        let signed = upload
            .sign(&PresignPart {
                checksum_sha256: Some(sha256(bytes)),
                ..upload.part(number)
            })
            .await;
        let wrong = world.send(&signed, "other bytes").await.status();
        assert!(wrong.is_client_error(), "{wrong}");
        assert_eq!(world.send(&signed, bytes.clone()).await.status(), 200);
    }
    let parts = upload.parts().await;
    let sums: Vec<_> = parts.iter().map(|part| part.checksum_sha256).collect();
    let expected = [&bytes[0], &bytes[1]].map(|bytes| listed.then(|| sha256(bytes)));
    assert_eq!(sums, expected);
    upload.complete(&parts, true).await.expect("completed");
    let info = world
        .storage
        .head(world.draft.name(), &upload.key)
        .await
        .expect("there");
    assert_eq!(info.checksum_sha256, None, "what the store has is none of the whole");
    assert!(world.draft_bytes(&upload.key).await == Some(bytes.concat()));
}

/// Has this client of the store complete an upload onto a draft that must not be there.
pub(crate) async fn completed_onto_a_draft(storage: &dyn Objects, world: &TestBuckets) -> Result<(), Error> {
    let upload = Upload::begin(world, "taken").await;
    upload.send(1, "mine").await;
    let complete = CompleteUpload {
        bucket: &world.draft,
        key: &upload.key,
        upload_id: &upload.id,
        parts: &upload.parts().await,
        if_absent: true,
    };
    world.upload(&upload.key, "theirs").await;
    storage.complete_upload(&complete).await.map(drop)
}

/// Completes onto a draft that must not be there.
async fn completed_onto_another(world: &TestBuckets) -> (Upload<'_>, Result<ETag, Error>) {
    let upload = Upload::begin(world, "taken").await;
    upload.send(1, "mine").await;
    // Garage ends an upload when its key is written.
    let parts = upload.parts().await;
    world.upload(&upload.key, "theirs").await;
    let completed = upload.complete(&parts, true).await;
    (upload, completed)
}

pub(crate) async fn an_upload_is_not_completed_onto_a_draft_where_none_must_be(world: &TestBuckets) {
    let (upload, completed) = completed_onto_another(world).await;
    assert_eq!(completed.expect_err("refused").kind, ErrorKind::PreconditionFailed);
    assert_eq!(world.draft_bytes(&upload.key).await.as_deref(), Some(&b"theirs"[..]));
    assert_eq!(upload.parts().await.len(), 1, "the parts stay");
    let replaced = upload.complete(&upload.parts().await, false).await;
    replaced.expect("a named draft is replaced");
    assert_eq!(world.draft_bytes(&upload.key).await.as_deref(), Some(&b"mine"[..]));
}

/// Garage's lack, and its way: a write to the key ends the upload.
pub(crate) async fn an_upload_ends_where_another_draft_comes_first(world: &TestBuckets) {
    let (upload, completed) = completed_onto_another(world).await;
    assert_eq!(completed.expect_err("the upload is gone").kind, ErrorKind::NotFound);
    assert_eq!(world.draft_bytes(&upload.key).await.as_deref(), Some(&b"theirs"[..]));
}

pub(crate) async fn an_upload_is_found_under_its_key_alone(world: &TestBuckets) {
    find_under_its_key(world, "no such+upload/ü", ErrorKind::NotFound).await;
}

/// SeaweedFS calls an upload ID of another form an invalid request.
pub(crate) async fn an_upload_is_found_under_its_key_and_well_formed_id_alone(world: &TestBuckets) {
    find_under_its_key(world, "no such+upload/ü", ErrorKind::Unexpected).await;
}

async fn find_under_its_key(world: &TestBuckets, id: &str, kind: ErrorKind) {
    let upload = Upload::begin(world, "mine").await;
    upload.send(1, "bytes").await;
    let elsewhere = Upload {
        world,
        key: key("yours"),
        id: upload.id.clone(),
    };
    let parts = upload.parts().await;
    assert_eq!(
        elsewhere.page(None, None).await.expect_err("not there").kind,
        ErrorKind::NotFound
    );
    assert_eq!(
        elsewhere.complete(&parts, false).await.expect_err("not there").kind,
        ErrorKind::NotFound
    );
    elsewhere.abort().await;
    assert_eq!(upload.parts().await, parts);
    let nonsense = Upload {
        id: UploadId::new(id),
        ..upload
    };
    assert_eq!(nonsense.page(None, None).await.expect_err("not there").kind, kind);
    assert_eq!(
        nonsense.complete(&parts, false).await.expect_err("not there").kind,
        kind
    );
    if kind == ErrorKind::NotFound {
        nonsense.abort().await;
    }
}

pub(crate) async fn an_aborted_upload_takes_no_parts(world: &TestBuckets) {
    let upload = Upload::begin(world, "given up").await;
    upload.send(1, "bytes").await;
    let parts = upload.parts().await;
    upload.abort().await;
    upload.abort().await;
    upload.assert_gone().await;
    assert_eq!(
        upload.complete(&parts, false).await.expect_err("gone").kind,
        ErrorKind::NotFound
    );
    assert_eq!(world.draft_bytes(&upload.key).await, None);
}
