//! PROXY headers: no panic, the same verdict however the bytes are split, and what is read writes back.
#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use sekisho_wire::{MAX_PROXY, ProxyHeader, ProxyParsed, parse_proxy};

/// The line of version 1 that says the same.
fn line(source: SocketAddr, destination: SocketAddr) -> String {
    let family = if source.is_ipv4() { 4 } else { 6 };
    let (from, to) = (source.ip(), destination.ip());
    format!("PROXY TCP{family} {from} {to} {} {}\r\n", source.port(), destination.port())
}

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let whole = parse_proxy(bytes);
    let early = parse_proxy(&bytes[..usize::from(cut).min(bytes.len())]);
    assert!(early == Ok(ProxyParsed::Partial) || early == whole);

    match whole {
        Ok(ProxyParsed::Complete { len, header }) => {
            assert!(len <= bytes.len() && len <= MAX_PROXY);
            assert_eq!(parse_proxy(&bytes[..len]), whole);
            assert_eq!(parse_proxy(&bytes[..len - 1]), Ok(ProxyParsed::Partial));
            if let ProxyHeader::Proxied { source, destination } = header {
                assert_eq!(source.is_ipv4(), destination.is_ipv4());
                let line = line(source, destination);
                assert_eq!(
                    parse_proxy(line.as_bytes()),
                    Ok(ProxyParsed::Complete { len: line.len(), header })
                );
            }
        }
        Ok(ProxyParsed::Partial) => assert!(bytes.len() < MAX_PROXY),
        Err(_) => {}
    }
});
