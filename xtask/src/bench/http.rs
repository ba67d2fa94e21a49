//! Just enough of an HTTP/1.1 client (RFC 9112) to probe a target, read its metrics and hold idle connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);
const LONGEST_BODY: u64 = 64 << 20;
const LONGEST_LINE: u64 = 64 << 10;

/// A connection kept open between requests.
#[derive(Debug)]
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    port: u16,
}

/// A whole answer; header names in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The first header of this (lower case) name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// One GET on a connection of its own.
pub(super) fn get(port: u16, path: &str, headers: &[(String, String)]) -> Result<Answer, String> {
    Connection::open(port)?.get(path, headers)
}

impl Connection {
    /// Connects to `port` on this machine.
    pub(super) fn open(port: u16) -> Result<Connection, String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let cannot = |e: std::io::Error| format!("port {port}: {e}");
        let stream = TcpStream::connect_timeout(&address, TIMEOUT).map_err(cannot)?;
        stream.set_read_timeout(Some(TIMEOUT)).map_err(cannot)?;
        stream.set_write_timeout(Some(TIMEOUT)).map_err(cannot)?;
        // A small buffer: five thousand of these may be open at once.
        Ok(Connection { stream: BufReader::with_capacity(2048, stream), port })
    }

    /// Sends a GET and reads the whole answer; the connection can be used again.
    pub(super) fn get(&mut self, path: &str, headers: &[(String, String)]) -> Result<Answer, String> {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.ask("GET", path, &lines)
    }

    /// Sends a POST without a body and reads the whole answer.
    pub(super) fn post(&mut self, path: &str) -> Result<Answer, String> {
        self.ask("POST", path, "Content-Length: 0\r\n")
    }

    fn ask(&mut self, method: &str, path: &str, lines: &str) -> Result<Answer, String> {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{lines}\r\n", self.port);
        let sent = self.stream.get_mut().write_all(head.as_bytes());
        sent.map_err(|e| format!("{method} {path} on port {}: {e}", self.port))?;
        read_answer(&mut self.stream).map_err(|e| format!("{method} {path} on port {}: {e}", self.port))
    }
}

/// Reads one whole answer.
pub(super) fn read_answer(stream: &mut impl BufRead) -> Result<Answer, String> {
    let first = line(stream)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| format!("no status line but `{first}`"))?;
    let mut answer = Answer { status, headers: Vec::new(), body: Vec::new() };
    loop {
        let line = line(stream)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| format!("no header but `{line}`"))?;
        answer.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = answer.header("content-length").and_then(|value| value.parse().ok());
    answer.body = match (answer.header("transfer-encoding"), length) {
        (Some(_), _) => chunks(stream)?,
        (None, Some(length)) => exactly(stream, length)?,
        (None, None) => to_the_end(stream)?,
    };
    Ok(answer)
}

fn line(stream: &mut impl BufRead) -> Result<String, String> {
    let mut line = String::new();
    stream.take(LONGEST_LINE).read_line(&mut line).map_err(|e| e.to_string())?;
    match line.strip_suffix("\r\n") {
        Some(text) => Ok(text.to_owned()),
        None => Err("the connection ended within the head".to_owned()),
    }
}

fn exactly(stream: &mut impl Read, length: u64) -> Result<Vec<u8>, String> {
    if length > LONGEST_BODY {
        return Err(format!("a body of {length} bytes"));
    }
    let body = to_the_end(&mut stream.take(length))?;
    if body.len() as u64 == length {
        Ok(body)
    } else {
        Err("the connection ended within the body".to_owned())
    }
}

fn to_the_end(stream: &mut impl Read) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    stream.take(LONGEST_BODY).read_to_end(&mut body).map_err(|e| e.to_string())?;
    Ok(body)
}

fn chunks(stream: &mut impl BufRead) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        let size = line(stream)?;
        let digits = size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16).map_err(|_| format!("no chunk size but `{size}`"))?;
        if size == 0 {
            while !line(stream)?.is_empty() {}
            return Ok(body);
        }
        body.extend(exactly(stream, size)?);
        if body.len() as u64 > LONGEST_BODY || !line(stream)?.is_empty() {
            return Err("a chunk that does not end where it said".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::read_answer;

    #[test]
    fn reads_each_way_of_ending_a_body() {
        for (text, want) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", Some((200, "ab"))),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n",
                Some((200, "abc")),
            ),
            ("HTTP/1.1 503 Busy\r\n\r\nabc", Some((503, "abc"))),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", None),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", None),
            ("HTTP/1.1 200 OK\r\nContent", None),
            ("nonsense\r\n\r\n", None),
            ("", None),
        ] {
            let answer = read_answer(&mut text.as_bytes()).ok();
            let got = answer.map(|answer| (answer.status, String::from_utf8(answer.body).unwrap()));
            assert_eq!(got, want.map(|(status, body)| (status, body.to_owned())), "{text}");
        }
    }

    #[test]
    fn headers_are_found_whatever_their_case() {
        let answer =
            read_answer(&mut &b"HTTP/1.1 200 OK\r\nX-Request-ID: 7\r\ncontent-length: 0\r\n\r\n"[..])
                .unwrap();
        assert_eq!(answer.header("x-request-id"), Some("7"));
    }
}
