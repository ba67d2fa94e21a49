//! The PROXY protocol, versions 1 and 2 (HAProxy's `proxy-protocol.txt`): a load balancer before us says, ahead of the
//! first byte of HTTP, whose connection it passes on.
//!
//! Only reading, without I/O and without allocation. A header decides who a client is taken for, so nothing that could be
//! read in two ways is: one spelling for each number, one space between fields, no rest that is not accounted for. Whether
//! a peer may speak it at all is for the caller to decide, who must not guess from the bytes.

mod checksum;
mod v1;
mod v2;

use std::fmt;
use std::net::SocketAddr;

/// Most bytes of a header that is accepted: version 2 with 2,048 bytes behind its fixed part of 16. A buffer of this
/// size always suffices.
pub const MAX_PROXY: usize = v2::FIXED + MAX_BLOCK;

/// Most bytes of addresses and additions (TLVs) in version 2. The longest address block has 216 bytes; what load balancers
/// add, certificates' names included, is a few hundred.
const MAX_BLOCK: usize = 2048;

/// How far the reading came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyParsed {
    /// All right so far, but more bytes are needed.
    Partial,
    /// The header is whole.
    Complete {
        /// Its bytes; what follows them is the client's.
        len: usize,
        /// What it says.
        header: ProxyHeader,
    },
}

/// Whose connection it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyHeader {
    /// The sender's own (a health check), or one whose addresses it cannot tell: the socket's addresses hold.
    Local,
    /// A client's, over TCP. Addresses are as the header has them: an IPv4 client of a port that is open to both may come
    /// as `::ffff:192.0.2.1`, as it would from the socket.
    Proxied {
        /// Where the client connects from.
        source: SocketAddr,
        /// What the client connected to.
        destination: SocketAddr,
    },
}

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $detail:literal;)+) => {
        /// Why a header was refused. Nothing can be answered: the connection is closed.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        pub enum BadProxy {
            $($(#[$doc])* #[doc = concat!("\"", $detail, "\"")] $variant,)+
        }

        impl BadProxy {
            /// One word for logs and counters.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// What was wrong, in a sentence that repeats nothing of the input.
            #[must_use]
            pub const fn detail(self) -> &'static str {
                match self { $(Self::$variant => $detail,)+ }
            }

            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];
        }
    };
}

faults! {
    Signature = "proxy_header_missing", "the connection does not begin with a PROXY header";
    TooLong = "proxy_header_too_long", "the PROXY header is longer than its version allows, or than 2,048 bytes of additions";
    LineEnd = "proxy_header_line_end", "the PROXY line does not end in CR LF";
    Character = "proxy_header_character", "the PROXY line holds a byte that is no printable ASCII";
    Fields = "proxy_header_fields", "the PROXY line has not its five fields with one space between each";
    Family = "proxy_header_family", "the PROXY header names an unknown address family";
    Transport = "proxy_header_transport", "the PROXY header names a transport that is not TCP";
    Address = "proxy_header_address", "an address of the PROXY line is none of the family that it names";
    Port = "proxy_header_port", "a port of the PROXY line is no decimal number up to 65535 without leading zeros";
    Version = "proxy_header_version", "the PROXY header has another version than 1 or 2";
    Command = "proxy_header_command", "the PROXY header has another command than LOCAL or PROXY";
    Length = "proxy_header_length", "the PROXY header is too short for the addresses that it names";
    Tlv = "proxy_header_tlv", "an addition to the PROXY header does not fit into it";
    Checksum = "proxy_header_checksum", "the PROXY header's checksum is not that of its bytes";
}

impl fmt::Display for BadProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl std::error::Error for BadProxy {}

/// Reads the header at the beginning of a connection, of either version.
///
/// More bytes never change a verdict once there is one, and the first byte that fits neither signature is one: a plain
/// request is refused at once and not waited on.
///
/// # Errors
/// Why the bytes are no header, and cannot become one.
pub fn parse_proxy(bytes: &[u8]) -> Result<ProxyParsed, BadProxy> {
    match bytes.first() {
        None => Ok(ProxyParsed::Partial),
        Some(b'P') => v1::parse(bytes),
        Some(_) => v2::parse(bytes),
    }
}

/// Whether all of the signature is there; an error as soon as it cannot be.
fn has_signature(bytes: &[u8], signature: &[u8]) -> Result<bool, BadProxy> {
    let len = bytes.len().min(signature.len());
    match bytes[..len] == signature[..len] {
        true => Ok(len == signature.len()),
        false => Err(BadProxy::Signature),
    }
}

#[cfg(test)]
mod tests;
