//! A service under the test's control that speaks TLS.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::{
    HandshakeKind, ProtocolVersion, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    SupportedProtocolVersion,
};

use super::certificates::{Authority, Certified};
use super::message::{Delimited, Reader, Request, delimited, fields};
use super::{DEADLINE, until};

/// A service that listens on a port of its own.
pub(crate) struct TlsService {
    pub(crate) addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Request>>,
    greetings: Mutex<Vec<Greeting>>,
    stopped: AtomicBool,
    cut: AtomicBool,
}

/// What came of a connection's greeting.
#[derive(Clone, Debug, Default)]
pub(crate) struct Greeting {
    /// Why it failed.
    pub(crate) error: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) protocol: Option<Vec<u8>>,
    pub(crate) version: Option<ProtocolVersion>,
    pub(crate) resumed: bool,
    /// Whether the gateway showed a certificate.
    pub(crate) certified: bool,
}

/// One connection that the gateway made, after its greeting.
pub(crate) struct TlsConn {
    reader: Reader<StreamOwned<ServerConnection, TcpStream>>,
    shared: Arc<Shared>,
    index: usize,
    /// Which of the requests is being read.
    at: usize,
    delimited: Delimited,
}

/// Speaks these versions, and asks for a certificate of `clients`.
pub(crate) fn tls_config(
    own: &Certified,
    versions: &[&'static SupportedProtocolVersion],
    clients: Option<&Authority>,
) -> ServerConfig {
    let provider = Arc::new(default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(own.chain(), own.private()).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

impl TlsService {
    /// With this certificate; answers every request, once its body was read, with its body.
    pub(crate) fn echo(own: &Certified) -> Self {
        Self::with(tls_config(own, rustls::ALL_VERSIONS, None), TlsConn::echo)
    }

    /// Runs `serve` for each connection whose greeting succeeds, in a thread of its own.
    pub(crate) fn with(config: ServerConfig, serve: impl Fn(TlsConn) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let (config, serve, state) = (Arc::new(config), Arc::new(serve), Arc::clone(&shared));
        std::thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                if state.stopped.load(SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let (config, serve, state) = (Arc::clone(&config), Arc::clone(&serve), Arc::clone(&state));
                std::thread::spawn(move || {
                    if let Ok(stream) = greet(stream, config, &state) {
                        let reader = Reader::new(stream);
                        serve(TlsConn { reader, shared: state, index, at: 0, delimited: Delimited::Nothing });
                    }
                });
            }
        });
        Self { addr, shared }
    }

    /// How many greetings there were, failed ones included.
    pub(crate) fn connections(&self) -> usize {
        self.shared.greetings.lock().unwrap().len()
    }

    /// Waits for a greeting, from 0, to end.
    #[track_caller]
    pub(crate) fn wait_greeting(&self, index: usize) -> Greeting {
        until("a greeting", || self.shared.greetings.lock().unwrap().get(index).cloned())
    }

    /// Waits until a connection was cut by [`TlsConn::cut`].
    #[track_caller]
    pub(crate) fn wait_cut(&self) {
        until("a connection to be cut", || self.shared.cut.load(SeqCst).then_some(()));
    }

    /// The requests so far; the bodies as far as they were read.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for TlsService {
    fn drop(&mut self) {
        self.shared.stopped.store(true, SeqCst);
        // Wakes the listening thread, which then ends.
        let _ = TcpStream::connect_timeout(&self.addr, DEADLINE);
    }
}

fn greet(
    mut tcp: TcpStream,
    config: Arc<ServerConfig>,
    shared: &Shared,
) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(DEADLINE * 6))?;
    tcp.set_write_timeout(Some(DEADLINE * 6))?;
    let mut session = ServerConnection::new(config).unwrap();
    let mut done = Ok(());
    while done.is_ok() && session.is_handshaking() {
        done = session.complete_io(&mut tcp).map(drop);
    }
    shared.greetings.lock().unwrap().push(Greeting {
        error: done.as_ref().err().map(ToString::to_string),
        name: session.server_name().map(str::to_owned),
        protocol: session.alpn_protocol().map(<[u8]>::to_vec),
        version: session.protocol_version(),
        resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
        certified: session.peer_certificates().is_some(),
    });
    done.map(|()| StreamOwned::new(session, tcp))
}

impl TlsConn {
    /// Answers every request with its body.
    pub(crate) fn echo(mut self) {
        while self.next_head().is_some() {
            let body = self.read_body();
            self.write(super::ok("application/octet-stream", body));
        }
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
        Some(request)
    }

    /// The body of the request whose head was read last.
    #[track_caller]
    pub(crate) fn read_body(&mut self) -> Vec<u8> {
        let body = self.reader.body(self.delimited);
        let request = &mut self.shared.seen.lock().unwrap()[self.at];
        request.body.clone_from(&body.bytes);
        request.whole = body.whole;
        body.bytes
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
        let stream = &mut self.reader.stream;
        stream.write_all(bytes.as_ref()).and_then(|()| stream.flush()).is_ok()
    }

    /// Says something that is no data, as session tickets are none.
    pub(crate) fn renew_keys(&mut self) {
        let stream = &mut self.reader.stream;
        stream.conn.refresh_traffic_keys().unwrap();
        stream.conn.complete_io(&mut stream.sock).unwrap();
    }

    /// Takes leave as TLS asks; the connection beneath stays open.
    pub(crate) fn say_goodbye(&mut self) {
        let stream = &mut self.reader.stream;
        stream.conn.send_close_notify();
        stream.conn.complete_io(&mut stream.sock).unwrap();
    }

    /// Closes without taking leave.
    pub(crate) fn cut(self) {
        let Self { reader, shared, .. } = self;
        drop(reader);
        shared.cut.store(true, SeqCst);
    }

    /// Whether the gateway has taken leave as TLS asks. Only after the end was read.
    pub(crate) fn was_left(&mut self) -> bool {
        let session = &mut self.reader.stream.conn;
        session.process_new_packets().is_ok_and(|state| state.peer_has_closed())
    }
}
