//! Hostile inputs, each with the one answer that it may get.

mod corpus;
mod ground;
mod names;
