//! [`Call`]: the one request from its variables to its outcome, over any reader and writer.
//!
//! Invariant: the outcome is told once, after the last byte was written or once it is known that it never will be.
//! Next: `answer.rs`.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use rsgi_core::server::Limits;
use rsgi_core::{
    AcceptedBy, App, Cause, Delivery, Endpoint, Environ, ErrorSink, Exchange, Input, InputLength, Server,
    may_block, respond, wait,
};

use super::answer::{self, Output};
use super::input::PipeInput;
use crate::request::{Refusal, Request, Unsaid};

/// How the answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// All of it was written.
    Whole,
    /// It could not go on.
    Broken,
    /// Nobody reads it any more.
    Gone(Cause),
}

/// What a request meets in this process.
pub(super) struct Call {
    pub(super) server: Arc<Server>,
    limits: Limits,
    errors: Arc<dyn ErrorSink>,
    begun: Instant,
}

/// A request that can be answered by the app.
pub(super) struct Begun {
    pub(super) environ: Environ,
    pub(super) exchange: Arc<Exchange>,
}

impl Call {
    /// Completes what the server says of itself: one request, in one of several processes.
    pub(super) fn new(mut server: Server, limits: Limits, errors: Arc<dyn ErrorSink>) -> Self {
        (server.run_once, server.multiprocess, server.multithread) = (true, true, false);
        Self { server: Arc::new(server), limits, errors, begun: Instant::now() }
    }

    /// Answers the request on this thread, which may block. `watch` gets the exchange before the app is called, and what it
    /// gives is dropped with the answer.
    pub(super) fn answer<W>(
        &self,
        app: &impl App,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        input: impl Read + Send + Unpin + 'static,
        output: &mut impl Write,
        watch: impl FnOnce(&Arc<Exchange>) -> W,
    ) -> Ending {
        let mut output = Output::new(output);
        let Begun { environ, exchange } = match self.begin(variables, input) {
            Ok(begun) => begun,
            Err(refusal) => return answer::refuse(&refusal, &mut output),
        };
        let _watch = watch(&exchange);
        let response = may_block(|| wait(respond(app, environ)));
        let ending = may_block(|| answer::send(response, &mut output));
        tell(&exchange, ending);
        ending
    }

    /// Reads the request.
    pub(super) fn begin(
        &self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        input: impl Read + Send + Unpin + 'static,
    ) -> Result<Begun, Refusal> {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into_encoded_bytes(), value.into_encoded_bytes()));
        let mut request = Request::read(variables.collect(), &self.limits).inspect_err(|refusal| {
            tracing::info!(target: "rsgi", "{refusal}");
            self.errors.write(format!("rsgi: {refusal}\n").as_bytes());
        })?;
        let unnamed = Endpoint::unix(None, None);
        let local = Arc::new(unnamed.clone());
        let mut connection = request.connection(&self.server, NUMBER, &unnamed, &local, self.begun);
        connection.errors = Some(Arc::clone(&self.errors));
        let exchange = Exchange::new(Arc::new(connection));
        let input = match request.length(Unsaid::Coded) {
            InputLength::None => Input::empty(),
            length => Input::new(PipeInput::new(input, length), length, self.server.body_limit),
        };
        Ok(Begun { environ: request.environ(input, Arc::clone(&exchange)), exchange })
    }
}

/// Tells the outcome.
pub(super) fn tell(exchange: &Exchange, ending: Ending) {
    exchange.tell(match ending {
        Ending::Whole => Delivery::Whole(AcceptedBy::System),
        Ending::Broken => Delivery::Failed,
        Ending::Gone(cause) => {
            exchange.disconnect(cause);
            Delivery::Aborted(cause)
        }
    });
}

/// A client that leaves is no fault of the program's.
impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        if ending == Ending::Broken { Self::FAILURE } else { Self::SUCCESS }
    }
}

/// The only connection's number.
const NUMBER: u64 = 1;
