//! Serves a directory until the process ends: `cargo run -p draftstore-embedded --example serve -- DIR PORT`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use draftstore_connections::ConnectionLimits;
use draftstore_embedded::{Credentials, EmbeddedConfig, EmbeddedStore};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let data_dir = PathBuf::from(arguments.next().unwrap_or_else(|| "data".into()));
    let port = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let credentials = Credentials::load_or_create(&data_dir)?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let store = EmbeddedStore::start(EmbeddedConfig {
        data_dir,
        listen,
        credentials,
        upload_only: None,
        limits: ConnectionLimits::default(),
        hosts: None,
        restore_wait: Duration::ZERO,
        created: None,
    })
    .await?;
    println!("{}", store.endpoint());
    tokio::signal::ctrl_c().await?;
    store.shutdown().await;
    Ok(())
}
