"""Ways to break the protocols of upload, check, confirm, delete, sweep and events, each of which the model tests must notice.

A mutant is a piece of text that occurs once in a file, and what it is replaced by: each takes away one rule. It is applied
to a copy of the sources, built, and run through the model, one kind of store after another, until a test fails. A mutant
that survives, does not apply any more, or does not compile is a failure of this check.
"""

import pathlib
import subprocess
import sys
from typing import NamedTuple

CHECKS = "lib/protocol/src/checks/"
CONFIRM = "lib/protocol/src/confirm/"
EVENTS = "lib/protocol/src/events/"
KEPT = "lib/protocol/src/kept/"
UPLOAD = "lib/protocol/src/upload/"
SWEEP = "lib/protocol/src/sweep/"
USAGE = "lib/protocol/src/usage/"

# Kinds of stores, the quickest to notice first.
TESTS = [
    "model::model_invariants_hold_where_everything_is_honoured",
    "model::model_invariants_hold_where_only_single_deletes_are_conditional",
    "model::model_invariants_hold_where_a_copy_may_be_of_another_version",
    "model::model_invariants_hold_where_only_the_source_is_conditional",
    "model::model_invariants_hold_where_only_uploads_are_made_once",
    "model::model_invariants_hold_where_nothing_is_honoured",
    "model::exhaustive::model_every_interleaving_of_two_changes_of_one_object_holds",
    # A confirm of a draft that is not accepted, under a key of another request.
    "confirm::machine::verdict::tests::reused_key_is_refused_although_an_earlier_confirm_kept_the_draft",
    "checks::machine::tests::verdict_that_cannot_be_read_is_no_verdict",
    # Answers of several scanners.
    "checks::quorum::tests::as_many_scanners_as_are_needed_must_accept",
    # Notes about rejected drafts.
    "sweep::tests::exactly_the_rejected_drafts_are_removed_in_any_order_of_answers",
    "checks::rejection::tests::note_is_about_one_version",
    # What is in the place of a verdict, and is none.
    "checks::machine::tests::verdict_that_cannot_be_read_is_no_verdict",
    # Copies, moves and updates alone, in a store of their own.
    "kept::transfer::tests::no_schedule_of_transfers_loses_an_object",
    "kept::transfer::tests::interrupted_move_is_completed_by_a_repeat",
    "kept::transfer::tests::repeated_move_leaves_what_is_being_moved_back",
    "kept::transfer::tests::idempotency_key_of_another_request_is_refused",
    "kept::transfer::tests::copy_of_changed_attributes_is_no_replay_unless_its_key_says_so",
    "kept::transfer::tests::update_leaves_the_idempotency_key_of_a_copy",
    "kept::transfer::tests::legal_hold_is_released_on_the_version_before_it_is_copied",
    "kept::transfer::tests::retention_in_force_only_grows",
    "kept::transfer::tests::update_of_a_replaced_version_is_told_that_it_has_changed",
    # Copies of what was replaced.
    "kept::replaced::tests::copy_expires_after_its_lifetime_and_the_grace",
    "kept::replaced::tests::newest_copy_of_an_object_is_listed_first",
    # Completions of uploads whose clients are gone, in a store of their own.
    "upload::tests::no_schedule_of_completions_loses_or_cuts_a_draft",
    # Sweeps alone, of more drafts than those schedules make.
    "sweep::tests::exactly_the_expired_drafts_are_removed_in_any_order_of_answers",
    "sweep::expiry::tests::inventory_is_kept_until_no_sweep_renews_it",
    # Moves to other storage classes.
    "kept::transition::tests::object_moves_neither_twice_nor_back_nor_out_of_an_archive",
    # Counts alone, of every slice.
    "usage::tests::every_object_is_counted_once_by_all_slices_together",
    "usage::tests::last_count_stays_while_the_next_one_runs",
    # Events alone, and the endpoints that they are for.
    "events::tests::no_schedule_loses_an_event_of_an_act_that_was_answered",
    "events::tests::event_that_was_delivered_meanwhile_is_not_sent",
    "events::tests::event_is_claimed_before_it_is_sent",
    "events::tests::event_that_its_endpoint_no_longer_wants_is_deleted_without_an_attempt",
    "events::pending::tests::event_is_left_to_the_server_that_has_just_written_it",
    "events::act::tests::event_of_a_crash_is_published_only_if_every_trace_is_there",
    "events::act::tests::act_without_an_answer_is_neither_told_nor_forgotten",
    "events::act::tests::act_is_over_after_the_longest_time",
    "events::endpoint::tests::endpoint_can_ask_for_a_longer_pause_of_at_most_a_day",
    "events::endpoint::tests::endpoint_that_is_gone_stays_disabled",
    "events::wanted::tests::note_is_renewed_long_before_it_counts_no_more",
    "events::id::tests::id_has_the_time_and_depends_on_the_digest",
    "events::feed::tests::page_ends_before_what_is_not_settled_and_has_each_event_once",
    "events::feed::tests::late_event_has_an_entry_of_the_time_of_its_write",
    "events::feed::tests::repeat_within_seconds_writes_the_same_entry",
    "sweep::tests::feed_costs_one_list_per_shard_and_no_count",
    "sweep::expiry::tests::events_expire_days_after_their_acts",
]


class Mutant(NamedTuple):
    name: str
    file: str
    old: str
    new: str


