//! Counts of buckets in memory, by every slice, with pages of any size, interrupted after every page.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_storage::{ListObjects, ListedObject, ObjectPage};

use super::counts::MAX_GROUPS;
use super::{CountedBucket, Group, Inventory, InventoryKey, Usage};
use crate::sweep::Slice;
use crate::{DraftId, Stage};

struct Buckets {
    draft: BTreeSet<String>,
    main: BTreeSet<String>,
    destinations: [BTreeSet<String>; 2],
    page: usize,
}

fn destinations() -> Vec<String> {
    ["archive", "empty"].map(ToOwned::to_owned).into()
}

impl Buckets {
    fn new(page: usize) -> Self {
        let names = [
            "!", "0/a", "A/x", "Zz/a", "a", "a/b/c", "t1/a", "t1/b", "zz/a", "~", "é/a",
        ];
        let unique = |(index, name): (u8, &&str)| {
            let id = DraftId::new(UNIX_EPOCH + Duration::from_secs(100), (u128::from(index) * 0x1d) << 72);
            id.key(&name.parse().expect("a key")).to_string()
        };
        let ours = [
            InventoryKey {
                slice: Slice::WHOLE,
                generation: 1,
            }
            .key()
            .to_string(),
            ".drafts/settled/x".to_owned(),
            ".drafts/verdicts/y".to_owned(),
        ];
        Self {
            draft: names
                .iter()
                .map(|name| (*name).to_owned())
                .chain((0..).zip(&names).map(unique))
                .chain(ours)
                .collect(),
            main: names.iter().map(|name| (*name).to_owned()).collect(),
            destinations: [["0/a", "t1/x", "zz/b"].map(ToOwned::to_owned).into(), BTreeSet::new()],
            page,
        }
    }

