//! A client that writes raw bytes and reads answers strictly.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::DEADLINE;
use super::message::{Delimited, Headers, Reader, delimited, fields, header_of, headers_of, shown};

/// One connection, over TCP or something that runs over it.
pub(crate) struct Client<S = TcpStream> {
    reader: Reader<S>,
}

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) version: String,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Headers,
    pub(crate) delimited: Delimited,
    /// Whether the body ended as its delimitation says (until close: always).
    pub(crate) complete: bool,
    /// Interim answers that came before it: status and fields.
    pub(crate) interim: Vec<(u16, Headers)>,
}

impl Answer {
    /// The first value of a field.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header_of(&self.headers, name)
    }

    /// All values of a field.
    pub(crate) fn headers_all(&self, name: &str) -> Vec<&str> {
        headers_of(&self.headers, name)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the body of {self:?}: {}", self.text()))
    }

    /// The member `code` of a problem document.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Client {
    #[track_caller]
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        Self::over(TcpStream::connect_timeout(&addr, DEADLINE).expect("the port is open"))
    }

    /// A client whose socket is made already.
    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Self { reader: Reader::new(stream) }
    }

    /// A client whose socket holds few received bytes, so that it shows soon that it does not read.
    #[track_caller]
    pub(crate) fn connect_narrow(addr: SocketAddr) -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::for_address(addr), socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        socket.connect_timeout(&addr.into(), DEADLINE).expect("the port is open");
        Self::over(socket.into())
    }

    /// A client at another address of the loopback network.
    #[track_caller]
    pub(crate) fn connect_from(ip: &str, addr: SocketAddr) -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::for_address(addr), socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(ip.parse().unwrap(), 0).into()).unwrap();
        socket.connect_timeout(&addr.into(), DEADLINE).expect("the port is open");
        Self::over(socket.into())
    }

    /// The socket, for what is not here.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.reader.stream
    }

    /// The client's own address.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.reader.stream.local_addr().unwrap()
    }

    /// Whether nothing, not even the connection's end, comes for so long. Only for what must not happen.
    #[track_caller]
    pub(crate) fn nothing_for(&mut self, time: Duration) -> bool {
        if !self.reader.data().is_empty() {
            return false;
        }
        let stream = &mut self.reader.stream;
        stream.set_read_timeout(Some(time)).unwrap();
        let mut byte = [0];
        let got = stream.read(&mut byte);
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        match got {
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            Ok(count) => {
                self.reader.buffer.extend_from_slice(&byte[..count]);
                false
            }
        }
    }

    /// Ends this side; answers can still come.
    pub(crate) fn shutdown_write(&mut self) {
        // The other side may have closed already.
        let _ = self.reader.stream.shutdown(Shutdown::Write);
    }

    /// Breaks the connection off, so that the other side sees a reset.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.reader.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

impl<S: Read + Write> Client<S> {
    /// A client over a stream that is ready for use.
    pub(crate) fn on(stream: S) -> Self {
        Self { reader: Reader::new(stream) }
    }

    /// What runs over the socket.
    pub(crate) fn inner(&mut self) -> &mut S {
        &mut self.reader.stream
    }

    /// Sends. That the other side has closed is no error here: what it said before is read next.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        if let Err(error) = self.try_send(bytes) {
            let closed = matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
            assert!(closed, "cannot send: {error}");
        }
    }

    /// Sends, or tells why it could not.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.reader.stream.write_all(bytes.as_ref())
    }

    /// One whole answer, to any method but HEAD. Interim answers are put beside it.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.try_answer().expect("an answer, but the connection was closed")
    }

    /// One answer, or `None` if the connection is closed instead.
    #[track_caller]
    pub(crate) fn try_answer(&mut self) -> Option<Answer> {
        let head = self.final_head()?;
        Some(self.with_body(head, Delimited::Close))
    }

    /// One answer to a HEAD request: no body, whatever its fields say.
    #[track_caller]
    pub(crate) fn answer_to_head(&mut self) -> Answer {
        self.final_head().expect("an answer, but the connection was closed")
    }

    /// An answer's head, final or interim; its body is left unread.
    #[track_caller]
    pub(crate) fn head_only(&mut self) -> Answer {
        self.one_head().expect("an answer, but the connection was closed")
    }

    /// The body that belongs to what [`Client::head_only`] gave.
    #[track_caller]
    pub(crate) fn body_of(&mut self, head: Answer) -> Answer {
        self.with_body(head, Delimited::Close)
    }

    #[track_caller]
    fn final_head(&mut self) -> Option<Answer> {
        let mut interim = Vec::new();
        loop {
            let head = self.one_head()?;
            if head.status >= 200 {
                return Some(Answer { interim, ..head });
            }
            interim.push((head.status, head.headers));
        }
    }

    #[track_caller]
    fn one_head(&mut self) -> Option<Answer> {
        let lines = self.reader.head()?;
        let (line, rest) = lines.split_first().unwrap();
        let parts: Vec<&str> = line.splitn(3, ' ').collect();
        let [version, status, _] = parts[..] else { panic!("a bad status line: {line:?}") };
        assert!(version == "HTTP/1.1" && status.len() == 3, "a bad status line: {line:?}");
        let status = status.parse().unwrap_or_else(|_| panic!("a bad status: {line:?}"));
        Some(Answer {
            status,
            version: version.to_owned(),
            headers: fields(rest),
            body: Vec::new(),
            trailers: Vec::new(),
            delimited: Delimited::Nothing,
            complete: true,
            interim: Vec::new(),
        })
    }

    #[track_caller]
    fn with_body(&mut self, head: Answer, otherwise: Delimited) -> Answer {
        let delimited = match head.status {
            100..=199 | 204 | 304 => Delimited::Nothing,
            _ => delimited(&head.headers, otherwise),
        };
        let body = self.reader.body(delimited);
        Answer { body: body.bytes, trailers: body.trailers, complete: body.whole, delimited, ..head }
    }

    /// Whether the next that happens is the connection's end, within the deadline; bytes that come instead make it `false`.
    pub(crate) fn closed(&mut self) -> bool {
        self.reader.data().is_empty() && matches!(self.reader.fill(), Ok(0))
    }

    /// Reads what there is, at least a byte unless the connection ended.
    #[track_caller]
    pub(crate) fn read_some(&mut self) -> Vec<u8> {
        if self.reader.data().is_empty() {
            self.reader.fill().expect("bytes within the deadline");
        }
        let data = self.reader.data().to_vec();
        self.reader.consume(data.len());
        data
    }

    /// Everything until the connection ends.
    #[track_caller]
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        self.reader.body(Delimited::Close).bytes
    }

    /// Bytes that are here and unread, for messages.
    pub(crate) fn unread(&self) -> String {
        shown(self.reader.data())
    }
}
