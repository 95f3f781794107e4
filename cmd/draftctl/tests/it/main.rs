//! The program as its users meet it: the real binary, against the server's own code on a real store.

mod completions;
mod confirm;
mod download;
mod drafts;
mod exit;
mod ground;
mod interrupt;
mod large;
mod memory;
mod program;
mod resume;
mod retry;
mod small;
mod token;
