//! The client's side of HTTP/1.1 over one connection, plain or TLS: a request out, its whole answer in.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, HandshakeKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::tls::{self, Offer};

/// Nothing that is well takes longer than this.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

const LONGEST_ANSWER: usize = 4 << 20;

/// Either kind of stream.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// A connection between requests, or what is left of one after an upgrade.
pub(super) struct Client {
    pub(super) stream: Box<dyn Stream>,
    pub(super) buffer: Vec<u8>,
    /// How the TLS handshake went, if there was one.
    pub(super) handshake: Option<HandshakeKind>,
}

/// An answer, its body still in the client's buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) body: &'a [u8],
    /// The server announced that it closes this connection.
    pub(super) closes: bool,
    /// It said that it came from a cache.
    pub(super) hit: bool,
}

/// What the head of an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) bytes: usize,
    length: Option<usize>,
    closes: bool,
    hit: bool,
}

/// The client's side of TLS if there is an authority to trust.
pub(super) fn trusting(
    authority: Option<&Path>,
    sessions: usize,
) -> Result<Option<Arc<ClientConfig>>, String> {
    authority.map(|path| tls::client(path, Offer::Tls13, sessions)).transpose()
}

impl Client {
    /// Connects to `port` on this machine, and makes the handshake if `tls` is given.
    pub(super) async fn open(port: u16, tls: Option<&Arc<ClientConfig>>) -> Result<Client, String> {
        let connect = async {
            let tcp = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
            tcp.set_nodelay(true)?;
            let Some(config) = tls else {
                return Ok((Box::new(tcp) as Box<dyn Stream>, None));
            };
            let stream = TlsConnector::from(Arc::clone(config)).connect(tls::name(), tcp).await?;
            let kind = stream.get_ref().1.handshake_kind();
            Ok((Box::new(stream) as Box<dyn Stream>, kind))
        };
        let opened: std::io::Result<_> = within(connect).await?;
        let (stream, handshake) = opened.map_err(|e| format!("cannot connect: {e}"))?;
        Ok(Client { stream, buffer: Vec::with_capacity(4096), handshake })
    }

    /// Sends a request and reads its answer, both whole.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, String> {
        let head = within(async {
            self.stream.write_all(request).await.map_err(|e| format!("cannot send: {e}"))?;
            self.buffer.clear();
            let head = self.head().await?;
            let length = head.length.ok_or("an answer without Content-Length")?;
            let end = head.bytes + length;
            while self.buffer.len() < end {
                self.more().await?;
            }
            if self.buffer.len() > end {
                return Err(format!("{} bytes too many", self.buffer.len() - end));
            }
            Ok(head)
        })
        .await??;
        Ok(Answer {
            status: head.status,
            body: &self.buffer[head.bytes..],
            closes: head.closes,
            hit: head.hit,
        })
    }

    /// Reads until a head is whole; what came after it stays in the buffer.
    pub(super) async fn head(&mut self) -> Result<Head, String> {
        loop {
            if let Some(head) = head(&self.buffer)? {
                return Ok(head);
            }
            self.more().await?;
        }
    }

    /// Reads whatever comes next.
    pub(super) async fn more(&mut self) -> Result<(), String> {
        if self.buffer.len() > LONGEST_ANSWER {
            return Err("an answer without end".to_owned());
        }
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) if self.buffer.is_empty() => Err("closed instead of an answer".to_owned()),
            Ok(0) => Err(format!("closed after {} bytes of an answer", self.buffer.len())),
            Ok(_) => Ok(()),
            Err(e) => Err(format!("cannot receive: {e}")),
        }
    }

    /// Ends the connection in order: with TLS, by its alert.
    pub(super) async fn close(mut self) {
        let _ = tokio::time::timeout(PATIENCE, self.stream.shutdown()).await;
    }
}

/// The result, unless it takes longer than anything that is well.
pub(super) async fn within<F: Future>(work: F) -> Result<F::Output, String> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| format!("nothing came for {PATIENCE:?}"))
}

fn head(bytes: &[u8]) -> Result<Option<Head>, String> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| "a head that is no text")?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| format!("no status line but `{first}`"))?;
    let mut head = Head { status, bytes: end + 4, length: None, closes: false, hit: false };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            head.length = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            head.closes = value.split(',').any(|word| word.trim().eq_ignore_ascii_case("close"));
        } else if name.eq_ignore_ascii_case("x-cache") {
            head.hit = value.trim() == "HIT";
        }
    }
    Ok(Some(head))
}

#[cfg(test)]
mod tests {
    use super::{Client, Head, head};
    use tokio::io::AsyncWriteExt;

    #[test]
    fn reads_heads() {
        let found =
            |status, bytes, length, closes| Some(Head { status, bytes, length, closes, hit: bytes == 33 });
        for (text, want) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", Some(found(200, 38, Some(2), false))),
            ("HTTP/1.1 503 X\r\nconnection: Close\r\n\r\n", Some(found(503, 37, None, true))),
            ("HTTP/1.1 200 OK\r\nX-Cache: HIT\r\n\r\n\r\n", Some(found(200, 33, None, false))),
            ("HTTP/1.1 200 OK\r\nContent-Le", Some(None)),
            ("", Some(None)),
            ("SSH-2.0\r\n\r\n", None),
            ("HTTP/1.1 2\u{e9}0 \r\n\r\n", None),
        ] {
            assert_eq!(head(text.as_bytes()).ok(), want, "{text}");
        }
    }

    /// What a client makes of these bytes, as (status, body), with the connection closed after them.
    async fn exchange(answer: &[u8]) -> Result<(u16, Vec<u8>), String> {
        let (near, mut far) = tokio::io::duplex(4096);
        let mut client = Client { stream: Box::new(near), buffer: Vec::new(), handshake: None };
        far.write_all(answer).await.unwrap();
        far.shutdown().await.unwrap();
        let answer = client.exchange(b"GET / HTTP/1.1\r\n\r\n").await?;
        Ok((answer.status, answer.body.to_vec()))
    }

    #[tokio::test]
    async fn an_answer_must_be_whole_and_nothing_may_follow() {
        let whole = exchange(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab").await;
        assert_eq!(whole, Ok((200, b"ab".to_vec())));
        for (text, want) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"[..], "closed after 40 bytes of an answer"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", "1 bytes too many"),
            (b"HTTP/1.1 200 OK\r\n\r\nab", "an answer without Content-Length"),
            (b"", "closed instead of an answer"),
        ] {
            assert_eq!(exchange(text).await.unwrap_err(), want);
        }
    }
}
