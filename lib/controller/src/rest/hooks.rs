//! `POST /hooks/s3`: notifications of the store about new objects.
//!
//! A notification needs the shared token, or a signature of SNS. Its content is only a hint: the server looks up the
//! object itself, and acts on what it finds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::http::{HeaderName, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use draftstore_auth::Unauthenticated;
use draftstore_config::{Environment, Invalid, Section, Settings as _, parse, settings};
use draftstore_notifications::{InvalidMessage, MessageKind, NewObject, SnsMessage, TopicArn, new_objects};
use draftstore_runtime::{HttpClient, HttpError};
use draftstore_service::Error;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::Api;
use crate::errors::Failure;
use crate::gate::Bounds;
use crate::labels::HOOK;
use crate::refusal::Refusal;

/// The path of the route.
pub(crate) const PATH: &str = "/hooks/s3";

/// The bounds of a notification. A message of SNS has up to 256 KiB, in JSON.
pub(super) const BOUNDS: Bounds = Bounds {
    rpc: HOOK,
    scopes: &[],
    max_bytes: 512 * 1024,
    envelope: 0,
    is_long: false,
    is_confirm: false,
    is_stream: false,
};

/// The header of every message of SNS.
const SNS_MESSAGE_TYPE: HeaderName = HeaderName::from_static("x-amz-sns-message-type");

/// The minimum length of the shared token, in bytes.
const MIN_TOKEN_BYTES: usize = 16;

/// The timeout of a request to SNS.
const SNS_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum size of a response of SNS, in bytes. A certificate has about 2 KB.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The maximum number of requests to SNS at the same time, which messages of anybody can cause.
const MAX_REQUESTS: usize = 4;

/// The shortest time between two requests for certificates, which messages of anybody can cause. A certificate that has verified
/// a message is kept, so that a flood of forged ones does not hold up the others.
const CERTIFICATE_INTERVAL: Duration = Duration::from_secs(1);

/// The maximum number of certificates that are kept. SNS changes its own every year.
const MAX_CERTIFICATES: usize = 8;

/// The seconds after which a notification is to be sent again whose draft is still being confirmed.
const RETRY_AFTER: &str = "5";

/// The time that a notification waits for the confirms which it starts, all together.
const CONFIRM_WAIT: Duration = Duration::from_secs(3);

/// The maximum number of objects of a notification that are looked at at the same time.
const MAX_LOOKS: usize = 16;

settings! {
    #[derive(Debug)]
    struct HookVariables in "Notifications" {
        /// The bearer token of notifications at `/hooks/s3`, at least 16 characters. MinIO, the embedded store and EventBridge send it.
        token: Option<String> = "HOOK_TOKEN", unset "none", parse::text;
        /// The ARNs of the SNS topics whose notifications are accepted at `/hooks/s3`, with commas between.
        sns_topics: Option<Vec<TopicArn>> = "HOOK_SNS_TOPICS", unset "none", topics;
    }
}

/// The settings of notifications. Their route is off if there is neither a token nor a topic.
#[derive(Clone, Default)]
pub struct HookSettings {
    token: Option<String>,
    sns_topics: Vec<TopicArn>,
}

impl HookSettings {
    /// The description of the settings.
    pub const SECTION: Section = HookVariables::SECTION;

    /// Reads the settings.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub fn load(environment: &mut Environment) -> Result<Self, Invalid> {
        let HookVariables { token, sns_topics } = environment.load()?;
        let is_token = |token: &String| token.len() >= MIN_TOKEN_BYTES && token.bytes().all(|b| b.is_ascii_graphic());
        if token.as_ref().is_some_and(|token| !is_token(token)) {
            let rule = format!("must be at least {MIN_TOKEN_BYTES} visible ASCII characters");
            return environment.reject("HOOK_TOKEN", rule);
        }
        Ok(Self {
            token,
            sns_topics: sns_topics.unwrap_or_default(),
        })
    }
}

impl std::fmt::Debug for HookSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HookSettings")
            .field("sns_topics", &self.sns_topics)
            .finish_non_exhaustive()
    }
}

