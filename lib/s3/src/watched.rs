//! The observation of every call of a client: it is counted, and has a span of its own.
//!
//! An interceptor of the SDK sees how often a call was sent, which the call itself does not. The interceptor does not see the
//! end of a call that times out or is cancelled. So it leaves a guard in the configuration of the call, which is dropped with
//! the call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Instant;

use aws_sdk_s3::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use draftstore_storage::{CallEnded, CallObserver, CallOutcome, Operation, TRACE_TARGET};

/// An interceptor that observes the calls of a client.
#[derive(Debug)]
pub(crate) struct Watch(pub(super) Option<Arc<dyn CallObserver>>);

/// A call in progress.
#[derive(Debug)]
struct UnderWay {
    observer: Option<Arc<dyn CallObserver>>,
    operation: Operation,
    begun: Instant,
    attempts: AtomicU32,
    /// The discriminant of its outcome.
    outcome: AtomicU8,
    span: tracing::Span,
}

impl Storable for UnderWay {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    // Before it is executed, a client's interceptors do not know yet which call it is.
    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = Operation::of_name(config.load::<Metadata>().map_or("", Metadata::name));
        let under_way = UnderWay {
            observer: self.0.clone(),
            operation,
            begun: Instant::now(),
            attempts: AtomicU32::new(0),
            outcome: AtomicU8::new(CallOutcome::NoAnswer as u8),
            span: span(operation),
        };
        config.interceptor_state().store_put(under_way);
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(under_way) = config.load::<UnderWay>() {
            under_way.attempts.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let outcome = match (context.output_or_error(), context.response()) {
            (Some(Ok(_)), _) => CallOutcome::Ok,
            (Some(Err(error)), _) if error.is_timeout_error() || error.is_connector_error() => CallOutcome::NoAnswer,
            (_, Some(answer)) => CallOutcome::of_status(answer.status().as_u16()),
            (_, None) => CallOutcome::NoAnswer,
        };
        if let Some(under_way) = config.load::<UnderWay>() {
            under_way.outcome.store(outcome as u8, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Creates the span of a call, with the operation and its outcome, and without addresses and contents. A call outside of a
/// request, such as a readiness check, has no span.
fn span(operation: Operation) -> tracing::Span {
    if tracing::Span::current().is_none() {
        return tracing::Span::none();
    }
    tracing::debug_span!(
        target: TRACE_TARGET,
        "store call",
        otel.name = operation.as_str(),
        otel.kind = "client",
        operation = operation.as_str(),
        outcome = tracing::field::Empty,
        attempts = tracing::field::Empty,
    )
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let attempts = *self.attempts.get_mut();
        let outcome = CallOutcome::ALL.get(usize::from(*self.outcome.get_mut()));
        let outcome = outcome.copied().unwrap_or(CallOutcome::NoAnswer);
        self.span
            .record("outcome", outcome.as_str())
            .record("attempts", attempts);
        if let Some(observer) = &self.observer {
            observer.ended(&CallEnded {
                operation: self.operation,
                outcome,
                took: self.begun.elapsed(),
                attempts,
            });
        }
    }
}
