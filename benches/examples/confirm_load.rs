//! The load of `benches/confirm.py` and `benches/events.py`: uploads drafts to a store, confirms them, and prints the seconds that this took, and the
//! median of single calls.
//!
//! They are confirmed by the server, singly or in batches, or copied and deleted with the SDK, without any checks.

use std::env;
use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, Region, RequestChecksumCalculation};
use bytes::Bytes;
use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use draftstore_proto::v1::{BatchConfirmUploadsRequest, ConfirmUploadRequest};
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

/// The content of each draft.
const DRAFT: &[u8] = &[7; 1024];
/// The number of concurrent uploads before the measurement.
const PUTS: usize = 32;
/// The drafts per batch, which is the maximum.
const BATCH: usize = 100;
const BUCKETS: [&str; 2] = ["main-draft", "main"];

/// The client that confirms drafts.
#[derive(Clone)]
enum ConfirmMethod {
    Sdk(Client),
    Rest(String),
    Grpc(String),
    Batch(String),
}

/// A client with an open connection.
enum ConnectedClient {
    Sdk(Client),
    Rest(SendRequest<Full<Bytes>>, String),
    Grpc(DraftServiceClient<Channel>),
    Batch(DraftServiceClient<Channel>),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let mut argument = || {
        arguments
            .next()
            .context("usage: confirm_load CALLER COUNT CONCURRENCY PREFIX")
    };
    let (caller, count, concurrency, prefix) = (argument()?, argument()?, argument()?, argument()?);
    let (count, concurrency): (usize, usize) = (count.parse()?, concurrency.parse()?);
    let store = store()?;
    let caller = match caller.as_str() {
        "sdk" => ConfirmMethod::Sdk(store.clone()),
        "rest" => ConfirmMethod::Rest(env::var("REST")?),
        "grpc" => ConfirmMethod::Grpc(env::var("GRPC")?),
        "batch" => ConfirmMethod::Batch(env::var("GRPC")?),
        other => bail!("unknown caller {other}: use sdk, rest, grpc or batch"),
    };
    // Additional drafts, which open the connections before the measurement.
    let warm = concurrency * 2;
    let names: Vec<String> = (0..warm + count).map(|n| format!("{prefix}/{n:06}")).collect();
    let puts = spread(&names, PUTS).map(|names| put(store.clone(), names));
    all(puts).await?;
    let connecting = (0..concurrency).map(|_| caller.connect());
    let connected = join_in_order(connecting).await?;
    let (first, rest) = names.split_at(warm);
    let connected = timed(connected, first).await?.connected;
    let Timed { took, mut calls, .. } = timed(connected, rest).await?;
    calls.sort();
    let median = calls[calls.len() / 2];
    println!("{} {}", took.as_secs_f64(), median.as_secs_f64());
    Ok(())
}

/// The times that confirms took, and the clients that made them.
struct Timed {
    took: Duration,
    calls: Vec<Duration>,
    connected: Vec<ConnectedClient>,
}

/// Measures the time to confirm all drafts concurrently, and that of each call.
async fn timed(connected: Vec<ConnectedClient>, names: &[String]) -> anyhow::Result<Timed> {
    let shares: Vec<_> = spread(names, connected.len()).collect();
    let started = Instant::now();
    let confirming = connected
        .into_iter()
        .zip(shares)
        .map(|(one, names)| one.confirm_all(names));
    let (connected, calls): (_, Vec<_>) = all(confirming).await?.into_iter().unzip();
    Ok(Timed {
        took: started.elapsed(),
        calls: calls.concat(),
        connected,
    })
}

impl ConfirmMethod {
    async fn connect(&self) -> anyhow::Result<ConnectedClient> {
        let grpc = async |address: &str| {
            let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
            anyhow::Ok(DraftServiceClient::new(channel))
        };
        Ok(match self {
            Self::Sdk(client) => ConnectedClient::Sdk(client.clone()),
            Self::Grpc(address) => ConnectedClient::Grpc(grpc(address).await?),
            Self::Batch(address) => ConnectedClient::Batch(grpc(address).await?),
            Self::Rest(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                ConnectedClient::Rest(sender, address.clone())
            }
        })
    }
}

