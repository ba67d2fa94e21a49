//! Ports for the demo: the one that was asked for, or one near the usual one that is free.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::output::{Failure, note};
use crate::server::listen;

/// Ports that are tried after the usual one before the system chooses.
const TRIES: u16 = 20;

/// Which port is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// This one and no other.
    Exactly(SocketAddr),
    /// On the loopback address, this one or one of those behind it, else any.
    Near {
        /// The usual port.
        port: u16,
        /// How many are tried.
        tries: u16,
        /// Whether nobody needs to know that it became another.
        silent: bool,
    },
}

impl Wish {
    /// What was asked for on the command line, or else a port near `usual`.
    pub(super) fn of(asked: Option<SocketAddr>, usual: u16) -> Self {
        asked.map_or(Self::Near { port: usual, tries: TRIES, silent: false }, Self::Exactly)
    }
}

/// Opens a port.
///
/// # Errors
/// The wished one is taken or may not be opened.
pub(super) fn open(wish: Wish) -> Result<TcpListener, Failure> {
    let failure = |error: crate::server::ListenError| Failure::new(error.to_string());
    let (port, tries, silent) = match wish {
        Wish::Exactly(address) => return listen(address).map_err(failure),
        Wish::Near { port, tries, silent } => (port, tries, silent),
    };
    for number in (port..port.saturating_add(tries)).chain([0]) {
        match listen((Ipv4Addr::LOCALHOST, number).into()) {
            Ok(listener) => {
                if number != port && !silent {
                    let now = listener.local_addr().map_or(number, |address| address.port());
                    note(&format!("port {port} is taken, so it is {now} this time"));
                }
                return Ok(listener);
            }
            Err(error) if error.is_taken() && number != 0 => {}
            Err(error) => return Err(failure(error)),
        }
    }
    Err(Failure::new(format!("no port near {port} is free")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_must_be_is_an_error_when_taken_and_one_that_may_differ_is_not() {
        let first = open(Wish::Near { port: 0, tries: 1, silent: true }).unwrap();
        let address = first.local_addr().unwrap();
        let failure = open(Wish::Exactly(address)).unwrap_err();
        assert!(failure.to_string().contains("another program listens there"), "{failure}");
        let second = open(Wish::Near { port: address.port(), tries: 1, silent: true }).unwrap();
        assert_ne!(second.local_addr().unwrap().port(), address.port());
    }
}
