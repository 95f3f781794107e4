//! Confirms at the destinations of their callers.
//!
//! A draft is kept in one place. A confirm that names a destination first looks for the object of an earlier confirm in the
//! caller's other places, and deletes its draft before the answer. So a later confirm to another place is refused. One
//! that names none, as most do, looks there only if the draft is missing.

use draftstore_protocol::confirm::MarkerDigests;
use draftstore_storage::{DraftVersion, ETag};
use futures::future::try_join_all;

use super::request::{Checked, ConfirmUpload, Confirmed};
use crate::draft::draft_ref::{DraftRef, Keys};
use crate::draft::{Drafts, found};
use crate::{Error, ObjectName};

/// A validated request, with the service at its destination.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) drafts: Drafts,
    pub(super) checked: Checked,
}

/// Another place in which the draft may have been confirmed.
#[derive(Debug, Clone)]
pub(super) struct OtherPlace {
    drafts: Drafts,
    keys: Keys,
}

impl Placed {
    /// Validates a request, and finds its destination.
    pub(super) fn of(request: &ConfirmUpload, base: &Drafts) -> Result<Self, Error> {
        let drafts = base.at(request.destination.as_deref())?;
        let checked = request.check(&drafts, base)?;
        Ok(Self { drafts, checked })
    }

    pub(super) async fn confirm(self) -> Result<Confirmed, Error> {
        self.drafts.confirm_checked(self.checked).await
    }

    /// Checks what an atomic batch needs of each confirm before it changes anything.
    pub(super) async fn require(&self) -> Result<(), Error> {
        self.drafts.require_options(&self.checked.options).await?;
        self.drafts.require_unconfirmed_elsewhere(&self.checked).await
    }
}

impl Drafts {
    /// Returns the other places in which the caller may have confirmed the draft under this name.
    pub(super) fn other_places(&self, base: &Self, draft: &DraftRef, name: Option<&ObjectName>) -> Vec<OtherPlace> {
        let place = |drafts: Self| OtherPlace {
            keys: drafts.keys(draft.clone(), name),
            drafts,
        };
        let places = self.elsewhere(base).into_iter();
        let name = name.unwrap_or(&draft.name);
        places
            .filter(|drafts| drafts.check_length(name).is_ok())
            .map(place)
            .collect()
    }

    /// Refuses a confirm to a destination if the draft that is there was confirmed to another place. Makes no call without a
    /// destination.
    pub(super) async fn require_unconfirmed_elsewhere(&self, checked: &Checked) -> Result<(), Error> {
        if self.place.is_none() || self.confirmed_elsewhere(checked, None).await?.is_none() {
            return Ok(());
        }
        match self.head_draft(&checked.keys.draft).await? {
            Some(draft) => self.refuse_other_place(checked, Some(&draft.etag)).await,
            // The confirm finds out itself if it is a repeat.
            None => Ok(()),
        }
    }

    /// Returns [`Error::ConfirmedElsewhere`] if a version of the draft, or this one, was confirmed to another place.
    pub(super) async fn refuse_other_place(&self, checked: &Checked, draft: Option<&ETag>) -> Result<(), Error> {
        match self.confirmed_elsewhere(checked, draft).await? {
            Some(destination) => Err(Error::ConfirmedElsewhere(destination)),
            None => Ok(()),
        }
    }

    /// Returns the name of the destination to which the draft was confirmed, with `None` in it for the main bucket.
    async fn confirmed_elsewhere(
        &self,
        checked: &Checked,
        draft: Option<&ETag>,
    ) -> Result<Option<Option<String>>, Error> {
        let looks = checked.others.iter().map(|other| other.confirmed(draft));
        let found = try_join_all(looks).await?;
        let place = found.into_iter().zip(&checked.others).find(|(is_there, _)| *is_there);
        Ok(place.map(|(_, other)| other.drafts.destination().map(ToOwned::to_owned)))
    }

    /// Lets the draft of a confirm that has ended be deleted: at once where it was confirmed to a destination.
    pub(super) async fn remove_confirmed(&self, draft: DraftVersion) {
        if self.place.is_some() {
            self.shared.delete_draft(&draft).await;
        } else {
            self.shared.remove_later(draft);
        }
    }
}

impl OtherPlace {
    /// Returns `true` if a version of the draft, or this one, was confirmed here.
    async fn confirmed(&self, draft: Option<&ETag>) -> Result<bool, Error> {
        let (store, keys) = (&self.drafts.shared.store, &self.keys);
        let head = store.objects().head(store.buckets.main.name(), &keys.main).await;
        let Some(object) = found(head)? else {
            return Ok(false);
        };
        let secrets = self.drafts.shared.secrets.current();
        let digests = secrets.digests(&["draft", keys.main.as_str(), keys.draft.as_str()]);
        Ok(digests.into_iter().any(|digest| {
            let digests = MarkerDigests {
                draft: digest,
                request: None,
            };
            digests.match_draft(&object.attributes.metadata, draft)
        }))
    }
}
