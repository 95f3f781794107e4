//! File descriptors, of which each connection takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The number of descriptors for everything else: listeners, the embedded store, calls to other stores.
const OTHER_DESCRIPTORS: u64 = 512;

/// Raises the limit of file descriptors to fit this number of connections. If the process may not raise it, accepts
/// fail before `MAX_CONNECTIONS` is reached, and are retried.
pub(super) fn raise_limit(connections: usize) {
    let needed = connections as u64 + OTHER_DESCRIPTORS;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return;
    }
    let granted = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let wanted = Rlimit {
        current: Some(granted),
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::debug!(%error, "descriptor limit not raised");
    }
    if granted < needed {
        tracing::warn!(limit = granted, needed, "too few file descriptors for MAX_CONNECTIONS");
    }
}
