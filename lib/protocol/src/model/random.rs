//! Random schedules of clients, servers and faults.

use draftstore_storage::{ErrorKind, ObjectKey};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::audit::Broken;
use super::spec::{Fault, LIFETIME, Profile, Spec, TIMEOUT, UPLOAD_TTL};
use super::store::time;
use super::task::Task;
use super::transferring::TransferSpec;
use super::world::World;
use crate::DraftId;
use crate::confirm::{Existing, Pins};
use crate::kept::{Expected, TransferKind};

/// The number of acts in a schedule, before everything is brought to an end.
const ACTS: usize = 60;
/// One of so many schedules begins with a contest.
const CONTESTS: u32 = 3;

/// Runs one schedule to its end, and checks every promise during and after it.
///
/// # Errors
/// The violated invariant, with the history that led to it.
pub(super) fn run(profile: Profile, seed: u64) -> Result<(), String> {
    if Schedule::new(profile, seed).run().is_ok() {
        return Ok(());
    }
    let mut again = Schedule::new(profile, seed);
    again.world.trace = Some(Vec::new());
    let told = again.run();
    let trace = again.world.trace.unwrap_or_default().join("\n");
    told.map_err(|Broken(what)| format!("{trace}\nseed {seed}: {what}"))
}

pub(super) struct Schedule {
    pub(super) random: StdRng,
    pub(super) world: World,
    /// The unique drafts, each with the end of its upload URL.
    unique: Vec<(ObjectKey, u64)>,
    /// The pins of drafts that a client inspected.
    pins: Vec<(ObjectKey, Pins)>,
    /// Set in a third of the schedules, whose settings of checks change.
    has_checks: bool,
}

impl Schedule {
    fn new(profile: Profile, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut world = World::new(profile);
        world.sweepers = random.random_range(1..=3);
        world.store.keeps_versions = random.random_range(0..2) == 0;
        world.store.keeps_replaced = !world.store.keeps_versions;
        let has_checks = random.random_range(0..3) == 0;
        world.checks = u8::from(has_checks);
        Self {
            random,
            world,
            unique: Vec::new(),
            pins: Vec::new(),
            has_checks,
        }
    }

    fn run(&mut self) -> Result<(), Broken> {
        if self.random.random_range(0..CONTESTS) == 0 {
            self.contest()?;
        }
        for _ in 0..ACTS {
            self.act()?;
        }
        self.world.come_to_an_end()
    }

    fn act(&mut self) -> Result<(), Broken> {
        if self.has_checks && self.random.random_range(0..25) == 0 {
            let checks = self.random.random_range(0..=2);
            self.world.change_checks(checks);
            return Ok(());
        }
        let busy = !self.world.tasks.is_empty();
        match self.random.random_range(0..103) {
            0..=5 if !self.world.with_leftovers().is_empty() => {
                let servers = self.world.with_leftovers();
                let server = servers[self.random.random_range(0..servers.len())];
                let fault = self.fault();
                return self.world.delete_leftovers(server, fault).map(|_| ());
            }
            0..=64 if busy => {
                let task = self.random.random_range(0..self.world.tasks.len());
                let which = self.random.random_range(0..4);
                let fault = self.fault();
                return self.world.step(task, which, fault);
            }
            0..=72 => self.put(),
            73..=76 => self.multipart(),
            77..=78 => self.inspect(),
            79..=85 => self.confirm(),
            86..=87 => self.delete(),
            88 => self.restore(),
            89 => self.batch(),
            90..=92 => {
                let server = self.server();
                let slices = self.world.slices();
                let slice = slices[self.random.random_range(0..slices.len())];
                return self.world.begin_sweep(server, slice);
            }
            93 => {
                let server = self.server();
                self.world.kill(server);
            }
            94 => self.discard(),
            95 => self.world.snapshot = Some(self.world.store.clone()),
            96 if self.world.in_limbo() > 0 => return self.world.land(0),
            96..=97 => self.pass_time(),
            100..=102 => self.transfer(),
            _ => self.repeat(),
        }
        Ok(())
    }