fn topics(text: &str) -> Result<Vec<TopicArn>, &'static str> {
    text.split(',').map(|topic| topic.trim().parse()).collect()
}

/// The receiver of notifications. Clones share it.
#[derive(Debug, Clone)]
pub struct Hooks(Arc<Inner>);

struct Inner {
    /// The SHA-256 of the shared token, so that comparing it takes the same time for every token.
    token: Option<[u8; 32]>,
    topics: Vec<TopicArn>,
    sns: HttpClient,
    requests: Semaphore,
    /// Certificates in PEM that have verified a message, by their URLs.
    certificates: Mutex<BTreeMap<String, Bytes>>,
    /// The time of the last request for a certificate.
    requested: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

/// The reason why SNS did not answer as it should.
#[derive(Debug, thiserror::Error)]
enum SnsError {
    #[error("too many requests to SNS")]
    Busy,
    #[error("the URL is invalid")]
    Url(#[source] hyper::http::Error),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("SNS answered with status {0}")]
    Status(u16),
}

impl Hooks {
    /// Creates the receiver, or returns `None` if the settings accept no notification.
    pub fn new(settings: HookSettings) -> Option<Self> {
        if settings.token.is_none() && settings.sns_topics.is_empty() {
            return None;
        }
        Some(Self(Arc::new(Inner {
            token: settings.token.map(|token| sha256(&token)),
            topics: settings.sns_topics,
            sns: HttpClient::new(SNS_TIMEOUT, MAX_RESPONSE_BYTES),
            requests: Semaphore::new(MAX_REQUESTS),
            certificates: Mutex::default(),
            requested: Mutex::default(),
        })))
    }

    /// Looks at the objects of a notification.
    pub(super) async fn receive(&self, api: &Api, request: Request<Bytes>) -> Result<Response, Failure> {
        let objects = if request.headers().contains_key(SNS_MESSAGE_TYPE) {
            self.of_sns(request.body()).await?
        } else {
            self.check_token(&request)?;
            events(request.body())?
        };
        let until = Instant::now() + CONFIRM_WAIT;
        let look = |NewObject { bucket, key }| async move { api.look_at(&bucket, &key, until).await };
        let looks = stream::iter(objects).map(look);
        let is_done = looks
            .buffer_unordered(MAX_LOOKS)
            .try_fold(true, |all, done| async move { Ok(all && done) })
            .await?;
        // The sender keeps the notification until everything that follows from it is done, so that a crash loses nothing.
        if is_done {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let again = "a draft is still being confirmed: send the notification again";
        Ok((
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, RETRY_AFTER)],
            again,
        )
            .into_response())
    }

    fn check_token(&self, request: &Request<Bytes>) -> Result<(), Refusal> {
        let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Unauthenticated::Missing.into());
        };
        let bearer = value.to_str().ok().and_then(|value| value.split_once(' '));
        let token = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let is_ours = token.is_some_and(|(_, token)| self.0.token == Some(sha256(token.trim())));
        is_ours.then_some(()).ok_or(Unauthenticated::Invalid.into())
    }

    /// Returns the objects of a message of SNS whose signature is valid. Confirms a subscription of a configured topic.
    async fn of_sns(&self, body: &[u8]) -> Result<Vec<NewObject>, Failure> {
        let message = SnsMessage::read(body, &self.0.topics).map_err(refused)?;
        let url = message.certificate_url();
        let kept = self.certificates().get(url).cloned();
        let certificate = match &kept {
            Some(certificate) => certificate.clone(),
            None => self.certificate(url).await.map_err(unavailable)?,
        };
        message.verify(&certificate, SystemTime::now()).map_err(refused)?;
        if kept.is_none() {
            self.keep(url, certificate);
        }
        match (message.kind(), message.subscribe_url()) {
            (MessageKind::Notification, _) => events(message.message().as_bytes()),
            (MessageKind::SubscriptionConfirmation, Some(url)) => {
                self.get(url).await.map_err(unavailable)?;
                tracing::info!("topic subscription confirmed");
                Ok(Vec::new())
            }
            (MessageKind::SubscriptionConfirmation | MessageKind::UnsubscribeConfirmation, _) => {
                tracing::warn!("topic subscription ended");
                Ok(Vec::new())
            }
        }
    }

    fn certificates(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.0.certificates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, url: &str, certificate: Bytes) {
        let mut kept = self.certificates();
        if kept.len() >= MAX_CERTIFICATES {
            kept.clear();
        }
        kept.insert(url.to_owned(), certificate);
    }

    /// Fetches a certificate that has not verified a message yet.
    async fn certificate(&self, url: &str) -> Result<Bytes, SnsError> {
        {
            let mut requested = self.0.requested.lock().unwrap_or_else(PoisonError::into_inner);
            if requested.is_some_and(|at| at.elapsed() < CERTIFICATE_INTERVAL) {
                return Err(SnsError::Busy);
            }
            *requested = Some(Instant::now());
        }
        self.get(url).await
    }

    /// Fetches a URL of SNS. A redirect is an error, and is not followed.
    async fn get(&self, url: &str) -> Result<Bytes, SnsError> {
        let _permit = self.0.requests.try_acquire().map_err(|_| SnsError::Busy)?;
        let request = Request::get(url).body(Bytes::new()).map_err(SnsError::Url)?;
        let response = self.0.sns.send(request).await?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(SnsError::Status(status.as_u16())),
        }
    }
}

