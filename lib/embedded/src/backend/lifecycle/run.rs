//! The task that carries out lifecycle rules. It reads in pages, and decides again in the transaction that acts, so that
//! nothing is removed that changed meanwhile. Memory does not depend on the number of objects.

use std::sync::Arc;

use s3s::S3Result;

use super::super::Backend;
use super::config::parse;
use super::evaluate::{Action, KeyEvaluation, Rules};
use crate::error::BackendError;
use crate::index::{
    BucketRecord, DeletePermit, ListEntry, Tables, UploadQuery, Version, VersionQuery, VersionSelector, VersionStamp,
};

/// The number of versions or uploads that are read at once.
const PAGE: usize = 1000;
/// The maximum number of acts in a transaction, so that other writes do not wait for long.
const GROUP: usize = 100;

impl Backend {
    /// Carries out what is due by the rules of all buckets. A failure ends it, and the next run continues.
    pub(crate) async fn apply_lifecycle(&self) -> S3Result<()> {
        let buckets = self.read(crate::index::Snapshot::buckets).await?;
        for (name, record) in buckets {
            if let Some(rules) = record.lifecycle.as_deref().and_then(parse) {
                let pass = Pass {
                    backend: self,
                    bucket: name,
                    rules: Arc::new(Rules::enabled(rules)),
                    now_ms: self.clock.now_ms(),
                };
                pass.versions().await?;
                pass.uploads().await?;
            }
        }
        Ok(())
    }
}

/// A pass over one bucket.
struct Pass<'b> {
    backend: &'b Backend,
    bucket: String,
    rules: Arc<Rules>,
    now_ms: i64,
}

impl Pass<'_> {
    async fn versions(&self) -> S3Result<()> {
        let (mut key_marker, mut version_marker) = (String::new(), VersionSelector::Current);
        let mut evaluation: Option<KeyEvaluation<'_>> = None;
        let mut due = Vec::new();
        loop {
            let query = VersionQuery {
                bucket: self.bucket.clone(),
                key_marker: key_marker.clone(),
                version_marker,
                max: PAGE,
                ..VersionQuery::default()
            };
            let page = self
                .backend
                .read(move |snapshot| snapshot.list_versions(&query))
                .await?;
            for entry in page.entries {
                let ListEntry::Item(key, entry) = entry else { continue };
                if evaluation.as_ref().is_none_or(|evaluation| evaluation.key() != key) {
                    due.extend(evaluation.take().and_then(key_if_due));
                    evaluation = Some(KeyEvaluation::new(&self.rules, key.clone(), self.now_ms));
                }
                if let Some(evaluation) = &mut evaluation {
                    evaluation.add(&entry.version);
                }
                (key_marker, version_marker) = (key, VersionSelector::Stamp(entry.version.stamp()));
            }
            if !page.truncated {
                due.extend(evaluation.take().and_then(key_if_due));
            }
            for keys in std::mem::take(&mut due).chunks(GROUP) {
                self.act_on_keys(keys.to_vec()).await?;
            }
            if !page.truncated {
                return Ok(());
            }
        }
    }

    async fn act_on_keys(&self, mut keys: Vec<String>) -> S3Result<()> {
        while !keys.is_empty() {
            let (bucket, rules, now_ms) = (self.bucket.clone(), Arc::clone(&self.rules), self.now_ms);
            let act = move |tables: &mut Tables<'_>| {
                let of = tables.bucket(&bucket)?;
                let mut unfinished = Vec::new();
                for key in keys {
                    let mut evaluation = KeyEvaluation::new(&rules, key.clone(), now_ms);
                    tables.for_each_version(&bucket, &key, |version| evaluation.add(version))?;
                    let actions = evaluation.finish();
                    let mut acted = false;
                    for action in actions.iter().take(GROUP) {
                        acted |= act_on_version(tables, &of, &bucket, &key, *action, now_ms)?;
                    }
                    if acted && actions.len() > GROUP {
                        unfinished.push(key);
                    }
                }
                Ok(unfinished)
            };
            keys = self.backend.index.write(act).await?;
        }
        Ok(())
    }

    async fn uploads(&self) -> S3Result<()> {
        let (mut key_marker, mut id_marker) = (String::new(), String::new());
        loop {
            let query = UploadQuery {
                bucket: self.bucket.clone(),
                key_marker: key_marker.clone(),
                id_marker: id_marker.clone(),
                max: PAGE,
                ..UploadQuery::default()
            };
            let page = self.backend.read(move |snapshot| snapshot.list_uploads(&query)).await?;
            let mut due = Vec::new();
            for entry in page.entries {
                let ListEntry::Item(key, upload) = entry else { continue };
                if self.rules.aborts(&key, upload.record.initiated_ms, self.now_ms) {
                    due.push((key.clone(), upload.id.clone()));
                }
                (key_marker, id_marker) = (key, upload.id);
            }
            for uploads in due.chunks(GROUP) {
                let (bucket, uploads) = (self.bucket.clone(), uploads.to_vec());
                let abort = move |tables: &mut Tables<'_>| {
                    for (key, id) in uploads {
                        tables.remove_upload(&bucket, &key, &id)?;
                    }
                    Ok(())
                };
                self.backend.index.write(abort).await?;
            }
            if !page.truncated {
                return Ok(());
            }
        }
    }
}

fn key_if_due(evaluation: KeyEvaluation<'_>) -> Option<String> {
    let key = evaluation.key().to_owned();
    (!evaluation.finish().is_empty()).then_some(key)
}

/// Acts, and returns true, unless an object lock protects the version.
fn act_on_version(
    tables: &mut Tables<'_>,
    of: &BucketRecord,
    bucket: &str,
    key: &str,
    action: Action,
    now_ms: i64,
) -> Result<bool, BackendError> {
    match action {
        Action::Expire => {
            let now = VersionStamp::new(now_ms);
            tables.delete_object(of, bucket, key, now)?;
        }
        Action::Remove(stamp) => {
            let selector = VersionSelector::of(stamp);
            let Some(version) = tables.version(bucket, key, selector)? else {
                return Ok(false);
            };
            let permit = DeletePermit {
                now_ms,
                bypass_governance: false,
            };
            match tables.delete_version(bucket, key, &version, permit) {
                Err(BackendError::Rejected(_)) => return Ok(false),
                deleted => deleted?,
            }
        }
        Action::Move(stamp, class) => {
            let Some(Version::Object(mut object)) = tables.version(bucket, key, VersionSelector::of(stamp))? else {
                return Ok(false);
            };
            object.attributes.class = class;
            object.restored = None;
            tables.update_object(bucket, key, &object)?;
        }
    }
    Ok(true)
}
