//! How batches of spans get to the collector: by ureq, which blocks, on the thread that OpenTelemetry has for it.
//!
//! That a collector can't be reached is said once, and once that it can be again.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};

use crate::log::level::{Level, say};

/// Sends batches.
#[derive(Debug)]
pub(super) struct Client {
    agent: ureq::Agent,
    /// Whether the last batch was lost.
    fails: AtomicBool,
}

impl Client {
    pub(super) fn new(timeout: Duration) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(timeout)).http_status_as_error(false);
        Self { agent: config.build().into(), fails: AtomicBool::new(false) }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let to = request.uri().clone();
        let sent = self.exchange(request);
        let problem = match &sent {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        match (problem, self.fails.load(Ordering::Relaxed)) {
            (Some(problem), false) => {
                say(
                    Level::Warning,
                    format_args!("OpenTelemetry: spans are lost, for the collector at {to}: {problem}"),
                );
                self.fails.store(true, Ordering::Relaxed);
            }
            (None, true) => {
                say(Level::Info, format_args!("OpenTelemetry: the collector at {to} takes spans again"));
                self.fails.store(false, Ordering::Relaxed);
            }
            _ => {}
        }
        sent
    }

    fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.agent.run(request.map(|body| body.to_vec()))?;
        let (head, mut body) = answer.into_parts();
        Ok(Response::from_parts(head, body.with_config().limit(ANSWER_MOST).read_to_vec()?.into()))
    }
}

impl HttpClient for Client {
    fn send_bytes<'life, 'sending>(
        &'life self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'sending>>
    where
        'life: 'sending,
        Self: 'sending,
    {
        Box::pin(ready(self.send(request)))
    }
}

/// A collector says what it didn't take, in few words.
const ANSWER_MOST: u64 = 1 << 20;
