//! [`Cidr`]: an address, or all addresses with the same leading bits (RFC 4632 §3.1, RFC 4291 §2.3).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::text::textual;

/// A range of IP addresses: `10.0.0.0/8`, `192.0.2.7`, `2001:db8::/32`.
///
/// IPv4-mapped IPv6 (`::ffff:192.0.2.7`, RFC 4291 §2.5.5.2) counts as the IPv4 address that it carries,
/// in the range as in the addresses asked for, since a dual-stack socket reports IPv4 clients that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr(Net);

/// The network's bits, all beyond the prefix zero, and the length of the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Net {
    V4(Ipv4Addr, u8),
    V6(Ipv6Addr, u8),
}

/// Why a text is not a [`Cidr`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// The part before the slash is no address.
    #[error(
        "`{0}` is not an address or prefix; write one such as `10.0.0.0/8`, `192.0.2.7` or `2001:db8::/32`"
    )]
    BadAddress(String),
    /// The part after the slash is not a number within the family's length.
    #[error("`{0}` has a bad prefix length; write a number from 0 to {1}")]
    BadLength(String, u8),
    /// The address has bits set beyond the prefix.
    #[error("`{0}` has bits set beyond its prefix; write `{1}` for the whole network")]
    HostBits(String, Cidr),
}

impl Cidr {
    /// The range of this one address.
    pub fn single(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(Net::V4(v4, 32)),
            IpAddr::V6(v6) => Self(Net::V6(v6, 128)),
        }
    }

    /// Whether `address` lies in the range. An IPv4-mapped IPv6 address is treated as IPv4.
    #[inline]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.0, address.to_canonical()) {
            (Net::V4(net, length), IpAddr::V4(v4)) => v4.to_bits() & mask4(length) == net.to_bits(),
            (Net::V6(net, length), IpAddr::V6(v6)) => v6.to_bits() & mask6(length) == net.to_bits(),
            _ => false,
        }
    }

    /// The first address of the range.
    pub fn network(&self) -> IpAddr {
        match self.0 {
            Net::V4(net, _) => net.into(),
            Net::V6(net, _) => net.into(),
        }
    }

    /// How many leading bits the range's addresses share: up to 32 for IPv4, up to 128 for IPv6.
    pub fn prefix_length(&self) -> u8 {
        match self.0 {
            Net::V4(_, length) | Net::V6(_, length) => length,
        }
    }

    /// Reads an address, or an address and a prefix length.
    ///
    /// # Errors
    /// A [`CidrError`] that names the text and what to write instead.
    pub fn parse(text: &str) -> Result<Self, CidrError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| CidrError::BadAddress(text.to_owned()))?;
        let Some(length) = length else {
            return Ok(Self::single(address));
        };
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length =
            prefix_length(length, longest).ok_or_else(|| CidrError::BadLength(text.to_owned(), longest))?;
        let (given, network) = match address {
            IpAddr::V6(v6) => match (v6.to_ipv4_mapped(), length.checked_sub(96)) {
                (Some(v4), Some(length)) => network4(v4, length),
                _ => (Net::V6(v6, length), Net::V6((v6.to_bits() & mask6(length)).into(), length)),
            },
            IpAddr::V4(v4) => network4(v4, length),
        };
        if given == network {
            Ok(Self(network))
        } else {
            Err(CidrError::HostBits(text.to_owned(), Self(network)))
        }
    }
}

fn network4(address: Ipv4Addr, length: u8) -> (Net, Net) {
    (Net::V4(address, length), Net::V4((address.to_bits() & mask4(length)).into(), length))
}

/// Digits only, without leading zeros, so that no other reader could take it for an octal number.
fn prefix_length(text: &str, longest: u8) -> Option<u8> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|length| plain && *length <= longest)
}

const fn mask4(length: u8) -> u32 {
    // A shift by the whole width is undefined for the operator, and means "no bits" here.
    match u32::MAX.checked_shl(32 - length as u32) {
        Some(mask) => mask,
        None => 0,
    }
}

const fn mask6(length: u8) -> u128 {
    match u128::MAX.checked_shl(128 - length as u32) {
        Some(mask) => mask,
        None => 0,
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Net::V4(net, 32) => net.fmt(f),
            Net::V6(net, 128) => net.fmt(f),
            Net::V4(net, length) => write!(f, "{net}/{length}"),
            Net::V6(net, length) => write!(f, "{net}/{length}"),
        }
    }
}

impl FromStr for Cidr {
    type Err = CidrError;
    fn from_str(text: &str) -> Result<Self, CidrError> {
        Self::parse(text)
    }
}

textual!(Cidr, "Cidr", expecting "an address or prefix such as `10.0.0.0/8`", schema {
    "type": "string",
    "description": "An IPv4 or IPv6 address, or a prefix of them in CIDR form.",
    "pattern": "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$",
    "examples": ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn contains_its_addresses_and_no_others() {
        for (range, address, want) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db9::1", true),
            ("::/0", "192.0.2.7", false),
        ] {
            let range = Cidr::parse(range).unwrap();
            assert_eq!(range.contains(address.parse().unwrap()), want, "{range} {address}");
        }
    }

    #[test]
    fn refuses_the_rest_with_a_remedy() {
        for (text, want) in [
            (
                "10.1.2.3/8",
                "`10.1.2.3/8` has bits set beyond its prefix; write `10.0.0.0/8` for the whole network",
            ),
            (
                "2001:db8::1/32",
                "`2001:db8::1/32` has bits set beyond its prefix; write `2001:db8::/32` for the whole network",
            ),
            ("10.0.0.0/33", "`10.0.0.0/33` has a bad prefix length; write a number from 0 to 32"),
            ("10.0.0.0/08", "`10.0.0.0/08` has a bad prefix length; write a number from 0 to 32"),
            ("10.0.0.0/+8", "`10.0.0.0/+8` has a bad prefix length; write a number from 0 to 32"),
            ("::/129", "`::/129` has a bad prefix length; write a number from 0 to 128"),
            (
                "10.0.0/8",
                "`10.0.0/8` is not an address or prefix; write one such as `10.0.0.0/8`, `192.0.2.7` or `2001:db8::/32`",
            ),
        ] {
            assert_eq!(Cidr::parse(text).map_err(|e| e.to_string()), Err(want.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(bits: u128, v4: bool, length in 0_u8..=128) {
            let range = if v4 {
                let length = length % 33;
                Net::V4((bits as u32 & mask4(length)).into(), length)
            } else {
                Net::V6((bits & mask6(length)).into(), length)
            };
            // An IPv6 range of mapped addresses reads as the IPv4 range, by intention.
            let mapped = matches!(range, Net::V6(net, n) if net.to_ipv4_mapped().is_some() && n >= 96);
            prop_assume!(!mapped);
            let range = Cidr(range);
            prop_assert_eq!(Cidr::parse(&range.to_string()), Ok(range));
        }

        #[test]
        fn contains_agrees_with_counting_equal_bits(net: u32, address: u32, length in 0_u8..=32) {
            let range = Cidr(Net::V4((net & mask4(length)).into(), length));
            let equal = (net ^ address).leading_zeros() >= u32::from(length);
            prop_assert_eq!(range.contains(IpAddr::V4(address.into())), equal);
        }
    }
}
