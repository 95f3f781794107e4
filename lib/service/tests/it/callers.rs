//! The limits on callers: tenants, names and profiles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use draftstore_service::caller::{ContentTypes, DraftSlots, FixedOptions, Names, Profile};
use draftstore_service::cleaner::Mode;
use draftstore_service::draft::{
    CompleteMultipart, ConfirmUpload, CreateMultipart, DraftName, IssueUpload, ListDrafts, ListObjects,
    MultipartCreated, PartToSign, RequestedOptions, S3Request, SignParts, SignRequest, UploadName,
};
use draftstore_service::{Caller, Clock as _, Drafts, Error};
use draftstore_testing::{SignedRequest, key};
use futures::future::join_all;

use crate::ground::Ground;
use crate::system::{FAR_AHEAD, System, expire, unique};

/// The number of drafts of each kind that each tenant has.
const EACH: usize = 7;

promises! {
    tenants_list_only_their_own_drafts: strong, garage, seaweedfs;
    same_name_is_a_different_object_for_each_tenant: strong, garage, seaweedfs;
    upload_in_parts_is_visible_only_to_its_tenant: strong, garage, seaweedfs;
    tags_that_are_too_many_with_those_of_the_profile_are_named: strong, seaweedfs;
    parts_over_the_size_limit_are_not_stored: strong, garage, seaweedfs;
    concurrent_calls_create_no_more_drafts_than_slots: strong, weak, garage, seaweedfs;
    slot_is_for_one_way_to_upload_if_its_bytes_are_limited: strong, weak, garage, seaweedfs;
    abandoned_multipart_upload_leaves_its_slot: strong, weak, garage, seaweedfs;
}

fn tenant(system: &System, name: &str) -> Drafts {
    system.drafts.for_caller(Arc::new(Caller {
        tenant: Some(name.parse().expect("a tenant")),
        ..Caller::anyone()
    }))
}

fn limited(system: &System, profile: Profile) -> Drafts {
    system.drafts.for_caller(Arc::new(Caller {
        profile,
        ..Caller::anyone()
    }))
}

/// Lists all drafts page by page. Returns the drafts and all page tokens.
async fn all_drafts(drafts: &Drafts, page_size: i32) -> (Vec<(String, bool)>, Vec<String>) {
    let (mut listed, mut tokens) = (Vec::new(), Vec::new());
    let mut request = ListDrafts {
        page_size: Some(page_size),
        page_token: None,
        ..ListDrafts::default()
    };
    loop {
        let page = drafts.list(&request).await.expect("listed");
        let size = usize::try_from(page_size).expect("small");
        assert!(page.drafts.len() <= size, "{page:?}");
        listed.extend(
            page.drafts
                .into_iter()
                .map(|draft| (draft.object_name, draft.draft_id.is_some())),
        );
        request.page_token = page.next_page_token;
        match &request.page_token {
            Some(token) => tokens.push(token.clone()),
            None => return (listed, tokens),
        }
    }
}

async fn tenants_list_only_their_own_drafts(ground: &Ground) {
    let system = ground.system().await;
    let names = ["t1", "t10", "t2"];
    for (place, name) in names.into_iter().enumerate() {
        for n in 0..EACH {
            system.world.draft(&format!("{name}/named{n}"), "bytes").await;
            let random = u128::try_from(place * 1000 + n * 37).expect("small");
            let (_, whole_key) = unique(FAR_AHEAD + u64::from(n > 3), random);
            let whole_key = whole_key.replace("file.jpg", &format!("{name}/file.jpg"));
            system.world.draft(&whole_key, "bytes").await;
        }
    }
    let expected: BTreeSet<_> = (0..EACH)
        .flat_map(|n| [(format!("named{n}"), false), ("file.jpg".to_owned(), true)])
        .collect();
    for name in names {
        for page_size in [1, 3, 1000] {
            let (listed, tokens) = all_drafts(&tenant(&system, name), page_size).await;
            assert_eq!(listed.len(), 2 * EACH, "{name} by {page_size}: {listed:?}");
            assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
            for token in tokens {
                let foreign = names.into_iter().filter(|other| *other != name);
                let told = foreign.into_iter().find(|other| token.contains(&format!("/{other}/")));
                assert_eq!(told, None, "{token} tells {name} of another");
            }
        }
    }
    let (all, _) = all_drafts(&system.drafts, 1000).await;
    assert_eq!(
        all.len(),
        names.len() * 2 * EACH,
        "a caller without a tenant sees all drafts"
    );
}

