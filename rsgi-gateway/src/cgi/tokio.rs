//! The same on tokio: a runtime of one thread for the one request.
//!
//! What blocks, reads of the input and writes of the answer among it, goes to tokio's blocking threads, so that the app's own
//! tasks go on meanwhile.
//!
//! Invariant: as on the blocking host. Next: `request.rs`.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use rsgi_core::http_body::{Body as _, Frame};
use rsgi_core::server::{Config, ServeError};
use rsgi_core::{App, Capabilities, Cause, Job, Offload, Outgoing, Pool, respond};
use tokio::runtime::{Builder, Handle};

use super::answer::{self, Output};
use super::process::{self, Process};
use super::request::{Begun, Call, Ending, tell};
use super::{CAPABILITIES, NAME};
use crate::settings::facts;

/// As [`run`](super::run), within a runtime of tokio's: for apps that need one.
///
/// # Errors
///
/// As [`run`](super::run), and if the system doesn't let a runtime begin.
pub fn run_on_tokio(config: &Config, app: impl App) -> Result<ExitCode, ServeError> {
    let mut server = facts(NAME, config, &app, CAPABILITIES | Capabilities::TOKIO)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ServeError::io("the runtime", error))?;
    server.offload = Offload::Pool(Arc::new(Blocking(runtime.handle().clone())));
    let process = Process::take()?;
    let call = Call::new(server, config.limits.clone(), process::errors());
    let ending = runtime.block_on(answer(&call, &app, &process.output));
    process.close();
    runtime.block_on(stop(app, config));
    // What waits for input that nobody sends any more must not keep the process.
    runtime.shutdown_background();
    Ok(ending.into())
}

/// Tokio's threads for what blocks.
struct Blocking(Handle);

impl Pool for Blocking {
    fn submit(&self, job: Job) {
        self.0.spawn_blocking(move || {
            if let Some(waiting) = job.run() {
                waiting.wake();
            }
        });
    }
}

async fn answer(call: &Call, app: &impl App, to: &File) -> Ending {
    let Ok(copy) = to.try_clone() else { return Ending::Broken };
    let mut output = Output::new(copy);
    let Begun { environ, exchange } = match call.begin(std::env::vars_os(), io::stdin()) {
        Ok(begun) => begun,
        Err(refusal) => return answer::refuse(&refusal, &mut output),
    };
    let watch = process::watch(to, &exchange);
    let response = respond(app, environ).await;
    let ending = send(response, output).await;
    tell(&exchange, ending);
    drop(watch);
    ending
}

async fn send(response: Response<Outgoing>, output: Output<File>) -> Ending {
    let (parts, mut outgoing) = response.into_parts();
    let mut output = match write(output, answer::head_of(&parts, &outgoing).freeze()).await {
        Ok(output) => output,
        Err(cause) => return Ending::Gone(cause),
    };
    loop {
        let piece = match poll_fn(|context| Pin::new(&mut outgoing).poll_frame(context)).await {
            None => return Ending::Whole,
            Some(Err(_)) => return Ending::Broken,
            // Trailers have no place.
            Some(Ok(frame)) => Frame::into_data(frame).unwrap_or_default(),
        };
        output = match write(output, piece).await {
            Ok(output) => output,
            Err(cause) => return Ending::Gone(cause),
        };
    }
}

/// Writes a piece where that may block.
async fn write(mut output: Output<File>, piece: Bytes) -> Result<Output<File>, Cause> {
    let written = tokio::task::spawn_blocking(move || match output.write(&piece) {
        Ok(()) => Ok(output),
        Err(_) => Err(output.gone.unwrap_or(Cause::Closed)),
    });
    written.await.unwrap_or(Err(Cause::ServerStopped))
}

async fn stop(app: impl App, config: &Config) {
    let Some(most) = config.timeouts.graceful else { return app.stop().await };
    if tokio::time::timeout(most, app.stop()).await.is_err() {
        tracing::warn!(target: "rsgi", "the app's stop took too long: given up (`graceful`)");
    }
}
