//! Hostile inputs, each with the one answer that it may get.

mod bodies;
mod corpus;
mod ground;
mod headers;
mod names;
mod raw_grpc;
mod tokens;
