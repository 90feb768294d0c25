//! A field of a form that lies in a request's body, urlencoded or multipart; the body stays whole for the app.
//!
//! Invariant: no more is read than the bound and a piece, and all of it is put back.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use multer::{Constraints, Multipart, SizeLimit};
use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::CONTENT_TYPE;
use rsgi_core::{Environ, Input, InputError};

/// Finds the first field of a name within the first `most` bytes of the form, if the body is one.
///
/// # Errors
///
/// The input's: the body is broken for the app as well.
pub(super) async fn field(
    environ: &mut Environ,
    name: &str,
    most: u64,
) -> Result<Option<Vec<u8>>, InputError> {
    let kind = environ.header(CONTENT_TYPE).unwrap_or_default().to_owned();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let boundary = match essence.as_str() {
        "application/x-www-form-urlencoded" => None,
        "multipart/form-data" => match multer::parse_boundary(&kind) {
            Ok(boundary) => Some(boundary),
            Err(_) => return Ok(None),
        },
        _ => return Ok(None),
    };
    let mut seen = Seen { pieces: Vec::new(), bytes: 0, most, failed: None, is_whole: false };
    let input = environ.input_mut();
    let found = match boundary {
        None => urlencoded(input, &mut seen, name).await,
        Some(boundary) => multipart(input, &mut seen, boundary, name).await,
    };
    if let Some(error) = seen.failed.take() {
        return Err(error);
    }
    input.put_back(seen.all());
    Ok(found)
}

/// What was read so far.
struct Seen {
    pieces: Vec<Bytes>,
    bytes: u64,
    most: u64,
    failed: Option<InputError>,
    /// The form ended within the bound.
    is_whole: bool,
}

impl Seen {
    fn all(self) -> Bytes {
        match <[Bytes; 1]>::try_from(self.pieces) {
            Ok([one]) => one,
            Err(pieces) => pieces.concat().into(),
        }
    }

    /// Reads a piece; `None` at the end, at the bound, and once reading failed.
    fn poll_next(&mut self, input: &mut Input, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.bytes >= self.most || self.failed.is_some() {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(input.poll_piece(context)) {
            Some(Ok(piece)) => {
                self.bytes += piece.len() as u64;
                self.pieces.push(piece.clone());
                Some(piece)
            }
            Some(Err(error)) => {
                self.failed = Some(error);
                None
            }
            None => {
                self.is_whole = true;
                None
            }
        })
    }
}

async fn urlencoded(input: &mut Input, seen: &mut Seen, name: &str) -> Option<Vec<u8>> {
    while std::future::poll_fn(|context| seen.poll_next(input, context)).await.is_some() {}
    let form = seen.pieces.concat();
    // The last pair may be cut.
    let end = if seen.is_whole { form.len() } else { form.iter().rposition(|byte| *byte == b'&')? };
    let mut pairs = form_urlencoded::parse(&form[..end]);
    pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned().into_bytes())
}

async fn multipart(input: &mut Input, seen: &mut Seen, boundary: String, name: &str) -> Option<Vec<u8>> {
    // What multer holds of a part that lacks its end, too.
    let limits = Constraints::new().size_limit(SizeLimit::new().per_field(seen.most));
    let mut parts = Multipart::with_constraints(Pieces { input, seen }, boundary, limits);
    // Its errors mean that there is no such field: what is wrong with the form is the app's to say.
    while let Ok(Some(part)) = parts.next_field().await {
        if part.name() == Some(name) {
            return part.bytes().await.ok().map(|value| value.to_vec());
        }
    }
    None
}

/// The body as multer reads it.
struct Pieces<'a> {
    input: &'a mut Input,
    seen: &'a mut Seen,
}

impl Stream for Pieces<'_> {
    type Item = Result<Bytes, InputError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.seen.poll_next(this.input, context).map(|piece| piece.map(Ok))
    }
}
