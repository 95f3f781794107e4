//! The issuers of the policy, whose tokens are accepted.

use std::collections::BTreeMap;

use draftstore_service::caller::Scopes;

use crate::jwt::{Algorithm, GrantedProfile, Grants, Issuer, Key, Keys, Remotes, algorithm, https, is_hmac, key_set};

use super::callers::scopes;
use super::file;
use super::problems::Problems;
use super::profiles::{Profiles, named};
use super::{CallerName, Sources};

/// The default claim of the audience. Source: RFC 7519, section 4.1.3.
const AUDIENCE_CLAIM: &str = "aud";

/// The default claim of scopes. Source: RFC 8693, section 4.2.
const SCOPES_CLAIM: &str = "scope";

/// Returns all valid issuers. No two of them accept the same tokens.
pub(super) fn issuers(
    sources: &Sources,
    profiles: &Profiles,
    remotes: &Remotes,
    problems: &mut Problems,
) -> Vec<Issuer> {
    let mut issuers: Vec<Issuer> = Vec::new();
    for (name, written) in &sources.file.issuers {
        let reading = Reading {
            place: format!("issuers.{name}"),
            written,
            sources,
            profiles,
        };
        problems.take(&reading.place, name.parse::<CallerName>());
        let Some(issuer) = reading.issuer(name, remotes, problems) else {
            continue;
        };
        let clashes = |other: &&Issuer| {
            other.iss == issuer.iss
                && other.audience_claim == issuer.audience_claim
                && other
                    .audiences
                    .iter()
                    .any(|audience| issuer.audiences.contains(audience))
        };
        if let Some(other) = issuers.iter().find(clashes) {
            let rule = format!("has the same issuer and audience as issuers.{}", other.name);
            problems.add(&reading.place, rule);
        }
        issuers.push(issuer);
    }
    issuers
}

/// An issuer being parsed, with its context.
struct Reading<'a> {
    place: String,
    written: &'a file::Issuer,
    sources: &'a Sources,
    profiles: &'a Profiles,
}

