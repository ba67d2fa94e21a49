//! Version 1: one line of text, `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443` CR LF (§2.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::{BadProxy, ProxyHeader, ProxyParsed, has_signature};

const SIGNATURE: &[u8] = b"PROXY ";

/// Most bytes of the line, its end included. The standard's own bound: the longest line there can be has fewer.
const MAX_LINE: usize = 107;

pub(super) fn parse(bytes: &[u8]) -> Result<ProxyParsed, BadProxy> {
    if !has_signature(bytes, SIGNATURE)? {
        return Ok(ProxyParsed::Partial);
    }
    let Some(line) = line(bytes)? else { return Ok(ProxyParsed::Partial) };
    let header = header(&line[SIGNATURE.len()..])?;
    Ok(ProxyParsed::Complete { len: line.len() + 2, header })
}

/// The line without its end; nothing if the end has not come. Looks at one byte after the other, so that the first fault
/// decides however the bytes arrive.
fn line(bytes: &[u8]) -> Result<Option<&str>, BadProxy> {
    for (at, b) in bytes.iter().enumerate() {
        match b {
            _ if at + 1 >= MAX_LINE => return Err(BadProxy::TooLong),
            b'\r' => {
                return match bytes.get(at + 1) {
                    None => Ok(None),
                    Some(b'\n') => {
                        std::str::from_utf8(&bytes[..at]).map(Some).map_err(|_| BadProxy::Character)
                    }
                    Some(_) => Err(BadProxy::LineEnd),
                };
            }
            b'\n' => return Err(BadProxy::LineEnd),
            b' '..=b'~' => {}
            _ => return Err(BadProxy::Character),
        }
    }
    Ok(None)
}

/// What stands behind `PROXY `.
fn header(fields: &str) -> Result<ProxyHeader, BadProxy> {
    let mut fields = fields.split(' ');
    match fields.next() {
        Some("TCP4") => proxied::<Ipv4Addr>(fields),
        Some("TCP6") => proxied::<Ipv6Addr>(fields),
        // Whatever follows on the line is to be ignored.
        Some("UNKNOWN") => Ok(ProxyHeader::Local),
        _ => Err(BadProxy::Family),
    }
}

fn proxied<'a, A: FromStr + Into<IpAddr>>(
    mut fields: impl Iterator<Item = &'a str>,
) -> Result<ProxyHeader, BadProxy> {
    let mut next = || fields.next().ok_or(BadProxy::Fields);
    let (source, destination, source_port, destination_port) = (next()?, next()?, next()?, next()?);
    // Two spaces in a row make an empty field, and thus one too many.
    if fields.next().is_some() {
        return Err(BadProxy::Fields);
    }
    Ok(ProxyHeader::Proxied {
        source: SocketAddr::new(address::<A>(source)?, port(source_port)?),
        destination: SocketAddr::new(address::<A>(destination)?, port(destination_port)?),
    })
}

/// The standard library takes no leading zeros in IPv4, no zones and no brackets in IPv6.
fn address<A: FromStr + Into<IpAddr>>(text: &str) -> Result<IpAddr, BadProxy> {
    text.parse::<A>().map(Into::into).map_err(|_| BadProxy::Address)
}

fn port(text: &str) -> Result<u16, BadProxy> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let padded = text.len() > 1 && text.starts_with('0');
    if !digits || padded {
        return Err(BadProxy::Port);
    }
    text.parse().map_err(|_| BadProxy::Port)
}
