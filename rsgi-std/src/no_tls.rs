//! What stands in for `tls.rs` where the feature `tls` is off: there is no session, and a setting that asks for one
//! is refused at the start.

#![expect(clippy::trivially_copy_pass_by_ref, reason = "the methods have the form of the real session's")]

use std::io;

use rsgi_core::Tls;
use rsgi_core::server::{ServeError, TlsFiles};
use rsgi_threads::Stream;

/// Certificates: none without the feature.
#[derive(Debug)]
pub(crate) enum Certificates {}

/// A session: none without the feature.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Session {}

impl Certificates {
    pub(crate) fn open(files: &TlsFiles) -> Result<Self, ServeError> {
        Err(ServeError::bad_setting(
            "tls",
            files.certificate.display(),
            "this build of rsgi-std has no TLS",
            "build it with the feature `tls`",
        ))
    }

    pub(crate) fn reload(&self) -> Result<(), ServeError> {
        match *self {}
    }

    pub(crate) fn session(&self) -> io::Result<Session> {
        match *self {}
    }
}

impl Session {
    pub(crate) fn shake_hands(&self, _: &Stream) -> io::Result<Option<Tls>> {
        match *self {}
    }

    pub(crate) fn wants_write(&self) -> bool {
        match *self {}
    }

    pub(crate) fn feed(&self, _: &[u8]) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn read(&self, _: &Stream, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn write(&self, _: &Stream, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn write_parts(&self, _: &Stream, _: [&[u8]; 3]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn flush(&self, _: &Stream) -> io::Result<bool> {
        match *self {}
    }

    pub(crate) fn finish(&self, _: &Stream) -> io::Result<()> {
        match *self {}
    }
}

/// Whether this build speaks TLS.
pub(crate) const HERE: bool = false;
