//! The calls to the store, by what they are about.

mod attributes;
mod bucket;
mod copy;
mod delete;
mod delete_kept;
mod describe;
mod head;
mod lifecycle;
mod list;
mod multipart;
mod options;
mod put;
mod read;
mod restore;
mod stage;
mod uploads;
mod versions;

pub(crate) use attributes::{attribute_headers, with_headers};
pub(crate) use bucket::{create_bucket, look, put_cors};
pub(crate) use copy::{copy_in_main, copy_to_main, copy_version};
pub(crate) use delete::{delete_drafts, delete_version};
pub(crate) use delete_kept::{delete_object, delete_objects};
pub(crate) use describe::{describe, tags};
pub(crate) use head::head;
pub(crate) use lifecycle::{get_lifecycle, noncurrent_rules, put_lifecycle, put_transitions, transitions};
pub(crate) use list::list;
pub(crate) use multipart::{complete_upload, create_upload, list_parts};
pub(crate) use options::option_headers;
pub(crate) use put::put_draft;
pub(crate) use read::read_draft;
pub(crate) use restore::{restore_archived, restore_status};
pub(crate) use stage::{complete_copy, stage_copy, stage_in_main};
pub(crate) use uploads::{abort, list_uploads};
pub(crate) use versions::{delete_one_version, has_versions, list_versions, put_legal_hold};
