//! The client of the configured store.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use draftstore_cronjob::ConfiguredStore;
use draftstore_embedded::{Credentials, EmbeddedSettings};
use draftstore_s3::{S3Storage, Settings, StaticCredentials};
use draftstore_storage::CallObserver;
use tokio::net::TcpStream;

/// Connects to the store. The embedded store is reached through the server that runs it.
///
/// # Errors
/// An error if no embedded store is running, or if the settings are invalid.
pub(crate) async fn connect(store: ConfiguredStore, observer: Arc<dyn CallObserver>) -> anyhow::Result<Arc<S3Storage>> {
    let mut settings = match store {
        ConfiguredStore::S3(settings) => settings,
        ConfiguredStore::Embedded(embedded, client) => running(&embedded, client).await?,
    };
    settings.observer = Some(observer);
    Ok(Arc::new(S3Storage::connect(settings).await?))
}

async fn running(embedded: &EmbeddedSettings, client: Settings) -> anyhow::Result<Settings> {
    let kept = || {
        Credentials::load(&embedded.data_dir).with_context(|| {
            let directory = embedded.data_dir.display();
            format!("the embedded store cannot use its data directory {directory} (EMBEDDED_DATA_DIR)")
        })
    };
    let credentials = match &client.credentials {
        Some(given) => given.clone(),
        None => match kept()? {
            Some(kept) => StaticCredentials::new(kept.access_key_id, kept.secret_access_key),
            None => bail!(
                "no embedded store has run in {}: start draftstore-server there, set EMBEDDED_DATA_DIR to its directory, or \
                 set STORAGE_TYPE=s3 for another store",
                embedded.data_dir.display()
            ),
        },
    };
    let address = (Ipv4Addr::LOCALHOST, embedded.port);
    TcpStream::connect(address).await.with_context(|| {
        format!(
            "no embedded store is running on port {}: start draftstore-server, or set EMBEDDED_PORT to its port",
            embedded.port
        )
    })?;
    Ok(Settings {
        endpoint: Some(format!("http://127.0.0.1:{}", embedded.port)),
        credentials: Some(credentials),
        signing: None,
        is_direct: true,
        ..client
    })
}