async fn same_name_is_a_different_object_for_each_tenant(ground: &Ground) {
    let system = ground.system().await;
    for (name, bytes) in [("t1", "one's"), ("t10", "ten's")] {
        system.world.draft(&format!("{name}/a"), bytes).await;
    }
    let (one, ten) = (tenant(&system, "t1"), tenant(&system, "t10"));
    let confirm = ConfirmUpload {
        object_name: "a".to_owned(),
        ..ConfirmUpload::default()
    };
    let kept = one.confirm(&confirm).await.expect("confirmed");
    assert_eq!(kept.final_location, format!("{}/a", system.world.main.name()));
    assert!(one.confirm(&confirm).await.expect("confirmed").replayed);
    assert_eq!(
        system.world.main_bytes(&key("t1/a")).await.as_deref(),
        Some(&b"one's"[..])
    );
    assert_eq!(system.world.main_bytes(&key("t10/a")).await, None);
    one.drain().await;
    assert_eq!(system.world.draft_keys().await, ["t10/a"]);

    let objects = async |drafts: &Drafts, prefix: Option<&str>| {
        let prefix = prefix.map(ToOwned::to_owned);
        let request = ListObjects {
            prefix,
            ..ListObjects::default()
        };
        let page = drafts.list_objects(&request).await.expect("listed");
        page.objects
            .into_iter()
            .map(|object| object.object_name)
            .collect::<Vec<_>>()
    };
    assert_eq!(objects(&one, None).await, ["a"]);
    assert_eq!(objects(&one, Some("t1/")).await, [""; 0]);
    assert_eq!(objects(&ten, None).await, [""; 0]);
    assert_eq!(objects(&system.drafts, Some("t1/")).await, ["t1/a"]);
    let draft = DraftName {
        object_name: "a".to_owned(),
        draft_id: None,
    };
    assert!(matches!(one.inspect(&draft).await, Err(Error::NotFound(_))));
    assert!(ten.discard(&draft).await.expect("discarded"));
}

async fn upload_in_parts_is_visible_only_to_its_tenant(ground: &Ground) {
    let system = ground.system().await;
    let (one, ten) = (tenant(&system, "t1"), tenant(&system, "t10"));
    let create = CreateMultipart {
        object_name: "a".to_owned(),
        ..CreateMultipart::default()
    };
    let created = one.create_multipart(&create).await.expect("upload begun");
    let name = UploadName {
        object_name: "a".to_owned(),
        draft_id: None,
        upload_id: created.upload_id,
    };
    assert!(one.list_parts(&name).await.expect("listed").parts.is_empty());
    for other in [&ten, &system.drafts] {
        let refused = other.list_parts(&name).await;
        assert!(
            matches!(&refused, Err(Error::Invalid(broken)) if broken[0].field == "upload_id"),
            "{refused:?}"
        );
    }
    one.abort_multipart(&name).await.expect("aborted");
}

