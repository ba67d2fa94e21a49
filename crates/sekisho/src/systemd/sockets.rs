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

/// Listening sockets that were given. They are kept as long as the gateway runs: an address that a reload drops and a later
/// one names again could not be opened otherwise, since systemd has it, too.
#[derive(Default)]
pub(crate) struct Sockets(Vec<Given>);

#[derive(Debug)]
struct Given {
    /// What it listens on.
    address: SocketAddr,
    socket: TcpListener,
    /// Whether a configuration has named it.
    named: bool,
}

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

    /// The one that listens on exactly this address: a descriptor of its own for whoever accepts there. `None` if none does, and
    /// the address is free to be opened.
    ///
    /// # Errors
    /// There is no descriptor left.
    pub(crate) fn take(&mut self, address: SocketAddr) -> Option<io::Result<TcpListener>> {
        let given = self.0.iter_mut().find(|given| given.address == address)?;
        given.named = true;
        Some(given.socket.try_clone())
    }

    /// Closes those that were never taken, and tells of each: a client would wait there for nobody.
    pub(crate) fn close_rest(&mut self) {
        self.0.retain(|given| given.named || tell_of(given.address));
    }
}

/// Tells of a socket that is closed. Gives `false`.
fn tell_of(address: SocketAddr) -> bool {
    note(&format!(
        "systemd gave a socket for http://{address}, which neither `listen` nor `admin` names; it is closed"
    ));
    false
}

fn take(given: &mut ListenFd, index: usize) -> io::Result<Given> {
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
fn checked(socket: TcpListener) -> io::Result<Given> {
    if !SockRef::from(&socket).is_listener()? {
        return Err(no_listener());
    }
    socket.set_nonblocking(true)?;
    Ok(Given { address: socket.local_addr()?, socket, named: false })
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
    fn each_is_taken_by_its_address_only_and_as_often_as_it_is_named() {
        let given = checked(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let address = given.address;
        let mut sockets = Sockets(vec![given]);
        for other in
            [format!("127.0.0.2:{}", address.port()), "127.0.0.1:0".to_owned(), "[::1]:80".to_owned()]
        {
            assert!(sockets.take(other.parse().unwrap()).is_none(), "{other}");
        }
        for _ in 0..2 {
            let taken = sockets.take(address).unwrap().unwrap();
            let client = TcpStream::connect(address).unwrap();
            assert_eq!(taken.accept().unwrap().1, client.local_addr().unwrap());
        }
        sockets.close_rest();
        assert!(sockets.take(address).is_some());
    }

    #[test]
    fn what_nobody_has_named_is_closed() {
        let given = checked(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let address = given.address;
        let mut sockets = Sockets(vec![given]);
        sockets.close_rest();
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
        let given = checked(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        assert_eq!(given.socket.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
