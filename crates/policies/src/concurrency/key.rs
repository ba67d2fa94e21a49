//! Whose requests are counted together.

use std::net::IpAddr;

use sekisho_exchange::Exchange;
use sekisho_wire::is_field_name;
use sha2::{Digest, Sha256};

/// What requests are told apart by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Key {
    /// Nothing.
    All,
    /// The client's address.
    Ip,
    /// The route's pattern.
    Route,
    /// The value of the header of this name; those without one are counted together.
    Header(String),
}

/// Why a text is no key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum BadKey {
    User,
    Name(String),
    Unknown(String),
}

/// A key's value. Whoever names it in a header has no more than this kept of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Value {
    All,
    V4(u32),
    /// The first 64 bits, which are what one subscriber has (RFC 6177 §2).
    V6(u64),
    Text(Box<[u8]>),
    /// The digest of a longer text.
    Digest([u8; 32]),
}

/// A text that is longer is kept as its digest.
const LONGEST: usize = 64;

impl Key {
    pub(super) fn parse(text: &str) -> Result<Self, BadKey> {
        match text {
            "ip" => Ok(Self::Ip),
            "route" => Ok(Self::Route),
            "user" => Err(BadKey::User),
            _ => match text.strip_prefix("header.") {
                Some(name) if is_field_name(name.as_bytes()) => Ok(Self::Header(name.to_ascii_lowercase())),
                Some(name) => Err(BadKey::Name(name.to_owned())),
                None => Err(BadKey::Unknown(text.to_owned())),
            },
        }
    }

    #[inline]
    pub(super) fn of(&self, exchange: &Exchange<'_>) -> Value {
        match self {
            Self::All => Value::All,
            Self::Ip => match exchange.client.ip.to_canonical() {
                IpAddr::V4(ip) => Value::V4(ip.to_bits()),
                IpAddr::V6(ip) => Value::V6((ip.to_bits() >> 64) as u64),
            },
            Self::Route => text(exchange.route.as_bytes()),
            Self::Header(name) => text(exchange.head.find(name).unwrap_or_default()),
        }
    }
}

fn text(bytes: &[u8]) -> Value {
    if bytes.len() <= LONGEST {
        Value::Text(bytes.into())
    } else {
        Value::Digest(Sha256::digest(bytes).into())
    }
}

impl BadKey {
    pub(super) fn message(&self) -> String {
        match self {
            Self::User => "who the user is, is not known yet where requests are counted".to_owned(),
            Self::Name(name) => format!("`{name}` is no header's name"),
            Self::Unknown(text) => format!("`{text}` is no key"),
        }
    }

    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::User => "write `ip`, `route` or `header.NAME`",
            Self::Name(_) => "write letters, digits and `-` only, as in `header.X-Tenant`",
            Self::Unknown(_) => "write `ip`, `route` or `header.NAME`, or leave it out for all together",
        }
    }
}
