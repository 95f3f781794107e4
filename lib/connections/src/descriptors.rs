//! Descriptors, of which each connection takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For everything else: listeners, the embedded store's files and connections, calls to a store elsewhere.
const BESIDE: u64 = 512;

/// Takes as many as so many connections need, if this process may. Where it may not, accepts fail before `MAX_CONNECTIONS`
/// are open, and are tried again.
pub(super) fn make_room(connections: usize) {
    let needed = connections as u64 + BESIDE;
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
        tracing::debug!(%error, "the limit of descriptors cannot be raised");
    }
    if granted < needed {
        tracing::warn!(
            limit = granted,
            needed,
            "too few descriptors for MAX_CONNECTIONS: raise the limit (ulimit -n)"
        );
    }
}
