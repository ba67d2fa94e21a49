//! A service under the test's control, in threads of this process.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::json;

use super::DEADLINE;
use super::message::{Delimited, Reader, Request, delimited, fields};

/// A service that listens on a port of its own.
pub(crate) struct Service {
    pub(crate) addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Request>>,
    came: Condvar,
    connections: AtomicUsize,
    open: AtomicUsize,
    stopped: AtomicBool,
    closed: AtomicBool,
    streams: Mutex<Vec<(usize, TcpStream)>>,
}

/// One connection that the gateway made.
pub(crate) struct Conn {
    reader: Reader,
    shared: Arc<Shared>,
    /// Which of the service's connections it is, from 0.
    pub(crate) index: usize,
    /// Which of the requests is being read.
    at: usize,
    delimited: Delimited,
}

/// A whole answer with a length: `ok("text/plain", "hello")`.
pub(crate) fn ok(content_type: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n", body.len())
            .into_bytes();
    answer.extend_from_slice(body);
    answer
}

impl Service {
    /// Answers every request with 200 and a JSON document of what came: `method`, `target`, `version`, `headers` as a list
    /// of pairs, `body`, `trailers`. Keeps connections open.
    pub(crate) fn echo() -> Self {
        Self::answering(|request| {
            let pairs = |headers: &[(String, String)]| {
                headers.iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>()
            };
            let document = json!({
                "method": request.method,
                "target": request.target,
                "version": request.version,
                "headers": pairs(&request.headers),
                "body": request.text(),
                "trailers": pairs(&request.trailers),
            });
            ok("application/json", document.to_string())
        })
    }

    /// Answers every request, once its body was read, with these bytes (to HEAD: their head only). Keeps connections open
    /// until an answer says `Connection: close` or has neither length nor chunks.
    pub(crate) fn answering(answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::raw(move |mut conn| {
            while let Some(mut request) = conn.next_head() {
                if request.header("expect").is_some() {
                    conn.write("HTTP/1.1 100 Continue\r\n\r\n");
                }
                request.body = conn.read_body();
                request.trailers = conn.seen().trailers;
                let mut answer = answer(&request);
                let head =
                    answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
                let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
                let bodiless = text.starts_with("http/1.1 204") || text.starts_with("http/1.1 304");
                let framed = bodiless
                    || text.contains("\r\ncontent-length:")
                    || text.contains("\r\ntransfer-encoding:");
                if request.method == "HEAD" {
                    answer.truncate(head);
                }
                conn.write(&answer);
                if !framed || text.contains("\r\nconnection: close") {
                    return;
                }
            }
        })
    }

    /// Answers every request with the same bytes.
    pub(crate) fn fixed(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::answering(move |_| answer.clone())
    }

    /// Runs `serve` for each accepted connection, in a thread of its own.
    pub(crate) fn raw(serve: impl Fn(Conn) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let (serve, state) = (Arc::new(serve), Arc::clone(&shared));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if state.stopped.load(SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                accept(stream, &state, &serve);
            }
            drop(listener);
            state.closed.store(true, SeqCst);
        });
        Self { addr, shared }
    }

    /// `http://address:port`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// How many requests' heads have come.
    pub(crate) fn requests(&self) -> usize {
        self.shared.seen.lock().unwrap().len()
    }

    /// How many connections were made, ever.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(SeqCst)
    }

    /// How many connections are being served.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(SeqCst)
    }

    /// The requests so far; the bodies as far as they were read.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The last request.
    #[track_caller]
    pub(crate) fn last(&self) -> Request {
        self.seen().pop().expect("the service has seen a request")
    }

    /// Waits until `count` requests have come.
    #[track_caller]
    pub(crate) fn wait_seen(&self, count: usize) -> Vec<Request> {
        let seen = self.shared.seen.lock().unwrap();
        let (seen, waited) =
            self.shared.came.wait_timeout_while(seen, DEADLINE, |seen| seen.len() < count).unwrap();
        assert!(!waited.timed_out(), "the service has seen {} requests, not {count}", seen.len());
        seen.clone()
    }

    /// Closes port and connections: from now on connecting is refused.
    pub(crate) fn stop(&self) {
        if self.shared.stopped.swap(true, SeqCst) {
            return;
        }
        // Wakes the listening thread, which then closes the port.
        let _ = TcpStream::connect_timeout(&self.addr, DEADLINE);
        super::until("the service's port to close", || self.shared.closed.load(SeqCst).then_some(()));
        for (_, stream) in self.shared.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept<F: Fn(Conn) + Send + Sync + 'static>(stream: TcpStream, state: &Arc<Shared>, serve: &Arc<F>) {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(DEADLINE * 6)).unwrap();
    stream.set_write_timeout(Some(DEADLINE * 6)).unwrap();
    let index = state.connections.fetch_add(1, SeqCst);
    state.open.fetch_add(1, SeqCst);
    state.streams.lock().unwrap().push((index, stream.try_clone().unwrap()));
    let conn = Conn {
        reader: Reader::new(stream),
        shared: Arc::clone(state),
        index,
        at: 0,
        delimited: Delimited::Nothing,
    };
    let serve = Arc::clone(serve);
    std::thread::spawn(move || serve(conn));
}

