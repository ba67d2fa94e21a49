//! A strict HTTP/1 reader of the tests' own, for what services and clients receive: the gateway's output is held to more
//! than what it lets through.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;

/// Field lines in order, names as they came.
pub(crate) type Headers = Vec<(String, String)>;

/// The first value of a field, if there is one.
pub(crate) fn header_of<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// All values of a field.
pub(crate) fn headers_of<'h>(headers: &'h [(String, String)], name: &str) -> Vec<&'h str> {
    headers
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .collect()
}

/// A request as a service saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: String,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Headers,
    /// Which of the service's connections it came over, from 0.
    pub(crate) connection: usize,
    /// Whether the whole body came.
    pub(crate) whole: bool,
}

impl Request {
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
}

/// How a body is delimited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Delimited {
    Nothing,
    Length(usize),
    Chunked,
    Close,
}

/// A body as it was read.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) trailers: Headers,
    /// Whether it ended as its delimitation says.
    pub(crate) whole: bool,
}

/// A socket, or TLS over one, with what was read from it and not yet used.
pub(crate) struct Reader<S = TcpStream> {
    pub(crate) stream: S,
    pub(crate) buffer: Vec<u8>,
    used: usize,
}

impl<S: Read> Reader<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new(), used: 0 }
    }

    /// Bytes at hand.
    pub(crate) fn data(&self) -> &[u8] {
        &self.buffer[self.used..]
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.used += count;
        assert!(self.used <= self.buffer.len());
        if self.used == self.buffer.len() {
            self.buffer.clear();
            self.used = 0;
        }
    }

    /// Reads more; 0 at the end or after a reset. An error only for a wait that took too long.
    pub(crate) fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 64 * 1024];
        loop {
            match self.stream.read(&mut piece) {
                Ok(count) => {
                    self.buffer.extend_from_slice(&piece[..count]);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Err(error);
                }
                Err(_) => return Ok(0),
            }
        }
    }

    #[track_caller]
    fn fill_in_time(&mut self, what: &str) -> usize {
        match self.fill() {
            Ok(count) => count,
            Err(_) => {
                panic!("nothing came for too long while reading {what}; so far: {:?}", shown(self.data()))
            }
        }
    }

    /// The lines of a head up to its empty line; `None` if the connection ends before its first byte.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let line = match self.line("a head") {
                Some(line) => line,
                None if lines.is_empty() && self.data().is_empty() => return None,
                None => panic!("the connection ended inside a head: {lines:?} {:?}", shown(self.data())),
            };
            if line.is_empty() {
                assert!(!lines.is_empty(), "a head begins with an empty line");
                return Some(lines);
            }
            lines.push(line);
        }
    }

    /// One line without its CR LF; `None` if the connection ends before it does.
    #[track_caller]
    fn line(&mut self, what: &str) -> Option<String> {
        let mut looked = 0;
        loop {
            if let Some(at) = self.data()[looked..].iter().position(|byte| *byte == b'\n') {
                let end = looked + at;
                let line = self.data()[..end].to_vec();
                let line = line
                    .strip_suffix(b"\r")
                    .unwrap_or_else(|| panic!("a bare LF in {what}: {:?}", shown(&line)));
                assert!(
                    !line.contains(&b'\r') && !line.contains(&0),
                    "CR or NUL in {what}: {:?}",
                    shown(line)
                );
                let line = String::from_utf8_lossy(line).into_owned();
                self.consume(end + 1);
                return Some(line);
            }
            looked = self.data().len();
            if self.fill_in_time(what) == 0 {
                return None;
            }
        }
    }

    /// Up to `len` bytes; fewer only at the end of the connection.
    #[track_caller]
    fn take(&mut self, len: usize) -> Vec<u8> {
        let mut taken = Vec::with_capacity(len.min(1 << 20));
        loop {
            let count = self.data().len().min(len - taken.len());
            taken.extend_from_slice(&self.data()[..count]);
            self.consume(count);
            if taken.len() == len || self.fill_in_time("a body") == 0 {
                return taken;
            }
        }
    }

    /// A whole body.
    #[track_caller]
    pub(crate) fn body(&mut self, delimited: Delimited) -> Body {
        match delimited {
            Delimited::Nothing => Body { whole: true, ..Body::default() },
            Delimited::Length(len) => {
                let bytes = self.take(len);
                Body { whole: bytes.len() == len, bytes, ..Body::default() }
            }
            Delimited::Close => Body { bytes: self.take(usize::MAX), whole: true, ..Body::default() },
            Delimited::Chunked => self.chunks(),
        }
    }

    #[track_caller]
    fn chunks(&mut self) -> Body {
        let mut body = Body::default();
        loop {
            let Some(line) = self.line("a chunk line") else { return body };
            let len =
                usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("a bad chunk line: {line:?}"));
            assert!(line.bytes().all(|byte| byte.is_ascii_hexdigit()), "a bad chunk line: {line:?}");
            if len == 0 {
                break;
            }
            let bytes = self.take(len);
            let all = bytes.len() == len;
            body.bytes.extend_from_slice(&bytes);
            if !all {
                return body;
            }
            match self.take(2).as_slice() {
                b"\r\n" => {}
                end if end.len() < 2 => return body,
                end => panic!("a chunk ends in {:?}", shown(end)),
            }
        }
        loop {
            match self.line("trailers") {
                Some(line) if line.is_empty() => break,
                Some(line) => body.trailers.push(field(&line)),
                None => return body,
            }
        }
        body.whole = true;
        body
    }
}

/// A field line, read strictly (RFC 9110 §5).
#[track_caller]
fn field(line: &str) -> (String, String) {
    let (name, value) =
        line.split_once(':').unwrap_or_else(|| panic!("a field line without a colon: {line:?}"));
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    assert!(!name.is_empty() && name.bytes().all(is_token), "a bad field name: {line:?}");
    (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
}

/// Field lines, read strictly.
#[track_caller]
pub(crate) fn fields(lines: &[String]) -> Headers {
    lines.iter().map(|line| field(line)).collect()
}

/// How the body after this head is delimited by its fields; at most one way may be given (RFC 9112 §6.3).
#[track_caller]
pub(crate) fn delimited(headers: &[(String, String)], otherwise: Delimited) -> Delimited {
    let lengths = headers_of(headers, "content-length");
    let codings = headers_of(headers, "transfer-encoding");
    assert!(lengths.len() + codings.len() <= 1, "more than one framing: {headers:?}");
    match (lengths.first(), codings.first()) {
        (Some(length), _) => {
            assert!(length.bytes().all(|byte| byte.is_ascii_digit()), "a bad length: {length:?}");
            Delimited::Length(length.parse().unwrap())
        }
        (_, Some(coding)) => {
            assert_eq!(*coding, "chunked");
            Delimited::Chunked
        }
        _ => otherwise,
    }
}

/// Bytes for a message to people.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let some = &bytes[..bytes.len().min(300)];
    some.escape_ascii().to_string()
}
