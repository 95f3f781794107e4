//! The conformance suite: what DraftStore relies on of a store, one function per promise, over the storage traits and
//! plain HTTP.
//!
//! Each promise is a test of its own for every store. The embedded store keeps all of them. Garage 2.5 and SeaweedFS 4.48 lack
//! some: the table below says by name which, and what they do instead, and that is tested too, so that a change is noticed.

mod answers;
mod buckets;
mod canned;
mod constraints;
mod copies;
mod deletes;
mod forms;
mod gate;
mod heads;
mod keys;
mod large;
mod lifecycle;
mod lists;
mod parts;
mod probes;
mod puts;
mod quirks;
mod reads;
mod refusals;
mod stages;
mod steps;
mod undos;
mod uploads;
mod urls;

/// Makes tests of promises: `module::promise`, and what Garage or SeaweedFS does instead:
/// `module::promise, garage: module::lack, seaweedfs: module::lack`.
macro_rules! promises {
    ($($module:ident :: $promise:ident
        $(, garage: $garage_module:ident :: $garage:ident)?
        $(, seaweedfs: $seaweedfs_module:ident :: $seaweedfs:ident)?;)*) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $promise() {
                    crate::$module::$promise(&draftstore_testing::TestBuckets::embedded().await).await;
                }
            )*
        }

        mod garage {
            $(
                #[tokio::test(flavor = "multi_thread")]
                #[ignore = "needs garage 2.5 on PATH: cargo test -p draftstore-s3 --test conformance -- --ignored garage"]
                async fn $promise() {
                    let world = draftstore_testing::TestBuckets::garage().await;
                    promises!(@instead world, $module::$promise $(, $garage_module::$garage)?);
                }
            )*
        }

        mod seaweedfs {
            $(
                #[tokio::test(flavor = "multi_thread")]
                #[ignore = "needs weed 4.48 on PATH: cargo test -p draftstore-s3 --test conformance -- --ignored seaweedfs"]
                async fn $promise() {
                    let world = draftstore_testing::TestBuckets::seaweedfs().await;
                    promises!(@instead world, $module::$promise $(, $seaweedfs_module::$seaweedfs)?);
                }
            )*
        }
    };
    (@instead $world:ident, $module:ident :: $promise:ident) => {
        crate::$module::$promise(&$world).await
    };
    (@instead $world:ident, $module:ident :: $promise:ident, $lack_module:ident :: $lack:ident) => {
        crate::$lack_module::$lack(&$world).await
    };
}

