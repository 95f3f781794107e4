//! JSON Web Tokens: who issued one, whether that can be believed, and whom it makes of its bearer.
//!
//! What a token says of itself decides nothing but which of the configured issuers and keys is tried. Keys that it brings
//! along, or points to (`jwk`, `jku`, `x5c`, `x5u`), are not looked at.
//!
//! Source: RFC 7519, and RFC 8725 for what goes wrong.

mod claims;
mod jwks;
mod key;
mod object;
mod remote;
mod token;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use draftstore_service::Caller;
use draftstore_service::caller::{Names, Profile, Scopes, Tenant};
pub(crate) use jsonwebtoken::Algorithm;

use self::claims::Claims;
pub(crate) use self::jwks::{MAX_SET_BYTES, key_set};
pub(crate) use self::key::{Key, is_hmac};
pub(crate) use self::remote::{RemoteKeys, Remotes, https};
use self::token::Token;

/// Whose tokens are taken, and what they are good for.
#[derive(Debug)]
pub(crate) struct Issuer {
    /// What the policy calls it; the names of its callers begin so.
    pub(crate) name: String,
    /// `iss`.
    pub(crate) iss: String,
    /// `aud` has to be, or to have, one of them.
    pub(crate) audiences: Vec<String>,
    /// Those that its tokens may be signed by.
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) keys: Keys,
    pub(crate) grants: Grants,
}

/// Where an issuer's keys are.
#[derive(Debug)]
pub(crate) enum Keys {
    /// In the policy's files.
    Fixed(Vec<Key>),
    /// At a URL.
    Remote(Arc<RemoteKeys>),
}

/// What tokens are good for.
#[derive(Debug)]
pub(crate) struct Grants {
    /// The most.
    pub(crate) scopes: Scopes,
    /// The claim with the token's own.
    pub(crate) scopes_claim: String,
    /// The tenant, or what the tenant of the claim is within.
    pub(crate) tenant: Option<Tenant>,
    pub(crate) tenant_claim: Option<String>,
    pub(crate) profile: GrantedProfile,
}

/// What a token's uploads are held to.
#[derive(Debug)]
pub(crate) enum GrantedProfile {
    Fixed(Profile),
    /// The one that the claim names, if it is among these.
    Claim(String, BTreeMap<String, Profile>),
}

/// Why a token is not taken: for the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the token is not written as a signed JWT")]
    Malformed,
    #[error("the token's header has crit, of which nothing is understood")]
    Critical,
    #[error("the token is of another kind")]
    Type,
    #[error("the token's iss and aud are not those of one issuer of the policy")]
    Issuer,
    #[error("the token's alg is not among the issuer's algorithms")]
    Algorithm,
    #[error("there is no key for the token's kid and alg")]
    NoKey,
    #[error("the token's signature is not by the issuer's key")]
    Signature,
    #[error("the token has expired, or has no exp")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token has no sub that can be a name")]
    Subject,
    #[error("the token's scopes are neither a text nor a list of texts")]
    Scopes,
    #[error("the token has no claim that can be a tenant")]
    Tenant,
    #[error("the token has no claim with a profile that the issuer may give")]
    Profile,
}

/// The caller whose token this is.
pub(crate) fn caller(issuers: &[Issuer], token: &str, now: SystemTime) -> Result<Caller, Refused> {
    let token = Token::parse(token)?;
    let issuer = issuer(issuers, &token.claims)?;
    issuer.verify(&token)?;
    token.claims.in_time(now)?;
    issuer.grants.caller(&issuer.name, &token.claims)
}

/// The only one that the token can be of. One that fits two audiences would otherwise get its rights by chance.
fn issuer<'a>(issuers: &'a [Issuer], claims: &Claims) -> Result<&'a Issuer, Refused> {
    let issued_by = |issuer: &&Issuer| claims.are_by(&issuer.iss) && claims.are_for(&issuer.audiences);
    let mut fitting = issuers.iter().filter(issued_by);
    match (fitting.next(), fitting.next()) {
        (Some(issuer), None) => Ok(issuer),
        _ => Err(Refused::Issuer),
    }
}

impl Issuer {
    fn verify(&self, token: &Token<'_>) -> Result<(), Refused> {
        let algorithm = token
            .algorithm()
            .filter(|algorithm| self.algorithms.contains(algorithm));
        let algorithm = algorithm.ok_or(Refused::Algorithm)?;
        match &self.keys {
            Keys::Fixed(keys) => key::verify(keys, token, algorithm),
            Keys::Remote(remote) => {
                let verified = key::verify(&remote.keys(), token, algorithm);
                if verified == Err(Refused::NoKey) {
                    remote.want_newer();
                }
                verified
            }
        }
    }
}

impl Grants {
    fn caller(&self, issuer: &str, claims: &Claims) -> Result<Caller, Refused> {
        Ok(Caller {
            name: format!("{issuer}:{}", claims.subject()?),
            scopes: claims.scopes(&self.scopes_claim)?.and(self.scopes),
            tenant: self.tenant(claims)?,
            profile: match &self.profile {
                GrantedProfile::Fixed(profile) => profile.clone(),
                GrantedProfile::Claim(claim, profiles) => {
                    let named = claims.text(claim).and_then(|name| profiles.get(name));
                    named.ok_or(Refused::Profile)?.clone()
                }
            },
            names: Names::Any,
            drafts: None,
        })
    }

    fn tenant(&self, claims: &Claims) -> Result<Option<Tenant>, Refused> {
        let Some(claim) = &self.tenant_claim else {
            return Ok(self.tenant.clone());
        };
        // With a slash it would be within the tenant of somebody else.
        let own = claims.text(claim).filter(|own| !own.contains('/'));
        let own = own.ok_or(Refused::Tenant)?;
        let tenant = match &self.tenant {
            Some(tenant) => format!("{}{own}", tenant.prefix()).parse(),
            None => own.parse(),
        };
        tenant.map(Some).map_err(|_| Refused::Tenant)
    }
}
