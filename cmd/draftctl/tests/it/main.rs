//! Tests of the draftctl binary against a real server and store.

mod check;
mod completions;
mod confirm;
mod download;
mod drafts;
mod exit;
mod input;
mod interrupt;
mod large;
mod memory;
mod output;
mod program;
mod proxy;
mod resume;
mod retry;
mod server_address;
mod small;
mod test_server;
mod token;
