//! A multipart form, read part by part: fields into memory, files to where they fit.

use std::io::Write as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use multer::{Field, Multipart};
use rsgi_core::bytes::Bytes;
use rsgi_core::{Input, InputError, Offload};

use super::upload::Content;
use super::{FormData, FormLimits, Upload, malformed, of_input, too_large};
use crate::error::Error;

pub(super) async fn read(
    input: Input,
    boundary: String,
    limits: &FormLimits,
    offload: &Offload,
) -> Result<FormData, Error> {
    let gauge = Gauge::default();
    let pieces = Pieces { input, rest: Bytes::new(), gave: false, gauge: gauge.clone() };
    let mut parts = Multipart::new(pieces, boundary);
    let (mut fields, mut files, mut held, mut room) = (Vec::new(), Vec::new(), 0, limits.spool);
    loop {
        gauge.lock().between = Some(0);
        let part = parts.next_field().await.map_err(|error| gauge.told(&error))?;
        gauge.lock().between = None;
        let Some(part) = part else { break };
        if fields.len() + files.len() == limits.parts {
            return Err(too_large("the number of its parts").into());
        }
        let name = part.name().ok_or_else(|| malformed("a part has no name"))?.to_owned();
        held += name.len();
        if let Some(file_name) = part.file_name().map(str::to_owned) {
            let content_type = part.content_type().map(ToString::to_string);
            held += file_name.len() + content_type.as_ref().map_or(0, String::len);
            let content = file(part, &gauge, room, offload).await?;
            if let Content::Memory(bytes) = &content {
                room -= bytes.len();
            }
            // A browser sends an empty part for a file that wasn't chosen.
            if !(file_name.is_empty() && content.is_empty()) {
                files.push(Upload { name, file_name, content_type, content });
            }
        } else {
            let value = field(part, &gauge, limits.memory.saturating_sub(held)).await?;
            held += value.len();
            fields.push((name, value));
        }
        if held > limits.memory {
            return Err(too_large("its fields").into());
        }
    }
    Ok(FormData { fields, files: Mutex::new(files) })
}

async fn field(mut part: Field<'_>, gauge: &Gauge, most: usize) -> Result<String, Error> {
    let mut value = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(|error| gauge.told(&error))? {
        if value.len() + piece.len() > most {
            return Err(too_large("its fields").into());
        }
        value.extend_from_slice(&piece);
    }
    // RFC 7578 section 5.1.2: what isn't said to be something else is UTF-8.
    String::from_utf8(value).map_err(|_| malformed("a field is no UTF-8").into())
}

/// Reads a file: into memory as long as there is room for it.
async fn file(mut part: Field<'_>, gauge: &Gauge, room: usize, offload: &Offload) -> Result<Content, Error> {
    let mut held = Vec::new();
    let mut spooled = None;
    while let Some(piece) = part.chunk().await.map_err(|error| gauge.told(&error))? {
        held.extend_from_slice(&piece);
        let enough = if spooled.is_some() { WRITE } else { room };
        if held.len() > enough {
            spooled = Some(spool(spooled, std::mem::take(&mut held), offload).await?);
        }
    }
    Ok(match spooled {
        None => Content::Memory(held.into()),
        Some((file, length)) => {
            let last = held.len() as u64;
            let (file, _) = spool(Some((file, length)), held, offload).await?;
            Content::File { path: file.into_temp_path(), length: length + last }
        }
    })
}

type Spooled = (tempfile::NamedTempFile, u64);

/// Writes to the temporary file, which is made for the first bytes, where that may block.
async fn spool(spooled: Option<Spooled>, bytes: Vec<u8>, offload: &Offload) -> Result<Spooled, Error> {
    let work = move || {
        let (mut file, length) = match spooled {
            Some(spooled) => spooled,
            None => (tempfile::NamedTempFile::new()?, 0),
        };
        file.write_all(&bytes)?;
        Ok::<_, std::io::Error>((file, length + bytes.len() as u64))
    };
    Ok(offload.run(work).await?)
}

/// How many bytes are written at once.
const WRITE: usize = 256 * 1024;

/// What a form's content is read through, seen from outside.
#[derive(Clone, Default)]
struct Gauge(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// How much has been read since the last part's end, where the next one's head is looked for.
    between: Option<usize>,
    failed: Option<Failed>,
}

enum Failed {
    Input(InputError),
    Head,
}

impl Gauge {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an error of the parser is.
    fn told(&self, error: &multer::Error) -> Error {
        match self.lock().failed.take() {
            Some(Failed::Input(error)) => of_input(error),
            Some(Failed::Head) => malformed("the head of a part is too long").into(),
            None => malformed(&error.to_string()).into(),
        }
    }
}

/// The content, as the parser reads it: small pieces, and a pause behind each, as it would else read and hold all that is there.
struct Pieces {
    input: Input,
    /// What is left of a large piece.
    rest: Bytes,
    gave: bool,
    gauge: Gauge,
}

impl Pieces {
    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, InputError>>> {
        let mut piece = std::mem::take(&mut self.rest);
        if piece.is_empty() {
            piece = match ready!(self.input.poll_piece(context)) {
                Some(Ok(piece)) => piece,
                other => return Poll::Ready(other),
            };
        }
        self.rest = piece.split_off(piece.len().min(PIECE));
        Poll::Ready(Some(Ok(piece)))
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, std::fmt::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.gave) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        // The parser holds a head until its end has come, however long it is.
        if self.gauge.lock().between.is_some_and(|read| read > HEAD) {
            self.gauge.lock().failed = Some(Failed::Head);
            return Poll::Ready(Some(Err(std::fmt::Error)));
        }
        Poll::Ready(match ready!(self.poll_input(context)) {
            None => None,
            Some(Ok(piece)) => {
                let mut seen = self.gauge.lock();
                seen.between = seen.between.map(|read| read + piece.len());
                drop(seen);
                self.gave = true;
                Some(Ok(piece))
            }
            Some(Err(error)) => {
                self.gauge.lock().failed = Some(Failed::Input(error));
                Some(Err(std::fmt::Error))
            }
        })
    }
}

/// The most bytes that the parser is given at once.
const PIECE: usize = 16 * 1024;

/// The most bytes that are read in search of a part, and its head.
const HEAD: usize = 64 * 1024;