    fn list(&self, bucket: CountedBucket, request: &ListObjects) -> ObjectPage {
        let keys = match bucket {
            CountedBucket::Draft => &self.draft,
            CountedBucket::Main => &self.main,
            CountedBucket::Destination(place) => &self.destinations[place],
        };
        let after = request
            .continuation
            .as_deref()
            .or(request.start_after.as_deref())
            .unwrap_or_default();
        let mut rest = keys.iter().filter(|key| key.as_str() > after);
        let listed = |key: &String| ListedObject {
            key: key.parse().expect("a key"),
            etag: "0".parse().expect("an ETag"),
            size: 10,
            last_modified: UNIX_EPOCH,
            storage_class: Some("STANDARD".to_owned()),
        };
        let objects: Vec<_> = rest.by_ref().take(self.page).map(listed).collect();
        let next = objects
            .last()
            .map(|last| last.key.to_string())
            .filter(|_| rest.next().is_some());
        ObjectPage {
            objects,
            prefixes: Vec::new(),
            next,
            store_time: None,
        }
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Counts a slice to its end. Every page is counted by another sweep if `is_interrupted`.
fn counted(buckets: &Buckets, slice: Slice, is_interrupted: bool) -> (Inventory, usize) {
    let mut inventory = Inventory::resume(None, 1, destinations(), at(7));
    let mut lists = 0;
    while let Some((bucket, request)) = inventory.next_list(slice) {
        lists += 1;
        assert!(lists < 1_000, "the count ends");
        inventory.on_page(slice, buckets.list(bucket, &request), at(9));
        if is_interrupted && inventory.next_list(slice).is_some() {
            let saved = Inventory::from_bytes(&inventory.to_bytes()).expect("saved");
            inventory = Inventory::resume(Some(saved), 1, destinations(), at(8));
        }
    }
    (inventory, lists)
}

#[test]
fn every_object_is_counted_once_by_all_slices_together() {
    let mut expected: BTreeMap<(Stage, Option<&str>, &str), u64> = BTreeMap::new();
    for (tenant, objects) in [
        ("", 3),
        ("0", 1),
        ("A", 1),
        ("Zz", 1),
        ("a", 1),
        ("t1", 2),
        ("zz", 1),
        ("é", 1),
    ] {
        expected.insert((Stage::Main, None, tenant), objects);
        expected.insert((Stage::Draft, None, tenant), 2 * objects);
    }
    for tenant in ["0", "t1", "zz"] {
        expected.insert((Stage::Main, Some("archive"), tenant), 1);
    }
    for page in [1, 2, 3, 1_000] {
        let buckets = Buckets::new(page);
        for of in [1, 2, 3, 7, 256] {
            for is_interrupted in [false, true] {
                let mut sum: BTreeMap<Group, Usage> = BTreeMap::new();
                for index in 0..of {
                    let (inventory, _) = counted(&buckets, Slice::new(index, of).expect("a slice"), is_interrupted);
                    let census = inventory.last().expect("counted");
                    assert_eq!((census.began_at(), census.ended_at()), (at(7), at(9)));
                    for (group, usage) in census.counts.groups() {
                        sum.entry(group.clone()).or_default().add(usage);
                    }
                }
                let objects: BTreeMap<_, _> = sum
                    .iter()
                    .map(|(group, usage)| ((group.stage, group.bucket.as_deref(), &*group.tenant), usage.objects))
                    .collect();
                assert_eq!(
                    objects, expected,
                    "pages of {page}, {of} slices, interrupted: {is_interrupted}"
                );
                assert!(sum.iter().all(|(group, usage)| {
                    group.storage_class.as_deref() == Some("STANDARD") && usage.bytes == usage.objects * 10
                }));
            }
        }
    }
}

#[test]
fn count_needs_few_lists_more_than_there_are_pages() {
    let (_, lists) = counted(&Buckets::new(1_000), Slice::WHOLE, false);
    assert_eq!(
        lists, 6,
        "unique drafts, names before and after them, main, and two destinations"
    );
}

#[test]
fn last_count_stays_while_the_next_one_runs() {
    let buckets = Buckets::new(1);
    let (done, _) = counted(&buckets, Slice::WHOLE, false);
    let mut next = Inventory::resume(Some(done.clone()), 1, destinations(), at(20));
    let (bucket, request) = next.next_list(Slice::WHOLE).expect("another count");
    next.on_page(Slice::WHOLE, buckets.list(bucket, &request), at(21));
    assert_eq!(next.last(), done.last());
    let saved = Inventory::from_bytes(&next.to_bytes()).expect("saved");
    let other_tenants = Inventory::resume(Some(saved.clone()), 2, destinations(), at(22));
    assert_eq!((other_tenants.last(), other_tenants.segments()), (None, 2));
    let of = |buckets| Inventory::resume(Some(saved.clone()), 1, buckets, at(22));
    let after = |inventory: &Inventory| {
        inventory
            .next_list(Slice::WHOLE)
            .and_then(|(_, request)| request.start_after)
    };
    assert_eq!(after(&of(destinations())), after(&next), "continued");
    let others = of(vec!["other".to_owned()]);
    assert_eq!(
        (others.last(), after(&others)),
        (done.last(), Some(".drafts/".to_owned())),
        "begun anew"
    );
}

#[test]
fn other_formats_are_refused() {
    let (done, _) = counted(&Buckets::new(1_000), Slice::WHOLE, false);
    let text = String::from_utf8(done.to_bytes()).expect("UTF-8");
    assert!(Inventory::from_bytes(text.replace("\"format\":2", "\"format\":3").as_bytes()).is_err());
    for other in ["", "{}", "[]", "{\"format\":2}"] {
        assert!(Inventory::from_bytes(other.as_bytes()).is_err(), "{other}");
    }
}

/// Returns a page of a main bucket with so many objects, each of a tenant of its own if there are as many.
fn page_of_many(objects: u64, tenants: u64, request: &ListObjects) -> ObjectPage {
    let first = match &request.continuation {
        Some(next) => next.parse().expect("a number"),
        None => 0,
    };
    let end = objects.min(first + 1_000);
    let listed = |number: u64| ListedObject {
        key: format!("t{:08}/{number:08}", number * tenants / objects)
            .parse()
            .expect("a key"),
        etag: "0".parse().expect("an ETag"),
        size: 10,
        last_modified: UNIX_EPOCH,
        storage_class: Some("STANDARD".to_owned()),
    };
    ObjectPage {
        objects: (first..end).map(listed).collect(),
        prefixes: Vec::new(),
        next: (end < objects).then(|| end.to_string()),
        store_time: None,
    }
}

/// `INVENTORY_OBJECTS=1000000` counts as many. A million takes 1,003 lists.
#[test]
fn count_of_many_objects_needs_a_list_per_page_and_an_inventory_of_one_size() {
    let objects = std::env::var("INVENTORY_OBJECTS").map_or(100_000, |count| count.parse().expect("a number"));
    for (tenants, expected) in [(100, 100), (objects, MAX_GROUPS as u64)] {
        let mut inventory = Inventory::resume(None, 1, Vec::new(), at(7));
        let (mut lists, mut largest) = (0, [0, 0]);
        while let Some((bucket, request)) = inventory.next_list(Slice::WHOLE) {
            lists += 1;
            let page = match bucket {
                CountedBucket::Draft | CountedBucket::Destination(_) => ObjectPage {
                    objects: Vec::new(),
                    prefixes: Vec::new(),
                    next: None,
                    store_time: None,
                },
                CountedBucket::Main => page_of_many(objects, tenants, &request),
            };
            inventory.on_page(Slice::WHOLE, page, at(9));
            let is_late = lists > objects / 2_000;
            if lists % 10 == 0 {
                let bytes = inventory.to_bytes().len();
                let largest = &mut largest[usize::from(is_late)];
                *largest = bytes.max(*largest);
            }
        }
        assert!(lists <= objects / 1_000 + 3, "{lists} lists of {objects} objects");
        let census = inventory.last().expect("counted");
        assert_eq!(census.counts.groups().count() as u64, expected.min(objects));
        let counted: u64 = census.counts.groups().map(|(_, usage)| usage.objects).sum();
        assert_eq!(counted + census.counts.beyond().objects, objects);
        let [first_half, second_half] = largest;
        assert!(
            tenants < objects || second_half <= first_half + first_half / 10,
            "the inventory grows from {first_half} to {second_half} bytes"
        );
    }
}