impl Conn {
    /// The next request's head; panics if the connection ends instead.
    #[track_caller]
    pub(crate) fn read_head(&mut self) -> Request {
        self.next_head().expect("a request, but the connection was closed")
    }

    /// The next request's head, or `None` at the connection's end.
    #[track_caller]
    pub(crate) fn next_head(&mut self) -> Option<Request> {
        let lines = self.reader.head()?;
        let (line, rest) = lines.split_first().unwrap();
        let parts: Vec<&str> = line.split(' ').collect();
        let [method, target, version] = parts[..] else { panic!("a bad request line: {line:?}") };
        let request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            version: version.to_owned(),
            headers: fields(rest),
            connection: self.index,
            ..Request::default()
        };
        self.delimited = delimited(&request.headers, Delimited::Nothing);
        let mut seen = self.shared.seen.lock().unwrap();
        self.at = seen.len();
        seen.push(request.clone());
        self.shared.came.notify_all();
        Some(request)
    }

    /// The body of the request whose head was read last, as far as it came.
    #[track_caller]
    pub(crate) fn read_body(&mut self) -> Vec<u8> {
        let body = self.reader.body(self.delimited);
        self.delimited = Delimited::Nothing;
        let mut seen = self.shared.seen.lock().unwrap();
        let request = &mut seen[self.at];
        request.body.clone_from(&body.bytes);
        request.trailers = body.trailers;
        request.whole = body.whole;
        self.shared.came.notify_all();
        body.bytes
    }

    /// The request that is being served, as recorded.
    pub(crate) fn seen(&self) -> Request {
        self.shared.seen.lock().unwrap()[self.at].clone()
    }

    /// Reads what there is; empty at the connection's end.
    #[track_caller]
    pub(crate) fn read_some(&mut self) -> Vec<u8> {
        if self.reader.data().is_empty() {
            self.reader.fill().expect("bytes within the deadline");
        }
        let data = self.reader.data().to_vec();
        self.reader.consume(data.len());
        data
    }

    /// Writes; `false` if the gateway has closed.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.reader.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Ends the connection.
    pub(crate) fn close(self) {}

    /// Ends this side's writing; reading goes on.
    pub(crate) fn shutdown_write(&mut self) {
        let _ = self.reader.stream.shutdown(Shutdown::Write);
    }

    /// Breaks the connection off, so that the gateway sees a reset.
    pub(crate) fn reset(self) {
        let socket = socket2::SockRef::from(&self.reader.stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        self.forget();
    }

    /// Whether the gateway closes within the deadline; bytes that come first are dropped.
    pub(crate) fn wait_closed(&mut self) -> bool {
        self.reader.stream.set_read_timeout(Some(DEADLINE)).unwrap();
        loop {
            match self.reader.fill() {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    /// The socket, for what is not here.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.reader.stream
    }

    /// Lets go of the copy that [`Service::stop`] would close: as long as it is there, the socket stays open.
    fn forget(&self) {
        self.shared.streams.lock().unwrap().retain(|(index, _)| *index != self.index);
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.forget();
        self.shared.open.fetch_sub(1, SeqCst);
    }
}