impl Reading<'_> {
    fn issuer(&self, name: &str, remotes: &Remotes, problems: &mut Problems) -> Option<Issuer> {
        let file::OneOrMore(audiences) = &self.written.audience;
        if self.written.iss.is_empty() {
            problems.add(self.at("issuer"), "must not be empty");
        }
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            problems.add(self.at("audience"), "must be a non-empty text, or a list of such texts");
        }
        let algorithms = self.algorithms(problems);
        let keys = algorithms
            .as_ref()
            .and_then(|algorithms| self.keys(algorithms, remotes, problems));
        let grants = self.grants(problems);
        Some(Issuer {
            name: name.to_owned(),
            iss: self.written.iss.clone(),
            audiences: audiences.clone(),
            audience_claim: self.claim(
                "audience_claim",
                self.written.audience_claim.as_ref(),
                AUDIENCE_CLAIM,
                problems,
            ),
            required: self.required(problems),
            algorithms: algorithms?,
            keys: keys?,
            grants,
        })
    }

    /// Returns the name of a claim, or its default.
    fn claim(&self, field: &str, written: Option<&String>, default: &str, problems: &mut Problems) -> String {
        if written.is_some_and(String::is_empty) {
            problems.add(self.at(field), "must name a claim");
        }
        written.map_or_else(|| default.to_owned(), Clone::clone)
    }

    /// Returns the claims that a token must have, with the accepted values.
    fn required(&self, problems: &mut Problems) -> Vec<(String, Vec<String>)> {
        let mut required = Vec::new();
        for (claim, file::OneOrMore(values)) in &self.written.required_claims {
            if claim.is_empty() || values.is_empty() {
                problems.add(
                    self.at("required_claims"),
                    "must name claims, each with at least one value",
                );
            }
            required.push((claim.clone(), values.clone()));
        }
        required
    }

    /// Returns the path of a field, for errors.
    fn at(&self, field: &str) -> String {
        format!("{}.{field}", self.place)
    }

    fn algorithms(&self, problems: &mut Problems) -> Option<Vec<Algorithm>> {
        let place = self.at("algorithms");
        if self.written.algorithms.is_empty() {
            problems.add(&place, "must name at least one algorithm");
        }
        let mut algorithms = Vec::new();
        for (index, text) in self.written.algorithms.iter().enumerate() {
            let rule = "must be one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, \
                        Ed25519";
            let known = algorithm(text).ok_or(rule);
            algorithms.extend(problems.take(format_args!("{place}[{index}]"), known));
        }
        let is_secret = self.written.secret_file.is_some();
        if algorithms.iter().any(|algorithm| is_hmac(*algorithm) != is_secret) {
            problems.add(
                &place,
                "must be HS256, HS384 or HS512 with secret_file, and must not be these with other keys",
            );
            return None;
        }
        let is_whole = !algorithms.is_empty() && algorithms.len() == self.written.algorithms.len();
        is_whole.then_some(algorithms)
    }

    fn keys(&self, algorithms: &[Algorithm], remotes: &Remotes, problems: &mut Problems) -> Option<Keys> {
        let written = self.written;
        let files = (&written.secret_file, &written.pem_file, &written.jwks_file);
        let keys = match (files, &written.jwks_url) {
            ((Some(name), None, None), None) => {
                let place = self.at("secret_file");
                let content = self.sources.content(&place, name, problems)?;
                vec![problems.take(place, Key::secret(content, algorithms))?]
            }
            ((None, Some(name), None), None) => {
                let place = self.at("pem_file");
                let content = self.sources.content(&place, name, problems)?;
                vec![problems.take(place, Key::pem(content, algorithms))?]
            }
            ((None, None, Some(name)), None) => {
                let place = self.at("jwks_file");
                let content = self.sources.content(&place, name, problems)?;
                problems.take(place, key_set(content))?
            }
            ((None, None, None), Some(url)) => {
                problems.take(self.at("jwks_url"), https(url))?;
                return Some(Keys::Remote(remotes.at(url)));
            }
            _ => {
                problems.add(
                    &self.place,
                    "must have exactly one of secret_file, pem_file, jwks_file and jwks_url",
                );
                return None;
            }
        };
        Some(Keys::Fixed(keys))
    }

    fn grants(&self, problems: &mut Problems) -> Grants {
        let written = self.written;
        let tenant = written.tenant.as_ref();
        Grants {
            scopes: scopes(&self.at("scopes"), &written.scopes, problems),
            scopes_claim: self.claim("scopes_claim", written.scopes_claim.as_ref(), SCOPES_CLAIM, problems),
            scope_prefix: written.scope_prefix.clone().unwrap_or_default(),
            default_scopes: match &written.default_scopes {
                Some(texts) => scopes(&self.at("default_scopes"), texts, problems),
                None => Scopes::NONE,
            },
            tenant: tenant.and_then(|text| problems.take(self.at("tenant"), text.parse())),
            tenant_claim: written.tenant_claim.clone(),
            profile: self.profile(problems),
        }
    }

    fn profile(&self, problems: &mut Problems) -> GrantedProfile {
        let written = self.written;
        match (&written.profile, &written.profile_claim, &written.profiles) {
            (None, None, None) => GrantedProfile::Fixed(Box::default()),
            (Some(name), None, None) => {
                let profile = named(self.profiles, &self.at("profile"), name, problems);
                GrantedProfile::Fixed(Box::new(profile.unwrap_or_default()))
            }
            (None, Some(claim), Some(names)) => {
                let mut listed = BTreeMap::new();
                for (index, name) in names.iter().enumerate() {
                    let place = self.at(&format!("profiles[{index}]"));
                    listed.extend(named(self.profiles, &place, name, problems).map(|profile| (name.clone(), profile)));
                }
                GrantedProfile::Claim(claim.clone(), listed)
            }
            _ => {
                problems.add(
                    &self.place,
                    "must have either profile, or profile_claim and profiles, or none of them",
                );
                GrantedProfile::Fixed(Box::default())
            }
        }
    }
}