    pub(super) fn fault(&mut self) -> Fault {
        let kinds = [
            ErrorKind::Unavailable,
            ErrorKind::Unavailable,
            ErrorKind::Conflict,
            ErrorKind::CredentialsRefused,
        ];
        match self.random.random_range(0..40) {
            0..=2 => Fault::Before(kinds[self.random.random_range(0..kinds.len())]),
            3..=4 => Fault::Lost,
            5 if self.world.profile.late => Fault::Late,
            6..=8 => Fault::Stale,
            _ => Fault::No,
        }
    }

    fn put(&mut self) {
        let size = self.size();
        if self.random.random_range(0..3) > 0 {
            let key = self.named();
            return self.world.put(&key, size);
        }
        let now = self.world.store.now;
        let living: Vec<_> = self.unique.iter().filter(|(_, until)| now < *until).cloned().collect();
        let key = if living.is_empty() || self.random.random_range(0..2) == 0 {
            let lifetime = self.random.random_range(1..=LIFETIME);
            self.new_unique(lifetime)
        } else {
            living[self.random.random_range(0..living.len())].0.clone()
        };
        if self.random.random_range(0..3) == 0 {
            self.world.post(&key, size);
        } else {
            self.world.put(&key, size);
        }
    }

    fn multipart(&mut self) {
        let uploads = self.world.store.uploads.len();
        if uploads > 0 && self.random.random_range(0..2) == 0 {
            let place = self.random.random_range(0..uploads);
            self.world.pass_completion(place);
            if self.random.random_range(0..4) > 0 {
                self.world.complete_upload(place);
            }
            return;
        }
        if uploads > 0 && self.random.random_range(0..4) == 0 {
            let place = self.random.random_range(0..uploads);
            return self.world.complete_upload(place);
        }
        let size = self.size();
        if self.random.random_range(0..2) == 0 {
            let key = self.named();
            return self.world.begin_upload(&key, size, LIFETIME);
        }
        let lifetime = self.random.random_range(1..=LIFETIME);
        let key = self.unique_key(lifetime);
        self.world.begin_upload(&key, size, lifetime);
        // The draft can be confirmed, but no URL uploads it in one piece.
        self.unique.push((key, 0));
    }

    /// Returns the key of a new unique draft with this lifetime, whose URL uploads it in one piece.
    pub(super) fn new_unique(&mut self, lifetime: u64) -> ObjectKey {
        let key = self.unique_key(lifetime);
        let until = self.world.store.now + lifetime.min(UPLOAD_TTL);
        self.unique.push((key.clone(), until));
        key
    }

    fn unique_key(&mut self, lifetime: u64) -> ObjectKey {
        // A few shards hold several drafts each. Some are neighbours, others far apart.
        let shards = [0x00, 0x01, 0x80, 0xff_u8];
        let shard = shards[self.random.random_range(0..shards.len())];
        let random = u128::from(self.random.random::<u32>()) << 8 | u128::from(shard);
        let id = DraftId::new(time(self.world.store.now + lifetime), random);
        id.key(&ObjectKey::new("u").expect("a name"))
    }

    fn inspect(&mut self) {
        let key = self.draft();
        if let Some(draft) = self.world.store.draft.get(&key) {
            let pins = Pins {
                if_match: Some(draft.info.etag.clone()),
                content_length: Some(draft.info.size),
                checksum_sha256: None,
            };
            self.pins.push((key, pins));
        }
    }

    fn confirm(&mut self) {
        let server = self.server();
        let spec = match self.rival() {
            Some(rival) if self.random.random_range(0..4) == 0 => rival,
            _ => self.spec(),
        };
        self.begin_confirm(server, spec);
    }

    /// Begins a confirm, unless a lock makes it wait.
    pub(super) fn begin_confirm(&mut self, server: usize, spec: Spec) {
        if !self.world.must_wait(server, &spec) {
            self.world.begin_confirm(server, spec);
        }
    }

