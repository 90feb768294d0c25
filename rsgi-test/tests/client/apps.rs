//! Small apps that several subjects ask.

use std::future::pending;
use std::io::Read;

use rsgi_core::http::StatusCode;
use rsgi_core::{Body, Environ, Error, StartResponse, Started};

/// Gives back the input, read whole by async code.
pub(crate) async fn echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let bytes = environ.input_mut().collect(u64::MAX).await?;
    Ok(start_response.status(StatusCode::OK).body(bytes))
}

/// Gives back the input, read whole by blocking code; wrap it in `blocking`.
pub(crate) fn echo_blocking(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut bytes = Vec::new();
    environ.input_mut().read_to_end(&mut bytes)?;
    Ok(start_response.status(StatusCode::OK).body(bytes))
}

/// Gives the input back piece by piece, as it comes.
pub(crate) async fn duplex(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let body = Body::duplex(environ.take_input(), async |mut input, sender| {
        while let Some(piece) = input.piece().await {
            sender.send(piece?).await?;
        }
        Ok(())
    });
    Ok(start_response.status(StatusCode::OK).body(body))
}

/// Never answers.
pub(crate) async fn never(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    pending::<()>().await;
    Ok(start_response.status(StatusCode::OK).empty())
}