promises! {
    urls::a_url_for_a_key_alone_works_without_headers;
    urls::an_upload_replaces_the_draft_whole;
    urls::a_tampered_url_is_refused;
    urls::an_expired_url_is_refused_with_403,
        garage: urls::an_expired_url_is_refused_with_400;
    urls::a_url_is_for_one_key_and_one_method;
    urls::a_download_answers_with_the_type_and_disposition_it_was_signed_with;
    urls::a_url_says_when_the_credentials_that_signed_it_end;

    constraints::the_signed_length_is_enforced;
    constraints::an_upload_that_breaks_off_leaves_nothing;
    constraints::the_signed_content_type_is_enforced;
    constraints::the_signed_sha256_is_enforced;
    constraints::a_refused_upload_leaves_the_draft_before_it;
    constraints::signed_metadata_lands;
    constraints::every_signed_header_is_enforced_and_lands;
    constraints::an_unsigned_copy_source_is_refused;
    constraints::a_write_once_url_writes_once,
        garage: constraints::a_write_once_url_writes_again;

    forms::a_form_uploads_up_to_its_size,
        seaweedfs: forms::a_form_uploads_up_to_its_size_and_is_answered_without_headers;
    forms::every_field_of_a_form_is_enforced,
        seaweedfs: forms::every_field_that_a_form_names_is_enforced;
    forms::a_form_is_for_the_draft_bucket_alone;
    forms::the_sha256_of_a_form_is_enforced;
    forms::an_expired_form_is_refused;

    keys::keys_of_every_allowed_kind_round_trip,
        seaweedfs: keys::keys_of_short_segments_round_trip;
    keys::keys_of_every_allowed_kind_can_be_deleted_in_a_batch,
        seaweedfs: keys::keys_of_short_segments_can_be_deleted_in_a_batch;
    keys::names_that_look_alike_are_different_objects;

    copies::a_copy_keeps_bytes_and_replaces_attributes;
    copies::a_content_disposition_in_utf8_is_refused_or_can_be_read;
    copies::a_copy_of_another_version_is_refused;
    copies::a_copy_of_nothing_is_not_found;
    copies::a_copy_onto_an_object_is_refused_where_none_must_be,
        garage: copies::a_copy_replaces_an_object_where_none_must_be;
    copies::a_copy_replaces_the_version_that_must_be_there_and_no_other,
        garage: copies::a_copy_replaces_any_version;
    copies::a_copy_over_a_version_that_is_gone_is_refused,
        garage: copies::a_copy_over_a_version_that_is_gone_is_made;
    copies::of_racing_copies_one_wins,
        garage: copies::of_racing_copies_all_are_told_that_they_won;

    stages::a_staged_copy_is_invisible_until_completed_and_whole_after;
    stages::whole_parts_and_a_byte_more_can_be_staged;
    stages::the_smallest_objects_can_be_staged,
        garage: stages::the_smallest_objects_cannot_be_staged;
    stages::a_staged_copy_of_another_version_is_refused_and_leaves_no_upload;
    stages::a_staged_copy_of_nothing_is_not_found;
    stages::a_completion_onto_an_object_is_refused_where_none_must_be,
        garage: stages::a_completion_replaces_an_object_where_none_must_be;
    stages::a_completion_replaces_the_version_that_must_be_there_and_no_other,
        garage: stages::a_completion_replaces_any_version;
    stages::a_completion_over_a_version_that_is_gone_is_refused,
        garage: stages::a_completion_over_a_version_that_is_gone_is_made;
    stages::an_aborted_copy_is_gone_and_cannot_be_completed;
    stages::of_racing_completions_one_wins,
        garage: stages::of_racing_completions_several_are_told_that_they_won,
        seaweedfs: stages::of_racing_completions_several_are_told_that_they_won;

    undos::a_copy_is_undone_once_and_that_is_enough;
    undos::another_version_is_not_undone,
        garage: undos::any_version_is_undone;

    probes::a_probe_finds_every_condition_honoured,
        garage: probes::a_probe_finds_what_garage_ignores,
        seaweedfs: probes::a_probe_finds_what_seaweedfs_checks_too_early;
    probes::a_probe_leaves_nothing_behind;
    probes::a_probe_touches_nothing_but_its_prefix;
    probes::a_probe_of_a_missing_bucket_says_so;

    puts::what_the_server_puts_is_there;
    puts::what_is_there_stays_where_none_must_be,
        garage: puts::what_is_there_is_replaced_where_none_must_be;

    reads::a_range_of_a_draft_is_read;
    reads::a_read_of_another_version_is_refused;
    reads::a_read_of_nothing_is_not_found;
    reads::a_range_that_cannot_be_read_is_refused;

    heads::head_tells_all_about_an_object;
    heads::head_of_nothing_is_not_found;

    lists::an_empty_bucket_lists_nothing;
    lists::a_list_tells_version_size_and_time;
    lists::pages_are_in_byte_order_and_complete,
        seaweedfs: lists::pages_are_in_order_of_directories_and_complete;
    lists::a_list_starts_after_a_key_and_stays_within_a_prefix;
    lists::a_page_holds_a_thousand_keys;
    lists::a_missing_bucket_is_told_from_an_empty_one;

    deletes::a_delete_removes_the_version_given;
    deletes::a_delete_of_another_version_is_refused,
        garage: deletes::a_delete_removes_any_version;
    deletes::a_batch_removes_a_thousand_and_names_those_of_another_version,
        garage: deletes::a_batch_removes_a_thousand_of_any_version;
    deletes::a_batch_counts_what_is_gone_as_deleted;
    deletes::a_batch_is_of_a_thousand_at_most_and_may_be_empty;
    deletes::deletes_in_a_missing_bucket_say_so;

    uploads::uploads_in_progress_are_listed_page_by_page,
        seaweedfs: uploads::uploads_in_progress_are_listed_up_to_the_first_page;
    uploads::an_upload_in_progress_is_no_object;
    uploads::an_aborted_upload_is_gone;
    uploads::uploads_of_a_missing_bucket_say_so;

    parts::parts_become_a_draft_at_once;
    parts::parts_become_a_draft_once_and_may_be_completed_again,
        garage: parts::parts_become_a_draft_once;
    parts::parts_are_listed_in_order_and_page_by_page;
    parts::a_part_that_is_sent_again_replaces_the_first,
        seaweedfs: parts::a_part_that_is_sent_again_replaces_the_first_whatever_is_completed;
    parts::one_empty_part_makes_an_empty_draft,
        garage: parts::an_empty_part_is_refused;
    parts::the_signed_length_of_a_part_is_enforced;
    parts::a_url_is_for_one_part_of_one_upload;
    parts::parts_with_checksums_are_checked_and_listed_with_them,
        seaweedfs: parts::parts_with_checksums_are_checked_and_listed_without_them;
    parts::an_upload_is_not_completed_onto_a_draft_where_none_must_be,
        garage: parts::an_upload_ends_where_another_draft_comes_first;
    parts::an_upload_is_found_under_its_key_alone,
        seaweedfs: parts::an_upload_is_found_under_its_key_and_well_formed_id_alone;
    parts::an_aborted_upload_takes_no_parts;
    steps::an_upload_is_made_by_signed_steps;
    steps::an_upload_is_given_up_by_a_signed_step;

    buckets::a_bucket_is_made_once;
    buckets::pages_of_allowed_origins_can_upload_and_see_the_etag;
    buckets::pages_of_other_origins_cannot_upload,
        garage: buckets::pages_of_other_origins_can_upload_but_not_see_the_answer;
    buckets::a_cors_rule_replaces_the_one_before;
    buckets::every_origin_can_be_allowed;

    lifecycle::lifecycle_rules_are_kept_beside_those_of_others;
    lifecycle::transitions_are_kept_beside_rules_of_others, garage: lifecycle::transitions_are_dropped, seaweedfs: lifecycle::transitions_are_refused;

    refusals::wrong_credentials_are_refused;
}