    /// Returns a confirm that would replace the object of a running batch, from the same draft.
    fn rival(&self) -> Option<Spec> {
        Some(Spec {
            existing: Existing::Replace(None),
            idempotency_key: None,
            ..self.in_batch()?
        })
    }

    /// Returns the first confirm of a running batch.
    fn in_batch(&self) -> Option<Spec> {
        let mut batches = self.world.tasks.iter().filter_map(|(_, task)| match task {
            Task::Batch { members, .. } => members.first(),
            Task::Confirm(_)
            | Task::Check(_)
            | Task::Delete(_)
            | Task::Transfer(_)
            | Task::Restore(_)
            | Task::Sweep(..) => None,
        });
        Some(batches.next()?.spec.clone())
    }

    /// Deletes an object in main, or one that is not there.
    fn delete(&mut self) {
        let there = self.object();
        let main_key = match (self.in_batch(), there) {
            (Some(spec), _) if self.random.random_range(0..2) == 0 => spec.main_key,
            (_, Some(there)) => there,
            (_, None) => self.spec().main_key,
        };
        self.begin_delete(main_key);
    }

    /// Returns the name of an object in main.
    fn object(&mut self) -> Option<ObjectKey> {
        let objects = self.world.store.names().count();
        let place = (objects > 0).then(|| self.random.random_range(0..objects))?;
        self.world.store.names().nth(place).cloned()
    }

    /// Copies, moves or updates an object in main.
    fn transfer(&mut self) {
        let Some(source) = self.object() else { return };
        let other = self.spec().main_key;
        self.begin_transfer(source, other);
    }

    /// Copies or moves an object to this name, or updates it.
    pub(super) fn begin_transfer(&mut self, source: ObjectKey, other: ObjectKey) {
        let kind = match self.random.random_range(0..6) {
            _ if source == other => TransferKind::Update,
            0 => TransferKind::Update,
            1..=2 => TransferKind::Copy,
            _ => TransferKind::Move,
        };
        let in_place = kind == TransferKind::Update;
        let spec = TransferSpec {
            kind,
            destination: if in_place { source.clone() } else { other },
            source,
            existing: if self.coin() {
                Existing::Keep
            } else {
                Existing::Replace(None)
            },
            key: self
                .coin()
                .then(|| self.random.random_range(0..2))
                .filter(|_| !in_place),
        };
        let server = self.server();
        let must_wait = |key| self.world.must_wait_to_change(server, key);
        if !must_wait(&spec.source) && !must_wait(&spec.destination) {
            self.world.begin_transfer(server, spec);
        }
    }

    pub(super) fn begin_delete(&mut self, main_key: ObjectKey) {
        let server = self.server();
        let there = self
            .world
            .store
            .main
            .get(&main_key)
            .map(|object| object.info.etag.clone());
        let if_match = there.filter(|_| self.random.random_range(0..2) == 0);
        if !self.world.must_wait_to_change(server, &main_key) {
            self.world.begin_delete(server, main_key, if_match);
        }
    }

    /// Restores a version of an object in main, or undoes its delete.
    fn restore(&mut self) {
        let names = self.world.store.restorable_names();
        if names.is_empty() {
            return;
        }
        let place = self.random.random_range(0..names.len());
        self.begin_restore(names[place].clone());
    }

    /// Undoes a delete, which has not happened if there is an object.
    pub(super) fn begin_undelete(&mut self, main_key: ObjectKey) {
        let server = self.server();
        if !self.world.must_wait_to_change(server, &main_key) {
            self.world.begin_restore(server, main_key, None, Expected::Nothing);
        }
    }

