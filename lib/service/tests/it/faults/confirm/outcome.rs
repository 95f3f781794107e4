//! What may come of a confirm.

/// What a confirm answers, and what there is after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) answer: Answered,
    pub(super) draft_is_there: bool,
    /// Whether main holds the draft's bytes; else it is as it was.
    pub(super) is_in_main: bool,
    pub(super) remains: Remains,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    Ok,
    StoreUnavailable,
    StoreCredentials,
    DraftNotFound,
    PinMismatch,
    Internal,
    Other,
}

/// What is left to the sweep of copies that were staged. An upload that no note tells of is never right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remains {
    Nothing,
    Note,
    NoteAndUpload,
}

impl Outcome {
    /// The same, but for a note that is left.
    const fn with_note(self) -> Self {
        Self {
            remains: Remains::Note,
            ..self
        }
    }

    /// The same, but for a note and an upload in main that are left.
    const fn with_upload(self) -> Self {
        Self {
            remains: Remains::NoteAndUpload,
            ..self
        }
    }
}

/// Confirmed, and the draft is gone.
pub(super) const KEPT: Outcome = Outcome {
    answer: Answered::Ok,
    draft_is_there: false,
    is_in_main: true,
    remains: Remains::Nothing,
};
pub(super) const KEPT_NOTE: Outcome = KEPT.with_note();
pub(super) const KEPT_UPLOAD: Outcome = KEPT.with_upload();

/// Confirmed, and the draft is left to the sweep.
pub(super) const LEFT: Outcome = Outcome {
    draft_is_there: true,
    ..KEPT
};
pub(super) const LEFT_NOTE: Outcome = LEFT.with_note();

/// Refused: draft and main are as they were.
pub(super) const UNAVAILABLE: Outcome = untouched(Answered::StoreUnavailable);
pub(super) const UNAVAILABLE_NOTE: Outcome = UNAVAILABLE.with_note();
pub(super) const UNAVAILABLE_UPLOAD: Outcome = UNAVAILABLE.with_upload();
pub(super) const CREDENTIALS: Outcome = untouched(Answered::StoreCredentials);
pub(super) const CREDENTIALS_NOTE: Outcome = CREDENTIALS.with_note();
pub(super) const CREDENTIALS_UPLOAD: Outcome = CREDENTIALS.with_upload();
pub(super) const NO_DRAFT: Outcome = untouched(Answered::DraftNotFound);
pub(super) const MAIN_CHANGED: Outcome = untouched(Answered::PinMismatch);
pub(super) const INTERNAL: Outcome = untouched(Answered::Internal);

/// Refused, though main holds the object: nobody could tell.
pub(super) const COPIED_UNAVAILABLE: Outcome = copied(Answered::StoreUnavailable);
pub(super) const COPIED_UNAVAILABLE_NOTE: Outcome = COPIED_UNAVAILABLE.with_note();
pub(super) const COPIED_CREDENTIALS: Outcome = copied(Answered::StoreCredentials);
pub(super) const COPIED_INTERNAL: Outcome = copied(Answered::Internal);

const fn untouched(answer: Answered) -> Outcome {
    Outcome {
        answer,
        draft_is_there: true,
        is_in_main: false,
        remains: Remains::Nothing,
    }
}

const fn copied(answer: Answered) -> Outcome {
    Outcome {
        is_in_main: true,
        ..untouched(answer)
    }
}
