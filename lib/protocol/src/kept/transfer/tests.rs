//! Random schedules of transfers that race with each other, with overwrites and with deletes. Answers are lost, servers crash,
//! and callers repeat their calls. After every act, each object that nobody overwrote or deleted knowingly is still there.
//! No object is replaced against its caller's will, and each success names an object of that request.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use draftstore_storage::{
    Attributes, ETag, ErrorKind, ObjectInfo, Retention, StagedCopy, StorageOptions, StoredAttributes, UploadId,
    VersionCopied, VersionId,
};

use super::*;
use crate::confirm::MarkerDigest;

/// The number of schedules.
const SCHEDULES: u64 = 200_000;

/// The size of objects that are copied in parts.
const LARGE: u64 = 10;

/// A source of choices, so that each seed is one schedule.
struct Choices(u64);

impl Choices {
    fn below(&mut self, count: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % count
    }
}

/// An object: its bytes, by a number, and what a HEAD returns.
#[derive(Debug, Clone)]
struct Object {
    content: u64,
    info: ObjectInfo,
}

/// Main, and what happened to its objects.
#[derive(Debug, Default)]
struct World {
    main: BTreeMap<&'static str, Object>,
    staged: BTreeMap<u64, (Object, Attributes)>,
    /// Every object that ever was there.
    contents: BTreeSet<u64>,
    /// The objects that were overwritten or deleted by a call that had seen them.
    given_up: BTreeSet<u64>,
    /// Every object that was ever written.
    history: Vec<(&'static str, ObjectInfo)>,
    next: u64,
    /// The seconds that have passed.
    now: u64,
}

/// A caller's request, and its call in progress.
#[derive(Debug)]
struct Task {
    source: &'static str,
    destination: &'static str,
    transfer: Transfer,
    running: Transferring<ErrorKind>,
    step: TransferStep<ErrorKind>,
    repeats_left: u8,
}

fn etag(content: u64, copies: &str) -> ETag {
    format!("{content:032x}{copies}").parse().expect("an ETag")
}

fn object(content: u64, size: u64, etag: ETag, attributes: &Attributes) -> Object {
    Object {
        content,
        info: ObjectInfo {
            etag_is_md5: etag.may_be_md5(),
            etag,
            size,
            last_modified: SystemTime::UNIX_EPOCH,
            checksum_sha256: None,
            version_id: None,
            attributes: StoredAttributes::from(attributes.clone()),
        },
    }
}

impl World {
    /// Writes new bytes, like a confirm.
    fn write(&mut self, key: &'static str, size: u64) {
        self.next += 1;
        let content = self.next;
        self.contents.insert(content);
        self.give_up(key);
        let etag = etag(content, "");
        self.insert(key, object(content, size, etag, Attributes::NONE));
    }

    fn insert(&mut self, key: &'static str, mut object: Object) {
        object.info.last_modified += Duration::from_secs(self.now);
        self.history.push((key, object.info.clone()));
        self.main.insert(key, object);
    }

    fn give_up(&mut self, key: &str) {
        if let Some(object) = self.main.get(key) {
            self.given_up.insert(object.content);
        }
    }

    /// Checks I14.
    fn check(&self) {
        let there: BTreeSet<u64> = self.main.values().map(|object| object.content).collect();
        for content in &self.contents {
            assert!(
                there.contains(content) || self.given_up.contains(content),
                "{content} is lost: {self:?}"
            );
        }
    }

    fn source(&self, key: &str, etag: &ETag) -> Result<Object, ErrorKind> {
        let object = self.main.get(key).ok_or(ErrorKind::NotFound)?;
        (object.info.etag == *etag)
            .then(|| object.clone())
            .ok_or(ErrorKind::PreconditionFailed)
    }

