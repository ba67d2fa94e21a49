//! Whose requests are counted together, by limits and by `concurrency` alike.

use std::net::IpAddr;

use sekisho_exchange::{Exchange, RateOf};
use sekisho_wire::is_field_name;
use sha2::{Digest, Sha256};

/// What requests are told apart by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// The client's address.
    Ip,
    /// The user, or the address where there is none.
    User,
    /// The route's pattern.
    Route,
    /// The value of the header of this name, or the address where there is none.
    Header(String),
}

/// How many leading bits of an IPv6 address one subscriber has (RFC 6177 §2).
pub(crate) const NETWORK: u32 = 64;

/// Why a text is no key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum BadKey {
    #[error("`{0}` is no header's name")]
    Name(String),
    #[error("`{0}` is no key")]
    Unknown(String),
}

/// A text that is longer is kept as its digest.
const LONGEST: usize = 64;
/// What a part takes at most: what it is, its length, its bytes.
const ROOM: usize = LONGEST + 2;
/// Most parts of a key.
pub(crate) const MOST: usize = 4;

/// All that requests are told apart by, and how much of an address counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Keys {
    parts: Box<[Part]>,
    v4: u32,
    v6: u128,
}

/// A name in the making, on the stack. No two lists of parts give the same one.
struct Name<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl Part {
    pub(crate) fn parse(text: &str) -> Result<Self, BadKey> {
        match text {
            "ip" => Ok(Self::Ip),
            "user" => Ok(Self::User),
            "route" => Ok(Self::Route),
            _ => match text.strip_prefix("header.") {
                Some(name) if is_field_name(name.as_bytes()) => Ok(Self::Header(name.to_ascii_lowercase())),
                Some(name) => Err(BadKey::Name(name.to_owned())),
                None => Err(BadKey::Unknown(text.to_owned())),
            },
        }
    }

    /// As it is written, in lower case.
    fn text(&self) -> String {
        match self {
            Self::Ip => "ip".to_owned(),
            Self::User => "user".to_owned(),
            Self::Route => "route".to_owned(),
            Self::Header(name) => format!("header.{name}"),
        }
    }
}

impl BadKey {
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::Name(_) => "write letters, digits and `-` only, as in `header.X-Tenant`",
            Self::Unknown(_) => "use `ip`, `user`, `route` or `header.NAME`, or a list of them",
        }
    }
}

impl Keys {
    /// `v4` and `v6` are how many leading bits of an address count.
    pub(crate) fn new(parts: Vec<Part>, v4: u32, v6: u32) -> Self {
        Self {
            parts: parts.into(),
            v4: u32::MAX.checked_shl(32 - v4).unwrap_or(0),
            v6: u128::MAX.checked_shl(128 - v6).unwrap_or(0),
        }
    }

    /// What tells this kind of key from others in stores; the same after every reload and in every release.
    pub(crate) fn identity(&self) -> String {
        self.parts.iter().map(Part::text).collect::<Vec<_>>().join(",")
    }

    /// Gives to `with` the name that stands for the request's sender, and whose requests these are.
    #[inline]
    pub(crate) fn name<R>(&self, exchange: &Exchange<'_>, with: impl FnOnce(&[u8], RateOf) -> R) -> R {
        if let [part] = &*self.parts {
            let mut name = Name::<ROOM>::new();
            let of = self.put(part, exchange, &mut name);
            return with(name.bytes(), of);
        }
        let mut name = Name::<{ ROOM * MOST }>::new();
        let mut of = RateOf::Other;
        for part in &self.parts {
            of = match (of, self.put(part, exchange, &mut name)) {
                (RateOf::User, _) | (_, RateOf::User) => RateOf::User,
                (RateOf::Ip, _) | (_, RateOf::Ip) => RateOf::Ip,
                _ => RateOf::Other,
            };
        }
        with(name.bytes(), of)
    }

    #[inline]
    fn put<const N: usize>(&self, part: &Part, exchange: &Exchange<'_>, name: &mut Name<N>) -> RateOf {
        match part {
            Part::Ip => self.put_address(exchange, name),
            Part::User => match exchange.identity() {
                Some(who) => {
                    name.put(b'u', who.subject().as_bytes());
                    RateOf::User
                }
                None => self.put_address(exchange, name),
            },
            Part::Route => {
                name.put(b'r', exchange.route.as_bytes());
                RateOf::Other
            }
            Part::Header(header) => match exchange.head.find(header) {
                Some(value) => {
                    name.put(b'h', value);
                    RateOf::Other
                }
                None => self.put_address(exchange, name),
            },
        }
    }

    #[inline]
    fn put_address<const N: usize>(&self, exchange: &Exchange<'_>, name: &mut Name<N>) -> RateOf {
        match exchange.client.ip.to_canonical() {
            IpAddr::V4(ip) => name.put(b'4', &(ip.to_bits() & self.v4).to_be_bytes()),
            IpAddr::V6(ip) => name.put(b'6', &(ip.to_bits() & self.v6).to_be_bytes()),
        }
        RateOf::Ip
    }
}

impl<const N: usize> Name<N> {
    #[inline]
    fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    #[inline]
    fn put(&mut self, kind: u8, bytes: &[u8]) {
        if bytes.len() > LONGEST {
            // In another case than a text, so that none of a digest's length passes for it.
            return self.put(kind.to_ascii_uppercase(), &Sha256::digest(bytes));
        }
        let end = self.len + 2 + bytes.len();
        let Some([first, second, rest @ ..]) = self.bytes.get_mut(self.len..end) else {
            debug_assert!(false, "there is room for as many parts as a key may have");
            return;
        };
        (*first, *second) = (kind, bytes.len() as u8);
        rest.copy_from_slice(bytes);
        self.len = end;
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
