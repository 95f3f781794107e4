//! The calls to the store, by what they are about.

mod attributes;
mod bucket;
mod copy;
mod delete;
mod head;
mod lifecycle;
mod list;
mod multipart;
mod put;
mod stage;
mod uploads;

pub(super) use bucket::{create_bucket, look, put_cors};
pub(super) use copy::copy_to_main;
pub(super) use delete::{delete_drafts, delete_version};
pub(super) use head::head;
pub(super) use lifecycle::{get_lifecycle, put_lifecycle};
pub(super) use list::list;
pub(super) use multipart::{complete_upload, create_upload, list_parts};
pub(super) use put::put_draft;
pub(super) use stage::{complete_copy, stage_copy};
pub(super) use uploads::{abort, list_uploads};
