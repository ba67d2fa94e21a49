//! A client's connection before its first request: who it is from, and whether it is what the port speaks.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};

use rustls::{AlertDescription, HandshakeKind, ServerConfig};
use sekisho_exchange::{Alarm, Reply, Scheme, Tcp};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::Door;
use super::crowd::Crowd;
use super::proxy;
use super::secure::Secure;
use crate::http1::{self, Caller};
use crate::meter::{Handshake, WorkerMeter};
use crate::worker::Worker;

/// The first byte of a TLS record that begins a handshake (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;

/// Serves one client's connection from its first byte to its last.
pub async fn admit(
    mut stream: TcpStream,
    peer: SocketAddr,
    door: Arc<Door>,
    crowd: Arc<Crowd>,
    worker: Rc<Worker>,
) {
    let _open = Open::count(Rc::clone(&worker));
    let alarm = worker.local.alarms.alarm();
    let listener = door.listener();
    let mut caller = Caller { peer, scheme: listener.scheme(), door };
    alarm.set_waiting(worker.local.clock.now(), worker.site().settings.client.handshake);

    let mut _place = None;
    if let Some(from) = &listener.proxy_protocol {
        let leaving = || caller.is_leaving(&worker);
        match proxy::read(&mut stream, peer, from, &alarm, leaving).await {
            Ok(client) => caller.peer = client.unwrap_or(peer),
            Err(proxy::Refused::Gone) => return,
            Err(proxy::Refused::For(reason)) => {
                WorkerMeter::up(&worker.meter.proxy_refused);
                caller.scheme = Scheme::Http;
                return http1::refuse(Tcp::new(stream), caller, worker, Reply::bad_proxy_header(reason))
                    .await;
            }
        }
        // Whom a connection counts for is known only now.
        match crowd.enter(caller.peer.ip()) {
            Some(place) => _place = Some(place),
            None => return http1::refuse(Tcp::new(stream), caller, worker, Reply::crowded()).await,
        }
    }
    let config = listener.tls.as_ref().map(|tls| Arc::clone(&tls.config));
    // A connection may outlive what was configured when it came.
    drop(listener);
    let Some(config) = config else {
        drop(alarm);
        return http1::serve(Tcp::new(stream), caller, worker).await;
    };
    // Apart, so that plain connections do not pay for its size.
    Box::pin(secure(stream, config, alarm, caller, worker)).await;
}

async fn secure(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
    alarm: Alarm,
    mut caller: Caller,
    worker: Rc<Worker>,
) {
    match first_byte(&mut stream, &alarm, || caller.is_leaving(&worker)).await {
        Some(HANDSHAKE) => {}
        Some(_) => {
            worker.meter.handshake(Handshake::PlainText);
            // Who speaks plain HTTP can read a plain answer only.
            caller.scheme = Scheme::Http;
            drop(alarm);
            return http1::refuse(Tcp::new(stream), caller, worker, Reply::plain_on_tls_port()).await;
        }
        None => return worker.meter.handshake(Handshake::Left),
    }
    let mut shaking = pin!(TlsAcceptor::from(config).accept(Tcp::new(stream)));
    let shaken = poll_fn(|cx| match shaking.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(result.map_err(|error| ending(&error))),
        Poll::Pending => alarm.poll(cx).map(|()| Err(Handshake::Timeout)),
    })
    .await;
    drop(alarm);
    match shaken {
        Ok(stream) => {
            let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
            worker.meter.handshake(if resumed { Handshake::Resumed } else { Handshake::Full });
            http1::serve(Secure(stream), caller, worker).await;
        }
        Err(ending) => worker.meter.handshake(ending),
    }
}

/// Looks at the first byte without taking it. `None`: the client left, or sent none in time, or before connections were to
/// end.
async fn first_byte(stream: &mut TcpStream, alarm: &Alarm, leaving: impl Fn() -> bool) -> Option<u8> {
    poll_fn(|cx| {
        let mut byte = [0];
        match stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
            Poll::Ready(Ok(1..)) => Poll::Ready(Some(byte[0])),
            Poll::Ready(_) => Poll::Ready(None),
            Poll::Pending if leaving() => Poll::Ready(None),
            Poll::Pending => {
                ready!(alarm.poll(cx));
                Poll::Ready(None)
            }
        }
    })
    .await
}

/// What a failed handshake counts as.
fn ending(error: &io::Error) -> Handshake {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        None => Handshake::Left,
        Some(rustls::Error::PeerIncompatible(_)) => Handshake::NothingInCommon,
        Some(rustls::Error::AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown,
        )) => Handshake::CertificateRefused,
        Some(_) => Handshake::Failed,
    }
}

/// Counts a connection for as long as it is open.
struct Open(Rc<Worker>);

impl Open {
    fn count(worker: Rc<Worker>) -> Self {
        WorkerMeter::up(&worker.meter.connections);
        WorkerMeter::up(&worker.meter.accepted);
        Self(worker)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.left();
    }
}