async fn parts_over_the_size_limit_are_not_stored(ground: &Ground) {
    let system = ground.system().await;
    let drafts = limited(
        &system,
        Profile {
            max_object_bytes: Some(4),
            ..Profile::default()
        },
    );
    let create = |content_length| CreateMultipart {
        object_name: "a".to_owned(),
        content_length,
        ..CreateMultipart::default()
    };
    let refused = drafts.create_multipart(&create(Some(5))).await;
    assert!(matches!(refused, Err(Error::TooLarge { limit: 4, .. })), "{refused:?}");
    assert_eq!(fields(drafts.create_multipart(&create(None)).await), ["content_length"]);
    let sign = |upload_id: &str, part: PartToSign| SignParts {
        upload: UploadName {
            object_name: "a".to_owned(),
            draft_id: None,
            upload_id: upload_id.to_owned(),
        },
        parts: vec![part],
        expires_in: None,
    };
    let first = || PartToSign {
        part_number: 1,
        ..PartToSign::default()
    };

    // An upload of another caller is held to the limit of this one.
    for (content_length, field) in [(None, "upload_id"), (Some(5), "upload_id too large")] {
        let theirs = system.drafts.create_multipart(&create(content_length)).await;
        let theirs = theirs.expect("upload begun").upload_id;
        assert_eq!(fields(drafts.sign_parts(&sign(&theirs, first())).await), [field]);
    }

    let upload_id = drafts
        .create_multipart(&create(Some(4)))
        .await
        .expect("begun")
        .upload_id;
    for (part, field) in [
        (
            PartToSign {
                part_number: 2,
                ..first()
            },
            "parts[0].part_number",
        ),
        (
            PartToSign {
                content_length: Some(5),
                ..first()
            },
            "parts[0].content_length",
        ),
        (
            PartToSign {
                content_length: Some(3),
                ..first()
            },
            "parts[0].content_length",
        ),
    ] {
        assert_eq!(fields(drafts.sign_parts(&sign(&upload_id, part)).await), [field]);
    }
    let sign = sign(&upload_id, first());
    let signed = drafts.sign_parts(&sign).await.expect("signed");
    let signed = SignedRequest::from(signed.parts[0].request.clone());
    let unsigned = SignedRequest {
        headers: BTreeMap::new(),
        ..signed.clone()
    };
    let too_long = system.world.send(&unsigned, "fives").await;
    assert!(too_long.status().is_client_error(), "{}", too_long.status());
    assert_eq!(drafts.list_parts(&sign.upload).await.expect("there").parts, []);
    assert_eq!(system.world.send(&unsigned, "four").await.status(), 200);
    let complete = CompleteMultipart {
        upload: sign.upload,
        parts: Vec::new(),
    };
    assert_eq!(drafts.complete_multipart(&complete).await.expect("completed").size, 4);
    assert_eq!(system.world.draft_bytes(&key("a")).await.as_deref(), Some(&b"four"[..]));
}

/// Returns a caller that may have three drafts of one name.
fn three(system: &System) -> Drafts {
    let expires_at = system.clock.now() + Duration::from_secs(600);
    system.drafts.for_caller(Arc::new(Caller {
        names: Names::Exactly("a".to_owned()),
        drafts: Some(DraftSlots::new([7; 9], 3, expires_at)),
        ..Caller::anyone()
    }))
}

/// Uploads by PUT, by a form or in parts. Ignores refusals.
async fn upload_somehow(system: &System, drafts: &Drafts, turn: usize) {
    let bytes = format!("bytes of {turn}");
    let object_name = "a".to_owned();
    match turn % 3 {
        0 => {
            let upload = IssueUpload {
                object_name,
                ..IssueUpload::default()
            };
            if let Ok(issued) = drafts.issue_upload(&upload).await {
                system.world.send(&SignedRequest::from(issued.request), bytes).await;
            }
        }
        1 => {
            let upload = IssueUpload {
                object_name,
                max_content_length: Some(100),
                ..IssueUpload::default()
            };
            if let Ok(issued) = drafts.issue_upload(&upload).await {
                system
                    .world
                    .send_form(&SignedRequest::from(issued.request), bytes.as_bytes())
                    .await;
            }
        }
        _ => {
            let create = CreateMultipart {
                object_name,
                ..CreateMultipart::default()
            };
            let Ok(created) = drafts.create_multipart(&create).await else {
                return;
            };
            let upload = UploadName {
                object_name: "a".to_owned(),
                draft_id: created.draft_id.map(|id| id.to_string()),
                upload_id: created.upload_id,
            };
            let sign = SignParts {
                upload: upload.clone(),
                parts: vec![PartToSign {
                    part_number: 1,
                    ..Default::default()
                }],
                expires_in: None,
            };
            let signed = drafts.sign_parts(&sign).await.expect("signed");
            system
                .world
                .send(&SignedRequest::from(signed.parts[0].request.clone()), bytes)
                .await;
            let parts = Vec::new();
            // Fails if another upload has taken the slot.
            let _ = drafts.complete_multipart(&CompleteMultipart { upload, parts }).await;
        }
    }
}

async fn concurrent_calls_create_no_more_drafts_than_slots(ground: &Ground) {
    let system = ground.system().await;
    let drafts = three(&system);
    for _ in 0..3 {
        join_all((0..9).map(|turn| upload_somehow(&system, &drafts, turn))).await;
        let there = system.world.draft_keys().await;
        assert!((1..=3).contains(&there.len()), "{there:?}");
    }
    for turn in 0..3 {
        upload_somehow(&system, &drafts, turn).await;
    }
    let there = system.world.draft_keys().await;
    assert_eq!(there.len(), 3, "sequential calls find the free slots: {there:?}");
    let one_more = drafts
        .issue_upload(&IssueUpload {
            object_name: "a".to_owned(),
            ..IssueUpload::default()
        })
        .await;
    assert!(
        matches!(one_more, Err(Error::NoMoreUploads { most: 3 })),
        "{one_more:?}"
    );
}

