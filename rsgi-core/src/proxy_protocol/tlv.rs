//! The extra values of a v2 header: type, length, value.
//!
//! Section 2.2 of `proxy-protocol.txt`. The structure of a value is left to who wants it, but for the
//! checksum, which the text tells receivers to verify where it is there.
//!
//! Invariant: a [`Tlvs`] was walked once to its end, so iterating it can't fail.

use super::{ProxyError, ProxyErrorKind};

/// Iterates over the extra values of a header, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlvs<'a> {
    /// What is left; whole values only.
    rest: &'a [u8],
}

/// The type of an extra value: the byte on the wire, with the names that are registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TlvKind(u8);

impl TlvKind {
    /// The protocol that the client and the balancer agreed on by ALPN.
    pub const ALPN: Self = Self(0x01);
    /// The host name that the client asked for, by SNI mostly.
    pub const AUTHORITY: Self = Self(0x02);
    /// A checksum over the header; verified already.
    pub const CRC32C: Self = Self(0x03);
    /// Padding.
    pub const NOOP: Self = Self(0x04);
    /// A name that the balancer gave the connection.
    pub const UNIQUE_ID: Self = Self(0x05);
    /// What the balancer knows of the client's TLS session (2.2.6), itself a structure.
    pub const SSL: Self = Self(0x20);
    /// The name of the network namespace.
    pub const NETNS: Self = Self(0x30);

    /// Makes a type from its byte.
    pub const fn new(byte: u8) -> Self {
        Self(byte)
    }

    /// Returns the byte on the wire.
    pub const fn byte(self) -> u8 {
        self.0
    }
}

impl<'a> Tlvs<'a> {
    pub(super) const NONE: Self = Self { rest: &[] };

    /// Returns the first value of this type, if there is one.
    pub fn value(&self, kind: TlvKind) -> Option<&'a [u8]> {
        self.clone().find(|&(found, _)| found == kind).map(|(_, value)| value)
    }

    /// Walks the values to their end, and verifies the checksum if there is one. `header` is all of the
    /// header, whose last bytes are `extra`.
    pub(super) fn parse(extra: &'a [u8], header: &[u8]) -> Result<Self, ProxyError> {
        let tlvs = Self { rest: extra };
        let mut walk = tlvs.clone();
        let mut verified = false;
        while !walk.rest.is_empty() {
            let (kind, value) = walk.next().ok_or(ProxyErrorKind::MalformedTlv)?;
            if kind == TlvKind::CRC32C {
                let sum: [u8; 4] = value.try_into().map_err(|_| ProxyErrorKind::MalformedTlv)?;
                if std::mem::replace(&mut verified, true) {
                    return Err(ProxyErrorKind::MalformedTlv.into());
                }
                let end = header.len() - walk.rest.len();
                if checksum(header, end - sum.len()..end) != u32::from_be_bytes(sum) {
                    return Err(ProxyErrorKind::WrongChecksum.into());
                }
            }
        }
        Ok(tlvs)
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = (TlvKind, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[kind, high, low], rest) = self.rest.split_first_chunk::<3>()?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
        self.rest = rest;
        Some((TlvKind(kind), value))
    }
}

/// CRC-32C (RFC 3720 appendix B.4) of the header with its own checksum's bytes taken as zero. Bit by bit:
/// once a connection, over a few hundred bytes, a table would cost more than it saves.
fn checksum(header: &[u8], own: std::ops::Range<usize>) -> u32 {
    let mut sum = u32::MAX;
    for (at, &byte) in header.iter().enumerate() {
        sum ^= u32::from(if own.contains(&at) { 0 } else { byte });
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0x82F6_3B78 } else { sum >> 1 };
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_is_crc32c() {
        // The check value of CRC-32C's definition, and the zeros of RFC 3720 appendix B.4.
        assert_eq!(super::checksum(b"123456789", 0..0), 0xE306_9283);
        assert_eq!(super::checksum(&[0; 32], 0..0), 0x8A91_36AA);
        assert_eq!(super::checksum(&[7; 32], 0..32), 0x8A91_36AA);
    }
}
