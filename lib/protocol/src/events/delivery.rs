//! The two ways of an event to an endpoint: before its act is answered, and later from the draft bucket.

use super::endpoint::Outcome;

/// The delivery of an event to one endpoint, which its act waits for. It ends well only if the event cannot be lost.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Publication(Publishing);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Publishing {
    Sending,
    Writing,
    Over,
}

/// The next action of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PublishStep {
    /// Send the event, and answer with [`Publication::sent`].
    Send,
    /// Write the event into the draft bucket, and answer with [`Publication::written`].
    Write,
    /// The act may be answered as far as this endpoint is concerned.
    Published,
    /// The act must not be answered with success.
    NotPublished,
}

impl Publication {
    /// Starts a publication. The event is written at once if nothing may be sent to the endpoint now.
    pub fn start(may_send: bool) -> (Self, PublishStep) {
        if may_send {
            (Self(Publishing::Sending), PublishStep::Send)
        } else {
            (Self(Publishing::Writing), PublishStep::Write)
        }
    }

    /// Handles the outcome of the attempt to send.
    #[must_use]
    pub fn sent(&mut self, outcome: Outcome) -> PublishStep {
        match (std::mem::replace(&mut self.0, Publishing::Over), outcome) {
            (Publishing::Sending, Outcome::Delivered) => PublishStep::Published,
            (Publishing::Sending, Outcome::Failed { .. } | Outcome::Gone) => {
                self.0 = Publishing::Writing;
                PublishStep::Write
            }
            (Publishing::Writing | Publishing::Over, _) => PublishStep::NotPublished,
        }
    }

    /// Handles the outcome of the write, which is `true` if the store has confirmed it.
    #[must_use]
    pub fn written(&mut self, is_written: bool) -> PublishStep {
        match std::mem::replace(&mut self.0, Publishing::Over) {
            Publishing::Writing if is_written => PublishStep::Published,
            Publishing::Sending | Publishing::Writing | Publishing::Over => PublishStep::NotPublished,
        }
    }
}

/// The delivery of a stored event. Several servers may run it at once for the same event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Redelivery(Redelivering);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Redelivering {
    Reading,
    Claiming,
    Sending,
    Deleting,
    Over,
}

/// The next action of a redelivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RedeliverStep {
    /// Read the event again: another server may have delivered it since it was listed. Answer with [`Redelivery::read`].
    Read,
    /// Write the event again, as another version of its object, so that other servers leave it alone meanwhile. Answer with
    /// [`Redelivery::claimed`].
    Claim,
    /// Send the event, and answer with [`Redelivery::sent`].
    Send,
    /// Delete the object, and answer with [`Redelivery::deleted`].
    Delete,
    /// The endpoint has the event.
    Delivered,
    /// The event is left for another attempt.
    Left,
}

/// The result of the read of a pending event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadOutcome {
    /// The event is pending.
    Found,
    /// The event is pending, but its endpoint is no longer told of such events.
    Unwanted,
    /// This version of the object is gone, so that another server has delivered the event, or sends it now.
    Gone,
    /// The store failed to read the object.
    Failed,
}

impl Redelivery {
    /// Starts the redelivery of one event.
    pub fn start() -> (Self, RedeliverStep) {
        (Self(Redelivering::Reading), RedeliverStep::Read)
    }

    /// Handles the outcome of the read.
    #[must_use]
    pub fn read(&mut self, outcome: ReadOutcome) -> RedeliverStep {
        match (std::mem::replace(&mut self.0, Redelivering::Over), outcome) {
            (Redelivering::Reading, ReadOutcome::Found) => {
                self.0 = Redelivering::Claiming;
                RedeliverStep::Claim
            }
            (Redelivering::Reading, ReadOutcome::Unwanted) => {
                self.0 = Redelivering::Deleting;
                RedeliverStep::Delete
            }
            (Redelivering::Reading, ReadOutcome::Gone) => RedeliverStep::Delivered,
            (Redelivering::Reading, ReadOutcome::Failed)
            | (Redelivering::Claiming | Redelivering::Sending | Redelivering::Deleting | Redelivering::Over, _) => {
                RedeliverStep::Left
            }
        }
    }

    /// Handles the outcome of the claim, which is `true` if the store has confirmed it.
    #[must_use]
    pub fn claimed(&mut self, is_claimed: bool) -> RedeliverStep {
        match std::mem::replace(&mut self.0, Redelivering::Over) {
            Redelivering::Claiming if is_claimed => {
                self.0 = Redelivering::Sending;
                RedeliverStep::Send
            }
            Redelivering::Reading
            | Redelivering::Claiming
            | Redelivering::Sending
            | Redelivering::Deleting
            | Redelivering::Over => RedeliverStep::Left,
        }
    }

    /// Handles the outcome of the attempt to send.
    #[must_use]
    pub fn sent(&mut self, outcome: Outcome) -> RedeliverStep {
        match (std::mem::replace(&mut self.0, Redelivering::Over), outcome) {
            (Redelivering::Sending, Outcome::Delivered) => {
                self.0 = Redelivering::Deleting;
                RedeliverStep::Delete
            }
            (
                Redelivering::Reading
                | Redelivering::Claiming
                | Redelivering::Sending
                | Redelivering::Deleting
                | Redelivering::Over,
                _,
            ) => RedeliverStep::Left,
        }
    }

    /// Handles the end of the delete. If it failed, the event is sent once more, with the same ID.
    #[must_use]
    pub fn deleted(&mut self) -> RedeliverStep {
        match std::mem::replace(&mut self.0, Redelivering::Over) {
            Redelivering::Deleting => RedeliverStep::Delivered,
            Redelivering::Reading | Redelivering::Claiming | Redelivering::Sending | Redelivering::Over => {
                RedeliverStep::Left
            }
        }
    }
}
