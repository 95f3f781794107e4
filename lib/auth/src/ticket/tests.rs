use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use draftstore_runtime::reload::PollOutcome;
use draftstore_service::Scope;
use draftstore_service::caller::{CheckSettings, ContentTypes, DraftSlots, FixedOptions, Profile, Scopes};
use draftstore_service::{ObjectHeader, ObjectHeaders};
use proptest::prelude::*;

use super::seal::MAX_TICKET_BYTES;
use super::*;

const NOW: Duration = Duration::from_secs(1_800_000_000);

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + NOW + Duration::from_secs(seconds)
}

fn key(number: u8) -> TicketKey {
    TicketKey::new([0, 0, 0, number], [number; 32])
}

fn tickets(number: u8) -> Tickets {
    Tickets::new(TicketKeys::only(key(number)))
}

fn backend() -> Caller {
    Caller {
        name: "backend".to_owned(),
        scopes: [Scope::Upload, Scope::Inspect, Scope::Confirm].into_iter().collect(),
        tenant: "acme".parse().ok(),
        ..Caller::anyone()
    }
}

fn types(texts: &[&str]) -> ContentTypes {
    let types: Result<ContentTypes, _> = texts.iter().map(|text| text.parse::<ContentTypes>()).collect();
    types.expect("media types")
}

fn mint(minter: &Caller, order: &TicketOrder) -> Result<Minted, Error> {
    tickets(1).mint(&of(minter, order))
}

fn of<'a>(minter: &'a Caller, order: &'a TicketOrder) -> TicketMint<'a> {
    TicketMint {
        minter,
        order,
        profiles: None,
        object_lifetime: Duration::from_secs(3600),
        now: at(0),
        random: [9; ID_BYTES],
    }
}

fn holder(minter: &Caller, order: &TicketOrder) -> Caller {
    let ticket = mint(minter, order).expect("minted");
    tickets(1).open(&ticket.ticket, at(1)).expect("valid")
}

fn broken_field(minter: &Caller, order: &TicketOrder) -> String {
    match mint(minter, order) {
        Err(Error::Invalid(mut broken)) if broken.len() == 1 => broken.remove(0).field,
        other => panic!("{order:?}: {other:?}"),
    }
}

fn refused(opened: &Result<Caller, Unauthenticated>) -> bool {
    matches!(opened, Err(Unauthenticated::Invalid))
}

fn named(name: &str) -> TicketOrder {
    TicketOrder {
        object_name: Some(name.to_owned()),
        ..TicketOrder::default()
    }
}

fn under(prefix: &str) -> TicketOrder {
    TicketOrder {
        prefix: Some(prefix.to_owned()),
        ..TicketOrder::default()
    }
}

#[test]
fn ticket_grants_the_order_limited_to_the_rights_of_its_minter() {
    let minter = Caller {
        profile: Profile {
            name: None,
            max_object_bytes: Some(1000),
            content_types: Some(types(&["image/*", "application/pdf"])),
            max_draft_lifetime: None,
            headers: ObjectHeaders::NONE,
            checks: None,
            auto_confirm: false,
            storage_options: Some(BTreeSet::new()),
            fixed_options: FixedOptions::default(),
            ..Profile::default()
        },
        ..backend()
    };
    let order = TicketOrder {
        max_object_bytes: Some(5000),
        content_types: vec![
            "image/png".to_owned(),
            "application/*".to_owned(),
            "text/html".to_owned(),
        ],
        max_draft_lifetime: Some(600),
        ..under("users/42/")
    };
    let caller = holder(&minter, &order);
    assert_eq!(caller.name, "ticket CQkJCQkJCQkJ of backend");
    assert_eq!(caller.scopes, [Scope::Upload, Scope::Inspect].into_iter().collect());
    assert_eq!(
        (caller.tenant, caller.names),
        (minter.tenant, Names::Under("users/42/".to_owned()))
    );
    let profile = Profile {
        name: None,
        max_object_bytes: Some(1000),
        content_types: Some(types(&["image/png", "application/pdf"])),
        max_draft_lifetime: Some(Duration::from_secs(600)),
        headers: ObjectHeaders::NONE,
        checks: None,
        auto_confirm: false,
        storage_options: Some(BTreeSet::new()),
        fixed_options: FixedOptions::default(),
        ..Profile::default()
    };
    assert_eq!(caller.profile, profile);
}