MUTANTS = [
    Mutant(
        "a delete that another call made counts as its own",
        KEPT + "delete.rs",
        "is_in_doubt: false,",
        "is_in_doubt: true,",
    ),
    Mutant(
        "a move whose source another call has moved or deleted is answered with success",
        KEPT + "transfer/mod.rs",
        "None if self.delete_in_doubt || transferred.replayed =>",
        "None if self.deletes_left < MAX_ATTEMPTS || transferred.replayed =>",
    ),
    Mutant(
        "the same update of another version counts as a copy with other bytes",
        KEPT + "transfer/mod.rs",
        "self.transfer.kind == TransferKind::Update && !is_certain;",
        "false;",
    ),
    Mutant(
        "a confirm keeps no copy of what it replaces",
        CONFIRM + "effect.rs",
        "Self::Copy { main_etag, .. } | Self::Complete { main_etag, .. } => main_etag.as_ref(),",
        "Self::Copy { .. } | Self::Complete { .. } => None,",
    ),
    Mutant(
        "a staged copy of a confirm keeps no copy of what it replaces",
        CONFIRM + "effect.rs",
        "Self::Copy { main_etag, .. } | Self::Complete { main_etag, .. } => main_etag.as_ref(),",
        "Self::Copy { main_etag, .. } => main_etag.as_ref(), Self::Complete { .. } => None,",
    ),
    Mutant(
        "a delete keeps no copy",
        KEPT + "delete.rs",
        "Self::Delete { main_etag } => Some(main_etag),",
        "Self::Delete { .. } => None,",
    ),
    Mutant(
        "a restore keeps no copy of what it replaces",
        KEPT + "restore.rs",
        "Self::Copy { main_etag, .. } => main_etag.as_ref(),",
        "Self::Copy { .. } => None,",
    ),
    Mutant(
        "a move keeps no copy of what it replaces",
        KEPT + "transfer/effect.rs",
        "TransferKind::Copy | TransferKind::Move,\n            ) => main_etag.as_ref(),",
        "TransferKind::Copy,\n            ) => main_etag.as_ref(),\n"
        "            (Self::Copy { .. } | Self::Complete { .. }, TransferKind::Move) => None,",
    ),
    Mutant(
        "an object is replaced although its copy failed",
        KEPT + "keep.rs",
        "KeepStep::Finish(Err(KeepError::Store(error)))",
        "KeepStep::Finish(Ok(None))",
    ),
    Mutant(
        "no copy is kept where the store has no versions",
        KEPT + "keep.rs",
        "version.is_some_and(|version| version.as_str() != VersionId::NULL)",
        "version.is_none_or(|version| version.as_str() != VersionId::NULL)",
    ),
    Mutant(
        "the note of a staged copy does not name its bucket",
        CONFIRM + "staging.rs",
        '.map(|bucket| format!("@{bucket}"))',
        '.map(|_| String::new())',
    ),
    Mutant(
        "a sweep looks for a staged copy in main, whatever its note names",
        SWEEP + "pass/staged.rs",
        "Effect::ListStaged(copy.bucket, copy.main_key),",
        "Effect::ListStaged(None, copy.main_key),",
    ),
    Mutant(
        "a sweep aborts a staged copy in main, whatever its note names",
        SWEEP + "pass/staged.rs",
        "Effect::AbortStaged(copy.bucket, left),",
        "Effect::AbortStaged(None, left),",
    ),
    Mutant(
        "a copy of a replaced object expires before its lifetime is over",
        KEPT + "replaced.rs",
        "self.replaced_at() + lifetime",
        "self.replaced_at() + lifetime / 2",
    ),
    Mutant(
        "the oldest copy of a replaced object is listed first",
        KEPT + "replaced.rs",
        "let left = MAX_MILLISECONDS - self.milliseconds;",
        "let left = self.milliseconds;",
    ),
    Mutant(
        "an upload is completed without all its parts",
        UPLOAD + "plan.rs",
        "parts.len() == usize::from(count) && (1..=count)",
        "(1..=count)",
    ),
    Mutant(
        "an upload is completed with parts of other sizes",
        UPLOAD + "plan.rs",
        "part.number == number && Some(part.size) == self.part_length(number)",
        "part.number == number",
    ),
    Mutant(
        "an upload is completed while its client sends parts",
        UPLOAD + "completion.rs",
        "token.is_complete(&parts) && is_idle(&parts, now, self.idle_after)",
        "token.is_complete(&parts)",
    ),
    Mutant(
        "an upload is idle by any of its parts",
        UPLOAD + "plan.rs",
        "parts.iter().all(|part| part.last_modified.is_some_and(idle))",
        "parts.iter().any(|part| part.last_modified.is_some_and(idle))",
    ),
    Mutant(
        "an upload is completed after its end",
        UPLOAD + "completion.rs",
        "if !is_due || has_ended(now, token.ends_at) {",
        "if !is_due {",
    ),
    Mutant(
        "the completion of an upload replaces a draft",
        UPLOAD + "completion.rs",
        "(State::Draft(..), CompletionAnswer::Draft(Ok(Some(_)))) => end(CompletionEnd::Taken),",
        "(State::Draft(token, parts), CompletionAnswer::Draft(Ok(Some(_)))) => {\n"
        "                self.perform(State::Completed(token), CompletionEffect::Complete(parts))\n"
        "            }",
    ),
    Mutant(
        "the draft of another upload is taken for the completed one",
        UPLOAD + "completion.rs",
        "Some(draft) if draft.mark == Some(token.mark.text()) => end(CompletionEnd::Completed(draft.etag)),",
        "Some(draft) => {\n"
        "                    let _ = token;\n"
        "                    end(CompletionEnd::Completed(draft.etag))\n"
        "                }",
    ),
    Mutant(
        "a count reads beyond its slice",
        USAGE + "inventory.rs",
        "if until.as_ref().is_some_and(|until| key > until.as_str()) {",
        "if until.as_ref().is_some_and(|until| key > until.as_str() && key < until.as_str()) {",
    ),
    Mutant(
        "unique drafts are counted with the named ones too",
        USAGE + "inventory.rs",
        "if is_unique_or_ours && key < past_reserved.as_str() {",
        "if is_unique_or_ours && key > past_reserved.as_str() {",
    ),
    Mutant(
        "every sweep begins the count afresh",
        USAGE + "inventory.rs",
        "(saved.last, saved.running.filter(|_| is_of_these))",
        "(saved.last, saved.running.filter(|_| is_of_these && saved.format == 0))",
    ),
    Mutant(
        "a count goes on although the buckets are others",
        USAGE + "inventory.rs",
        "saved.running.filter(|_| is_of_these)",
        "saved.running.filter(|_| is_of_these || saved.format == FORMAT)",
    ),
    Mutant(
        "an object moves again to the class that it has",
        KEPT + "transition.rs",
        "(due.storage_class != class && (class",
        "(!class.is_empty() && (class",
    ),
    Mutant(
        "an object moves back to the class of a lower age",
        KEPT + "transition.rs",
        "other.days < due.days && other.storage_class == class",
        "other.storage_class == class",
    ),
    Mutant(
        "an archived object is moved",
        KEPT + "transition.rs",
        " || ARCHIVE_CLASSES.contains(&class) {",
        " || class == ARCHIVE_CLASSES[1] {",
    ),
    Mutant(
        "a sweep removes an inventory like a draft",
        SWEEP + "expiry.rs",
        "self.kept.max(INVENTORY_KEPT)",
        "self.kept",
    ),
    Mutant(
        "headers that were not agreed on are kept",
        CONFIRM + "agreement.rs",
        "if !is_agreed(header) || headers.set(header, value).is_err() {",
        "if headers.set(header, value).is_err() {",
    ),
    Mutant(
        "headers that were agreed on are dropped",
        CONFIRM + "agreement.rs",
        "if !is_agreed(header) || headers.set(header, value).is_err() {",
        "if headers.set(header, value).is_err() || !is_agreed(header) || header == ObjectHeader::CacheControl {",
    ),
    Mutant(
        "the marker is ignored",
        CONFIRM + "marker.rs",
        "    same_draft && same_version\n",
        "    same_draft && same_version && false\n",
    ),
    Mutant(
        "the marker names any version of the draft",
        CONFIRM + "marker.rs",
        "    same_draft && same_version\n",
        "    same_draft && (same_version || true)\n",
    ),
    Mutant(
        "the marker names any draft",
        CONFIRM + "marker.rs",
        "    same_draft && same_version\n",
        "    (same_draft || true) && same_version\n",
    ),
    Mutant(
        "a draft that is gone is not looked for in main",
        CONFIRM + "machine/look.rs",
        "return self.look(State::Earlier(ConfirmError::DraftNotFound));",
        "return Step::Finish(Err(ConfirmError::DraftNotFound));",
    ),
    Mutant(
        "pins are not compared",
        CONFIRM + "request.rs",
        ".or_else(|| self.broken_by(draft.size, draft.checksum_sha256))",
        ".or_else(|| self.broken_by(draft.size, draft.checksum_sha256)).filter(|_| false)",
    ),
    Mutant(
        "a pinned confirm is answered by an earlier one of another version",
        CONFIRM + "machine/look.rs",
        "let named = self.is_of_draft(&main, pins.if_match.as_ref());",
        "let named = self.is_of_draft(&main, None);",
    ),
    Mutant(
        "pins are not compared with the object that a repeat is answered with",
        CONFIRM + "machine/mod.rs",
        ".or_else(|| pins.broken_by_copy(main))",
        ".or_else(|| pins.broken_by_copy(main)).filter(|_| false)",
    ),
    Mutant(
        "the pinned version is not compared with the object that a repeat is answered with",
        CONFIRM + "machine/mod.rs",
        "let other_version = !self.is_of_draft(main, pins.if_match.as_ref());",
        "let other_version = !self.is_of_draft(main, None);",
    ),
    Mutant(
        "a repeat after a refused copy is answered without its pins",
        CONFIRM + "machine/outcome.rs",
        "let after = match self.broken_by_replay(&main) {",
        "let after = match self.broken_by_replay(&main).filter(|_| false) {",
    ),
    Mutant(
        "an idempotency key answers every request",
        CONFIRM + "marker.rs",
        "let same_request = request.is_in(metadata, REQUEST);",
        "let same_request = request.is_in(metadata, REQUEST) || true;",
    ),
    Mutant(
        "a reused idempotency key is answered where the draft is gone",
        CONFIRM + "machine/look.rs",
        "KeyUse::OtherRequest => Step::Finish(Err(ConfirmError::KeyReused)),",
        "KeyUse::OtherRequest => self.replay_by_key(main),",
    ),
    Mutant(
        "a reused idempotency key is answered where main holds the draft",
        CONFIRM + "machine/look.rs",
        "Some(main) if self.key_use(&main) == KeyUse::OtherRequest => {",
        "Some(main) if self.key_use(&main) == KeyUse::OtherRequest && false => {",
    ),
    Mutant(
        "a reused idempotency key is answered after a refused copy",
        CONFIRM + "machine/outcome.rs",
        "Some(main) if self.key_use(&main) == KeyUse::OtherRequest => {",
        "Some(main) if self.key_use(&main) == KeyUse::OtherRequest && false => {",
    ),
    Mutant(
        "what main holds is replaced unasked",
        CONFIRM + "machine/look.rs",
        "(Some(_), Existing::Keep) | (_, Existing::Replace(_)) => Step::Finish(Err(self.main_is_another())),",
        "(Some(main), Existing::Keep) => { let main_etag = Some(main.etag); self.copy(Copying { draft, main_etag, replaced: None }) }\n"
        "(_, Existing::Replace(_)) => Step::Finish(Err(self.main_is_another())),",
    ),
    Mutant(
        "the version to be replaced is not compared",
        CONFIRM + "machine/look.rs",
        "if expected.as_ref().is_none_or(|etag| *etag == main.etag) =>",
        "if expected.as_ref().is_none_or(|etag| *etag == main.etag || true) =>",
    ),
    Mutant(
        "a refused copy is taken for another's object without a look",
        CONFIRM + "machine/outcome.rs",
        "                self.copy_in_doubt |= error.kind() == ErrorKind::Unavailable;\n",
        "                if error.kind() == ErrorKind::PreconditionFailed { return Step::Finish(Err(ConfirmError::AlreadyExists)); }\n",
    ),
    Mutant(
        "the idempotency key is ignored",
        CONFIRM + "marker.rs",
        "let same_key = has_key(metadata, key);",
        "let same_key = has_key(metadata, key) && false;",
    ),
    Mutant(
        "locks are not needed where the store has no conditions",
        CONFIRM + "plan.rs",
        "is_locked_for(condition) && !self.capabilities.honours(condition))",
        "is_locked_for(condition) && !self.capabilities.honours(condition) && false)",
    ),
    Mutant(
        "main is not looked at where the store does not keep what is there",
        CONFIRM + "plan.rs",
        "self.capabilities.honours(Condition::CopyToAbsent) && self.capabilities.honours(Condition::CopyOver)",
        "true",
    ),
    Mutant(
        "a copy is taken for what was looked at where the store does not see to it",
        CONFIRM + "plan.rs",
        "        self.capabilities.honours(Condition::CopySource)\n    }",
        "        true\n    }",
    ),
    Mutant(
        "what was staged is not looked at where the store does not see to it",
        CONFIRM + "plan.rs",
        "        self.capabilities.honours(Condition::PartSource)\n    }",
        "        true\n    }",
    ),
    Mutant(
        "the draft is deleted before it is copied",
        CONFIRM + "machine/mod.rs",
        "        if self.confirm.batch.is_some() && !self.is_under_way {",
        "        if let State::Copy(copying) = &self.state {\n"
        "            let draft_etag = copying.draft.etag.clone();\n"
        "            return Step::Perform(Effect::DeleteDraft { draft_etag });\n"
        "        }\n"
        "        if self.confirm.batch.is_some() && !self.is_under_way {",
    ),
    Mutant(
        "unique drafts are deleted where deletes have no condition",
        CONFIRM + "plan.rs",
        "            Removal::LeftToSweep\n        } else {",
        "            Removal::LookFirst\n        } else {",
    ),
    Mutant(
        "drafts are deleted after the answers where deletes have no condition",
        CONFIRM + "plan.rs",
        "if self.deletes_what_it_saw() && (sees_what_it_copies || !self.is_unique) {",
        "if sees_what_it_copies || !self.is_unique {",
    ),
    Mutant(
        "drafts are deleted in one call where that has no condition",
        CONFIRM + "removals.rs",
        "Some(if capabilities.honours(Condition::DeleteMany) {",
        "Some(if capabilities.honours(Condition::DeleteMany) || true {",
    ),
    Mutant(
        "any number of drafts waits to be deleted",
        CONFIRM + "removals.rs",
        "if is_full && !self.waiting.contains_key(&draft.key) {",
        "if is_full && !self.waiting.contains_key(&draft.key) && false {",
    ),
    Mutant(
        "drafts that were deleted keep their places",
        CONFIRM + "removals.rs",
        "self.under_way -= drafts;",
        "self.under_way -= drafts.min(0);",
    ),
    Mutant(
        "the draft of a batch is deleted before the batch has settled",
        CONFIRM + "machine/removal.rs",
        "        if self.confirm.batch.is_some() {\n",
        "        if self.confirm.batch.is_some() && false {\n",
    ),
    Mutant(
        "what a batch may take back is answered for",
        CONFIRM + "marker.rs",
        "batch_of(metadata).filter(|batch| Some(*batch) != own && batch.datetime() > now)",
        "batch_of(metadata).filter(|batch| Some(*batch) != own && batch.datetime() > now && false)",
    ),
    Mutant(
        "a batch that has not settled counts as settled",
        CONFIRM + "machine/outcome.rs",
        "None => Step::Finish(Err(ConfirmError::Unresolved(Unresolved::HeldByBatch))),",
        "None => self.go_on(main, then),",
    ),
    Mutant(
        "a batch takes back what bears not its mark",
        CONFIRM + "machine/turns.rs",
        "let ours = |main: &&ObjectInfo| marker::batch_of(&main.attributes.metadata) == self.confirm.batch;",
        "let ours = |_: &&ObjectInfo| true;",
    ),
    Mutant(
        "a batch takes what another made for its own after a lost answer",
        CONFIRM + "machine/outcome.rs",
        "if replayed || of_batch != self.confirm.batch {",
        "if replayed {",
    ),
    Mutant(
        "a batch settles though one failed",
        CONFIRM + "turn.rs",
        "Self::Copy if !any_failed => Some(Self::Settle),",
        "Self::Copy => Some(Self::Settle),",
    ),
    Mutant(
        "a copy of another version is not noticed",
        CONFIRM + "machine/swap.rs",
        "is_proof && marker::names_other_bytes(&main.attributes.metadata, &main.etag)",
        "is_proof && marker::names_other_bytes(&main.attributes.metadata, &main.etag) && false",
    ),
    Mutant(
        "a copy of another version is answered to a repeat",
        CONFIRM + "machine/look.rs",
        "_ if self.is_swapped(&main) => Step::Finish(Err(otherwise)),",
        "_ if self.is_swapped(&main) && false => Step::Finish(Err(otherwise)),",
    ),
    Mutant(
        "a copy of another version is replaced while its confirm may delete it",
        CONFIRM + "machine/swap.rs",
        "of_batch.is_some() || confirm.now < swapped.last_modified + HELD_FOR",
        "(of_batch.is_some() || confirm.now < swapped.last_modified + HELD_FOR) && false",
    ),
    Mutant(
        "a copy of another version stays for ever",
        CONFIRM + "machine/swap.rs",
        "of_batch.is_some() || confirm.now < swapped.last_modified + HELD_FOR",
        "of_batch.is_some() || confirm.now < swapped.last_modified + HELD_FOR || true",
    ),
    Mutant(
        "a delete removes another version than the caller names",
        KEPT + "delete.rs",
        "if self.delete.if_match.as_ref().is_some_and(|etag| *etag != main.etag) {",
        "if self.delete.if_match.as_ref().is_some_and(|etag| *etag != main.etag && false) {",
    ),
    Mutant(
        "a delete that another call overtook is answered with success",
        KEPT + "delete.rs",
        "Some(now) if now.etag != main.etag => Step::Finish(Err(DeleteError::Changed)),",
        "Some(now) if now.etag != main.etag => Step::Finish(Ok(deleted(main, None))),",
    ),
    Mutant(
        "a delete without an answer is taken for done",
        KEPT + "delete.rs",
        "                self.state = State::Outcome(main, error);\n                Step::Perform(Effect::HeadMain)",
        "                Step::Finish(Ok(deleted(main, None)))",
    ),
    Mutant(
        "a delete removes what an unsettled batch may undo, without a look for its settlement",
        KEPT + "delete.rs",
        "match held_by(&main.attributes.metadata, None, self.delete.now) {",
        "match held_by(&main.attributes.metadata, None, self.delete.now).filter(|_| false) {",
    ),
    Mutant(
        "a delete removes what a batch that has not settled may undo",
        KEPT + "delete.rs",
        "(State::Settlement(_), Answer::Head(Ok(None))) => Step::Finish(Err(DeleteError::Held)),",
        "(State::Settlement(main), Answer::Head(Ok(None))) => self.delete(main),",
    ),
    Mutant(
        "a delete removes a copy of another version while its confirm may delete it",
        KEPT + "delete.rs",
        "if self.delete.proves_copies && may_undo_swap(&main, self.delete.now) {",
        "if self.delete.proves_copies && may_undo_swap(&main, self.delete.now) && false {",
    ),
    Mutant(
        "a restore replaces another version than the caller names",
        KEPT + "restore.rs",
        "if main.as_ref().is_none_or(|main| main.etag != *etag) => {",
        "if main.as_ref().is_none_or(|main| main.etag != *etag) && false => {",
    ),
    Mutant(
        "a restore that another call overtook begins again",
        KEPT + "restore.rs",
        "        if !unchanged {\n",
        "        if !unchanged && false {\n",
    ),
    Mutant(
        "a restore that undoes a delete replaces an object",
        KEPT + "restore.rs",
        "(Expected::Nothing, Some(_)) => return failed(RestoreError::AlreadyExists),",
        "(Expected::Nothing, Some(_)) => {}",
    ),
    Mutant(
        "a restore replaces what a batch that has not settled may undo",
        KEPT + "restore.rs",
        "(State::Settlement(_), RestoreAnswer::Head(Ok(None))) => failed(RestoreError::Held),",
        "(State::Settlement(main), RestoreAnswer::Head(Ok(None))) => self.find(Some(main)),",
    ),
    Mutant(
        "a restore replaces a copy of another version while its confirm may delete it",
        KEPT + "restore.rs",
        "if proves_copies && main.as_ref().is_some_and(|main| may_undo_swap(main, now)) {",
        "if proves_copies && main.as_ref().is_some_and(|main| may_undo_swap(main, now)) && false {",
    ),
    Mutant(
        "a restored version has the mark of its batch",
        CONFIRM + "marker.rs",
        "    attributes.metadata.remove(BATCH);\n",
        "",
    ),
    Mutant(
        "a repeated move deletes what was moved back",
        KEPT + "transfer/mod.rs",
        "if is_source && moved_back && self.transfer.now < main.last_modified + HELD_FOR =>",
        "if is_source && moved_back && false =>",
    ),
    Mutant(
        "a move deletes again what has come since its delete",
        KEPT + "transfer/mod.rs",
        "Some(now) if *now != *source => failed(TransferError::Changed),",
        "Some(now) if now.etag != source.etag => failed(TransferError::Changed),",
    ),
    Mutant(
        "a move that another call overtook goes on",
        KEPT + "transfer/mod.rs",
        "        if is_source && is_certain {\n",
        "        if is_source {\n",
    ),
    Mutant(
        "a move that lost the answer to its copy takes an earlier one for it",
        KEPT + "transfer/mod.rs",
        "        if is_source && is_certain {\n",
        "        if is_source && (is_certain || may_be_own) {\n",
    ),
    Mutant(
        "a move does not look if its copy is there",
        KEPT + "transfer/mod.rs",
        "let Some(main) = main.filter(|main| self.is_done(main, Some(&source.etag))) else {",
        "let Some(main) = main.or_else(|| Some(source.clone())) else {",
    ),
    Mutant(
        "a move replaces what another move is about to delete",
        KEPT + "transfer/mod.rs",
        "self.transfer.kind == TransferKind::Move && source.etag == main.etag && is_recent",
        "self.transfer.kind == TransferKind::Move && source.etag == main.etag && is_recent && false",
    ),
    Mutant(
        "a copy replaces an object that it should keep",
        KEPT + "transfer/mod.rs",
        "(Existing::Keep, Some(_)) => return failed(TransferError::AlreadyExists),",
        "(Existing::Keep, Some(_)) => {}",
    ),
    Mutant(
        "the mark of a copy is ignored",
        KEPT + "transfer/mod.rs",
        "is_copied_by(&main.attributes.metadata, request) && (key.is_some() || of_source)",
        "is_copied_by(&main.attributes.metadata, request) && (key.is_some() || of_source) && false",
    ),
    Mutant(
        "a key of another request is carried out again",
        KEPT + "transfer/mod.rs",
        "key.as_ref().is_some_and(|key| has_key(metadata, key)) && !is_copied_by(metadata, request)",
        "key.as_ref().is_some_and(|key| has_key(metadata, key)) && !is_copied_by(metadata, request) && false",
    ),
    Mutant(
        "a copy of what was changed since is answered by the one of before",
        KEPT + "transfer/mod.rs",
        "if *kind != TransferKind::Copy || key.is_some() {",
        "if *kind == TransferKind::Copy || key.is_some() {",
    ),
    Mutant(
        "a repeat with its key copies what was changed since",
        KEPT + "transfer/mod.rs",
        "if *kind != TransferKind::Copy || key.is_some() {",
        "if *kind != TransferKind::Copy {",
    ),
    Mutant(
        "an update forgets the key of the copy that made the object",
        CONFIRM + "marker.rs",
        "metadata.insert(UPDATED.to_owned(), request.0.clone());",
        "metadata.remove(COPIED_KEY); metadata.insert(UPDATED.to_owned(), request.0.clone());",
    ),
    Mutant(
        "an update forgets the request that made the object",
        CONFIRM + "marker.rs",
        "metadata.insert(UPDATED.to_owned(), request.0.clone());",
        "metadata.insert(COPIED.to_owned(), request.0.clone());",
    ),
    Mutant(
        "a released hold stays on the version that is replaced",
        KEPT + "transfer/mod.rs",
        "Some(version_id) if released && source.options.legal_hold == Some(true) => {",
        "Some(version_id) if released && source.options.legal_hold == Some(true) && false => {",
    ),
    Mutant(
        "a retention in force is shortened",
        KEPT + "transfer/mod.rs",
        "if new.until < old.until\n",
        "if new.until < old.until && false\n",
    ),
    Mutant(
        "the sweep forgets the lifetime",
        SWEEP + "expiry.rs",
        "self.is_older(draft.last_modified, kept)",
        "self.is_older(draft.last_modified, kept.min(self.grace))",
    ),
    Mutant(
        "a multipart object is as old as its upload",
        SWEEP + "expiry.rs",
        "self.kept.saturating_mul(2)",
        "self.kept",
    ),
    Mutant(
        "an upload in progress expires at once",
        SWEEP + "expiry.rs",
        "None => self.is_older(upload.initiated, self.kept),",
        "None => self.is_older(upload.initiated, self.grace),",
    ),
    Mutant(
        "a unique draft expires before its ID says",
        SWEEP + "expiry.rs",
        "            return self.has_ended(id.expires_at());\n        }\n        if let Some(note)",
        "            return self.has_ended(id.expires_at() - self.kept / 2);\n        }\n        if let Some(note)",
    ),
    Mutant(
        "a rejected draft is removed before its time",
        SWEEP + "expiry.rs",
        "return self.has_ended(note.remove_at);",
        "return self.has_ended(note.remove_at - self.kept / 2);",
    ),
    Mutant(
        "what was uploaded after a rejection is removed",
        SWEEP + "pass/rejected.rs",
        "if is_conditional && named.is(&draft) &&",
        "if is_conditional &&",
    ),
    Mutant(
        "a rejected draft is removed where deletes have no condition",
        SWEEP + "pass/rejected.rs",
        "if is_conditional && named.is(&draft) &&",
        "if named.is(&draft) &&",
    ),
    Mutant(
        "rejected bytes are removed that were uploaded again",
        CHECKS + "rejection.rs",
        "self.etag == draft.etag && self.last_modified == nanoseconds(draft)",
        "self.etag == draft.etag",
    ),
    Mutant(
        "a shard is read for one page only",
        SWEEP + "walk.rs",
        "let jumps = living_shard == Some(shard);",
        "let jumps = true;",
    ),
    Mutant(
        "a shard is passed over when another has a draft that lives",
        SWEEP + "walk.rs",
        "let jumps = living_shard == Some(shard);",
        "let jumps = living_shard.is_some();",
    ),
    Mutant(
        "what lies behind the shards is not read",
        SWEEP + "slice.rs",
        "until: self.border(self.index + 1),",
        "until: Some(past_shard(LAST_SHARD)),",
    ),
    Mutant(
        "the last shard of a lane is left to the next one",
        SWEEP + "walk.rs",
        "rest.push(Self {\n                request: under_reserved(Some(past_earlier)),",
        "rest.push(Self {\n                request: under_reserved(Some(past_shard(border(lane)))),",
    ),
    Mutant(
        "what was gathered is forgotten when the lists end",
        SWEEP + "pass/removal.rs",
        "waiting > 0 && (waiting >= batch || nothing_comes)",
        "waiting > 0 && waiting >= batch",
    ),
    Mutant(
        "what lies on the border of two slices is nobody's",
        SWEEP + "slice.rs",
        "(shard(begin(self.index)), shard(begin(self.index + 1) - 1))",
        "(shard(begin(self.index)), shard((begin(self.index + 1) - 1).saturating_sub(u32::from(self.of > 1))))",
    ),
    Mutant(
        "staged copies are forgotten with their notes",
        SWEEP + "pass/staged.rs",
        "let left: Vec<_> = page.uploads.into_iter().filter(is_ours).collect();",
        "let left: Vec<_> = page.uploads.into_iter().filter(is_ours).filter(|_| false).collect();",
    ),
    Mutant(
        "the second page of uploads is not read",
        SWEEP + "pass/listing.rs",
        "self.uploads = page.next.map(|next| ListUploads {",
        "self.uploads = page.next.filter(|_| false).map(|next| ListUploads {",
    ),
    Mutant(
        "an upload that has ended is completed",
        UPLOAD + "end.rs",
        "    now >= ends_at\n",
        "    now >= ends_at && false\n",
    ),
    Mutant(
        "no verdict is needed",
        CONFIRM + "machine/verdict.rs",
        "!self.confirm.is_checked || self.accepted.as_ref().is_some_and(is_it)",
        "!self.confirm.is_checked || self.accepted.as_ref().is_some_and(is_it) || true",
    ),
    Mutant(
        "a verdict holds for every version of a draft that a confirm finds",
        CONFIRM + "machine/verdict.rs",
        "!self.confirm.is_checked || self.accepted.as_ref().is_some_and(is_it)",
        "!self.confirm.is_checked || self.accepted.as_ref().is_some_and(is_it) || self.accepted.is_some()",
    ),
    Mutant(
        "checks that have not ended are a yes",
        CONFIRM + "machine/verdict.rs",
        "Err(NoVerdict::Pending) => ConfirmError::ChecksPending,",
        "Err(NoVerdict::Pending) => { self.accepted = Some((draft.clone(), None)); return self.on_accepted(draft); }",
    ),
    Mutant(
        "checks that failed are a yes",
        CONFIRM + "machine/verdict.rs",
        "Err(NoVerdict::Store(error)) => ConfirmError::Store(error),",
        "Err(NoVerdict::Store(_)) => { self.accepted = Some((draft.clone(), None)); return self.on_accepted(draft); }",
    ),
    Mutant(
        "a rejected draft is copied",
        CONFIRM + "machine/verdict.rs",
        "Ok(Verdict::Rejected(reasons)) => ConfirmError::Rejected(reasons),",
        "Ok(Verdict::Rejected(_)) => { self.accepted = Some((draft.clone(), None)); return self.on_accepted(draft); }",
    ),
    Mutant(
        "a draft that is not accepted any more is not looked for in main",
        CONFIRM + "machine/verdict.rs",
        "self.look(State::Unaccepted(draft, otherwise))",
        "Step::Finish(Err(otherwise))",
    ),
    Mutant(
        "a reused idempotency key is answered where the draft is not accepted",
        CONFIRM + "machine/verdict.rs",
        "Some(main) if self.key_use(&main) == KeyUse::OtherRequest =>",
        "Some(main) if self.key_use(&main) == KeyUse::OtherRequest && false =>",
    ),
    Mutant(
        "the media type that was found is not stored",
        CONFIRM + "machine/mod.rs",
        "kept.content_type = Some(found.clone());",
        "let _ = found;",
    ),
    Mutant(
        "a verdict is of every version of a draft",
        CHECKS + "verdict.rs",
        "draft.etag.as_str().to_owned(),",
        "String::new(),",
    ),
    Mutant(
        "a verdict is under all settings",
        CHECKS + "verdict.rs",
        "        settings.to_owned(),\n",
        "        settings[..0].to_owned(),\n",
    ),
    Mutant(
        "a check that could not read is a yes",
        CHECKS + "machine.rs",
        "            (\n                State::Inspect | State::Scan(_),\n",
        "            (State::Inspect, CheckAnswer::Inspected(Err(_))) if true => "
        "CheckStep::Finish(Ok(Verdict::Accepted { media_type: None })),\n"
        "            (\n                State::Inspect | State::Scan(_),\n",
    ),
    Mutant(
        "scanners are not asked",
        CHECKS + "machine.rs",
        "(Scanning::On, Verdict::Accepted { .. }) => self.scan(verdict),",
        "(Scanning::On, Verdict::Accepted { .. }) => self.record(verdict),",
    ),
    Mutant(
        "the silence of a scanner is a yes",
        CHECKS + "machine.rs",
        "Scan::Pending => self.scan(verdict),",
        "Scan::Pending => self.record(verdict),",
    ),
    Mutant(
        "a scan that could not read is a yes",
        CHECKS + "machine.rs",
        "            (\n                State::Inspect | State::Scan(_),\n",
        "            (State::Scan(verdict), CheckAnswer::Scanned(Err(_))) if true => self.record(verdict),\n"
        "            (\n                State::Inspect | State::Scan(_),\n",
    ),
    Mutant(
        "scanners have no say",
        CHECKS + "machine.rs",
        "Scan::Rejected(reasons) => self.record(Verdict::Rejected(reasons)),",
        "Scan::Rejected(_) => self.record(verdict),",
    ),
    Mutant(
        "a report of a scanner is of every version of a draft",
        CHECKS + "verdict.rs",
        "scanner.chain(verdict_parts.iter().cloned()).collect()",
        "scanner.chain(verdict_parts.iter().take(1).cloned()).collect()",
    ),
    Mutant(
        "one of several scanners is enough",
        CHECKS + "quorum.rs",
        "if accepting >= needed {",
        "if accepting >= 1 {",
    ),
    Mutant(
        "a scanner that rejects has no say among several",
        CHECKS + "quorum.rs",
        "if accepting + pending >= needed {",
        "if accepting + pending >= needed || accepting > 0 {",
    ),
    Mutant(
        "a silent scanner rejects",
        CHECKS + "quorum.rs",
        "if accepting + pending >= needed {",
        "if accepting > needed {",
    ),
    Mutant(
        "a verdict that cannot be read is none",
        CHECKS + "machine.rs",
        "CheckStep::Finish(Err(CheckError::Unreadable))\n            }",
        "self.state = State::Inspect;\n                CheckStep::Perform(CheckEffect::Inspect)\n            }",
    ),
    Mutant(
        "an act is answered although its event was not acknowledged",
        EVENTS + "delivery.rs",
        "(Publishing::Sending, Outcome::Delivered) => PublishStep::Published,",
        "(Publishing::Sending, Outcome::Delivered | Outcome::Failed { .. }) => PublishStep::Published,",
    ),
    Mutant(
        "an act is answered although its event was not written",
        EVENTS + "delivery.rs",
        "Publishing::Writing if is_written => PublishStep::Published,",
        "Publishing::Writing if is_written || true => PublishStep::Published,",
    ),
    Mutant(
        "an act is answered before its event is written for an endpoint that is paused",
        EVENTS + "delivery.rs",
        "(Self(Publishing::Writing), PublishStep::Write)",
        "(Self(Publishing::Writing), PublishStep::Published)",
    ),
    Mutant(
        "a pending event is deleted although it was not acknowledged",
        EVENTS + "delivery.rs",
        "(Redelivering::Sending, Outcome::Delivered) => {",
        "(Redelivering::Sending, Outcome::Delivered | Outcome::Failed { .. }) => {",
    ),
    Mutant(
        "a pending event is sent although it was delivered meanwhile",
        EVENTS + "delivery.rs",
        "(Redelivering::Reading, ReadOutcome::Gone) => RedeliverStep::Delivered,",
        "(Redelivering::Reading, ReadOutcome::Gone) => { self.0 = Redelivering::Sending; RedeliverStep::Send }",
    ),
    Mutant(
        "an act is answered although its event is not in the feed",
        EVENTS + "feed.rs",
        "WriteState::Writing(entry, _) if is_written && entry.is_in_time(now) => FeedStep::Written,",
        "WriteState::Writing(entry, _) if entry.is_in_time(now) => FeedStep::Written,",
    ),
    Mutant(
        "an event that took long to write is behind the readers of the feed",
        EVENTS + "feed.rs",
        "WriteState::Writing(entry, _) if is_written && entry.is_in_time(now) => FeedStep::Written,",
        "WriteState::Writing(_, _) if is_written => FeedStep::Written,",
    ),
    Mutant(
        "an event of long ago has the place of its act in the feed",
        EVENTS + "feed.rs",
        "let (state, step) = if own.is_in_time(now) {",
        "let (state, step) = if own.is_in_time(now) || true {",
    ),
    Mutant(
        "an event that came late into the feed is taken for one that readers have",
        EVENTS + "feed.rs",
        "last_modified.is_some_and(|at| own.is_in_time(at + STORE_TICK))",
        "last_modified.is_some()",
    ),
    Mutant(
        "readers of the feed allow for the skew of one clock only",
        EVENTS + "feed.rs",
        "WRITTEN_WITHIN.saturating_add(MAX_SKEW).saturating_add(MAX_SKEW);",
        "WRITTEN_WITHIN.saturating_add(MAX_SKEW);",
    ),
    Mutant(
        "a reader of the feed goes back at a server whose clock is behind",
        EVENTS + "feed.rs",
        "let settled = settled.max(after);",
        "let settled = settled.min(settled);",
    ),
    Mutant(
        "a full page of the feed skips what follows",
        EVENTS + "feed.rs",
        "let last = listed.last().filter(|_| is_full);",
        "let last = listed.last().filter(|_| is_full && size == 0);",
    ),
    Mutant(
        "a pending event is sent although it could not be claimed",
        EVENTS + "delivery.rs",
        "Redelivering::Claiming if is_claimed => {",
        "Redelivering::Claiming if is_claimed || true => {",
    ),
    Mutant(
        "a pending event is sent that its endpoint no longer wants",
        EVENTS + "delivery.rs",
        "self.0 = Redelivering::Deleting;\n                RedeliverStep::Delete\n            }\n            (Redelivering::Reading, ReadOutcome::Gone)",
        "self.0 = Redelivering::Claiming;\n                RedeliverStep::Claim\n            }\n            (Redelivering::Reading, ReadOutcome::Gone)",
    ),
    Mutant(
        "a pending event is sent by a server while another sends it",
        EVENTS + "pending.rs",
        "age >= CLAIMED_FOR",
        "age < CLAIMED_FOR",
    ),
    Mutant(
        "a sweep writes events down long after anybody wanted them",
        EVENTS + "wanted.rs",
        "is_ok_and(|age| age > KEPT_FOR)",
        "is_ok_and(|age| age > KEPT_FOR * 10)",
    ),
    Mutant(
        "the ID of an event depends on its time alone",
        EVENTS + "id.rs",
        "Self(Ulid::from_parts(milliseconds, u128::from_be_bytes(high)))",
        "Self(Ulid::from_parts(milliseconds, u128::from_be_bytes(high) & 0))",
    ),
    Mutant(
        "endpoints share what is written down",
        EVENTS + "pending.rs",
        'format!("{RESERVED_PREFIX}{EVENTS_PREFIX}{endpoint}/")',
        'format!("{RESERVED_PREFIX}{EVENTS_PREFIX}a{}/", &endpoint.as_str()[1..])',
    ),
    Mutant(
        "Retry-After is ignored",
        EVENTS + "endpoint.rs",
        "until: now + pause.max(retry_after),",
        "until: now + pause.max(retry_after.min(pause)),",
    ),
    Mutant(
        "attempts that fail side by side are as many failures",
        EVENTS + "endpoint.rs",
        "Self::Paused { failures, until } if began < until => {",
        "Self::Paused { failures, until } if began < until && failures > 99 => {",
    ),
    Mutant(
        "an endpoint that is gone is asked again",
        EVENTS + "endpoint.rs",
        "Outcome::Gone => return Self::Disabled,",
        "Outcome::Gone => return Self::Working,",
    ),
    Mutant(
        "an act without an answer is told of",
        EVENTS + "act.rs",
        "ActEnd::Unclear => Self::Leave,",
        "ActEnd::Unclear => Self::Publish,",
    ),
    Mutant(
        "an act without an answer is forgotten",
        EVENTS + "act.rs",
        "ActEnd::Unclear => Self::Leave,",
        "ActEnd::Unclear => Self::Remove,",
    ),
    Mutant(
        "an act that was refused is told of",
        EVENTS + "act.rs",
        "ActEnd::Refused => Self::Remove,",
        "ActEnd::Refused => Self::Publish,",
    ),
    Mutant(
        "one trace of several is enough for an event",
        EVENTS + "act.rs",
        "all(|(trace, found)| trace.is_shown_by(found))",
        "any(|(trace, found)| trace.is_shown_by(found))",
    ),
    Mutant(
        "an object that was replaced counts as deleted",
        EVENTS + "act.rs",
        "Self::Absent => found.is_none(),",
        "Self::Absent => true,",
    ),
    Mutant(
        "a confirmed draft counts as discarded",
        EVENTS + "act.rs",
        "=> !has(name, value),",
        "=> !has(name, value) || found.is_some(),",
    ),
    Mutant(
        "an act is resolved while it is in progress",
        EVENTS + "act.rs",
        "age > longest",
        "age < longest",
    ),
    Mutant(
        "a note of an act expires like a draft",
        SWEEP + "expiry.rs",
        "self.kept.max(KEPT_FOR + self.grace)",
        "self.kept",
    ),
    Mutant(
        "a pending event expires like a draft",
        SWEEP + "expiry.rs",
        "if let Some(event) = PendingEvent::in_key(&draft.key) {",
        "if let Some(event) = PendingEvent::in_key(&draft.key).filter(|_| false) {",
    ),
]


