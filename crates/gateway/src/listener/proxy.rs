//! The PROXY header that a connection begins with where its listener says so.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::{Poll, ready};

use sekisho_exchange::Alarm;
use sekisho_units::Cidr;
use sekisho_wire::{MAX_PROXY, ProxyHeader, ProxyParsed, parse_proxy};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;

/// Why a connection is not served.
pub(super) enum Refused {
    /// It has no header, or from one who may not send any. The word is for the log.
    For(&'static str),
    /// The client left, or its header did not come in time.
    Gone,
}

/// Takes the header off the stream. Gives whom the connection is from; `None`: from the peer itself.
///
/// Bytes are looked at before they are taken, so that nothing behind the header is.
pub(super) async fn read(
    stream: &mut TcpStream,
    peer: SocketAddr,
    from: &[Cidr],
    alarm: &Alarm,
    leaving: impl Fn() -> bool,
) -> Result<Option<SocketAddr>, Refused> {
    let ip = peer.ip().to_canonical();
    if !from.iter().any(|range| range.contains(ip)) {
        return Err(Refused::For("proxy_header_untrusted"));
    }
    let mut bytes = [0; MAX_PROXY];
    let mut taken = 0;
    let header = poll_fn(|cx| {
        loop {
            let mut ahead = ReadBuf::new(&mut bytes[taken..]);
            let Poll::Ready(peeked) = stream.poll_peek(cx, &mut ahead) else {
                // Who has said nothing when connections are to end is not waited for.
                if taken > 0 || !leaving() {
                    ready!(alarm.poll(cx));
                }
                return Poll::Ready(Err(Refused::Gone));
            };
            let Ok(count @ 1..) = peeked else { return Poll::Ready(Err(Refused::Gone)) };
            let (len, header) = match parse_proxy(&bytes[..taken + count]) {
                Ok(ProxyParsed::Complete { len, header }) => (len, Some(header)),
                Ok(ProxyParsed::Partial) => (taken + count, None),
                Err(bad) => return Poll::Ready(Err(Refused::For(bad.reason()))),
            };
            // All of it is the header's, and lies in the socket.
            match stream.try_read(&mut bytes[taken..len]) {
                Ok(read) if taken + read == len => taken = len,
                _ => return Poll::Ready(Err(Refused::Gone)),
            }
            if let Some(header) = header {
                return Poll::Ready(Ok(header));
            }
        }
    })
    .await?;
    Ok(match header {
        ProxyHeader::Local => None,
        ProxyHeader::Proxied { source, .. } => Some(source),
    })
}
