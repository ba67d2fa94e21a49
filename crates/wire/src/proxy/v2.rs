//! Version 2: binary, with additions of type, length and value behind the addresses (§2.2).

use std::net::{IpAddr, SocketAddr};

use super::checksum::Crc32c;
use super::{BadProxy, MAX_BLOCK, ProxyHeader, ProxyParsed, has_signature};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes before the addresses: signature, version and command, family and transport, length of the rest.
pub(super) const FIXED: usize = 16;

/// The type of the addition that holds a checksum (PP2_TYPE_CRC32C).
const CRC32C: u8 = 0x03;

/// What the block behind the fixed part is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// To be skipped: it is the sender's own connection, or of a kind that has no known layout.
    Opaque,
    Inet,
    Inet6,
    Unix,
}

impl Block {
    /// From the byte of family and transport.
    fn of(family: u8) -> Result<Self, BadProxy> {
        match family {
            0x00 => Ok(Self::Opaque),
            0x11 => Ok(Self::Inet),
            0x21 => Ok(Self::Inet6),
            0x31 => Ok(Self::Unix),
            0x12 | 0x22 | 0x32 => Err(BadProxy::Transport),
            _ => Err(BadProxy::Family),
        }
    }

    /// Bytes of the addresses.
    fn addresses(self) -> usize {
        match self {
            Self::Opaque => 0,
            Self::Inet => 12,
            Self::Inet6 => 36,
            Self::Unix => 216,
        }
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<ProxyParsed, BadProxy> {
    if !has_signature(bytes, SIGNATURE)? {
        return Ok(ProxyParsed::Partial);
    }
    let Some(&command) = bytes.get(12) else { return Ok(ProxyParsed::Partial) };
    if command >> 4 != 2 {
        return Err(BadProxy::Version);
    }
    let passed_on = match command & 0xf {
        0 => false,
        1 => true,
        _ => return Err(BadProxy::Command),
    };
    let Some(&family) = bytes.get(13) else { return Ok(ProxyParsed::Partial) };
    // Of the sender's own connection "the family is ignored", the standard says, and the block with it.
    let block = if passed_on { Block::of(family)? } else { Block::Opaque };
    let Some(&[high, low]) = bytes.get(14..FIXED).and_then(<[u8]>::first_chunk) else {
        return Ok(ProxyParsed::Partial);
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    if len > MAX_BLOCK {
        return Err(BadProxy::TooLong);
    }
    if len < block.addresses() {
        return Err(BadProxy::Length);
    }
    let Some(whole) = bytes.get(..FIXED + len) else { return Ok(ProxyParsed::Partial) };
    if block != Block::Opaque {
        walk(whole, FIXED + block.addresses())?;
    }
    Ok(ProxyParsed::Complete { len: whole.len(), header: header(block, &whole[FIXED..]) })
}

fn header(block: Block, addresses: &[u8]) -> ProxyHeader {
    let pair = match block {
        Block::Inet => pair::<4>(addresses),
        Block::Inet6 => pair::<16>(addresses),
        Block::Opaque | Block::Unix => None,
    };
    pair.map_or(ProxyHeader::Local, |(source, destination)| ProxyHeader::Proxied { source, destination })
}

/// Two addresses of `N` bytes, then two ports, in network order.
fn pair<const N: usize>(block: &[u8]) -> Option<(SocketAddr, SocketAddr)>
where
    [u8; N]: Into<IpAddr>,
{
    let (source, rest) = block.split_first_chunk::<N>()?;
    let (destination, rest) = rest.split_first_chunk::<N>()?;
    let (source_port, rest) = rest.split_first_chunk::<2>()?;
    let destination_port = rest.first_chunk::<2>()?;
    let socket =
        |address: &[u8; N], port: &[u8; 2]| SocketAddr::new((*address).into(), u16::from_be_bytes(*port));
    Some((socket(source, source_port), socket(destination, destination_port)))
}

/// Goes through the additions, which begin at `at` and must end with the header; a checksum among them must be right.
fn walk(whole: &[u8], mut at: usize) -> Result<(), BadProxy> {
    let mut checksum = None;
    while at < whole.len() {
        let Some(&[kind, high, low]) = whole[at..].first_chunk() else { return Err(BadProxy::Tlv) };
        let (begin, len) = (at + 3, usize::from(u16::from_be_bytes([high, low])));
        let value = whole[begin..].get(..len).ok_or(BadProxy::Tlv)?;
        if kind == CRC32C {
            let told: [u8; 4] = value.try_into().map_err(|_| BadProxy::Tlv)?;
            // Each of two would have to be zero while the other is computed.
            if checksum.replace((begin, u32::from_be_bytes(told))).is_some() {
                return Err(BadProxy::Tlv);
            }
        }
        at = begin + len;
    }
    match checksum {
        Some((place, told)) if sum(whole, place) != told => Err(BadProxy::Checksum),
        _ => Ok(()),
    }
}

/// The checksum of the header, its own four bytes at `place` taken as zero.
fn sum(whole: &[u8], place: usize) -> u32 {
    Crc32c::new().add(&whole[..place]).add(&[0; 4]).add(&whole[place + 4..]).value()
}
