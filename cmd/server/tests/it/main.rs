//! The server as its users meet it: the real binary, its ports, its store.
//!
//! Every case of a call is run through both fronts.

mod audit;
mod batch_confirm_uploads;
mod batch_get_upload_urls;
mod callers;
mod configuration;
mod confirm_upload;
mod console;
mod create_draft_bucket;
mod create_ticket;
mod discard_draft;
mod docs;
mod doctor;
mod drain;
mod errors;
mod forms;
mod front;
mod gate;
mod get_download_url;
mod get_upload_url;
mod grpc_web;
mod headers;
mod hostile;
mod iam;
mod inspect_draft;
mod kill;
mod limits;
mod list_drafts;
mod list_objects;
mod logs;
mod matrix;
mod multipart;
mod openapi;
mod owner;
mod process;
mod readiness;
mod security;
mod server;
mod signing;
mod slow;
mod sweep;
mod tls;
mod unique_drafts;
mod uppy;
mod whole_keys;