    fn put(&mut self, task: &Task, over: Option<&ETag>, object: Object) -> Result<(), ErrorKind> {
        let key = task.destination;
        let now = self.main.get(key).map(|object| &object.info.etag);
        if now != over {
            return Err(ErrorKind::PreconditionFailed);
        }
        let Transfer { kind, existing, .. } = &task.transfer;
        assert!(
            now.is_none() || *kind == TransferKind::Update || *existing != Existing::Keep,
            "{task:?} replaces an object: {self:?}"
        );
        // The call has seen what it replaces: that is its condition.
        if self.main.get(key).is_some_and(|old| old.content != object.content) {
            self.give_up(key);
        }
        self.insert(key, object);
        Ok(())
    }

    fn perform(&mut self, task: &Task, effect: &TransferEffect) -> TransferAnswer<ErrorKind> {
        let head = |key| self.main.get(key).map(|object| object.info.clone());
        match effect {
            TransferEffect::FindSource => TransferAnswer::Source(Ok(head(task.source).map(|info| Source {
                info,
                options: StorageOptions::NONE,
                origin: Some("sealed".to_owned()),
            }))),
            TransferEffect::HeadSource => TransferAnswer::Head(Ok(head(task.source))),
            TransferEffect::HeadDestination => TransferAnswer::Head(Ok(head(task.destination))),
            TransferEffect::HeadSettlement { .. } => TransferAnswer::Head(Ok(None)),
            TransferEffect::ReleaseHold { .. } => TransferAnswer::Released(Ok(())),
            TransferEffect::Copy {
                source_etag,
                main_etag,
                attributes,
            } => {
                let copied = self.source(task.source, source_etag).and_then(|source| {
                    let copy = object(source.content, source.info.size, etag(source.content, ""), attributes);
                    self.put(task, main_etag.as_ref(), copy)
                });
                TransferAnswer::Copied(copied.and_then(|()| {
                    let made = self.main.get(task.destination).ok_or(ErrorKind::Unexpected)?;
                    Ok(VersionCopied {
                        etag: made.info.etag.clone(),
                        version_id: None,
                    })
                }))
            }
            TransferEffect::Stage {
                source_etag,
                size,
                attributes,
            } => TransferAnswer::Staged(self.source(task.source, source_etag).map(|source| {
                self.next += 1;
                self.staged.insert(self.next, (source, attributes.clone()));
                StagedCopy {
                    upload_id: UploadId::new(self.next.to_string()),
                    parts: Vec::new(),
                    size: *size,
                }
            })),
            TransferEffect::Complete { staged, main_etag } => {
                let id: u64 = staged.upload_id.as_str().parse().expect("a number");
                let completed = self.staged.get(&id).cloned().ok_or(ErrorKind::NotFound);
                let completed = completed.and_then(|(source, attributes)| {
                    let copy = object(
                        source.content,
                        source.info.size,
                        etag(source.content, "-2"),
                        &attributes,
                    );
                    self.put(task, main_etag.as_ref(), copy)?;
                    self.staged.remove(&id);
                    Ok(())
                });
                TransferAnswer::Completed(completed)
            }
            TransferEffect::Unstage { staged } => {
                self.staged
                    .remove(&staged.upload_id.as_str().parse().expect("a number"));
                TransferAnswer::Done
            }
            TransferEffect::DeleteSource { source_etag } => {
                let deleted = self
                    .source(task.source, source_etag)
                    .map(|_| drop(self.main.remove(task.source)));
                TransferAnswer::Deleted(deleted)
            }
        }
    }
}

/// Returns the answer of a call that failed, whether it took effect or not.
fn failure(effect: &TransferEffect, kind: ErrorKind) -> TransferAnswer<ErrorKind> {
    match effect {
        TransferEffect::FindSource => TransferAnswer::Source(Err(kind)),
        TransferEffect::HeadSource | TransferEffect::HeadDestination | TransferEffect::HeadSettlement { .. } => {
            TransferAnswer::Head(Err(kind))
        }
        TransferEffect::ReleaseHold { .. } => TransferAnswer::Released(Err(kind)),
        TransferEffect::Copy { .. } => TransferAnswer::Copied(Err(kind)),
        TransferEffect::Complete { .. } => TransferAnswer::Completed(Err(kind)),
        TransferEffect::Stage { .. } => TransferAnswer::Staged(Err(kind)),
        TransferEffect::Unstage { .. } => TransferAnswer::Done,
        TransferEffect::DeleteSource { .. } => TransferAnswer::Deleted(Err(kind)),
    }
}

impl Task {
    fn new(number: u64, choices: &mut Choices) -> Self {
        let kind = [
            TransferKind::Copy,
            TransferKind::Move,
            TransferKind::Move,
            TransferKind::Update,
        ];
        let kind = kind[usize::try_from(choices.below(4)).expect("small")];
        let (source, other) = if choices.below(2) == 0 { ("a", "b") } else { ("b", "a") };
        let destination = if kind == TransferKind::Update { source } else { other };
        let mut request = [0; 32];
        request[0] = u8::try_from(number).expect("small");
        let transfer = Transfer {
            kind,
            request: MarkerDigest::new(request),
            key: (choices.below(2) == 0).then(|| MarkerDigest::new(request.map(|byte| !byte))),
            if_match: None,
            existing: if choices.below(2) == 0 {
                Existing::Keep
            } else {
                Existing::Replace(None)
            },
            changes: Changes {
                removed: [Removed::Tags].into(),
                ..Changes::default()
            },
            max_copy_bytes: LARGE - 1,
            keeps_existing: choices.below(2) == 0,
            now: SystemTime::UNIX_EPOCH,
            proves_copies: true,
        };
        let (running, effect) = Transferring::start(transfer.clone());
        Self {
            source,
            destination,
            transfer,
            running,
            step: TransferStep::Perform(effect),
            repeats_left: 3,
        }
    }

