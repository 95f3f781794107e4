//! Calls by the contract's own gRPC client.

use std::net::SocketAddr;

use draftstore_proto::v1::GetUploadUrlResponse;
use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use tonic::transport::{Channel, Endpoint};

use super::load::Caller;

/// One HTTP/2 connection.
pub(crate) struct Connection(DraftServiceClient<Channel>);

impl Connection {
    /// One call's answer.
    pub(crate) async fn answer(&mut self) -> anyhow::Result<GetUploadUrlResponse> {
        Ok(self.0.get_upload_url(super::request()).await?.into_inner())
    }
}

impl Caller for Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
        Ok(Self(DraftServiceClient::new(channel)))
    }

    async fn call(&mut self) -> anyhow::Result<()> {
        self.answer().await?;
        Ok(())
    }
}
