//! The possible outcomes of a confirm.

/// The result of a confirm, and the draft, main and staged copies after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) answer: Answered,
    pub(super) draft_is_there: bool,
    /// `true` if main holds the draft's bytes, `false` if it is unchanged.
    pub(super) is_in_main: bool,
    pub(super) remains: Remains,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    Ok,
    StoreUnavailable,
    StoreCredentials,
    DraftNotFound,
    Internal,
    Changed,
    Other,
}

/// The rest of a staged copy, which is left to the sweep. An upload without a note is always an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remains {
    Nothing,
    Note,
    NoteAndUpload,
}

impl Outcome {
    /// Returns the outcome with a note left.
    const fn with_note(self) -> Self {
        Self {
            remains: Remains::Note,
            ..self
        }
    }

    /// Returns the outcome with a note and an upload in main left.
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

/// Refused, and draft and main are unchanged.
pub(super) const UNAVAILABLE: Outcome = untouched(Answered::StoreUnavailable);
pub(super) const UNAVAILABLE_NOTE: Outcome = UNAVAILABLE.with_note();
pub(super) const UNAVAILABLE_UPLOAD: Outcome = UNAVAILABLE.with_upload();
pub(super) const CREDENTIALS: Outcome = untouched(Answered::StoreCredentials);
pub(super) const CREDENTIALS_NOTE: Outcome = CREDENTIALS.with_note();
pub(super) const CREDENTIALS_UPLOAD: Outcome = CREDENTIALS.with_upload();
pub(super) const NO_DRAFT: Outcome = untouched(Answered::DraftNotFound);
pub(super) const MAIN_CHANGED: Outcome = untouched(Answered::Changed);
pub(super) const INTERNAL: Outcome = untouched(Answered::Internal);

/// Refused although main holds the object, because the result of the copy is unknown.
pub(super) const COPIED_UNAVAILABLE: Outcome = copied(Answered::StoreUnavailable);
pub(super) const COPIED_UNAVAILABLE_NOTE: Outcome = COPIED_UNAVAILABLE.with_note();
pub(super) const COPIED_CREDENTIALS: Outcome = copied(Answered::StoreCredentials);
pub(super) const COPIED_INTERNAL: Outcome = copied(Answered::Internal);
/// Answered as if somebody had deleted the object meanwhile.
pub(super) const COPIED_CHANGED: Outcome = copied(Answered::Changed);

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
