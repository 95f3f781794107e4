//! `draftctl events tail`

use draftstore_proto::v1::{FeedEvent, ListEventsRequest, WatchEventsRequest, WatchEventsResponse};

use crate::cli::TailArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::HumanTime;

pub(super) async fn run(context: &Context, args: TailArgs) -> Result<Exit, CommandError> {
    if args.no_follow {
        print_kept(context, args).await
    } else {
        follow(context, args).await
    }
}

/// Prints the events that there are. Only the last of a page has its cursor.
async fn print_kept(context: &Context, args: TailArgs) -> Result<Exit, CommandError> {
    let get = async |mut client: GrpcClient, request| client.list_events(request).await;
    let mut after = args.after;
    loop {
        let request = ListEventsRequest {
            after,
            page_size: None,
            r#type: args.kind.clone(),
            name_prefix: args.prefix.clone(),
        };
        let page = context.server().await?.call(&context.output, request, get).await?;
        let last = page.events.len().saturating_sub(1);
        for (place, event) in page.events.into_iter().enumerate() {
            let cursor = if place == last { page.cursor.as_str() } else { "" };
            print(context, event, cursor)?;
        }
        if !page.has_more {
            return Ok(Exit::Success);
        }
        after = Some(page.cursor);
    }
}

/// Prints the events as they come. Begins the next stream where one ends, as after a restart of the server.
async fn follow(context: &Context, args: TailArgs) -> Result<Exit, CommandError> {
    let server = context.server().await?;
    let mut after = args.after;
    loop {
        let request = WatchEventsRequest {
            after: after.clone(),
            r#type: args.kind.clone(),
            name_prefix: args.prefix.clone(),
        };
        let watch = async |mut client: GrpcClient, request| client.watch_events(request).await;
        let mut stream = server.call(&context.output, request, watch).await?;
        loop {
            match stream.message().await {
                Ok(Some(update)) => {
                    if let Some(event) = update.event {
                        print(context, event, &update.cursor)?;
                    }
                    after = Some(update.cursor);
                }
                Ok(None) => break,
                // The next call reports what it is, unless it succeeds.
                Err(status) if status.code() == tonic::Code::Unavailable => break,
                Err(status) => return Err(CommandError::from(status)),
            }
        }
    }
}

fn print(context: &Context, event: FeedEvent, cursor: &str) -> Result<(), CommandError> {
    let happened = event
        .happened_at
        .map(|at| HumanTime(at).to_string())
        .unwrap_or_default();
    let text = format!("{happened}  {:16}  {}  {cursor}", event.r#type, event.object_name);
    let update = WatchEventsResponse {
        event: Some(event),
        cursor: cursor.to_owned(),
    };
    context.output.result(&update, text.trim_end())
}
