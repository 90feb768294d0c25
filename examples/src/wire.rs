//! A byte stream in memory, for protocol crates that want `Read` and `Write` where the application has pieces.
//!
//! Such a crate reads what has come in and is told `WouldBlock` for the rest; what it writes is taken out and sent.
//! So it runs without a socket and without a thread, on any server.

use std::io::{self, ErrorKind, Read, Write};

use rsgi_core::bytes::{Buf, Bytes};

/// Both directions of a stream.
#[derive(Debug, Default)]
pub struct Wire {
    inbound: Bytes,
    outbound: Vec<u8>,
}

impl Wire {
    /// Gives the crate a piece to read; it has read all of the one before when it was told `WouldBlock`.
    pub fn put(&mut self, inbound: Bytes) {
        self.inbound = inbound;
    }

    /// Takes what the crate has written.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.outbound)
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.inbound.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let amount = self.inbound.len().min(buffer.len());
        self.inbound.copy_to_slice(&mut buffer[..amount]);
        Ok(amount)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbound.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
