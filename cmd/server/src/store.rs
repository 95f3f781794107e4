//! The store that the configuration names, started where it is the embedded one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use draftstore_embedded::{Credentials, EmbeddedStore, Settings};
use draftstore_runtime::config;
use draftstore_storage::Storage;
use draftstore_storage::s3::S3Storage;

/// A client of the store, and the store itself where it runs in this process.
pub(crate) struct OpenStore {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) embedded: Option<EmbeddedStore>,
}

/// Starts what is to be started, and connects.
///
/// # Errors
/// When the embedded store cannot start, or the settings cannot be right.
pub(crate) async fn open(store: config::Store) -> anyhow::Result<OpenStore> {
    let (settings, embedded) = match store {
        config::Store::S3(settings) => (settings, None),
        config::Store::Embedded(embedded) => {
            let (credentials, running) = start(&embedded).await?;
            (embedded.client(running.endpoint(), &credentials), Some(running))
        }
    };
    let storage = S3Storage::connect(settings).await?;
    Ok(OpenStore {
        storage: Arc::new(storage),
        embedded,
    })
}

async fn start(embedded: &config::EmbeddedStore) -> anyhow::Result<(Credentials, EmbeddedStore)> {
    let credentials = match &embedded.credentials {
        Some(given) => given.clone(),
        None => Credentials::kept_or_new(&embedded.data_dir).context("the embedded store has no credentials")?,
    };
    let settings = Settings {
        data_dir: embedded.data_dir.clone(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, embedded.port)),
        credentials: credentials.clone(),
    };
    let running = EmbeddedStore::start(settings)
        .await
        .context("the embedded store cannot start")?;
    Ok((credentials, running))
}
