//! Real stores for tests.
