//! The configured store. The embedded store is started here.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::http::uri::Authority;
use draftstore_connections::{ConnectionLimits, HostRules};
use draftstore_cronjob::ConfiguredStore;
use draftstore_embedded::{CreatedObject, Credentials, EmbeddedConfig, EmbeddedSettings, EmbeddedStore, UploadOnly};
use draftstore_s3::{self as s3, S3Storage, Signing, StaticCredentials};
use draftstore_service::StoreProfile;
use draftstore_storage::{CallObserver, Capabilities, DraftBucket};
use tokio::sync::mpsc;

/// A client of the store, and the embedded store if it runs in this process.
pub(crate) struct OpenStore {
    pub(crate) storage: Arc<S3Storage>,
    pub(crate) embedded: Option<EmbeddedStore>,
    /// The conditions that the store is known to enforce.
    pub(crate) profile: StoreProfile,
    /// The endpoint for clients, or the region of AWS, for logs and reports.
    pub(crate) name: String,
    /// The access key of the embedded store.
    pub(crate) access_key: Option<StaticCredentials>,
}

/// The limits of the embedded store's port.
#[derive(Debug, Default)]
pub(crate) struct StorePort {
    pub(crate) limits: ConnectionLimits,
    /// The names by which it may be called, if the server requires no credentials.
    pub(crate) hosts: Option<Vec<String>>,
    /// The receiver of the events of new objects.
    pub(crate) created: Option<mpsc::Sender<CreatedObject>>,
}

/// Starts the embedded store if it is configured, and connects to the store.
///
/// # Errors
/// An error if the embedded store cannot start, or if the settings are invalid.
pub(crate) async fn open(
    store: ConfiguredStore,
    port: StorePort,
    draft: &DraftBucket,
    observer: Option<Arc<dyn CallObserver>>,
) -> anyhow::Result<OpenStore> {
    let (mut settings, embedded) = match store {
        ConfiguredStore::S3(settings) => (settings, None),
        ConfiguredStore::Embedded(embedded, client) => {
            let (settings, running) = start(&embedded, port, client, draft).await?;
            (settings, Some(running))
        }
    };
    let signer = match &settings.signing {
        Some(Signing::Static(_)) => "separate key pair",
        Some(Signing::Role { .. }) => "separate role",
        None => "credentials of the calls",
    };
    tracing::info!(signer, "upload signer selected");
    settings.observer = observer;
    let access_key = settings.credentials.clone();
    let storage = S3Storage::connect(settings).await?;
    let profile = match embedded {
        // The conformance suite holds the embedded store to every condition.
        Some(_) => StoreProfile::known(Capabilities::ALL),
        None => StoreProfile::default(),
    };
    Ok(OpenStore {
        access_key,
        profile,
        name: embedded
            .as_ref()
            .map_or_else(|| storage.name().to_owned(), EmbeddedStore::endpoint),
        storage: Arc::new(storage),
        embedded,
    })
}

async fn start(
    embedded: &EmbeddedSettings,
    port: StorePort,
    client: s3::Settings,
    draft: &DraftBucket,
) -> anyhow::Result<(s3::Settings, EmbeddedStore)> {
    let credentials = match &client.credentials {
        Some(given) => pair(given),
        None => Credentials::load_or_create(&embedded.data_dir).with_context(|| unusable(embedded))?,
    };
    let signing = signing_pair(embedded, &client)?;
    let settings = EmbeddedConfig {
        data_dir: embedded.data_dir.clone(),
        listen: SocketAddr::from((embedded.address, embedded.port)),
        credentials: credentials.clone(),
        upload_only: Some(UploadOnly {
            credentials: signing.clone(),
            bucket: draft.name().to_string(),
        }),
        limits: port.limits,
        hosts: port.hosts.map(|hosts| {
            let public = client.public_endpoint.as_deref().and_then(host_of);
            HostRules::new(hosts.into_iter().chain(public))
        }),
        restore_wait: embedded.restore_wait,
        created: port.created,
    };
    let running = EmbeddedStore::start(settings)
        .await
        .context("cannot start the embedded store")?;
    let client = embedded_client(client, running.endpoint(), &credentials, &signing);
    let public_endpoint = client.public_endpoint.or(client.endpoint);
    let client = s3::Settings {
        endpoint: Some(running.own_endpoint()),
        public_endpoint,
        ..client
    };
    Ok((client, running))
}

/// Returns the key pair that signs uploads to the embedded store.
///
/// # Errors
/// If none is configured and the one in the data directory cannot be used.
pub(crate) fn signing_pair(embedded: &EmbeddedSettings, client: &s3::Settings) -> anyhow::Result<Credentials> {
    if let Some(Signing::Static(given)) = &client.signing {
        return Ok(pair(given));
    }
    Credentials::load_or_create_upload_only(&embedded.data_dir).with_context(|| unusable(embedded))
}

/// Returns the message for a data directory that cannot be read or written.
pub(crate) fn unusable(embedded: &EmbeddedSettings) -> String {
    let directory = embedded.data_dir.display();
    format!("the embedded store cannot use its data directory {directory} (EMBEDDED_DATA_DIR)")
}

/// Returns the settings of a client of the embedded store at this endpoint.
pub(crate) fn embedded_client(
    client: s3::Settings,
    endpoint: String,
    credentials: &Credentials,
    signing: &Credentials,
) -> s3::Settings {
    let pair = |pair: &Credentials| StaticCredentials::new(&pair.access_key_id, &pair.secret_access_key);
    s3::Settings {
        endpoint: Some(endpoint),
        credentials: Some(pair(credentials)),
        signing: Some(Signing::Static(pair(signing))),
        is_direct: true,
        ..client
    }
}

/// Returns the key pair of credentials that were configured.
pub(crate) fn pair(given: &StaticCredentials) -> Credentials {
    Credentials {
        access_key_id: given.access_key_id.clone(),
        secret_access_key: given.secret_access_key.clone(),
    }
}

/// Returns the host of a URL, without its port.
fn host_of(url: &str) -> Option<String> {
    let authority: Authority = url.split_once("://")?.1.split('/').next()?.parse().ok()?;
    Some(authority.host().to_owned())
}
