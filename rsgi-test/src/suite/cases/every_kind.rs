//! Bodies of every kind with the same content, for cases that hold of all of them.
//!
//! Each but the file holds what tells of its drop, so that a case can see that a body was released, and how often. No
//! cases are here; see `body.rs`, where they are sent whole, and `faults.rs`, where their clients fail.

use std::fs::File;
use std::io::{self, Cursor, Read, Write as _};

use rsgi_core::Body;
use rsgi_core::bytes::Bytes;

use crate::suite::folder::Folder;
use crate::suite::notes::OnDrop;

/// Their names, as a path says them.
pub(super) const KINDS: [&str; 7] =
    ["/bytes", "/iterator", "/reader", "/push", "/copying-push", "/async-push", "/file"];

/// A body of the kind that the path names; an unknown one is a file.
///
/// # Errors
///
/// There can be no file.
pub(super) fn body(path: &str, content: &Bytes, held: OnDrop) -> io::Result<Body> {
    with(path, content, Some(held))
}

/// The same, told by nobody.
///
/// # Errors
///
/// There can be no file.
pub(super) fn body_alone(path: &str, content: &Bytes) -> io::Result<Body> {
    with(path, content, None)
}

fn with(path: &str, content: &Bytes, held: Option<OnDrop>) -> io::Result<Body> {
    let content = content.clone();
    Ok(match path {
        "/bytes" => Body::from(Bytes::from_owner(Held(Cursor::new(content), held))),
        "/iterator" => {
            let held = Held(Cursor::new(content.clone()), held);
            Body::iter(pieces(content).inspect(move |piece| assert!(held.as_ref().len() >= piece.len())))
        }
        "/reader" => Body::reader(Held(Cursor::new(content), held)),
        "/push" => Body::push(move |writer| {
            let _held = held;
            pieces(content).try_for_each(|piece| writer.write_bytes(piece))?;
            Ok(())
        }),
        "/copying-push" => Body::push(move |writer| {
            let _held = held;
            pieces(content).try_for_each(|piece| writer.write_all(&piece))?;
            Ok(())
        }),
        "/async-push" => Body::send(async move |sender| {
            let _held = held;
            for piece in pieces(content) {
                sender.send(piece).await?;
            }
            Ok(())
        }),
        // An adapter gets it as a file, so that nothing of ours is in it to tell of its drop: told at once.
        _ => {
            drop(held);
            Body::file(file(&content)?)?
        }
    })
}

/// A file of this content, which has no name any more.
///
/// # Errors
///
/// It can't be written.
pub(super) fn file(content: &[u8]) -> io::Result<File> {
    let folder = Folder::new();
    let path = folder.file("content");
    std::fs::write(&path, content)?;
    File::open(&path)
}

/// The content in pieces of an odd size.
fn pieces(content: Bytes) -> impl Iterator<Item = Bytes> + Send {
    const PIECE: usize = 10_007;
    (0..content.len()).step_by(PIECE).map(move |at| content.slice(at..content.len().min(at + PIECE)))
}

/// Content with what tells of its drop.
struct Held(Cursor<Bytes>, #[expect(dead_code, reason = "it tells when it is dropped")] Option<OnDrop>);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.0.get_ref()
    }
}

impl Read for Held {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}
