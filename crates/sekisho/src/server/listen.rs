//! Opening a port.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::systemd::Sockets;

/// Connections that the system holds until they are accepted; it may hold fewer (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// A port that could not be opened.
#[derive(Debug)]
pub(crate) struct ListenError {
    address: SocketAddr,
    error: io::Error,
}

impl ListenError {
    /// Whether another program has the port.
    pub(crate) fn is_taken(&self) -> bool {
        self.error.kind() == io::ErrorKind::AddrInUse
    }
}

impl std::fmt::Display for ListenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let remedy = match self.error.kind() {
            io::ErrorKind::AddrInUse => "another program listens there; stop it or choose another port",
            io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; choose a higher one",
            io::ErrorKind::AddrNotAvailable => "this machine has no such address; choose one that it has",
            _ => return write!(f, "cannot listen on {}: {}", self.address, self.error),
        };
        write!(f, "cannot listen on {}: {remedy}", self.address)
    }
}

/// Opens a port, without waiting for connections of a process before to time out. Port 0 takes any that is free.
///
/// # Errors
/// What the system said, and what to do about it.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    open(address).map_err(|error| ListenError { address, error })
}

/// The socket that systemd gave for an address, or a port of our own.
///
/// # Errors
/// What the system said, and what to do about it.
pub(crate) fn given_or_new(given: &mut Sockets, address: SocketAddr) -> Result<TcpListener, ListenError> {
    match given.take(address) {
        Some(socket) => socket.map_err(|error| ListenError { address, error }),
        None => listen(address),
    }
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_0_takes_one_that_is_free_and_a_taken_port_is_told_of() {
        let first = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        assert_ne!(address.port(), 0);
        let error = listen(address).unwrap_err();
        assert!(error.is_taken());
        let want = format!(
            "cannot listen on {address}: another program listens there; stop it or choose another port"
        );
        assert_eq!(error.to_string(), want);
    }
}
