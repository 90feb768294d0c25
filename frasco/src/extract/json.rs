//! [`Json`] as an argument: the content, as JSON.

use rsgi_core::InputErrorKind;
use serde::de::DeserializeOwned;

use super::FromRequest;
use crate::error::{Error, HttpError, abort};
use crate::request::Request;
use crate::response::Json;

/// Reads the content as JSON (RFC 8259): 415 if the request doesn't say that it is, 400 if it is none, 422 if it is of another shape.
impl<T: DeserializeOwned + Send> FromRequest for Json<T> {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        let content_type = request.header("content-type").unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_json = essence == "application/json"
            || essence.starts_with("application/") && essence.ends_with("+json");
        if !is_json {
            return Err(abort(415)
                .description("The content is to be JSON: say Content-Type: application/json.")
                .into());
        }
        let content = content(request).await?;
        serde_json::from_slice(&content).map(Self).map_err(|error| {
            let status = if error.is_data() { 422 } else { 400 };
            abort(status).description(format!("The content is not the JSON that is wanted: {error}.")).into()
        })
    }
}

/// The whole content.
pub(crate) async fn content(request: &Request) -> Result<rsgi_core::bytes::Bytes, Error> {
    let mut input = request.take_input().ok_or_else(|| {
        Error::msg(
            "the content was taken already: only one argument of a handler, or hook before it, can read it",
        )
    })?;
    input.collect(u64::MAX).await.map_err(|error| match error.kind() {
        InputErrorKind::Limit => HttpError::new(rsgi_core::http::StatusCode::PAYLOAD_TOO_LARGE).into(),
        _ => error.into(),
    })
}
