//! Callers with every relevant set of scopes, each with an API key and a token.

use std::fmt::Write as _;

use draftstore_service::Scope;
use draftstore_service::caller::Scopes;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

use crate::callers::ground::{Policy, bearer, new_key};
use crate::server::Server;

const SECRET: &str = "what the issuer and the server both know, and nobody else";

/// A caller of tenant `t1`, or a client without valid credentials.
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) scopes: Scopes,
    /// The value of `authorization`, if any.
    pub(super) authorization: Option<String>,
}

/// All callers.
pub(super) struct Callers {
    policy: Policy,
    /// One caller for each set of scopes and each kind of credentials.
    pub(super) all: Vec<Caller>,
    /// Clients without valid credentials.
    pub(super) nobodies: Vec<Caller>,
    /// The caller with all rights on all tenants.
    pub(super) root: Caller,
}

impl Caller {
    /// Returns the reason for which the credentials are refused, if they are not valid.
    pub(super) fn refused_as(&self) -> &'static str {
        if self.name == EXPIRED {
            "TOKEN_EXPIRED"
        } else {
            "UNAUTHENTICATED"
        }
    }
}

/// The name of the caller whose token has expired.
const EXPIRED: &str = "an expired token";

impl Callers {
    pub(super) fn new() -> Self {
        let mut text = issuer();
        let (root_key, written) = new_key("root");
        writeln!(text, "{written}scopes = [{}]", quoted(Scopes::ALL)).expect("written");
        let mut all = Vec::new();
        for (place, scopes) in sets().into_iter().enumerate() {
            let name = format!("caller{place}");
            let (key, written) = new_key(&name);
            writeln!(text, "{written}scopes = [{}]\ntenant = 't1'", quoted(scopes)).expect("written");
            for (kind, credentials) in [("key", key), ("token", token(&name, scopes, 4_000_000_000))] {
                all.push(Caller {
                    name: format!("a {kind} for {scopes:?}"),
                    scopes,
                    authorization: Some(bearer(&credentials)),
                });
            }
        }
        // No caller has checks.
        text.push_str(
            "[[webhooks]]\nname = 'erp'\nurl = 'http://127.0.0.1:1/'\nprivate_hosts = ['127.0.0.1']\n\
             secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']\nevents = ['draft.rejected']\n",
        );
        let policy = Policy::new(&text);
        policy.write("secret", SECRET);
        let (unknown, _) = new_key("unknown");
        let nobody = |name: &str, authorization| Caller {
            name: name.to_owned(),
            scopes: Scopes::NONE,
            authorization,
        };
        let nobodies = vec![
            nobody("no credentials", None),
            nobody("a key that nobody has", Some(bearer(&unknown))),
            nobody(EXPIRED, Some(bearer(&token("late", Scopes::ALL, 1)))),
            nobody("a ticket that nobody minted", Some(bearer("dst_00000001.AAAA.AAAA"))),
        ];
        let root = Caller {
            name: "root".to_owned(),
            scopes: Scopes::ALL,
            authorization: Some(bearer(&root_key)),
        };
        Self {
            policy,
            all,
            nobodies,
            root,
        }
    }

    pub(super) fn server(&self) -> Server {
        self.policy.server("api-key,jwt", &[("EVENTS_FEED", "on")])
    }
}

/// Returns each scope alone, all scopes but one, and all scopes.
fn sets() -> Vec<Scopes> {
    let all = || Scope::ALL.into_iter();
    let alone = all().map(|scope| [scope].into_iter().collect());
    let without = all().map(|scope| all().filter(|other| *other != scope).collect());
    alone.chain(without).chain([Scopes::ALL]).collect()
}

fn quoted(scopes: Scopes) -> String {
    let quoted: Vec<_> = scopes.iter().map(|scope| format!("'{scope}'")).collect();
    quoted.join(", ")
}

fn issuer() -> String {
    format!(
        "[issuers.idp]\nissuer = 'https://idp.example.com/'\naudience = 'draftstore'\nalgorithms = ['HS256']\n\
         secret_file = 'secret'\nscopes = [{}]\ntenant = 't1'\n",
        quoted(Scopes::ALL)
    )
}

fn token(name: &str, scopes: Scopes, ends_at: u64) -> String {
    let scopes: Vec<_> = scopes.iter().map(Scope::as_str).collect();
    let claims = json!({
        "iss": "https://idp.example.com/", "aud": "draftstore", "sub": name, "exp": ends_at,
        "scope": scopes.join(" "),
    });
    encode(
        &Header::new(Algorithm::HS256),
        &claims,
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )
    .expect("signed")
}