async fn tags_that_are_too_many_with_those_of_the_profile_are_named(ground: &Ground) {
    let system = ground.system().await;
    let tagged = |count: usize| RequestedOptions {
        tags: (0..count).map(|tag| (tag.to_string(), "x".to_owned())).collect(),
        ..RequestedOptions::default()
    };
    let upload = IssueUpload {
        object_name: "a".to_owned(),
        options: tagged(10),
        ..IssueUpload::default()
    };
    let issued = system.drafts.issue_upload(&upload).await.expect("issued");
    let sent = system.world.send(&SignedRequest::from(issued.request), "bytes").await;
    assert_eq!(sent.status(), 200);
    let photos = RequestedOptions {
        tags: BTreeMap::from([("dep".to_owned(), "photos".to_owned())]),
        ..RequestedOptions::default()
    };
    let profile = Profile {
        name: Some("photos".into()),
        fixed_options: FixedOptions::new(&photos, None, &Profile::default()).expect("valid"),
        ..Profile::default()
    };
    let drafts = system.drafts.for_caller(Arc::new(Caller {
        profile,
        ..Caller::anyone()
    }));
    for count in [0, 10] {
        let confirm = ConfirmUpload {
            object_name: "a".to_owned(),
            options: tagged(count),
            ..ConfirmUpload::default()
        };
        let Err(Error::Invalid(broken)) = drafts.confirm(&confirm).await else {
            panic!("confirmed with {count} tags more");
        };
        let [one] = &*broken else { panic!("{broken:?}") };
        assert_eq!(one.field, "storage_options.tags");
        assert!(one.rule.contains("profile"), "{one:?}");
    }
    let confirm = ConfirmUpload {
        object_name: "a".to_owned(),
        options: tagged(9),
        ..ConfirmUpload::default()
    };
    drafts.confirm(&confirm).await.expect("ten tags together");
}

/// Returns a caller that may have one draft, of a limited size.
fn one_of_limited_size(system: &System) -> Drafts {
    one_of_limited_size_for(system, 600)
}

fn one_of_limited_size_for(system: &System, seconds: u64) -> Drafts {
    let expires_at = system.clock.now() + Duration::from_secs(seconds);
    system.drafts.for_caller(Arc::new(Caller {
        names: Names::Exactly("a".to_owned()),
        drafts: Some(DraftSlots::new(rand::random(), 1, expires_at)),
        profile: Profile {
            max_object_bytes: Some(100),
            ..Profile::default()
        },
        ..Caller::anyone()
    }))
}

fn whole() -> IssueUpload {
    IssueUpload {
        object_name: "a".to_owned(),
        content_length: Some(5),
        ..IssueUpload::default()
    }
}

fn in_parts() -> CreateMultipart {
    CreateMultipart {
        object_name: "a".to_owned(),
        content_length: Some(5),
        ..CreateMultipart::default()
    }
}

async fn slot_is_for_one_way_to_upload_if_its_bytes_are_limited(ground: &Ground) {
    let system = ground.system().await;
    let drafts = one_of_limited_size(&system);
    drafts.issue_upload(&whole()).await.expect("issued");
    drafts
        .issue_upload(&whole())
        .await
        .expect("a repeat takes nothing more");
    let create = drafts.create_multipart(&in_parts()).await;
    assert!(matches!(create, Err(Error::NoMoreUploads { most: 1 })), "{create:?}");

    let drafts = one_of_limited_size(&system);
    drafts.create_multipart(&in_parts()).await.expect("begun");
    let issue = drafts.issue_upload(&whole()).await;
    assert!(matches!(issue, Err(Error::NoMoreUploads { most: 1 })), "{issue:?}");

    for _ in 0..10 {
        let drafts = one_of_limited_size(&system);
        let (issue, create) = (whole(), in_parts());
        let (issued, created) = tokio::join!(drafts.issue_upload(&issue), drafts.create_multipart(&create));
        assert!(issued.is_err() || created.is_err(), "{issued:?} {created:?}");
    }

    let system = ground.system().await;
    let drafts = one_of_limited_size_for(&system, 1);
    drafts.issue_upload(&whole()).await.expect("issued");
    assert_eq!(system.world.uploads().await, 1, "the reservation");
    let cleaner = system.cleaner(3600);
    expire(&cleaner, 1).await;
    cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!(system.world.uploads().await, 0);
}