def model(sources: pathlib.Path) -> pathlib.Path:
    """Builds the tests that hold the model, and gives the program."""
    build = ["cargo", "test", "--locked", "-p", "draftstore-protocol", "--lib", "--no-run", "--message-format=short"]
    built = subprocess.run(build, cwd=sources, capture_output=True, text=True)
    if built.returncode != 0:
        raise RuntimeError(f"does not compile:\n{built.stderr}")
    program = built.stderr.rsplit("(", 1)[1].split(")", 1)[0]
    return (sources / program).resolve()


def caught_by(program: pathlib.Path, file: str) -> str | None:
    """The first test that fails, if any does. Those of the file's own module come first: they are the quickest."""
    module = pathlib.PurePath(file).relative_to("lib/protocol/src").parts[0]
    for test in sorted(TESTS, key=lambda test: not test.startswith(f"{module}::")):
        run = subprocess.run([program, "--exact", test], capture_output=True, text=True, timeout=600)
        if "running 1 test" not in run.stdout:
            raise RuntimeError(f"there is no test {test}")
        if run.returncode != 0:
            return test
    return None


def main() -> int:
    sources = pathlib.Path(sys.argv[1])
    wanted = sys.argv[2:]
    failures = 0
    mutants = [mutant for mutant in MUTANTS if not wanted or any(part in mutant.name for part in wanted)]
    for mutant in mutants:
        path = sources / mutant.file
        whole = path.read_text()
        if whole.count(mutant.old) != 1:
            print(f"DOES NOT APPLY  {mutant.name}: its text is {whole.count(mutant.old)} times in {mutant.file}")
            failures += 1
            continue
        path.write_text(whole.replace(mutant.old, mutant.new))
        try:
            test = caught_by(model(sources), mutant.file)
        except RuntimeError as error:
            print(f"BROKEN    {mutant.name}: {error}")
            failures += 1
            continue
        finally:
            path.write_text(whole)
        if test is None:
            print(f"SURVIVED  {mutant.name}", flush=True)
            failures += 1
        else:
            print(f"caught    {mutant.name}: {test.rsplit('_where_', 1)[-1]}", flush=True)
    print(f"{len(mutants) - failures} of {len(mutants)} mutants caught")
    return 1 if failures or not mutants else 0


if __name__ == "__main__":
    sys.exit(main())
