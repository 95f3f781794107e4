//! How long things live.

use draftstore_service::Policy;

use super::errors::Errors;
use super::values::Seconds;
use super::variables::Values;

const DEFAULT_URL_TTL: Seconds = Seconds(3600);
const DEFAULT_OBJECT_LIFETIME: Seconds = Seconds(86_400);
const DEFAULT_SWEEP_GRACE: Seconds = Seconds(900);

/// The policy, if its durations make one.
pub(super) fn policy(values: &mut Values, errors: &mut Errors) -> Option<Policy> {
    let mut seconds = |name, value: &mut Option<String>, default| match value.take() {
        Some(text) => errors.parse::<Seconds>(name, Some(text)),
        None => Some(default),
    };
    let upload = seconds("UPLOAD_TTL", &mut values.upload_ttl, DEFAULT_URL_TTL);
    let download = seconds("DOWNLOAD_TTL", &mut values.download_ttl, DEFAULT_URL_TTL);
    let lifetime = seconds("OBJECT_LIFETIME", &mut values.object_lifetime, DEFAULT_OBJECT_LIFETIME);
    let default_grace = lifetime.map_or(DEFAULT_SWEEP_GRACE, |Seconds(lifetime)| {
        Seconds(lifetime / 4).min(DEFAULT_SWEEP_GRACE)
    });
    let grace = seconds("SWEEP_GRACE", &mut values.sweep_grace, default_grace);
    let policy = Policy::new(
        upload?.duration(),
        download?.duration(),
        lifetime?.duration(),
        grace?.duration(),
    );
    policy.map_err(|error| errors.add(error.to_string())).ok()
}