fn profiles() -> Profiles {
    let avatars = Profile {
        name: None,
        max_object_bytes: Some(100),
        content_types: Some(types(&["image/png", "image/jpeg"])),
        max_draft_lifetime: Some(Duration::from_secs(60)),
        headers: ObjectHeaders::NONE,
        checks: None,
        auto_confirm: false,
        storage_options: Some(BTreeSet::new()),
        fixed_options: FixedOptions::default(),
        ..Profile::default()
    };
    Profiles::from([("avatars".to_owned(), avatars), ("any".to_owned(), Profile::default())])
}

fn of_profile(minter: &Caller, order: TicketOrder, name: &str, profiles: Option<&Profiles>) -> Result<Caller, Error> {
    let order = TicketOrder {
        profile: Some(name.to_owned()),
        ..order
    };
    let made = tickets(1).mint(&TicketMint {
        profiles,
        ..of(minter, &order)
    })?;
    Ok(tickets(1).open(&made.ticket, at(1)).expect("valid"))
}

#[test]
fn ticket_has_the_narrowest_limits_of_minter_profile_and_order() {
    let minter = Caller {
        profile: Profile {
            name: None,
            max_object_bytes: Some(50),
            content_types: Some(types(&["image/*"])),
            max_draft_lifetime: Some(Duration::from_secs(600)),
            headers: ObjectHeaders::NONE,
            checks: None,
            auto_confirm: false,
            storage_options: Some(BTreeSet::new()),
            fixed_options: FixedOptions::default(),
            ..Profile::default()
        },
        ..backend()
    };
    let order = TicketOrder {
        content_types: vec!["image/jpeg".to_owned(), "image/gif".to_owned()],
        max_object_bytes: Some(70),
        max_draft_lifetime: Some(30),
        ..named("a")
    };
    let profiles = profiles();
    let named_alone = of_profile(&minter, named("a"), "avatars", Some(&profiles)).expect("valid");
    let narrowest = Profile {
        name: None,
        max_object_bytes: Some(50),
        content_types: Some(types(&["image/png", "image/jpeg"])),
        max_draft_lifetime: Some(Duration::from_secs(60)),
        headers: ObjectHeaders::NONE,
        checks: None,
        auto_confirm: false,
        storage_options: Some(BTreeSet::new()),
        fixed_options: FixedOptions::default(),
        ..Profile::default()
    };
    assert_eq!(named_alone.profile, narrowest);
    let both = of_profile(&minter, order, "avatars", Some(&profiles)).expect("valid");
    let narrowest = Profile {
        name: None,
        max_object_bytes: Some(50),
        content_types: Some(types(&["image/jpeg"])),
        max_draft_lifetime: Some(Duration::from_secs(30)),
        headers: ObjectHeaders::NONE,
        checks: None,
        auto_confirm: false,
        storage_options: Some(BTreeSet::new()),
        fixed_options: FixedOptions::default(),
        ..Profile::default()
    };
    assert_eq!(both.profile, narrowest);
    let unlimited = of_profile(&minter, named("a"), "any", Some(&profiles)).expect("valid");
    assert_eq!(unlimited.profile, minter.profile, "a profile never widens the limits");
    let free = of_profile(&backend(), named("a"), "avatars", Some(&profiles)).expect("valid");
    assert_eq!(free.profile, profiles["avatars"]);
}

