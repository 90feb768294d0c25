//! Both directions of a stream that the server handed over: by Upgrade, CONNECT or extended CONNECT.
//!
//! A view of the request that is under way, behind its content; dropping it ends nothing.

use rsgi_core::bytes::{Bytes, BytesMut};

use crate::client::error::ClientError;
use crate::client::open::Open;

/// A stream that the server handed over.
#[derive(Debug)]
pub struct Tunnel<'a> {
    open: &'a mut Open,
    rest: BytesMut,
}

impl<'a> Tunnel<'a> {
    pub(crate) fn new(open: &'a mut Open) -> Self {
        Self { open, rest: BytesMut::new() }
    }

    /// Sends bytes in.
    ///
    /// # Panics
    ///
    /// The server takes no more.
    pub fn send(&mut self, bytes: impl Into<Bytes>) -> &mut Self {
        self.open.feed(bytes);
        self
    }

    /// Ends the client's direction; the other stays open.
    pub fn end(&mut self) -> &mut Self {
        self.open.end_input();
        self
    }

    /// Waits for the next bytes out; `None` at the end of the server's direction.
    pub fn receive(&mut self) -> Option<Result<Bytes, ClientError>> {
        if !self.rest.is_empty() {
            return Some(Ok(self.rest.split().freeze()));
        }
        self.open.piece()
    }

    /// Waits for exactly so many bytes.
    ///
    /// # Panics
    ///
    /// Fewer come.
    pub fn exactly(&mut self, count: usize) -> Bytes {
        while self.rest.len() < count {
            match self.open.piece() {
                Some(Ok(piece)) => self.rest.extend_from_slice(&piece),
                Some(Err(error)) => panic!("{error} after {} of {count} bytes", self.rest.len()),
                None => panic!("the stream ended after {} of {count} bytes", self.rest.len()),
            }
        }
        self.rest.split_to(count).freeze()
    }
}

impl Drop for Tunnel<'_> {
    /// What was read too far is for whoever looks next.
    fn drop(&mut self) {
        if !self.rest.is_empty() {
            self.open.put_back(self.rest.split().freeze());
        }
    }
}
