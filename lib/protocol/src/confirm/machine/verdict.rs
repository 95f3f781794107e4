//! The steps of a confirm with checks: gets the verdict on the draft that was looked up, and copies no other.
//!
//! A verdict is of one version of the draft. A confirm that looks up the draft again, because it was uploaded again, gets
//! a new one. An object that an earlier confirm made needs none: its bytes were accepted then, and are visible already.

use draftstore_storage::ObjectInfo;

use super::super::effect::{Effect, Step};
use super::super::error::ConfirmError;
use super::super::marker::KeyUse;
use super::{Protocol, Seen, State};
use crate::StoreError;
use crate::checks::{NoVerdict, Verdict};

impl<E: StoreError> Protocol<E> {
    /// Returns true if this version of the draft may be copied.
    pub(super) fn is_accepted(&self, draft: &ObjectInfo) -> bool {
        let is_it = |(accepted, _): &(ObjectInfo, _)| accepted == draft;
        !self.confirm.is_checked || self.accepted.as_ref().is_some_and(is_it)
    }

    pub(super) fn ask_for_verdict(&mut self, draft: ObjectInfo) -> Step<E> {
        self.accepted = None;
        let effect = Effect::Verdict {
            draft: Box::new(draft.clone()),
        };
        self.state = State::Verdict(draft);
        Step::Perform(effect)
    }

    pub(super) fn on_verdict(&mut self, draft: ObjectInfo, verdict: Result<Verdict, NoVerdict<E>>) -> Step<E> {
        let otherwise = match verdict {
            Ok(Verdict::Accepted { media_type }) => {
                self.accepted = Some((draft.clone(), media_type));
                return self.on_accepted(draft);
            }
            Ok(Verdict::Rejected(reasons)) => ConfirmError::Rejected(reasons),
            Err(NoVerdict::Pending) => ConfirmError::ChecksPending,
            Err(NoVerdict::ScannerUnavailable(scanner)) => ConfirmError::ScannerUnavailable(scanner),
            Err(NoVerdict::Store(error)) => ConfirmError::Store(error),
        };
        self.look(State::Unaccepted(draft, otherwise))
    }

    pub(super) fn on_unaccepted(
        &mut self,
        draft: ObjectInfo,
        otherwise: ConfirmError<E>,
        main: Option<ObjectInfo>,
    ) -> Step<E> {
        match main {
            Some(main) if self.is_swapped(&main) => Step::Finish(Err(otherwise)),
            Some(main) if self.key_use(&main) == KeyUse::OtherRequest => Step::Finish(Err(ConfirmError::KeyReused)),
            Some(main) if self.is_copy(&draft, &main) => self.on_read_back(Seen {
                draft,
                main,
                replayed: true,
                replaced: None,
            }),
            Some(main) if self.key_use(&main) == KeyUse::SameRequest => self.replay_by_key(main),
            Some(_) | None => Step::Finish(Err(otherwise)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use std::collections::BTreeMap;

    use draftstore_storage::{
        Attributes, Capabilities, ETag, ErrorKind, ObjectHeaders, StorageOptions, StoredAttributes,
    };

    use super::super::super::{
        Answer, Confirm, Existing, MAX_COPY_BYTES, MarkerDigest, MarkerDigests, Pins, Plan, RequestDigests,
    };
    use super::*;

    fn digests(request: u8) -> MarkerDigests {
        let digest = |byte: u8| MarkerDigest::new([byte; 32]);
        MarkerDigests {
            draft: digest(1),
            request: Some(RequestDigests {
                key: digest(2),
                request: digest(request),
            }),
        }
    }

    fn object(etag: &str) -> ObjectInfo {
        ObjectInfo {
            etag: etag.parse::<ETag>().expect("an ETag"),
            size: 1,
            last_modified: SystemTime::UNIX_EPOCH,
            etag_is_md5: false,
            version_id: None,
            checksum_sha256: None,
            attributes: StoredAttributes::default(),
        }
    }

    #[test]
    fn reused_key_is_refused_although_an_earlier_confirm_kept_the_draft() {
        let draft = object("1");
        let mut main = object("1");
        let marked = digests(3).mark(Attributes::default(), &draft, None, "sealed");
        main.attributes.metadata = marked.metadata;
        for (request, is_refused) in [(3, false), (4, true)] {
            let confirm = Confirm {
                digests: digests(request),
                former_digests: Vec::new(),
                origin: "sealed".to_owned(),
                pins: Pins::default(),
                existing: Existing::Keep,
                headers: ObjectHeaders::NONE,
                tags: BTreeMap::new(),
                options: StorageOptions::default(),
                max_copy_bytes: MAX_COPY_BYTES,
                plan: Plan::new(Capabilities::ALL, false),
                is_checked: true,
                batch: None,
                now: SystemTime::UNIX_EPOCH,
            };
            let (mut protocol, _) = Protocol::<ErrorKind>::start(confirm);
            let step = protocol.on(Answer::Head(Ok(Some(draft.clone()))));
            assert!(matches!(step, Step::Perform(Effect::Verdict { .. })), "{step:?}");
            let step = protocol.on(Answer::Verdict(Ok(Verdict::Rejected(Vec::new()))));
            assert_eq!(step, Step::Perform(Effect::HeadMain));
            let step = protocol.on(Answer::Head(Ok(Some(main.clone()))));
            let refused = step == Step::Finish(Err(ConfirmError::KeyReused));
            assert_eq!(refused, is_refused, "{step:?}");
        }
    }
}