    /// Sends the same request again.
    fn repeat(&mut self) {
        let (running, effect) = Transferring::start(self.transfer.clone());
        self.running = running;
        self.step = TransferStep::Perform(effect);
    }

    /// Performs the next effect, with its true answer. Returns false if the call has ended.
    fn advance(&mut self, world: &mut World) -> bool {
        let TransferStep::Perform(effect) = self.step.clone() else {
            return false;
        };
        let answer = world.perform(self, &effect);
        self.step = self.running.on(answer);
        true
    }

    /// Performs the next act. Returns false if the caller has its last answer.
    fn act(&mut self, world: &mut World, choices: &mut Choices) -> bool {
        let TransferStep::Perform(effect) = self.step.clone() else {
            return false;
        };
        let answer = match choices.below(12) {
            0 => failure(&effect, ErrorKind::Unavailable),
            1 => failure(&effect, ErrorKind::Conflict),
            2 => {
                let _lost = world.perform(self, &effect);
                failure(&effect, ErrorKind::Unavailable)
            }
            3 => {
                if choices.below(2) == 0 {
                    let _lost = world.perform(self, &effect);
                }
                self.repeats_left = self.repeats_left.saturating_sub(1);
                if self.repeats_left > 0 {
                    self.repeat();
                }
                return self.repeats_left > 0;
            }
            _ => world.perform(self, &effect),
        };
        self.step = self.running.on(answer);
        match &self.step {
            TransferStep::Perform(_) => true,
            TransferStep::Finish(Err(TransferError::Store(_) | TransferError::Unresolved(_)))
                if self.repeats_left > 0 =>
            {
                self.repeats_left -= 1;
                self.repeat();
                true
            }
            TransferStep::Finish(Err(TransferError::OutOfStep | TransferError::CopyDiffers)) => {
                panic!("{:?}", self.step)
            }
            TransferStep::Finish(Ok(transferred)) => {
                self.check(transferred, world);
                false
            }
            TransferStep::Finish(Err(_)) => false,
        }
    }