impl ConnectedClient {
    /// Confirms the drafts one after another, or batch after batch. Returns the time of each call.
    async fn confirm_all(mut self, names: Vec<String>) -> anyhow::Result<(Self, Vec<Duration>)> {
        let at_once = if matches!(self, Self::Batch(_)) { BATCH } else { 1 };
        let mut calls = Vec::new();
        for names in names.chunks(at_once) {
            let started = Instant::now();
            self.confirm(names).await?;
            calls.push(started.elapsed());
        }
        Ok((self, calls))
    }

    async fn confirm(&mut self, names: &[String]) -> anyhow::Result<()> {
        match self {
            Self::Sdk(client) => copy_and_delete(client, &names[0]).await,
            Self::Rest(sender, host) => confirm(sender, host, &names[0]).await,
            Self::Grpc(client) => {
                client.confirm_upload(upload(names[0].clone())).await?;
                Ok(())
            }
            Self::Batch(client) => {
                let batch = BatchConfirmUploadsRequest {
                    uploads: names.iter().cloned().map(upload).collect(),
                    atomic: false,
                };
                if !client.batch_confirm_uploads(batch).await?.into_inner().success {
                    bail!("a confirm in a batch failed");
                }
                Ok(())
            }
        }
    }
}

fn upload(object_name: String) -> ConfirmUploadRequest {
    ConfirmUploadRequest {
        object_name,
        ..ConfirmUploadRequest::default()
    }
}

async fn copy_and_delete(client: &Client, name: &str) -> anyhow::Result<()> {
    let [draft, main] = BUCKETS;
    let source = format!("{draft}/{name}");
    client
        .copy_object()
        .bucket(main)
        .key(name)
        .copy_source(source)
        .send()
        .await?;
    client.delete_object().bucket(draft).key(name).send().await?;
    Ok(())
}

async fn confirm(sender: &mut SendRequest<Full<Bytes>>, host: &str, name: &str) -> anyhow::Result<()> {
    let body = serde_json::json!({ "object_name": name }).to_string();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/confirm-upload")
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json");
    if let Ok(key) = env::var("KEY") {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let request = request.body(Full::new(body.into()))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        bail!("{status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(())
}

async fn put(client: Client, names: Vec<String>) -> anyhow::Result<()> {
    for name in names {
        let put = client.put_object().bucket(BUCKETS[0]).key(name);
        put.body(Bytes::from_static(DRAFT).into()).send().await?;
    }
    Ok(())
}

/// Distributes the names evenly.
fn spread(names: &[String], shares: usize) -> impl Iterator<Item = Vec<String>> {
    (0..shares).map(move |share| names.iter().skip(share).step_by(shares).cloned().collect())
}

async fn all<T: Send + 'static>(
    tasks: impl Iterator<Item = impl Future<Output = anyhow::Result<T>> + Send + 'static>,
) -> anyhow::Result<Vec<T>> {
    let mut running: JoinSet<_> = tasks.collect();
    let mut done = Vec::new();
    while let Some(result) = running.join_next().await {
        done.push(result??);
    }
    Ok(done)
}

async fn join_in_order<T>(
    futures: impl Iterator<Item = impl Future<Output = anyhow::Result<T>>>,
) -> anyhow::Result<Vec<T>> {
    let mut done = Vec::new();
    for future in futures {
        done.push(future.await?);
    }
    Ok(done)
}

fn store() -> anyhow::Result<Client> {
    let credentials = Credentials::new(
        env::var("AWS_ACCESS_KEY_ID")?,
        env::var("AWS_SECRET_ACCESS_KEY")?,
        None,
        None,
        "environment",
    );
    let config = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .region(Region::new(env::var("AWS_REGION")?))
        .endpoint_url(env::var("S3_ENDPOINT")?)
        .force_path_style(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .credentials_provider(credentials);
    Ok(Client::from_conf(config.build()))
}
