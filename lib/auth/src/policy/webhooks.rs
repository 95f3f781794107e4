//! The webhooks of the policy: endpoints that events are sent to.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use draftstore_service::caller::{HiddenTexts, Tenant};
use draftstore_service::events::{Endpoint, EndpointName, Endpoints, EventId, EventKind, Outcome};
use draftstore_webhooks::{Client, Destination, Message, PrivateHosts, Secrets};

use super::Sources;
use super::file;
use super::problems::Problems;

/// The timeout of a request to an endpoint.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The maximum length of a response body in bytes. The body is ignored, and a longer one closes the connection.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The default number of events that are sent to an endpoint at a time.
const DEFAULT_CONCURRENCY: usize = 16;

/// The maximum of that number.
const MAX_CONCURRENCY: usize = 256;

/// The media type of an event.
const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The client of all webhooks, which is created for the first webhook. Policies share it, and its connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sender(Arc<OnceLock<Client>>);

impl Sender {
    fn client(&self) -> &Client {
        self.0.get_or_init(|| Client::new(TIMEOUT, MAX_BODY_BYTES))
    }
}

/// A webhook of a policy.
#[derive(Debug)]
struct Webhook {
    name: EndpointName,
    destination: Destination,
    secrets: Secrets,
    kinds: Vec<EventKind>,
    tenants: Option<Vec<Tenant>>,
    concurrency: usize,
    sender: Sender,
}

pub(super) fn endpoints(sources: &Sources, sender: &Sender, problems: &mut Problems) -> Endpoints {
    if !sources.file.webhooks.is_empty() {
        // Not with the first event, which would wait for the certificates of this machine.
        sender.client();
    }
    let mut names = BTreeSet::new();
    let webhooks = sources.file.webhooks.iter().enumerate();
    let webhooks = webhooks.filter_map(|(index, written)| {
        let place = format!("webhooks[{index}]");
        if !names.insert(&written.name) {
            problems.add(
                format_args!("{place}.name"),
                format_args!("{} is listed twice", written.name),
            );
        }
        let webhook = webhook(&place, written, sources, sender, problems)?;
        Some(Arc::new(webhook) as Arc<dyn Endpoint>)
    });
    webhooks.collect()
}

fn webhook(
    place: &str,
    written: &file::Webhook,
    sources: &Sources,
    sender: &Sender,
    problems: &mut Problems,
) -> Option<Webhook> {
    let name = problems.take(format_args!("{place}.name"), written.name.parse());
    let hosts = PrivateHosts::try_from(written.private_hosts.clone());
    let hosts = problems.take(format_args!("{place}.private_hosts"), hosts);
    let destination = Destination::new(&written.url, &hosts.unwrap_or_default());
    let destination = problems.take(format_args!("{place}.url"), destination);
    let secrets = secrets(
        place,
        &written.secrets,
        written.secrets_file.as_deref(),
        sources,
        problems,
    );
    if written.events.is_empty() {
        problems.add(format_args!("{place}.events"), "must name at least one kind of event");
    }
    let kinds = problems.each(format_args!("{place}.events"), &written.events);
    let tenants = written.tenants.as_ref().map(|texts| {
        let place = format!("{place}.tenants");
        if texts.is_empty() {
            problems.add(&place, "must name a tenant: leave it out for the events of all callers");
        }
        problems.each(&place, texts)
    });
    let concurrency = written.concurrency.unwrap_or(DEFAULT_CONCURRENCY);
    if !(1..=MAX_CONCURRENCY).contains(&concurrency) {
        let rule = format!("must be 1 to {MAX_CONCURRENCY}");
        problems.add(format_args!("{place}.concurrency"), rule);
    }
    Some(Webhook {
        name: name?,
        destination: destination?,
        secrets: secrets?.1,
        kinds,
        tenants,
        concurrency,
        sender: sender.clone(),
    })
}

/// Returns the secrets of a webhook or a scanner, or of the file that it names instead, as texts too.
pub(super) fn secrets(
    place: &str,
    written: &HiddenTexts,
    file: Option<&str>,
    sources: &Sources,
    problems: &mut Problems,
) -> Option<(HiddenTexts, Secrets)> {
    let Some(name) = file else {
        let secrets = Secrets::try_from(written.expose().to_vec());
        return Some((
            written.clone(),
            problems.take(format_args!("{place}.secrets"), secrets)?,
        ));
    };
    let place = format!("{place}.secrets_file");
    if !written.expose().is_empty() {
        problems.add(&place, "must not be given beside secrets");
    }
    let content = sources.content(&place, name, problems)?;
    let content = problems.take(&place, std::str::from_utf8(content))?;
    let lines = content.lines().map(str::trim).filter(|line| !line.is_empty());
    let texts: Vec<_> = lines.map(str::to_owned).collect();
    let secrets = problems.take(&place, Secrets::try_from(texts.clone()))?;
    Some((texts.into(), secrets))
}

#[async_trait]
impl Endpoint for Webhook {
    fn name(&self) -> &EndpointName {
        &self.name
    }

    fn names(&self, kind: EventKind) -> bool {
        self.kinds.contains(&kind)
    }

    fn wants(&self, kind: EventKind, tenant: Option<&Tenant>) -> bool {
        let is_of_tenants = |tenants: &Vec<Tenant>| {
            let tenant = tenant.map_or("", Tenant::prefix);
            tenants.iter().any(|parent| tenant.starts_with(parent.prefix()))
        };
        self.names(kind) && self.tenants.as_ref().is_none_or(is_of_tenants)
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    async fn send(&self, id: EventId, json: Bytes, now: SystemTime) -> Outcome {
        let Ok(message_id) = id.to_string().parse() else {
            return Outcome::Failed { retry_after: None };
        };
        let message = Message {
            id: message_id,
            content_type: CONTENT_TYPE,
            body: json,
        };
        let client = self.sender.client();
        let (endpoint, event) = (self.name.as_str(), id.to_string());
        match client.post(&self.destination, &self.secrets, &message, now).await {
            Ok(reply) if reply.status.is_success() => Outcome::Delivered,
            Ok(reply) if reply.status.as_u16() == 410 => {
                tracing::warn!(webhook = endpoint, event.id = event, "webhook disabled");
                Outcome::Gone
            }
            Ok(reply) => {
                tracing::warn!(
                    endpoint,
                    event.id = event,
                    status = reply.status.as_u16(),
                    "event not acknowledged"
                );
                let retry_after = reply.retry_after;
                Outcome::Failed { retry_after }
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(webhook = endpoint, event.id = event, error, "event not acknowledged");
                Outcome::Failed { retry_after: None }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_of_a_tenant_is_told_of_those_below_it() {
        let destination = Destination::new("https://a.example/", &PrivateHosts::default());
        let secrets = Secrets::try_from(vec![format!("whsec_{}", "A".repeat(32))]);
        let webhook = Webhook {
            name: "a".parse().expect("a name"),
            destination: destination.expect("a URL"),
            secrets: secrets.expect("a secret"),
            kinds: vec![EventKind::DraftConfirmed],
            tenants: Some(vec!["users".parse().expect("a tenant")]),
            concurrency: 1,
            sender: Sender::default(),
        };
        for (tenant, wants) in [
            (Some("users"), true),
            (Some("users/ada"), true),
            (Some("users2"), false),
            (Some("shop"), false),
            (None, false),
        ] {
            let parsed = tenant.map(|tenant| tenant.parse::<Tenant>().expect("a tenant"));
            assert_eq!(
                webhook.wants(EventKind::DraftConfirmed, parsed.as_ref()),
                wants,
                "{tenant:?}"
            );
        }
    }
}