#[test]
fn drafts_of_a_ticket_confirm_themselves_as_its_profile_says() {
    let profile = |name: &str, checks: Option<&str>, auto_confirm| {
        let settings = |json| serde_json::from_str::<CheckSettings>(json).expect("settings");
        Profile {
            name: Some(name.to_owned()),
            checks: checks.map(|json| settings(json).into()),
            auto_confirm,
            ..Profile::default()
        }
    };
    let checks = Some(r#"{"type": {}}"#);
    let all = [
        profile("auto", None, true),
        profile("checked", checks, true),
        profile("any", None, false),
    ];
    let profiles = Profiles::from(all.map(|profile| (profile.name.clone().expect("a name"), profile)));
    let minter = |profile| Caller { profile, ..backend() };
    let of_own = holder(&minter(profile("own", checks, true)), &named("a")).profile;
    assert_eq!((of_own.name.as_deref(), of_own.auto_confirm), (Some("own"), true));
    for (own, name, expected) in [
        (Profile::default(), "auto", Ok((Some("auto"), true))),
        (profile("own", checks, false), "checked", Ok((Some("checked"), true))),
        (profile("own", None, true), "any", Ok((Some("own"), false))),
        (Profile::default(), "any", Ok((None, false))),
        (profile("own", checks, false), "auto", Err("profile")),
        (Profile::default(), "checked", Err("profile")),
    ] {
        let made = of_profile(&minter(own), named("a"), name, Some(&profiles));
        match (made, expected) {
            (Ok(Caller { profile, .. }), Ok(expected)) => {
                assert_eq!((profile.name.as_deref(), profile.auto_confirm), expected, "{name}");
            }
            (Err(Error::Invalid(broken)), Err(field)) => assert_eq!(broken[0].field, field),
            (made, _) => panic!("{name}: {made:?}"),
        }
    }
}

#[test]
fn invalid_profile_is_rejected_by_field() {
    let profiles = profiles();
    let documents = Caller {
        profile: Profile {
            content_types: Some(types(&["application/pdf"])),
            ..Profile::default()
        },
        ..backend()
    };
    for (minter, name, given, rule) in [
        (backend(), "nobody", Some(&profiles), "must be one of the profiles"),
        (backend(), "", Some(&profiles), "must be one of the profiles"),
        (backend(), "avatars", None, "must not be set: this server has no policy"),
        (
            documents,
            "avatars",
            Some(&profiles),
            "must allow at least one of the media types",
        ),
    ] {
        match of_profile(&minter, named("a"), name, given) {
            Err(Error::Invalid(broken)) => {
                assert_eq!((broken.len(), broken[0].field.as_str()), (1, "profile"));
                assert!(broken[0].rule.starts_with(rule), "{broken:?}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn ticket_without_names_has_no_scope_inspect() {
    let caller = holder(&backend(), &TicketOrder::default());
    assert_eq!(caller.scopes, [Scope::Upload].into_iter().collect());
    assert_eq!(caller.names, Names::Any);
    let profile = Profile {
        storage_options: Some(BTreeSet::new()),
        ..Profile::default()
    };
    assert_eq!(caller.profile, profile);
    let blind = Caller {
        scopes: [Scope::Upload, Scope::Admin].into_iter().collect(),
        ..backend()
    };
    assert_eq!(
        holder(&blind, &named("a")).scopes,
        [Scope::Upload].into_iter().collect()
    );
}

#[test]
fn names_are_limited_to_those_of_the_minter() {
    let minter = |names| Caller { names, ..backend() };
    let prefixed = minter(Names::Under("a/".to_owned()));
    assert_eq!(holder(&prefixed, &TicketOrder::default()).names, prefixed.names);
    assert_eq!(holder(&prefixed, &named("a/x")).names, Names::Exactly("a/x".to_owned()));
    assert_eq!(holder(&prefixed, &under("a/b")).names, Names::Under("a/b".to_owned()));
    assert_eq!(broken_field(&prefixed, &named("b")), "object_name");
    assert_eq!(broken_field(&prefixed, &under("a")), "prefix");
    let single = minter(Names::Exactly("a".to_owned()));
    assert_eq!(holder(&single, &named("a")).names, single.names);
    assert_eq!(broken_field(&single, &named("b")), "object_name");
    assert_eq!(broken_field(&single, &under("a")), "prefix");
}

#[test]
fn invalid_order_is_rejected_by_field() {
    let minter = Caller {
        profile: Profile {
            content_types: Some(types(&["image/png"])),
            ..Profile::default()
        },
        ..backend()
    };
    let order = TicketOrder::default;
    for (order, field) in [
        (named(""), "object_name"),
        (named("../a"), "object_name"),
        (named(".drafts/a"), "object_name"),
        (under(""), "prefix"),
        (under("/a"), "prefix"),
        (under("a//"), "prefix"),
        (under(".drafts/"), "prefix"),
        (under(&"x".repeat(601)), "prefix"),
        (
            TicketOrder {
                prefix: Some("a".to_owned()),
                ..named("a")
            },
            "prefix",
        ),
        (
            TicketOrder {
                max_object_bytes: Some(0),
                ..order()
            },
            "max_object_bytes",
        ),
        (
            TicketOrder {
                max_object_bytes: Some(-1),
                ..order()
            },
            "max_object_bytes",
        ),
        (
            TicketOrder {
                content_types: vec!["image".to_owned()],
                ..order()
            },
            "content_types[0]",
        ),
        (
            TicketOrder {
                content_types: vec!["text/html".to_owned()],
                ..order()
            },
            "content_types",
        ),
        (
            TicketOrder {
                content_types: vec!["image/png".to_owned(); 21],
                ..order()
            },
            "content_types",
        ),
        (
            TicketOrder {
                max_draft_lifetime: Some(0),
                ..order()
            },
            "max_draft_lifetime",
        ),
        (
            TicketOrder {
                expires_in: Some(0),
                ..order()
            },
            "expires_in",
        ),
        (
            TicketOrder {
                expires_in: Some(86_401),
                ..order()
            },
            "expires_in",
        ),
        (
            TicketOrder {
                expires_in: Some(i32::MIN),
                ..order()
            },
            "expires_in",
        ),
    ] {
        assert_eq!(broken_field(&minter, &order), field, "{order:?}");
    }
    let long = |place| format!("image/{}{place}", "x".repeat(240));
    let order = TicketOrder {
        content_types: (0..20).map(long).collect(),
        ..order()
    };
    assert_eq!(broken_field(&backend(), &order), "content_types");
}

fn headers(cache_control: &str) -> BTreeMap<ObjectHeader, String> {
    [(ObjectHeader::CacheControl, cache_control.to_owned())].into()
}

#[test]
fn headers_of_a_ticket_are_those_of_its_minter_and_its_own() {
    let order = TicketOrder {
        headers: headers("Max-Age=60"),
        ..TicketOrder::default()
    };
    let profile = holder(&backend(), &order).profile;
    assert_eq!(profile.headers.get(ObjectHeader::CacheControl), Some("max-age=60"));
    let minter = Caller { profile, ..backend() };
    for same in [TicketOrder::default(), order] {
        assert_eq!(holder(&minter, &same).profile.headers, minter.profile.headers);
    }
    for other in ["max-age=61", "no-store", "", "a,,b"] {
        let order = TicketOrder {
            headers: headers(other),
            ..TicketOrder::default()
        };
        assert_eq!(broken_field(&minter, &order), "cache_control", "{other}");
    }
    let named = BTreeMap::from([
        ("p".to_owned(), Profile::default()),
        ("q".to_owned(), {
            let mut profile = Profile::default();
            profile
                .headers
                .set(ObjectHeader::CacheControl, "no-store")
                .expect("a valid value");
            profile
        }),
    ]);
    for (name, is_allowed) in [("p", true), ("q", false)] {
        let order = TicketOrder {
            profile: Some(name.to_owned()),
            ..TicketOrder::default()
        };
        let request = TicketMint {
            profiles: Some(&named),
            ..of(&minter, &order)
        };
        let ticket = tickets(1).mint(&request);
        assert_eq!(ticket.is_ok(), is_allowed, "{name}");
    }
}

fn limited(max_uploads: i32) -> TicketOrder {
    TicketOrder {
        max_uploads: Some(max_uploads),
        ..named("a")
    }
}

#[test]
fn ticket_has_the_number_of_drafts_and_their_expiry() {
    let slots = |seconds| Some(DraftSlots::new([9; ID_BYTES], 3, at(seconds)));
    assert_eq!(holder(&backend(), &limited(3)).drafts, slots(3600));
    let order = TicketOrder {
        max_draft_lifetime: Some(600),
        ..limited(3)
    };
    assert_eq!(holder(&backend(), &order).drafts, slots(600));
    let minted = mint(&backend(), &order).expect("minted");
    assert_eq!(minted.expires_at, at(599), "the ticket ends before its drafts");
    let order = TicketOrder {
        max_draft_lifetime: Some(7200),
        ..limited(3)
    };
    assert_eq!(holder(&backend(), &order).drafts, slots(3600));
    assert_eq!(holder(&backend(), &named("a")).drafts, None);
}

#[test]
fn invalid_number_of_drafts_is_rejected() {
    for (order, field) in [
        (limited(0), "max_uploads"),
        (limited(101), "max_uploads"),
        (limited(-1), "max_uploads"),
        (
            TicketOrder {
                max_uploads: Some(3),
                ..TicketOrder::default()
            },
            "max_uploads",
        ),
        (
            TicketOrder {
                max_uploads: Some(3),
                ..under("a/")
            },
            "max_uploads",
        ),
        (
            TicketOrder {
                max_draft_lifetime: Some(1),
                ..limited(3)
            },
            "max_uploads",
        ),
        (
            TicketOrder {
                expires_in: Some(3600),
                ..limited(3)
            },
            "expires_in",
        ),
    ] {
        assert_eq!(broken_field(&backend(), &order), field, "{order:?}");
    }
    let single = Caller {
        names: Names::Exactly("a".to_owned()),
        ..backend()
    };
    let order = TicketOrder {
        max_uploads: Some(100),
        ..TicketOrder::default()
    };
    assert!(holder(&single, &order).drafts.is_some(), "its minter has one name");
}

#[test]
fn minting_needs_scope_upload_and_confirm_or_admin() {
    for (scopes, lacking) in [
        (&[Scope::Upload, Scope::Confirm][..], None),
        (&[Scope::Upload, Scope::Admin], None),
        (&[Scope::Confirm, Scope::Admin], Some(Scope::Upload)),
        (
            &[Scope::Upload, Scope::Inspect, Scope::Download, Scope::Discard],
            Some(Scope::Confirm),
        ),
    ] {
        let minter = Caller {
            scopes: scopes.iter().copied().collect::<Scopes>(),
            ..backend()
        };
        let lacks = match mint(&minter, &TicketOrder::default()) {
            Ok(_) => None,
            Err(Error::NotAllowed(scope)) => Some(scope),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(lacks, lacking, "{scopes:?}");
    }
    let caller = holder(&backend(), &named("a"));
    assert!(matches!(
        mint(&caller, &named("a")),
        Err(Error::NotAllowed(Scope::Confirm))
    ));
}

#[test]
fn without_keys_no_ticket_is_minted_or_valid() {
    let minted = Tickets::none().mint(&of(&backend(), &named("a")));
    assert!(matches!(minted, Err(Error::NoTickets)));
    let ticket = mint(&backend(), &named("a")).expect("minted").ticket;
    assert!(refused(&Tickets::none().open(&ticket, at(0))));
}

#[test]
fn ticket_is_valid_until_it_expires() {
    for (asked, seconds) in [(None, 900), (Some(1), 1), (Some(86_400), 86_400)] {
        let order = TicketOrder {
            expires_in: asked,
            ..named("a")
        };
        let minted = mint(&backend(), &order).expect("minted");
        assert_eq!(minted.expires_at, at(seconds));
        assert!(
            tickets(1)
                .open(&minted.ticket, at(seconds) - Duration::from_millis(1))
                .is_ok()
        );
        let opened = tickets(1).open(&minted.ticket, at(seconds));
        assert_eq!(opened.err(), Some(Unauthenticated::TicketExpired));
        let by_another_key = tickets(2).open(&minted.ticket, at(seconds));
        assert_eq!(by_another_key.err(), Some(Unauthenticated::Invalid));
        let late = tickets(1).open(&minted.ticket, at(seconds + 1_000_000));
        assert_eq!(late.err(), Some(Unauthenticated::TicketExpired));
    }
}

#[tokio::test]
async fn tickets_of_a_rotated_key_are_valid_until_it_is_removed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("keys");
    let write = |keys: &[TicketKey]| {
        let lines: Vec<_> = keys.iter().map(TicketKey::line).collect();
        std::fs::write(&path, lines.join("\n")).expect("written");
    };
    write(&[key(1)]);
    let (tickets, mut reloader) = Tickets::open_file(path.clone()).await.expect("keys");
    let (backend, order) = (backend(), named("a"));
    let old = tickets.mint(&of(&backend, &order)).expect("minted").ticket;
    write(&[key(2), key(1)]);
    assert_eq!(reloader.poll().await, PollOutcome::Replaced);
    let new = tickets
        .mint(&TicketMint {
            now: at(1),
            ..of(&backend, &order)
        })
        .expect("minted")
        .ticket;
    assert!(new.starts_with("dst_00000002."));
    assert!(tickets.open(&old, at(1)).is_ok() && tickets.open(&new, at(1)).is_ok());
    write(&[key(2)]);
    assert_eq!(reloader.poll().await, PollOutcome::Replaced);
    assert!(refused(&tickets.open(&old, at(2))) && tickets.open(&new, at(2)).is_ok());
}

#[test]
fn ticket_is_redacted_in_debug() {
    let minted = mint(&backend(), &named("a")).expect("minted");
    assert!(!format!("{minted:?}").contains(TICKET_PREFIX));
}

fn orders() -> impl Strategy<Value = TicketOrder> {
    let name = "[a-zé写\"+%][a-zé写 \"+%]{0,39}";
    let names = prop_oneof![
        Just((None, None)),
        name.prop_map(|name| (Some(name), None)),
        name.prop_map(|prefix| (None, Some(prefix))),
    ];
    let types = prop::collection::vec("[a-z]{1,9}/([a-z]{1,9}|\\*)", 0..5);
    (
        names,
        proptest::option::of(1i64..),
        types,
        // A ticket of one second has ended when it is opened.
        proptest::option::of(2i32..=86_400),
    )
        .prop_map(
            |((object_name, prefix), max_object_bytes, content_types, expires_in)| TicketOrder {
                object_name,
                prefix,
                max_object_bytes,
                content_types,
                expires_in,
                ..TicketOrder::default()
            },
        )
}

proptest! {
    #[test]
    fn ticket_round_trips_with_the_tenant_of_its_minter(order in orders(), tenant in "[a-z0-9]{1,9}") {
        let minter = Caller { tenant: tenant.parse().ok(), ..backend() };
        let caller = holder(&minter, &order);
        prop_assert_eq!(&caller.tenant, &minter.tenant);
        let types = caller.profile.content_types.map(|types| types.as_slice().to_vec()).unwrap_or_default();
        prop_assert_eq!(types, order.content_types);
        prop_assert_eq!(caller.profile.max_object_bytes, order.max_object_bytes.map(i64::unsigned_abs));
        let names = match (order.object_name, order.prefix) {
            (Some(name), _) => Names::Exactly(name),
            (None, Some(prefix)) => Names::Under(prefix),
            (None, None) => Names::Any,
        };
        prop_assert_eq!(caller.names, names);
    }

    #[test]
    fn altered_or_truncated_ticket_is_rejected(order in orders(), place in any::<prop::sample::Index>(), bit in 0..8u8) {
        let ticket = mint(&backend(), &order).expect("minted").ticket;
        prop_assert!(ticket.len() <= MAX_TICKET_BYTES);
        let place = place.index(ticket.len());
        let mut flipped = ticket.clone().into_bytes();
        flipped[place] ^= 1 << bit;
        let flipped = String::from_utf8_lossy(&flipped).into_owned();
        prop_assert!(refused(&tickets(1).open(&flipped, at(0))), "{}", flipped);
        prop_assert!(refused(&tickets(1).open(&ticket[..place], at(0))));
        prop_assert!(refused(&tickets(1).open(&ticket[place..], at(0))) || place == 0);
        let longer = format!("{ticket}A");
        prop_assert!(refused(&tickets(1).open(&longer, at(0))));
    }

    #[test]
    fn ticket_of_another_key_is_rejected_even_with_the_same_id(order in orders()) {
        let ticket = mint(&backend(), &order).expect("minted").ticket;
        prop_assert!(refused(&tickets(2).open(&ticket, at(0))));
        let same_id = Tickets::new(TicketKeys::only(TicketKey::new([0, 0, 0, 1], [2; 32])));
        prop_assert!(refused(&same_id.open(&ticket, at(0))));
    }

    #[test]
    fn random_text_is_not_a_ticket(text in ".*", tail in "[A-Za-z0-9_.-]{0,200}") {
        prop_assert!(refused(&tickets(1).open(&text, at(0))));
        let alike = format!("dst_00000001.{tail}");
        prop_assert!(refused(&tickets(1).open(&alike, at(0))));
    }
}
