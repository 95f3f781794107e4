//! Credentials for pages.

use std::sync::Arc;
use std::time::SystemTime;

use draftstore_auth::{TicketMint, TicketOrder};
use draftstore_proto::{Timestamp, v1};
use draftstore_service::{Caller, Error};

use super::Calls;
use crate::webapi;

impl Calls {
    #[expect(clippy::unused_async, reason = "as every call of the contract")]
    pub(crate) async fn create_ticket(
        &self,
        caller: &Arc<Caller>,
        request: v1::CreateTicketRequest,
    ) -> Result<v1::CreateTicketResponse, Error> {
        let order = TicketOrder {
            object_name: request.object_name,
            prefix: request.prefix,
            profile: request.profile,
            max_object_bytes: request.max_object_bytes,
            content_types: request.content_types,
            max_draft_lifetime: request.max_draft_lifetime,
            max_uploads: request.max_uploads,
            expires_in: request.expires_in,
        };
        let minted = self.authenticator.tickets().mint(&TicketMint {
            minter: caller,
            order: &order,
            profiles: self.authenticator.profiles().as_deref(),
            object_lifetime: self.drafts.policy().object_lifetime(),
            now: SystemTime::now(),
            random: rand::random(),
        })?;
        Ok(v1::CreateTicketResponse {
            path: webapi::path_of(&minted.ticket),
            ticket: minted.ticket,
            expires_at: Some(Timestamp::from(minted.expires_at)),
            ticket_id: minted.ticket_id,
        })
    }
}
