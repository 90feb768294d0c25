//! A network of IP addresses, as an address and the length of its prefix (CIDR, RFC 4632 and RFC 4291).
//!
//! Only what the trust policy needs: parsing, writing, asking. An address without a length is that address
//! alone.
//!
//! Invariant: no bit behind the prefix is set, so each network has one spelling.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::server::ServeError;

/// Names a network: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpNet {
    /// Without a bit behind the prefix, and never an IPv4 address in IPv6's clothes.
    address: IpAddr,
    /// At most 32 or 128, by the address's family.
    prefix: u8,
}

impl IpNet {
    pub(super) const EVERY_V4: Self = Self { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), prefix: 0 };
    pub(super) const EVERY_V6: Self = Self { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), prefix: 0 };

    /// Tells whether the address is in the network. An IPv4 address that a dual listener shows as IPv6
    /// (`::ffff:10.0.0.1`) is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let same_family = address.is_ipv4() == self.address.is_ipv4();
        same_family && masked(address, self.prefix) == self.address
    }
}

impl From<IpAddr> for IpNet {
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: bits(address) }
    }
}

impl FromStr for IpNet {
    type Err = ServeError;

    /// Parses `address` or `address/length`.
    ///
    /// # Errors
    ///
    /// A `BadSetting` named `trust` with what to write instead.
    fn from_str(text: &str) -> Result<Self, ServeError> {
        let refused =
            |problem: &'static str, remedy: String| ServeError::bad_setting("trust", text, problem, remedy);
        let example = || "write a network such as 10.0.0.0/8, or one address".to_owned();
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let Ok(address) = address.parse::<IpAddr>() else {
            return Err(refused("this is no IP network", example()));
        };
        if address.to_canonical() != address {
            return Err(refused(
                "an IPv4 network is in IPv6 form",
                format!("write it as {}", address.to_canonical()),
            ));
        }
        let prefix = match prefix {
            None => bits(address),
            Some(digits) if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(refused("the prefix length is no number", example()));
            }
            Some(digits) => digits.parse().unwrap_or(u8::MAX),
        };
        if prefix > bits(address) {
            return Err(refused(
                "the prefix is longer than the address",
                format!("write at most /{}", bits(address)),
            ));
        }
        let network = Self { address: masked(address, prefix), prefix };
        if network.address != address {
            return Err(refused("bits are set behind the prefix", format!("write {network} or {address}")));
        }
        Ok(network)
    }
}

impl fmt::Display for IpNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    // Shifting by the whole width isn't defined for integers: a prefix of 0 keeps no bit.
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}
