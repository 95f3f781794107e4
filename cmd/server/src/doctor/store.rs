//! The configured store. The embedded store is started unless it is already running.

use anyhow::{Context as _, ensure};
use draftstore_cronjob::ConfiguredStore;
use draftstore_embedded::{Credentials, EmbeddedSettings, EmbeddedStartError, EmbeddedStore};
use draftstore_s3::Settings;
use draftstore_storage::DraftBucket;

use crate::store::{OpenStore, StorePort, embedded_client, open, pair, signing_pair, unusable};

/// The store, with a name for the report.
pub(super) struct Found {
    pub(super) open: OpenStore,
    pub(super) name: String,
}

/// Opens the store. Returns `None` if it is an embedded store without data and `create` is false.
///
/// # Errors
/// An error if the embedded store can neither be started nor reached, or if the settings are invalid.
pub(super) async fn find(store: ConfiguredStore, draft: &DraftBucket, create: bool) -> anyhow::Result<Option<Found>> {
    match store {
        ConfiguredStore::S3(settings) => {
            let public = settings.public_endpoint.clone();
            let open = open(ConfiguredStore::S3(settings), StorePort::default(), draft, None).await?;
            let endpoint = open.storage.name();
            let name = match public {
                Some(public) if public != endpoint => format!("{endpoint}, for clients {public}"),
                Some(_) | None => endpoint.to_owned(),
            };
            Ok(Some(Found { open, name }))
        }
        ConfiguredStore::Embedded(embedded, _) if !create && !EmbeddedStore::exists(&embedded.data_dir) => Ok(None),
        ConfiguredStore::Embedded(embedded, client) => find_embedded(embedded, client, draft).await.map(Some),
    }
}

/// Starts the embedded store on a free port, so that no client mistakes it for the server's. If another process uses its data,
/// connects to the store of that process.
async fn find_embedded(embedded: EmbeddedSettings, client: Settings, draft: &DraftBucket) -> anyhow::Result<Found> {
    let own = EmbeddedSettings {
        port: 0,
        ..embedded.clone()
    };
    let started = open(
        ConfiguredStore::Embedded(own, client.clone()),
        StorePort::default(),
        draft,
        None,
    )
    .await;
    match started {
        Err(error) if matches!(error.downcast_ref(), Some(EmbeddedStartError::Locked(_))) => {
            ensure!(
                embedded.port != 0,
                "{error:#}, or set EMBEDDED_PORT to the port of the running store"
            );
            let kept = Credentials::load(&embedded.data_dir).with_context(|| unusable(&embedded))?;
            let given = client.credentials.as_ref().map(pair);
            let credentials = given.or(kept).context("the embedded store has no credentials")?;
            let endpoint = format!("http://127.0.0.1:{}", embedded.port);
            let signing = signing_pair(&embedded, &client)?;
            let settings = embedded_client(client, endpoint.clone(), &credentials, &signing);
            let open = open(ConfiguredStore::S3(settings), StorePort::default(), draft, None).await?;
            let name = format!("the embedded store at {endpoint}");
            Ok(Found { open, name })
        }
        started => Ok(Found {
            open: started?,
            name: format!("the embedded store in {}", embedded.data_dir.display()),
        }),
    }
}
