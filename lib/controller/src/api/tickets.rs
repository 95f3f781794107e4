//! The call that creates tickets: short-lived credentials for web pages.

use std::time::SystemTime;

use draftstore_auth::{TicketMint, TicketOrder};
use draftstore_proto::{Timestamp, v1};

use super::{Api, Mapping, headers};
use crate::audit::Outcome;
use crate::errors::Failure;
use crate::gate::Admitted;
use crate::path_ticket::path_of;

impl Mapping for v1::CreateTicketRequest {
    type Response = v1::CreateTicketResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let order = TicketOrder {
            object_name: self.object_name,
            prefix: self.prefix,
            profile: self.profile,
            max_object_bytes: self.max_object_bytes,
            content_types: self.content_types,
            max_draft_lifetime: self.max_draft_lifetime,
            headers: headers([
                self.cache_control,
                self.content_disposition,
                self.content_encoding,
                self.content_language,
                self.expires,
            ]),
            max_uploads: self.max_uploads,
            expires_in: self.expires_in,
        };
        let authenticator = api.authenticator();
        let minted = authenticator.tickets().mint(&TicketMint {
            minter: &admitted.caller,
            order: &order,
            profiles: authenticator.profiles().as_deref(),
            object_lifetime: api.policy().object_lifetime(),
            now: SystemTime::now(),
            random: rand::random(),
        })?;
        Ok(v1::CreateTicketResponse {
            path: path_of(&minted.ticket),
            ticket: minted.ticket,
            expires_at: Some(Timestamp::from(minted.expires_at)),
            ticket_id: minted.ticket_id,
        })
    }

    fn outcomes(response: &Self::Response) -> Vec<Outcome> {
        vec![Outcome {
            ticket_id: Some(response.ticket_id.clone()),
            ..Outcome::default()
        }]
    }
}
