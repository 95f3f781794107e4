//! Tests of the draftctl binary against a real server and store.

mod completions;
mod confirm;
mod download;
mod drafts;
mod exit;
mod interrupt;
mod large;
mod memory;
mod program;
mod resume;
mod retry;
mod small;
mod test_server;
mod token;
