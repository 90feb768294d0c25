//! Version 2: a binary signature, command, family and length, then addresses and extra values.
//!
//! Section 2.2 of `proxy-protocol.txt`. What LOCAL and UNSPEC carry is skipped, as the text asks of a
//! receiver.
//!
//! Invariant: nothing behind the announced length is looked at, and the length is checked before it is waited
//! for.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::{HEADER_BYTES_MOST, ProxiedEnds, ProxyError, ProxyErrorKind, ProxyHeader, ProxyStatus, Tlvs};
use crate::endpoint::Endpoint;

pub(super) fn parse(bytes: &[u8]) -> Result<ProxyStatus<'_>, ProxyError> {
    let seen = bytes.len().min(SIGNATURE.len());
    if bytes[..seen] != SIGNATURE[..seen] {
        return Err(ProxyErrorKind::NoHeader.into());
    }
    let Some((&[version_command, family, high, low], rest)) =
        bytes[seen..].split_first_chunk::<4>().filter(|_| seen == SIGNATURE.len())
    else {
        return Ok(ProxyStatus::Partial);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let total = FIXED_BYTES + length;
    if version_command >> 4 != 2 {
        return Err(ProxyErrorKind::UnknownVersion.into());
    }
    let forwarded = match version_command & 0x0F {
        LOCAL => None,
        PROXY => Family::from_byte(family)?,
        _ => return Err(ProxyErrorKind::UnknownCommand.into()),
    };
    if total > HEADER_BYTES_MOST {
        return Err(ProxyErrorKind::TooLong.into());
    }
    let Some(block) = rest.get(..length) else {
        return Ok(ProxyStatus::Partial);
    };
    let Some(family) = forwarded else {
        return Ok(ProxyStatus::Complete { consumed: total, header: ProxyHeader::own() });
    };
    let (addresses, extra) = block.split_at_checked(family.bytes()).ok_or(ProxyErrorKind::TooShort)?;
    let tlvs = Tlvs::parse(extra, &bytes[..total])?;
    let header = ProxyHeader { ends: family.ends(addresses), tlvs };
    Ok(ProxyStatus::Complete { consumed: total, header })
}

#[derive(Clone, Copy, Debug)]
enum Family {
    V4,
    V6,
    Unix,
}

impl Family {
    /// The high half names the family, the low half the transport. A datagram can't have come over a stream.
    /// `None` is UNSPEC.
    fn from_byte(byte: u8) -> Result<Option<Self>, ProxyErrorKind> {
        match byte {
            0x00 => Ok(None),
            0x11 => Ok(Some(Self::V4)),
            0x21 => Ok(Some(Self::V6)),
            0x31 => Ok(Some(Self::Unix)),
            _ => Err(ProxyErrorKind::UnknownFamily),
        }
    }

    /// The length of both ends' addresses.
    fn bytes(self) -> usize {
        match self {
            Self::V4 => 2 * (4 + 2),
            Self::V6 => 2 * (16 + 2),
            Self::Unix => 2 * UNIX_PATH_BYTES,
        }
    }

    fn ends(self, addresses: &[u8]) -> Option<ProxiedEnds> {
        let (peer, local) = match self {
            Self::V4 => tcp::<4, Ipv4Addr>(addresses)?,
            Self::V6 => tcp::<16, Ipv6Addr>(addresses)?,
            Self::Unix => {
                let (peer, local) = addresses.split_at_checked(UNIX_PATH_BYTES)?;
                (unix(peer), unix(local))
            }
        };
        Some(ProxiedEnds { peer, local })
    }
}

/// Both addresses, then both ports.
fn tcp<const N: usize, A>(bytes: &[u8]) -> Option<(Endpoint, Endpoint)>
where
    A: From<[u8; N]> + Into<std::net::IpAddr>,
{
    let (&peer, rest) = bytes.split_first_chunk::<N>()?;
    let (&local, rest) = rest.split_first_chunk::<N>()?;
    let (&peer_port, rest) = rest.split_first_chunk::<2>()?;
    let (&local_port, _) = rest.split_first_chunk::<2>()?;
    let end =
        |ip: [u8; N], port: [u8; 2]| SocketAddr::new(A::from(ip).into(), u16::from_be_bytes(port)).into();
    Some((end(peer, peer_port), end(local, local_port)))
}

/// A path filled up with zeros; none at all, or one that isn't text, is an unnamed socket.
fn unix(bytes: &[u8]) -> Endpoint {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let path = str::from_utf8(&bytes[..end]).ok().filter(|path| !path.is_empty());
    Endpoint::unix(path.map(Path::new), None)
}

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED_BYTES: usize = 16;
const LOCAL: u8 = 0x0;
const PROXY: u8 = 0x1;
const UNIX_PATH_BYTES: usize = 108;
