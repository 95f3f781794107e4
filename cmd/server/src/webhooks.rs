//! The client that sends the requests to scanners, by Standard Webhooks.

use std::time::{Duration, SystemTime};

use draftstore_service::caller::WebhookScanner;
use draftstore_service::{ScanReply, ScanRequest, SignedReport, WebhookClient};
use draftstore_webhooks::{Client, Destination, Message, MessageId, PrivateHosts, Secrets, Signed};
use futures::FutureExt as _;
use futures::future::BoxFuture;

/// The timeout of one request with its response. A scanner that needs longer answers 202, and gets the request again.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum size of an answer in bytes.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// The client that sends the requests to scanners.
#[derive(Debug)]
pub(crate) struct Webhooks(Client);

impl Webhooks {
    pub(crate) fn new() -> Self {
        Self(Client::new(TIMEOUT, MAX_ANSWER_BYTES))
    }

    async fn send(
        &self,
        scanner: &WebhookScanner,
        private_hosts: &[String],
        request: ScanRequest,
    ) -> Result<ScanReply, String> {
        let hosts = PrivateHosts::try_from(private_hosts.to_vec()).map_err(|error| error.to_string())?;
        let destination = Destination::new(&scanner.url, &hosts).map_err(|error| error.to_string())?;
        let secrets = Secrets::try_from(scanner.secrets.expose().to_vec()).map_err(|error| error.to_string())?;
        let message = Message {
            id: request.id.parse::<MessageId>().map_err(|error| error.to_string())?,
            content_type: "application/json",
            body: request.body.into(),
        };
        let reply = self.0.post(&destination, &secrets, &message, SystemTime::now()).await;
        let reply = reply.map_err(|error| format!("{:#}", anyhow::Error::from(error)))?;
        let body = reply
            .body
            .map_err(|error| format!("{:#}", anyhow::Error::from(error)))?;
        Ok(ScanReply {
            status: reply.status.as_u16(),
            body: body.into(),
        })
    }
}

impl WebhookClient for Webhooks {
    fn post<'a>(
        &'a self,
        scanner: &'a WebhookScanner,
        private_hosts: &'a [String],
        request: ScanRequest,
    ) -> BoxFuture<'a, Result<ScanReply, String>> {
        self.send(scanner, private_hosts, request).boxed()
    }

    fn verify(&self, scanner: &WebhookScanner, report: &SignedReport<'_>, now: SystemTime) -> bool {
        let signed = Signed {
            id: report.id,
            timestamp: report.timestamp,
            signature: report.signature,
            body: report.body.as_bytes(),
        };
        let secrets = Secrets::try_from(scanner.secrets.expose().to_vec());
        secrets.is_ok_and(|secrets| secrets.verify(signed, now).is_ok())
    }
}