    /// Checks the answer of a transfer that succeeded.
    fn check(&self, transferred: &Transferred, world: &World) {
        let made = &*transferred.main;
        assert!(
            is_copied_by(&made.attributes.metadata, &self.transfer.request),
            "{self:?} is answered with the object of another request: {world:?}"
        );
        let is_it = |(key, there): &(&str, ObjectInfo)| {
            let last_modified = made.last_modified;
            *key == self.destination
                && *made
                    == ObjectInfo {
                        last_modified,
                        ..there.clone()
                    }
        };
        assert!(
            world.history.iter().any(is_it),
            "{self:?} is answered with an object that was never there: {world:?}"
        );
        let deletes = self.transfer.kind == TransferKind::Move && !transferred.replayed;
        assert!(
            !deletes || !world.main.contains_key(self.source),
            "{self:?} has left its source: {world:?}"
        );
    }
}

/// Makes the first two tasks moves of one object, there and back. The caller of the first loses its call and repeats it.
fn move_there_and_back(tasks: &mut [Task], world: &mut World, choices: &mut Choices) {
    for (task, (source, destination)) in tasks.iter_mut().zip([("a", "b"), ("b", "a")]) {
        (task.source, task.destination) = (source, destination);
        task.transfer.kind = TransferKind::Move;
        task.repeat();
    }
    for _ in 0..choices.below(8) {
        tasks[0].advance(world);
    }
    tasks[0].repeat();
}

#[test]
fn no_schedule_of_transfers_loses_an_object() {
    for seed in 0..SCHEDULES {
        let mut choices = Choices(seed);
        let mut world = World::default();
        let is_contest = choices.below(2) == 0;
        for key in ["a", "b"] {
            if (key == "a" && is_contest) || (!is_contest && choices.below(4) > 0) {
                world.write(key, if choices.below(3) == 0 { LARGE } else { 1 });
            }
        }
        let mut tasks: Vec<_> = (1..=3).map(|number| Task::new(number, &mut choices)).collect();
        if is_contest {
            move_there_and_back(&mut tasks, &mut world, &mut choices);
        }
        let mut others = 2;
        while !tasks.is_empty() {
            world.now += u64::from(choices.below(16) == 0);
            let turn = usize::try_from(choices.below(4)).expect("small");
            if turn == 3 && others > 0 {
                others -= 1;
                let key = ["a", "b"][usize::try_from(choices.below(2)).expect("small")];
                if choices.below(3) == 0 {
                    world.give_up(key);
                    world.main.remove(key);
                } else {
                    world.write(key, 1);
                }
            } else {
                let turn = turn % tasks.len();
                if !tasks[turn].act(&mut world, &mut choices) {
                    tasks.remove(turn);
                }
            }
            world.check();
        }
    }
}

#[test]
fn interrupted_move_is_completed_by_a_repeat() {
    for size in [1, LARGE] {
        for crash in 1..12 {
            for existing in [Existing::Keep, Existing::Replace(None)] {
                let mut world = World::default();
                world.write("a", size);
                if existing != Existing::Keep {
                    world.write("b", 1);
                }
                let mut task = Task::new(1, &mut Choices(1));
                (task.source, task.destination) = ("a", "b");
                task.transfer.kind = TransferKind::Move;
                task.transfer.existing = existing;
                task.repeat();
                let mut acts = 0;
                while task.advance(&mut world) {
                    acts += 1;
                    if acts == crash {
                        task.repeat();
                    }
                }
                let TransferStep::Finish(Ok(moved)) = &task.step else {
                    panic!("{:?}", task.step);
                };
                assert_eq!(world.main.keys().collect::<Vec<_>>(), [&"b"], "{crash}");
                assert_eq!((moved.main.size, world.main["b"].content), (size, 1));
                task.repeat();
                while task.advance(&mut world) {}
                assert!(
                    matches!(&task.step, TransferStep::Finish(Ok(again)) if again.replayed),
                    "{:?}",
                    task.step
                );
            }
        }
    }
}

#[test]
fn repeated_move_leaves_what_is_being_moved_back() {
    for refused in [ErrorKind::PreconditionFailed, ErrorKind::Unavailable] {
        let mut world = World::default();
        world.write("a", 1);
        let mut there = Task::new(1, &mut Choices(1));
        (there.source, there.destination) = ("a", "b");
        there.transfer.kind = TransferKind::Move;
        there.transfer.existing = Existing::Keep;
        there.transfer.keeps_existing = true;
        let mut back = Task::new(2, &mut Choices(1));
        (back.source, back.destination) = ("b", "a");
        back.transfer.kind = TransferKind::Move;
        // The caller does not get the answer of a move that has ended.
        there.repeat();
        while there.advance(&mut world) {}
        there.repeat();
        back.repeat();
        while !matches!(back.step, TransferStep::Perform(TransferEffect::DeleteSource { .. })) {
            assert!(back.advance(&mut world), "{back:?}");
        }
        assert!(there.advance(&mut world));
        let TransferStep::Perform(copy @ TransferEffect::Copy { .. }) = &there.step else {
            panic!("{there:?}");
        };
        there.step = there.running.on(failure(copy, refused));
        while there.advance(&mut world) {}
        assert!(
            matches!(there.step, TransferStep::Finish(Err(TransferError::Held))),
            "{there:?}"
        );
        while back.advance(&mut world) {}
        assert!(matches!(back.step, TransferStep::Finish(Ok(_))), "{back:?}");
        assert_eq!(world.main.keys().collect::<Vec<_>>(), [&"a"]);
    }
}

/// A copy of the object was moved within a second, by a server that died before the delete. It looks as if the object was moved
/// back, which no move does any more after a while.
#[test]
fn interrupted_move_of_a_copy_is_completed_later() {
    let mut world = World::default();
    world.write("c", 1);
    let mut copy = Task::new(1, &mut Choices(1));
    (copy.source, copy.destination) = ("c", "a");
    copy.transfer.kind = TransferKind::Copy;
    copy.repeat();
    while copy.advance(&mut world) {}
    let mut task = Task::new(2, &mut Choices(1));
    (task.source, task.destination) = ("a", "b");
    task.transfer.kind = TransferKind::Move;
    task.repeat();
    while !matches!(task.step, TransferStep::Perform(TransferEffect::DeleteSource { .. })) {
        assert!(task.advance(&mut world), "{task:?}");
    }
    for (now, is_completed) in [(HELD_FOR / 2, false), (HELD_FOR, true)] {
        task.transfer.now = SystemTime::UNIX_EPOCH + now;
        task.repeat();
        while task.advance(&mut world) {}
        assert_eq!(
            matches!(task.step, TransferStep::Finish(Ok(_))),
            is_completed,
            "{task:?}"
        );
        assert_eq!(world.main.contains_key("a"), !is_completed);
    }
}

/// An update finds its mark on another version, of which another call has made the same update.
#[test]
fn update_of_a_replaced_version_is_told_that_it_has_changed() {
    for lost in [false, true] {
        let mut world = World::default();
        world.write("a", 1);
        let mut task = Task::new(1, &mut Choices(1));
        (task.source, task.destination) = ("a", "a");
        (task.transfer.kind, task.transfer.key) = (TransferKind::Update, None);
        task.repeat();
        while !matches!(task.step, TransferStep::Perform(TransferEffect::Copy { .. })) {
            assert!(task.advance(&mut world), "{task:?}");
        }
        world.write("a", 1);
        let mut other = Task::new(1, &mut Choices(1));
        (other.source, other.destination) = ("a", "a");
        other.transfer = task.transfer.clone();
        other.repeat();
        while other.advance(&mut world) {}
        assert!(matches!(other.step, TransferStep::Finish(Ok(_))), "{other:?}");
        if lost {
            task.step = task.running.on(TransferAnswer::Copied(Err(ErrorKind::Unavailable)));
        }
        while task.advance(&mut world) {}
        let expected = TransferStep::Finish(Err(TransferError::Changed));
        assert_eq!(task.step, expected);
    }
}

#[test]
fn update_keeps_the_markers_and_a_copy_those_of_the_bytes() {
    let metadata = [
        ("author", "ada"),
        ("draftstore-draft", "x"),
        ("draftstore-batch", "x"),
        ("draftstore-request", "x"),
        ("draftstore-source-etag", "x"),
        ("draftstore-origin", "sealed for the first name"),
    ];
    let attributes = Attributes {
        metadata: metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..Attributes::default()
    };
    let source = Source {
        info: object(1, 1, etag(1, ""), &attributes).info,
        options: StorageOptions {
            legal_hold: Some(true),
            storage_class: Some("STANDARD_IA".to_owned()),
            ..StorageOptions::NONE
        },
        origin: Some("sealed".to_owned()),
    };
    let mut task = Task::new(1, &mut Choices(1));
    let mut made = |kind| {
        task.transfer.kind = kind;
        task.transfer.new_attributes(&source)
    };
    let of = |attributes: &Attributes, name: &str| attributes.metadata.get(name).cloned();
    for kind in [TransferKind::Copy, TransferKind::Move, TransferKind::Update] {
        let made = made(kind);
        let in_place = kind == TransferKind::Update;
        assert_eq!(of(&made, "draftstore-batch"), None);
        assert_eq!(of(&made, "draftstore-draft").is_some(), in_place);
        assert_eq!(of(&made, "draftstore-request").is_some(), in_place);
        assert_eq!(of(&made, "draftstore-source-etag").as_deref(), Some("x"));
        let origin = if in_place {
            "sealed for the first name"
        } else {
            "sealed"
        };
        assert_eq!(of(&made, "draftstore-origin").as_deref(), Some(origin));
        assert_eq!(of(&made, "author").as_deref(), Some("ada"));
        assert_eq!(made.options.legal_hold, (kind != TransferKind::Copy).then_some(true));
        assert_eq!(made.options.storage_class.as_deref(), Some("STANDARD_IA"));
    }
}

#[test]
fn idempotency_key_of_another_request_is_refused() {
    let key = MarkerDigest::new([7; 32]);
    for kind in [TransferKind::Copy, TransferKind::Move] {
        for existing in [Existing::Keep, Existing::Replace(None)] {
            for keeps_existing in [false, true] {
                for source_is_gone in [false, true] {
                    let mut world = World::default();
                    world.write("a", 1);
                    let task = |number| {
                        let mut task = Task::new(number, &mut Choices(1));
                        (task.source, task.destination) = ("a", "b");
                        task.transfer.kind = TransferKind::Copy;
                        task.transfer.key = Some(key.clone());
                        task.transfer.existing = existing.clone();
                        task.transfer.keeps_existing = keeps_existing;
                        task
                    };
                    let (mut first, mut second) = (task(1), task(2));
                    second.transfer.kind = kind;
                    first.repeat();
                    while first.advance(&mut world) {}
                    if source_is_gone {
                        world.main.remove("a");
                    }
                    second.repeat();
                    while second.advance(&mut world) {}
                    assert!(
                        matches!(second.step, TransferStep::Finish(Err(TransferError::KeyReused))),
                        "{second:?}"
                    );
                    assert_eq!(world.main.contains_key("a"), !source_is_gone);
                    first.repeat();
                    while first.advance(&mut world) {}
                    assert!(
                        matches!(&first.step, TransferStep::Finish(Ok(again)) if again.replayed),
                        "{first:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn copy_of_changed_attributes_is_no_replay_unless_its_key_says_so() {
    let author = |name: &str| BTreeMap::from([("author".to_owned(), name.to_owned())]);
    let of = |world: &World| world.main["b"].info.attributes.metadata.get("author").cloned();
    for keeps_existing in [false, true] {
        for key in [None, Some(MarkerDigest::new([7; 32]))] {
            for is_later in [false, true] {
                let mut world = World::default();
                world.write("a", 1);
                let mut copy = Task::new(1, &mut Choices(1));
                (copy.source, copy.destination) = ("a", "b");
                copy.transfer.kind = TransferKind::Copy;
                copy.transfer.existing = Existing::Replace(None);
                copy.transfer.keeps_existing = keeps_existing;
                copy.transfer.key = key.clone();
                copy.repeat();
                while copy.advance(&mut world) {}
                copy.repeat();
                while copy.advance(&mut world) {}
                assert!(matches!(&copy.step, TransferStep::Finish(Ok(again)) if again.replayed));
                world.now += u64::from(is_later);
                let mut update = Task::new(2, &mut Choices(1));
                (update.source, update.destination) = ("a", "a");
                update.transfer.kind = TransferKind::Update;
                update.transfer.changes.metadata = author("ada");
                update.repeat();
                while update.advance(&mut world) {}
                copy.repeat();
                while copy.advance(&mut world) {}
                let TransferStep::Finish(Ok(again)) = &copy.step else {
                    panic!("{copy:?}");
                };
                assert_eq!(again.replayed, key.is_some(), "{copy:?}");
                assert_eq!(of(&world).is_some(), key.is_none(), "{world:?}");
                copy.transfer.existing = Existing::Keep;
                world.main.get_mut("a").expect("the source").info.attributes.metadata = author("eve");
                copy.repeat();
                while copy.advance(&mut world) {}
                let is_right = match (&copy.step, &key) {
                    (TransferStep::Finish(Ok(again)), Some(_)) => again.replayed,
                    (TransferStep::Finish(Err(error)), None) => *error == TransferError::AlreadyExists,
                    (TransferStep::Perform(_) | TransferStep::Finish(_), _) => false,
                };
                assert!(is_right, "{copy:?}");
            }
        }
    }
}

#[test]
fn update_leaves_the_idempotency_key_of_a_copy() {
    let key = MarkerDigest::new([7; 32]);
    for kind in [TransferKind::Copy, TransferKind::Move] {
        for keeps_existing in [false, true] {
            let mut world = World::default();
            world.write("a", 1);
            let task = |number, kind, source, destination| {
                let mut task = Task::new(number, &mut Choices(1));
                (task.source, task.destination) = (source, destination);
                task.transfer.kind = kind;
                task.transfer.existing = Existing::Replace(None);
                task.transfer.keeps_existing = keeps_existing;
                task.transfer.key = (kind != TransferKind::Update).then(|| key.clone());
                task.repeat();
                task
            };
            let mut first = task(1, kind, "a", "b");
            while first.advance(&mut world) {}
            let mut update = task(2, TransferKind::Update, "b", "b");
            while update.advance(&mut world) {}
            assert!(matches!(&update.step, TransferStep::Finish(Ok(made)) if !made.replayed));
            // The source's name may be used again.
            for is_free in [true, false] {
                if !is_free {
                    world.write("a", 1);
                }
                first.repeat();
                while first.advance(&mut world) {}
                assert!(
                    matches!(&first.step, TransferStep::Finish(Ok(again)) if again.replayed),
                    "{first:?}"
                );
            }
            update.repeat();
            while update.advance(&mut world) {}
            assert!(matches!(&update.step, TransferStep::Finish(Ok(again)) if again.replayed));
            let mut other = task(3, kind, "a", "b");
            while other.advance(&mut world) {}
            assert!(
                matches!(other.step, TransferStep::Finish(Err(TransferError::KeyReused))),
                "{other:?}"
            );
            assert!(world.main.contains_key("a"), "the new object stays");
        }
    }
}

/// Starts a transfer of a source that is kept with these options, and returns the first step after the look at it.
fn step_from(kind: TransferKind, kept: &StorageOptions, changes: StorageOptions) -> (Task, TransferStep<ErrorKind>) {
    let mut task = Task::new(1, &mut Choices(1));
    task.transfer.kind = kind;
    task.transfer.keeps_existing = true;
    task.transfer.existing = Existing::Keep;
    task.transfer.changes = Changes {
        options: changes,
        ..Changes::default()
    };
    task.repeat();
    let mut info = object(1, 1, etag(1, ""), Attributes::NONE).info;
    info.version_id = Some(VersionId::new("1"));
    let source = Source {
        info,
        options: kept.clone(),
        origin: None,
    };
    let step = task.running.on(TransferAnswer::Source(Ok(Some(source))));
    (task, step)
}

fn hold(held: Option<bool>) -> StorageOptions {
    StorageOptions {
        legal_hold: held,
        ..StorageOptions::NONE
    }
}

#[test]
fn legal_hold_is_released_on_the_version_before_it_is_copied() {
    for kind in [TransferKind::Update, TransferKind::Move] {
        let changes = StorageOptions {
            storage_class: Some("STANDARD_IA".to_owned()),
            ..hold(Some(false))
        };
        let (mut task, step) = step_from(kind, &hold(Some(true)), changes);
        let TransferStep::Perform(TransferEffect::ReleaseHold { version_id }) = step else {
            panic!("{step:?}");
        };
        assert_eq!(version_id.as_str(), "1");
        let step = task.running.on(TransferAnswer::Released(Ok(())));
        let TransferStep::Perform(TransferEffect::Copy { attributes, .. }) = step else {
            panic!("{step:?}");
        };
        assert_ne!(attributes.options.legal_hold, Some(true));
    }
    let released = |held| {
        let (mut task, step) = step_from(TransferKind::Update, &hold(held), hold(Some(false)));
        match step {
            TransferStep::Perform(TransferEffect::ReleaseHold { .. }) => {
                task.running.on(TransferAnswer::Released(Ok(())))
            }
            step @ (TransferStep::Perform(_) | TransferStep::Finish(_)) => step,
        }
    };
    for held in [None, Some(true)] {
        let step = released(held);
        let TransferStep::Finish(Ok(ended)) = &step else {
            panic!("{step:?}");
        };
        assert_eq!(ended.replayed, held.is_none(), "nothing is copied");
    }
    // A copy leaves the hold of its source.
    let (_, step) = step_from(TransferKind::Copy, &hold(Some(true)), hold(Some(false)));
    assert!(
        matches!(step, TransferStep::Perform(TransferEffect::Copy { .. })),
        "{step:?}"
    );
}

#[test]
fn retention_in_force_only_grows() {
    use RetentionMode::{Compliance, Governance};
    let retention = |mode, seconds| StorageOptions {
        retention: Some(Retention {
            mode,
            until: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
        }),
        ..StorageOptions::NONE
    };
    let refuses = |kind, old, new| {
        let (_, step) = step_from(kind, &old, new);
        matches!(step, TransferStep::Finish(Err(TransferError::ShorterRetention(_))))
    };
    for kind in [TransferKind::Update, TransferKind::Move] {
        assert!(refuses(kind, retention(Governance, 200), retention(Governance, 199)));
        assert!(refuses(kind, retention(Governance, 200), retention(Compliance, 199)));
        assert!(refuses(kind, retention(Compliance, 200), retention(Governance, 300)));
        assert!(!refuses(kind, retention(Governance, 200), retention(Compliance, 200)));
        assert!(!refuses(kind, retention(Compliance, 200), retention(Compliance, 201)));
        assert!(
            !refuses(kind, retention(Compliance, 0), retention(Governance, 100)),
            "over"
        );
    }
    assert!(!refuses(
        TransferKind::Copy,
        retention(Compliance, 200),
        retention(Governance, 100)
    ));
}