async fn abandoned_multipart_upload_leaves_its_slot(ground: &Ground) {
    let system = ground.system().await;
    let drafts = one_of_limited_size(&system);
    let named = |created: MultipartCreated| UploadName {
        object_name: "a".to_owned(),
        draft_id: created.draft_id.map(|id| id.to_string()),
        upload_id: created.upload_id,
    };
    let lost = named(drafts.create_multipart(&in_parts()).await.expect("begun"));
    let refused = drafts.create_multipart(&in_parts()).await;
    assert!(matches!(refused, Err(Error::NoMoreUploads { most: 1 })), "{refused:?}");
    system.clock.advance(Duration::from_secs(120));
    let upload = named(drafts.create_multipart(&in_parts()).await.expect("there is room again"));
    assert_eq!(system.world.uploads().await, 1, "the other is gone");
    assert!(drafts.list_parts(&lost).await.is_err());

    let sign = SignParts {
        upload: upload.clone(),
        parts: vec![PartToSign {
            part_number: 1,
            ..PartToSign::default()
        }],
        expires_in: None,
    };
    let signed = drafts.sign_parts(&sign).await.expect("signed").parts.remove(0);
    let sent = system.world.send(&SignedRequest::from(signed.request), "bytes").await;
    assert_eq!(sent.status(), 200);
    system.clock.advance(Duration::from_secs(120));
    for refused in [
        drafts.create_multipart(&in_parts()).await.map(drop),
        drafts.issue_upload(&whole()).await.map(drop),
    ] {
        assert!(
            matches!(refused, Err(Error::NoMoreUploads { most: 1 })),
            "it has a part: {refused:?}"
        );
    }
    let parts = Vec::new();
    drafts
        .complete_multipart(&CompleteMultipart { upload, parts })
        .await
        .expect("completed");
}

#[tokio::test]
async fn drafts_of_slots_expire_together_and_nothing_else_is_signed() {
    let system = System::start().await;
    let drafts = three(&system);
    let upload = IssueUpload {
        object_name: "a".to_owned(),
        ..IssueUpload::default()
    };
    let end = system.clock.now() + Duration::from_secs(600);
    let first = drafts.issue_upload(&upload).await.expect("issued");
    system.clock.advance(Duration::from_secs(500));
    let late = drafts.issue_upload(&upload).await.expect("issued");
    for issued in [&first, &late] {
        let expires = issued.draft_id.expect("unique, although not requested").expires_at();
        assert!(end.duration_since(expires).expect("not later") < Duration::from_millis(1));
        assert!(issued.request.expires_at <= expires);
    }
    let lifetime = IssueUpload {
        unique: true,
        draft_lifetime: Some(60),
        ..upload.clone()
    };
    assert_eq!(fields(drafts.issue_upload(&lifetime).await), ["draft_lifetime"]);
    let create = SignRequest {
        object_name: "a".to_owned(),
        request: S3Request::CreateMultipartUpload {
            content_type: None,
            unique: true,
        },
    };
    assert_eq!(fields(drafts.sign_request(&create).await), ["method"]);
    let batch = drafts
        .issue_uploads(&vec![upload.clone(); 5])
        .await
        .expect("a result for each upload");
    let issued: BTreeSet<_> = batch
        .iter()
        .flatten()
        .map(|issued| issued.draft_id.expect("unique").to_string())
        .collect();
    let refused = batch
        .iter()
        .filter(|one| matches!(one, Err(Error::NoMoreUploads { most: 3 })));
    assert_eq!(
        (issued.len(), refused.count()),
        (3, 2),
        "each upload of a batch gets its own slot"
    );
    system.clock.advance(Duration::from_secs(100));
    let over = drafts.issue_upload(&upload).await;
    assert!(matches!(over, Err(Error::CredentialsExpired)), "{over:?}");
}

