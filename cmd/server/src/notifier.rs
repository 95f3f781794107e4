//! Notifications of the embedded store about new objects, to a webhook and in the form of MinIO's.
//!
//! Delivery is best effort: what is not accepted after a few tries is logged and dropped.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use draftstore_config::parse::UrlWithUser;
use draftstore_config::{Environment, Invalid, Section, Settings as _, parse, settings};
use draftstore_embedded::CreatedObject;
use draftstore_runtime::HttpClient;
use hyper::{Request, header};
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;

/// The maximum number of objects that wait for their notification.
const QUEUE: usize = 10_000;

/// The maximum number of notifications that are sent at the same time.
const MAX_CONCURRENT: usize = 8;

/// The timeout of a notification.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum size of a response, in bytes.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The pauses before a notification is sent again.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(16)];

settings! {
    #[derive(Debug)]
    struct WebhookVariables in "Embedded store" {
        /// The URL that the embedded store notifies of new objects, as MinIO does.
        url: Option<UrlWithUser> = "EMBEDDED_WEBHOOK_URL", unset "none", parse::url_with_user;
        /// The bearer token of these notifications.
        token: Option<String> = "EMBEDDED_WEBHOOK_TOKEN", unset "none", parse::text;
    }
}

/// The webhook of the embedded store.
#[derive(Clone)]
pub(crate) struct WebhookSettings {
    url: String,
    token: Option<String>,
}

impl WebhookSettings {
    /// The description of the settings.
    pub(crate) const SECTION: Section = WebhookVariables::SECTION;

    /// Reads the settings. `None` if there is no webhook.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub(crate) fn load(environment: &mut Environment) -> Result<Option<Self>, Invalid> {
        let WebhookVariables { url, token } = environment.load()?;
        match (url, token) {
            (None, None) => Ok(None),
            (Some(UrlWithUser { url, user: None }), token) => Ok(Some(Self { url, token })),
            (Some(_), _) => environment.reject(
                "EMBEDDED_WEBHOOK_URL",
                "must not have a user: set EMBEDDED_WEBHOOK_TOKEN",
            ),
            (None, Some(_)) => environment.reject(
                "EMBEDDED_WEBHOOK_TOKEN",
                "must be set together with EMBEDDED_WEBHOOK_URL",
            ),
        }
    }
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSettings")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Starts to send the notifications, and returns the queue of new objects.
pub(crate) fn start(settings: WebhookSettings) -> mpsc::Sender<CreatedObject> {
    let (queue, mut objects) = mpsc::channel(QUEUE);
    let webhook = Arc::new(Webhook {
        settings,
        client: HttpClient::new(TIMEOUT, MAX_RESPONSE_BYTES),
    });
    let slots = Arc::new(Semaphore::new(MAX_CONCURRENT));
    tokio::spawn(async move {
        while let Some(object) = objects.recv().await {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            let webhook = Arc::clone(&webhook);
            tokio::spawn(async move {
                webhook.notify(&object).await;
                drop(slot);
            });
        }
    });
    queue
}

#[derive(Debug)]
struct Webhook {
    settings: WebhookSettings,
    client: HttpClient,
}

impl Webhook {
    async fn notify(&self, object: &CreatedObject) {
        let body = body(object);
        for pause in PAUSES.iter().map(Some).chain([None]) {
            let Err(error) = self.send(&body).await else {
                return;
            };
            if let Some(pause) = pause {
                sleep(*pause).await;
            } else {
                let error = format!("{error:#}");
                tracing::warn!(object.key = object.key, error, "notification not delivered");
            }
        }
    }

    async fn send(&self, body: &str) -> anyhow::Result<()> {
        let mut request = Request::post(&self.settings.url).header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.settings.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(body.to_owned())
            .context("EMBEDDED_WEBHOOK_TOKEN is no header value")?;
        let status = self.client.send(request).await?.status();
        ensure!(status.is_success(), "the webhook answered {status}");
        Ok(())
    }
}

/// Returns the notification as MinIO writes it.
///
/// Source: <https://min.io/docs/minio/linux/administration/monitoring/bucket-notifications.html>
fn body(object: &CreatedObject) -> String {
    let CreatedObject {
        event,
        bucket,
        key,
        size,
        etag,
        created_at,
        sequencer,
    } = object;
    let event = format!("s3:ObjectCreated:{event}");
    let encoded: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
    json!({
        "EventName": event,
        "Key": format!("{bucket}/{key}"),
        "Records": [{
            "eventVersion": "2.0",
            "eventSource": "draftstore:s3",
            "awsRegion": "",
            "eventTime": created_at,
            "eventName": event,
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "Config",
                "bucket": {"name": bucket, "arn": format!("arn:aws:s3:::{bucket}")},
                "object": {"key": encoded, "size": size, "eTag": etag, "sequencer": sequencer},
            },
        }],
    })
    .to_string()
}
