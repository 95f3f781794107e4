//! JSON Web Tokens: verifies a token, and makes a caller of its claims.
//!
//! An unverified claim only selects one of the configured issuers and keys. Keys that a token contains or refers to
//! (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
//!
//! Source: RFC 7519, and RFC 8725 for known attacks.

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

/// An issuer of tokens, and the rights that its tokens grant.
#[derive(Debug)]
pub(crate) struct Issuer {
    /// The name in the policy. It is the prefix of the names of the issuer's callers.
    pub(crate) name: String,
    /// The value of `iss`.
    pub(crate) iss: String,
    /// The claim that has the audience.
    pub(crate) audience_claim: String,
    /// The accepted audiences, one of which a token must have.
    pub(crate) audiences: Vec<String>,
    /// The claims that a token must have, each with the accepted values.
    pub(crate) required: Vec<(String, Vec<String>)>,
    /// The algorithms that its tokens may be signed with.
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) keys: Keys,
    pub(crate) grants: Grants,
}

/// The keys of an issuer.
#[derive(Debug)]
pub(crate) enum Keys {
    /// Keys from a file of the policy.
    Fixed(Vec<Key>),
    /// Keys from a URL.
    Remote(Arc<RemoteKeys>),
}

/// The rights that the tokens of an issuer grant.
#[derive(Debug)]
pub(crate) struct Grants {
    /// The scopes that tokens can have at most.
    pub(crate) scopes: Scopes,
    /// The claim that has the scopes of a token.
    pub(crate) scopes_claim: String,
    /// The prefix of the scopes in that claim. Other scopes are ignored.
    pub(crate) scope_prefix: String,
    /// The scopes of a token without that claim.
    pub(crate) default_scopes: Scopes,
    /// The tenant of every token or, with `tenant_claim`, the parent of their tenants.
    pub(crate) tenant: Option<Tenant>,
    pub(crate) tenant_claim: Option<String>,
    pub(crate) profile: GrantedProfile,
}

/// The profile of an issuer's tokens.
#[derive(Debug)]
pub(crate) enum GrantedProfile {
    Fixed(Box<Profile>),
    /// The profile that this claim names. It must be one of these.
    Claim(String, BTreeMap<String, Profile>),
}

/// The reason why a token is rejected. It is only logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the token is not a signed JWT")]
    Malformed,
    #[error("the token has crit in its header, and no extension is supported")]
    Critical,
    #[error("the token's typ is not JWT or at+jwt")]
    Type,
    #[error("the token's iss and audience do not match exactly one issuer of the policy")]
    Issuer,
    #[error("the token's alg is not among the issuer's algorithms")]
    Algorithm,
    #[error("the issuer has no key for the token's kid and alg")]
    NoKey,
    #[error("the token's signature is invalid")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token has no exp")]
    NoExpiry,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token lacks a required claim, or has another value")]
    Required,
    #[error("the token has no valid sub")]
    Subject,
    #[error("the token's scopes are neither a string nor a list of strings")]
    Scopes,
    #[error("the token has no claim with a valid tenant")]
    Tenant,
    #[error("the token has no claim with a profile that the issuer may grant")]
    Profile,
}

/// Returns the algorithm with this name. `Ed25519` is the only curve of `EdDSA` that is supported.
///
/// Source: RFC 9864.
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "Ed25519" => Some(Algorithm::EdDSA),
        name => name.parse().ok(),
    }
}

/// Verifies a token and returns its caller.
pub(crate) fn caller(issuers: &[Issuer], token: &str, now: SystemTime) -> Result<Caller, TokenError> {
    let token = Token::parse(token)?;
    let issuer = issuer(issuers, &token.claims)?;
    issuer.verify(&token)?;
    token.claims.in_time(now)?;
    let has_required = issuer
        .required
        .iter()
        .all(|(claim, values)| token.claims.have_one(claim, values));
    has_required.then_some(()).ok_or(TokenError::Required)?;
    issuer.grants.caller(&issuer.name, &token.claims)
}

/// Returns the only issuer that matches the claims. A token that matches two of them is rejected, since its rights
/// would depend on chance.
fn issuer<'a>(issuers: &'a [Issuer], claims: &Claims) -> Result<&'a Issuer, TokenError> {
    let issued_by =
        |issuer: &&Issuer| claims.are_by(&issuer.iss) && claims.have_one(&issuer.audience_claim, &issuer.audiences);
    let mut fitting = issuers.iter().filter(issued_by);
    match (fitting.next(), fitting.next()) {
        (Some(issuer), None) => Ok(issuer),
        _ => Err(TokenError::Issuer),
    }
}

impl Issuer {
    fn verify(&self, token: &Token<'_>) -> Result<(), TokenError> {
        let algorithm = token
            .algorithm()
            .filter(|algorithm| self.algorithms.contains(algorithm));
        let algorithm = algorithm.ok_or(TokenError::Algorithm)?;
        match &self.keys {
            Keys::Fixed(keys) => key::verify(keys, token, algorithm),
            Keys::Remote(remote) => {
                let verified = key::verify(&remote.keys(), token, algorithm);
                if verified == Err(TokenError::NoKey) {
                    remote.request_refresh();
                }
                verified
            }
        }
    }
}

impl Grants {
    fn caller(&self, issuer: &str, claims: &Claims) -> Result<Caller, TokenError> {
        let name = format!("{issuer}:{}", claims.subject()?);
        Ok(Caller {
            principal: name.clone(),
            name,
            scopes: self.scopes(claims)?.intersection(self.scopes),
            tenant: self.tenant(claims)?,
            profile: match &self.profile {
                GrantedProfile::Fixed(profile) => Profile::clone(profile),
                GrantedProfile::Claim(claim, profiles) => {
                    let named = claims.text(claim).and_then(|name| profiles.get(name));
                    named.ok_or(TokenError::Profile)?.clone()
                }
            },
            names: Names::Any,
            drafts: None,
        })
    }

    fn scopes(&self, claims: &Claims) -> Result<Scopes, TokenError> {
        let scopes = claims.scopes(&self.scopes_claim, &self.scope_prefix)?;
        Ok(scopes.unwrap_or(self.default_scopes))
    }

    fn tenant(&self, claims: &Claims) -> Result<Option<Tenant>, TokenError> {
        let Some(claim) = &self.tenant_claim else {
            return Ok(self.tenant.clone());
        };
        // With a slash, it would be inside the tenant of another subject.
        let own = claims.text(claim).filter(|own| !own.contains('/'));
        let own = own.ok_or(TokenError::Tenant)?;
        let tenant = match &self.tenant {
            Some(tenant) => format!("{}{own}", tenant.prefix()).parse(),
            None => own.parse(),
        };
        tenant.map(Some).map_err(|_| TokenError::Tenant)
    }
}