fn events(body: &[u8]) -> Result<Vec<NewObject>, Failure> {
    new_objects(body).map_err(|error| Failure::invalid("body", &error.to_string()))
}

fn refused(error: InvalidMessage) -> Failure {
    match error {
        InvalidMessage::Form => Failure::invalid("body", &error.to_string()),
        InvalidMessage::Topic | InvalidMessage::Url | InvalidMessage::Certificate | InvalidMessage::Signature => {
            tracing::debug!(reason = %error, "topic message rejected");
            Refusal::from(Unauthenticated::Invalid).into()
        }
    }
}

fn unavailable(error: SnsError) -> Failure {
    Error::StoreUnavailable(Box::new(error)).into()
}

fn sha256(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<HookSettings, String> {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let settings = HookSettings::load(&mut environment);
        environment.finish(settings).map_err(|error| error.to_string())
    }

    #[test]
    fn notifications_are_off_unless_configured() {
        assert!(Hooks::new(load(&[]).expect("valid")).is_none());
        let topics = "arn:aws:sns:eu-west-1:1:a, arn:aws:sns:eu-west-1:1:b";
        for pair in [("HOOK_TOKEN", "0123456789abcdef"), ("HOOK_SNS_TOPICS", topics)] {
            assert!(Hooks::new(load(&[pair]).expect("valid")).is_some());
        }
    }

    #[tokio::test]
    async fn forged_messages_cause_few_requests_for_certificates() {
        let hooks = Hooks::new(load(&[("HOOK_TOKEN", "0123456789abcdef")]).expect("valid")).expect("on");
        // Nothing listens there.
        let url = "http://127.0.0.1:1/a.pem";
        let first = hooks.certificate(url).await;
        assert!(matches!(first, Err(SnsError::Http(_))), "{first:?}");
        *hooks.0.requested.lock().expect("not poisoned") = Some(Instant::now());
        let second = hooks.certificate(url).await;
        assert!(matches!(second, Err(SnsError::Busy)), "{second:?}");
        hooks.keep(url, Bytes::from_static(b"proven"));
        assert_eq!(
            hooks.certificates().get(url).map(|kept| &kept[..]),
            Some(&b"proven"[..])
        );
    }

    #[test]
    fn bad_settings_are_named_and_the_token_is_never_shown() {
        for (name, value) in [
            ("HOOK_TOKEN", "short"),
            ("HOOK_TOKEN", "has a space inside"),
            ("HOOK_SNS_TOPICS", "a"),
        ] {
            let error = load(&[(name, value)]).expect_err("refused");
            assert!(error.contains(name), "{error}");
            assert!(name != "HOOK_TOKEN" || !error.contains(value), "{error}");
        }
        let settings = load(&[("HOOK_TOKEN", "0123456789abcdef")]).expect("valid");
        assert!(!format!("{settings:?} {:?}", Hooks::new(settings.clone())).contains("0123456789abcdef"));
    }
}
