//! Every way to be recognised, behind one question.

use std::sync::Arc;

use draftstore_service::{Caller, Error};

/// A client certificate that TLS has verified against the configured authority, as DER. A property of the connection: its
/// requests carry it as an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate(pub Arc<[u8]>);

/// What a request says of who sends it: nothing of it is checked yet.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// What follows `Bearer` in `authorization`, or the ticket of a path.
    pub bearer: Option<&'a str>,
    /// The certificate by which TLS has recognised the other end of the connection.
    pub peer: Option<&'a PeerCertificate>,
}

impl std::fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented").finish_non_exhaustive()
    }
}

/// Recognises callers.
#[derive(Debug, Clone)]
pub struct Authenticator {
    /// Who everybody is, where nobody is asked.
    anyone: Arc<Caller>,
}

impl Authenticator {
    /// Asks nobody: `AUTH=none`.
    pub fn none() -> Self {
        Self {
            anyone: Arc::new(Caller::anyone()),
        }
    }

    /// The caller whose credentials these are.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when there are none, or when they are not valid.
    pub fn authenticate(&self, _presented: Presented<'_>) -> Result<Arc<Caller>, Error> {
        Ok(Arc::clone(&self.anyone))
    }
}
