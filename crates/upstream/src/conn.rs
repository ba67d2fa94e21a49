//! One connection to an endpoint.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use sekisho_exchange::{Buffer, Permit, Tcp};
use sekisho_units::Tick;
use tokio::net::TcpStream;

use crate::failure::Failure;
use crate::fleet::{Endpoint, Target};
use crate::tls::Stream;

/// A connection, and the bytes read from it that nobody has taken yet.
pub(crate) struct Conn {
    pub(crate) stream: Stream,
    pub(crate) input: Buffer,
    pub(crate) endpoint: Arc<Endpoint>,
    /// Whether it has carried an exchange before: then the service may have closed it in the meantime.
    pub(crate) used: bool,
    /// When it was last put back.
    pub(crate) since: Tick,
    /// Its place among the endpoint's connections.
    _permit: Permit,
}

impl Conn {
    /// Connects to `endpoint`, and greets it where TLS is asked for.
    pub(crate) async fn open(endpoint: Arc<Endpoint>, permit: Permit) -> Result<Box<Self>, Failure> {
        let (permit, connected) = match &endpoint.target {
            Target::Address(address) => (permit, TcpStream::connect(*address).await),
            Target::Name(name, port) => {
                let (permit, found) = resolve(name.clone(), *port, permit).await;
                let connected = match found {
                    Ok(addresses) => TcpStream::connect(&addresses[..]).await,
                    Err(error) => Err(error),
                };
                (permit, connected)
            }
        };
        let stream = connected.map_err(|error| Failure::Unreachable(reason(&error)))?;
        // Without it small requests would wait for the acknowledgement of the one before. A failure only costs time.
        let _ = stream.set_nodelay(true);
        let stream = Tcp::new(stream);
        let stream = match &endpoint.tls {
            None => Stream::Plain(stream),
            // In a box: the room it takes would be part of every exchange.
            Some(tls) => Box::pin(tls.greet(stream)).await?,
        };
        let input = Buffer::default();
        Ok(Box::new(Self { stream, input, endpoint, used: false, since: Tick::ZERO, _permit: permit }))
    }

    /// Whether it is still open and silent, as an unused connection should be.
    pub(crate) fn is_fresh(&mut self) -> bool {
        self.stream.is_quiet()
    }

    /// Reads once into the buffer; 0 at the end of the stream.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.poll_fill(&mut self.stream, cx)
    }
}

/// Asks the system's resolver, which blocks a thread and cannot be told to stop. The permit stays with it until it has
/// answered, whether or not anybody still waits for that: so a dead resolver never holds more threads than the endpoint
/// may have connections.
async fn resolve(name: String, port: u16, permit: Permit) -> (Permit, io::Result<Vec<SocketAddr>>) {
    let lookup = tokio::task::spawn_local(async move {
        let found = tokio::net::lookup_host((name, port)).await.map(Iterator::collect);
        (permit, found)
    });
    lookup.await.expect("a look-up neither panics nor is aborted")
}

/// The log's word for why a connection could not be made.
fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection_refused",
        io::ErrorKind::ConnectionReset => "connection_reset",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "unreachable",
        io::ErrorKind::TimedOut => "connect_timeout",
        io::ErrorKind::AddrNotAvailable => "no_local_port",
        _ if error.raw_os_error().is_none() => "name_not_resolved",
        _ => "connect_failed",
    }
}
