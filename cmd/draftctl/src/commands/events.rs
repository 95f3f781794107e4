//! `draftctl events list WEBHOOK`, `draftctl events redeliver WEBHOOK [ID…]`, `draftctl events tail`

mod tail;

use draftstore_proto::v1::{
    ListUndeliveredEventsRequest, RedeliverEventsRequest, RedeliveryOutcome, RedeliveryResult, UndeliveredEvent,
};

use crate::cli::EventsCommand;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::HumanTime;

/// The maximum number of events of one call.
const MAX_TOGETHER: usize = 100;

pub(super) async fn run(context: &Context, command: EventsCommand) -> Result<Exit, CommandError> {
    match command {
        EventsCommand::List { webhook } => list(context, webhook).await,
        EventsCommand::Redeliver { webhook, event_ids } => redeliver(context, &webhook, event_ids).await,
        EventsCommand::Tail(args) => tail::run(context, args).await,
    }
}

async fn list(context: &Context, webhook: String) -> Result<Exit, CommandError> {
    each_page(context, &webhook, |event| {
        let happened = event
            .happened_at
            .map(|at| HumanTime(at).to_string())
            .unwrap_or_default();
        let state = if event.is_dead { "dead" } else { "pending" };
        let text = format!(
            "{}  {happened}  {state:7}  {:16}  {}",
            event.event_id, event.r#type, event.object_name
        );
        context.output.result(&event, &text)
    })
    .await?;
    Ok(Exit::Success)
}

/// Sends events again. One that the webhook does not acknowledge does not keep the others.
async fn redeliver(context: &Context, webhook: &str, event_ids: Vec<String>) -> Result<Exit, CommandError> {
    let mut ids = event_ids;
    if ids.is_empty() {
        each_page(context, webhook, |event| {
            ids.push(event.event_id);
            Ok(())
        })
        .await?;
    }
    let send = async |mut client: GrpcClient, request| client.redeliver_events(request).await;
    let mut exit = Exit::Success;
    for ids in ids.chunks(MAX_TOGETHER) {
        let request = RedeliverEventsRequest {
            webhook: webhook.to_owned(),
            event_ids: ids.to_vec(),
        };
        let response = context.server().await?.call(&context.output, request, send).await?;
        for outcome in response.outcomes {
            if outcome.result() != RedeliveryResult::Delivered {
                exit = Exit::SomeFailed;
            }
            context.output.result(&outcome, &text(&outcome))?;
        }
    }
    Ok(exit)
}

fn text(outcome: &RedeliveryOutcome) -> String {
    let what = match outcome.result() {
        RedeliveryResult::Delivered => "delivered",
        RedeliveryResult::NotAcknowledged => "not acknowledged",
        RedeliveryResult::NotFound | RedeliveryResult::Unspecified => "no such event",
    };
    format!("{}: {what}", outcome.event_id)
}

/// Runs a function for each event that the webhook lacks, as pages arrive.
async fn each_page(
    context: &Context,
    webhook: &str,
    mut each: impl FnMut(UndeliveredEvent) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let get = async |mut client: GrpcClient, request| client.list_undelivered_events(request).await;
    let mut page_token = None;
    loop {
        let request = ListUndeliveredEventsRequest {
            webhook: webhook.to_owned(),
            page_size: None,
            page_token,
        };
        let page = context.server().await?.call(&context.output, request, get).await?;
        page.events.into_iter().try_for_each(&mut each)?;
        page_token = page.next_page_token;
        if page_token.is_none() {
            return Ok(());
        }
    }
}
