//! The calls to the store, by what they are about.

mod bucket;
mod copy;
mod delete;
mod head;
mod list;
mod uploads;

pub(super) use bucket::{create_bucket, put_cors};
pub(super) use copy::copy_to_main;
pub(super) use delete::{delete_draft, delete_drafts};
pub(super) use head::head;
pub(super) use list::list;
pub(super) use uploads::{abort_upload, list_uploads};
