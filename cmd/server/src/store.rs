//! The store that the configuration names, started where it is the embedded one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use draftstore_embedded::{Credentials, EmbeddedConfig, EmbeddedStore, UploadOnly};
use draftstore_runtime::config;
use draftstore_s3::{self as s3, S3Storage, Signing};
use draftstore_storage::{CallObserver, DraftBucket};

/// A client of the store, and the store itself where it runs in this process.
pub(crate) struct OpenStore {
    pub(crate) storage: Arc<S3Storage>,
    pub(crate) embedded: Option<EmbeddedStore>,
}

/// Starts what is to be started, and connects.
///
/// # Errors
/// When the embedded store cannot start, or the settings cannot be right.
pub(crate) async fn open(
    store: config::Store,
    draft: &DraftBucket,
    observer: Option<Arc<dyn CallObserver>>,
) -> anyhow::Result<OpenStore> {
    let (mut settings, embedded) = match store {
        config::Store::S3(settings) => (settings, None),
        config::Store::Embedded(embedded) => {
            let (settings, running) = start(&embedded, draft).await?;
            (settings, Some(running))
        }
    };
    let signer = match &settings.signing {
        Some(Signing::Static(_)) => "a key pair of its own",
        Some(Signing::Role { .. }) => "a role of its own",
        None => "the credentials of the calls",
    };
    tracing::info!(signer, "what signs uploads");
    settings.observer = observer;
    let storage = S3Storage::connect(settings).await?;
    Ok(OpenStore {
        storage: Arc::new(storage),
        embedded,
    })
}

async fn start(embedded: &config::EmbeddedStore, draft: &DraftBucket) -> anyhow::Result<(s3::Settings, EmbeddedStore)> {
    let credentials = match &embedded.credentials {
        Some(given) => given.clone(),
        None => Credentials::load_or_create(&embedded.data_dir).context("the embedded store has no credentials")?,
    };
    let signing = match &embedded.signing {
        Some(given) => given.clone(),
        None => {
            Credentials::load_or_create_upload_only(&embedded.data_dir).context("there is no key that signs uploads")?
        }
    };
    let settings = EmbeddedConfig {
        data_dir: embedded.data_dir.clone(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, embedded.port)),
        credentials: credentials.clone(),
        upload_only: Some(UploadOnly {
            credentials: signing.clone(),
            bucket: draft.name().to_string(),
        }),
    };
    let running = EmbeddedStore::start(settings)
        .await
        .context("the embedded store cannot start")?;
    Ok((
        embedded.client(running.endpoint(), &credentials, Some(&signing)),
        running,
    ))
}
