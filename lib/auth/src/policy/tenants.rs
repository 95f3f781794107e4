//! The namespaces of the tenants, which must not overlap.
//!
//! A tenant whose keys begin with those of another would be seen and changed by the other. The holder of a
//! token may choose the tenant in its claim, so each issuer with such tenants has a namespace of its own.

use draftstore_service::caller::Tenant;

use super::file::{File, Issuer};
use super::problems::Problems;

/// The keys of one tenant, or of all tenants that a claim may name.
#[derive(Debug)]
struct Namespace {
    /// The field that defines it.
    place: String,
    /// The prefix of its keys. Empty for claims without a parent.
    prefix: String,
    /// The tenants are values of a claim.
    from_claim: bool,
}

/// Checks that no two namespaces overlap. Callers may share a tenant that each of them names.
pub(super) fn check(file: &File, problems: &mut Problems) {
    let callers = file.callers.iter().filter_map(|(name, caller)| {
        let tenant = caller.tenant.as_deref()?;
        Namespace::fixed(format!("callers.{name}.tenant"), tenant)
    });
    let issuers = file
        .issuers
        .iter()
        .filter_map(|(name, issuer)| Namespace::of_issuer(name, issuer));
    let mut all: Vec<Namespace> = callers.chain(issuers).collect();
    all.sort_by(|one, other| one.prefix.cmp(&other.prefix));
    let mut outer: Vec<&Namespace> = Vec::new();
    for namespace in &all {
        while outer
            .last()
            .is_some_and(|last| !namespace.prefix.starts_with(&last.prefix))
        {
            outer.pop();
        }
        match outer.last() {
            Some(same) if namespace.prefix == same.prefix && !namespace.from_claim && !same.from_claim => {}
            Some(other) => {
                problems.add(&namespace.place, namespace.overlap(other));
                outer.push(namespace);
            }
            None => outer.push(namespace),
        }
    }
}

/// Returns the tenants that the policy names, the longest first. An invalid one is an error of its own.
pub(super) fn named(file: &File) -> Vec<Tenant> {
    let callers = file.callers.values().filter_map(|caller| caller.tenant.as_ref());
    let issuers = file.issuers.values().filter_map(|issuer| issuer.tenant.as_ref());
    let webhooks = file
        .webhooks
        .iter()
        .filter_map(|webhook| webhook.tenants.as_ref())
        .flatten();
    let all = callers.chain(issuers).chain(webhooks);
    let mut all: Vec<Tenant> = all.filter_map(|text| text.parse().ok()).collect();
    all.sort_by_key(|tenant| std::cmp::Reverse(tenant.prefix().len()));
    all
}

impl Namespace {
    /// Returns `None` for an invalid tenant, which is an error of its own.
    fn fixed(place: String, tenant: &str) -> Option<Self> {
        let tenant: Tenant = tenant.parse().ok()?;
        Some(Self {
            place,
            prefix: tenant.prefix().to_owned(),
            from_claim: false,
        })
    }

    fn of_issuer(name: &str, issuer: &Issuer) -> Option<Self> {
        let fixed = |tenant: &String| Self::fixed(format!("issuers.{name}.tenant"), tenant);
        if issuer.tenant_claim.is_none() {
            return issuer.tenant.as_ref().and_then(fixed);
        }
        let parent = issuer.tenant.as_ref().map(fixed);
        Some(Self {
            place: format!("issuers.{name}.tenant_claim"),
            prefix: parent.map_or(Some(String::new()), |parent| Some(parent?.prefix))?,
            from_claim: true,
        })
    }

    fn overlap(&self, other: &Self) -> String {
        let (this, that) = (self.description(), other.description());
        let remedy = if self.from_claim || other.from_claim {
            ": an issuer with tenant_claim needs a tenant that no other caller or issuer is in"
        } else {
            ""
        };
        format!("{this} overlaps with {that} of {}{remedy}", other.place)
    }

    fn description(&self) -> String {
        match (self.prefix.trim_end_matches('/'), self.from_claim) {
            (tenant, false) => format!("the tenant '{tenant}'"),
            ("", true) => "any tenant".to_owned(),
            (parent, true) => format!("any tenant under '{parent}/'"),
        }
    }
}