    pub(super) fn begin_restore(&mut self, main_key: ObjectKey) {
        let server = self.server();
        let versions: Vec<_> = self.world.store.restorable(&main_key).collect();
        if versions.is_empty() {
            return;
        }
        let version = Some(versions[self.random.random_range(0..versions.len())].clone());
        let there = self
            .world
            .store
            .main
            .get(&main_key)
            .map(|object| object.info.etag.clone());
        let (version, expected) = match (there, self.random.random_range(0..3)) {
            (None, 0..=1) => (None, Expected::Nothing),
            (Some(etag), 0) => (version, Expected::Version(etag)),
            (_, _) => (version, Expected::Any),
        };
        if !self.world.must_wait_to_change(server, &main_key) {
            self.world.begin_restore(server, main_key, version, expected);
        }
    }

    fn batch(&mut self) {
        let server = self.server();
        let mut specs: Vec<Spec> = Vec::new();
        for _ in 0..3 {
            let mut spec = self.spec();
            spec.existing = Existing::Keep;
            let is_there = |other: &Spec| other.main_key == spec.main_key;
            if !self.world.must_wait(server, &spec) && !specs.iter().any(is_there) {
                specs.push(spec);
            }
        }
        if !specs.is_empty() {
            self.world.begin_batch(server, specs);
        }
    }

    fn repeat(&mut self) {
        if self.world.ended.is_empty() {
            return;
        }
        let spec = self.world.ended[self.random.random_range(0..self.world.ended.len())]
            .0
            .clone();
        let server = self.server();
        self.begin_confirm(server, spec);
    }

    fn discard(&mut self) {
        let key = self.draft();
        // A confirm of a discarded draft could only report that the draft is gone.
        let is_raced_for = self.world.tasks.iter().any(|(_, task)| {
            !matches!(
                task,
                Task::Check(_) | Task::Delete(_) | Task::Transfer(_) | Task::Restore(_) | Task::Sweep(..)
            )
        });
        if !is_raced_for {
            self.world.discard(&key);
        }
    }

    fn pass_time(&mut self) {
        let seconds = match self.random.random_range(0..5) {
            0 => self.random.random_range(1..=TIMEOUT),
            1 => LIFETIME + 100,
            2 => LIFETIME * 9 / 10,
            _ => self.random.random_range(1..=LIFETIME / 2),
        };
        self.world.pass_time(seconds);
    }

    fn spec(&mut self) -> Spec {
        let pinned = (!self.pins.is_empty() && self.random.random_range(0..3) == 0).then(|| {
            let place = self.random.random_range(0..self.pins.len());
            self.pins[place].clone()
        });
        let (draft_key, pins) = pinned.unwrap_or_else(|| (self.draft(), Pins::default()));
        let main_key = if self.random.random_range(0..3) == 0 {
            "shared".parse().expect("a key")
        } else {
            draft_key.as_str().replace(".drafts", "kept").parse().expect("a key")
        };
        let there = self.world.store.main.get(&main_key).map(|main| main.info.etag.clone());
        let existing = match self.random.random_range(0..6) {
            0 => Existing::Replace(None),
            1 if there.is_some() => Existing::Replace(there),
            _ => Existing::Keep,
        };
        let idempotency_key = (self.random.random_range(0..6) == 0).then(|| {
            let number = self.random.random_range(0..2);
            format!("{main_key} {number}")
        });
        Spec {
            draft_key,
            main_key,
            pins,
            existing,
            idempotency_key,
            checks: self.world.checks,
        }
    }

    fn draft(&mut self) -> ObjectKey {
        if self.unique.is_empty() || self.random.random_range(0..2) == 0 {
            self.named()
        } else {
            self.unique[self.random.random_range(0..self.unique.len())].0.clone()
        }
    }

    /// Returns one of two names. One sorts before the reserved prefix, the other after it.
    pub(super) fn named(&mut self) -> ObjectKey {
        let name = if self.random.random_range(0..2) == 0 { "!a" } else { "b" };
        name.parse().expect("a key")
    }

    fn size(&mut self) -> u64 {
        if self.random.random_range(0..4) == 0 { 10 } else { 1 }
    }

    pub(super) fn server(&mut self) -> usize {
        self.random.random_range(0..self.world.profile.servers)
    }

    pub(super) fn coin(&mut self) -> bool {
        self.random.random_range(0..2) == 0
    }
}