fn fields(refused: Result<impl std::fmt::Debug, Error>) -> Vec<String> {
    match refused {
        Err(Error::Invalid(broken)) => broken.into_iter().map(|violation| violation.field).collect(),
        Err(Error::TooLarge { field, .. }) => vec![format!("{field} too large")],
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn uploads_beyond_the_profile_are_refused() {
    let system = System::start().await;
    let types: Result<ContentTypes, _> = ["image/*", "text/plain"]
        .into_iter()
        .map(str::parse::<ContentTypes>)
        .collect();
    let drafts = limited(
        &system,
        Profile {
            max_object_bytes: Some(100),
            content_types: types.ok(),
            max_draft_lifetime: Some(Duration::from_secs(60)),
            ..Profile::default()
        },
    );
    let good = IssueUpload {
        object_name: "a".to_owned(),
        content_type: Some("image/png".to_owned()),
        content_length: Some(100),
        unique: true,
        ..IssueUpload::default()
    };
    let form = IssueUpload {
        content_length: None,
        max_content_length: Some(100),
        ..good.clone()
    };
    for upload in [&good, &form] {
        let issued = drafts.issue_upload(upload).await.expect("issued");
        let lives = issued.draft_id.expect("unique").expires_at();
        let left = lives.duration_since(system.clock.now()).expect("it lives");
        assert!((59..=60).contains(&left.as_secs()), "{left:?}");
    }
    for (upload, expected) in [
        (
            IssueUpload {
                content_length: None,
                ..good.clone()
            },
            "content_length",
        ),
        (
            IssueUpload {
                content_length: Some(101),
                ..good.clone()
            },
            "content_length too large",
        ),
        (
            IssueUpload {
                max_content_length: Some(101),
                ..form.clone()
            },
            "max_content_length too large",
        ),
        (
            IssueUpload {
                content_type: None,
                ..good.clone()
            },
            "content_type",
        ),
        (
            IssueUpload {
                content_type: Some("text/html".to_owned()),
                ..good.clone()
            },
            "content_type",
        ),
        (
            IssueUpload {
                draft_lifetime: Some(61),
                ..good.clone()
            },
            "draft_lifetime",
        ),
        (
            IssueUpload {
                expires_in: Some(61),
                ..good.clone()
            },
            "expires_in",
        ),
        (
            IssueUpload {
                unique: false,
                ..good.clone()
            },
            "unique",
        ),
    ] {
        assert_eq!(fields(drafts.issue_upload(&upload).await)[0], expected, "{upload:?}");
    }
    let create = CreateMultipart {
        object_name: "a".to_owned(),
        ..CreateMultipart::default()
    };
    assert_eq!(
        fields(drafts.create_multipart(&create).await),
        ["content_type", "content_length", "unique"]
    );
    let sign = |request| SignRequest {
        object_name: "a".to_owned(),
        request,
    };
    let create = sign(S3Request::CreateMultipartUpload {
        content_type: None,
        unique: false,
    });
    assert_eq!(
        fields(drafts.sign_request(&create).await),
        ["method", "content_type", "unique"],
        "a signature cannot contain the size"
    );
    let part = sign(S3Request::UploadPart {
        upload_id: "x".to_owned(),
        part_number: 1,
    });
    assert_eq!(fields(drafts.sign_request(&part).await), ["method"]);
}

#[tokio::test]
async fn names_beyond_those_of_the_caller_are_refused() {
    let system = System::start().await;
    system.world.draft("t1/u/1/a", "bytes").await;
    system.world.draft("t1/u/10/a", "bytes").await;
    let drafts = system.drafts.for_caller(Arc::new(Caller {
        tenant: "t1".parse().ok(),
        names: Names::Under("u/1/".to_owned()),
        ..Caller::anyone()
    }));
    let (listed, _) = all_drafts(&drafts, 10).await;
    assert_eq!(listed, [("u/1/a".to_owned(), false)]);
    for (name, allowed) in [("u/1/b", true), ("u/10/a", false), ("u/1", false), ("t1/u/1/a", false)] {
        let issue = IssueUpload {
            object_name: name.to_owned(),
            ..IssueUpload::default()
        };
        let issued = drafts.issue_upload(&issue).await;
        assert_eq!(issued.is_ok(), allowed, "{name}");
        let inspected = drafts
            .inspect(&DraftName {
                object_name: name.to_owned(),
                draft_id: None,
            })
            .await;
        assert_eq!(matches!(inspected, Err(Error::NotFound(_))), allowed, "{name}");
        let create = CreateMultipart {
            object_name: name.to_owned(),
            ..CreateMultipart::default()
        };
        assert_eq!(drafts.create_multipart(&create).await.is_ok(), allowed, "{name}");
    }
}
