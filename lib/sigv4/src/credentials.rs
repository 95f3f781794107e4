//! The key pair that signs.

use std::fmt;

/// An access key and, where it is temporary, its session token.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key ID, which every signed request shows.
    pub access_key_id: String,
    /// The secret access key, which none shows.
    pub secret_access_key: String,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    /// Shows the access key ID alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_do_not_show_their_secrets() {
        let credentials = Credentials {
            access_key_id: "AKID".to_owned(),
            secret_access_key: "hush-secret".to_owned(),
            session_token: Some("hush-token".to_owned()),
        };
        let shown = format!("{credentials:?} {credentials:#?}");
        assert!(shown.contains("AKID") && !shown.contains("hush"), "{shown}");
    }
}
