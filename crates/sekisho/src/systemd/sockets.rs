//! Sockets that systemd opened for us (`sekisho.socket`, sd_listen_fds(3)): connections wait in their queues while there
//! is no gateway, and none is refused when it is restarted.

use std::env;
use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use socket2::SockRef;

use crate::output::note;

/// More than anyone has; a number without bound would be reserved for.
const MOST: usize = 1024;

/// Listening sockets, each with the address that it listens on.
pub(crate) struct Sockets(Vec<(SocketAddr, TcpListener)>);

impl Sockets {
    /// Those that the environment names: `LISTEN_FDS` of them from descriptor 3 on, if `LISTEN_PID` means this process.
    /// What is none that clients can connect to is closed and told of.
    ///
    /// To be called once, before there are threads and open files: it takes the variables away, so that no child takes
    /// them for its own.
    pub(crate) fn given() -> Self {
        let count = env::var("LISTEN_FDS").ok().and_then(|count| count.parse::<usize>().ok());
        if let Some(count) = count.filter(|count| *count > MOST) {
            note(&format!("LISTEN_FDS={count}: at most {MOST} sockets can be taken; none is"));
            return Self(Vec::new());
        }
        let mut given = ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..given.len() {
            match take(&mut given, index) {
                Ok(socket) => sockets.push(socket),
                Err(error) => note(&format!("socket {} of LISTEN_FDS cannot be used: {error}", index + 1)),
            }
        }
        Self(sockets)
    }

    /// The one that listens on exactly this address. It must not be opened again: systemd has it, too.
    pub(crate) fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let index = self.0.iter().position(|(at, _)| *at == address)?;
        Some(self.0.remove(index).1)
    }

    /// Closes those that were not taken, and tells of each: a client would wait there for nobody.
    pub(crate) fn close_rest(self) {
        for (address, listener) in self.0 {
            drop(listener);
            note(&format!(
                "systemd gave a socket for http://{address}, which neither `listen` nor `admin` names; it is closed"
            ));
        }
    }
}

fn take(given: &mut ListenFd, index: usize) -> io::Result<(SocketAddr, TcpListener)> {
    match given.take_tcp_listener(index) {
        Ok(Some(listener)) => checked(listener),
        Ok(None) => Err(io::Error::other("it was taken before")),
        Err(_) => {
            // Whatever kind it is, to have it is to close it. A pipe or a file cannot be had so, and does no harm.
            drop(given.take_unix_listener(index));
            drop(given.take_udp_socket(index));
            drop(given.take_unix_datagram(index));
            Err(no_listener())
        }
    }
}

/// The kind of a socket says nothing of whether it listens: with `Accept=yes` it is a connection.
fn checked(socket: TcpListener) -> io::Result<(SocketAddr, TcpListener)> {
    if !SockRef::from(&socket).is_listener()? {
        return Err(no_listener());
    }
    socket.set_nonblocking(true)?;
    Ok((socket.local_addr()?, socket))
}

fn no_listener() -> io::Error {
    io::Error::other(
        "it is no TCP socket that listens; write `ListenStream=address:port` and no `Accept=yes`",
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::os::fd::OwnedFd;

    use super::*;

    #[test]
    fn each_is_taken_once_and_by_its_address_only() {
        let (address, listener) = checked(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let mut sockets = Sockets(vec![(address, listener)]);
        for other in
            [format!("127.0.0.2:{}", address.port()), "127.0.0.1:0".to_owned(), "[::1]:80".to_owned()]
        {
            assert!(sockets.take(other.parse().unwrap()).is_none(), "{other}");
        }
        assert_eq!(sockets.take(address).unwrap().local_addr().unwrap(), address);
        assert!(sockets.take(address).is_none());
    }

    #[test]
    fn a_connection_is_no_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let error = checked(TcpListener::from(OwnedFd::from(connection))).unwrap_err();
        assert!(error.to_string().contains("no TCP socket that listens"), "{error}");
        assert!(checked(listener).is_ok());
    }

    #[test]
    fn what_was_taken_does_not_block_who_accepts() {
        let (_, listener) = checked(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
