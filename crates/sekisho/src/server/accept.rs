//! Accepting clients' connections on one port.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use sekisho_gateway::Door;
use sekisho_units::Tick;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::dispatch::Dispatch;
use crate::output::note;

/// How long to wait when the system has no more files or memory to give: connections that end give some back.
const PAUSE: Duration = Duration::from_millis(50);
/// At most one complaint in this time: what it tells of lasts, and must not fill the log.
const COMPLAINT: Duration = Duration::from_secs(10);

/// Accepts until `open` is dropped; what waits in the system's queue then is still taken, and the port closes.
///
/// # Errors
/// The port cannot be watched.
pub(super) fn accept(
    listener: std::net::TcpListener,
    door: Arc<Door>,
    dispatch: Arc<Dispatch>,
    mut open: watch::Receiver<()>,
) -> io::Result<impl Future<Output = ()> + Send> {
    let listener = TcpListener::from_std(listener)?;
    Ok(async move {
        let mut complaints = Complaints::default();
        loop {
            let accepted = tokio::select! {
                accepted = next(&listener) => accepted,
                Err(_) = open.changed() => break,
            };
            match accepted {
                Ok((stream, peer)) => dispatch.take(stream, peer, &door),
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    if complaints.due(dispatch.now()) {
                        note(&complaint(&error));
                    }
                    // Who waits makes room here, too; a worker that hangs must not keep this port from the others.
                    if is_for_files(&error) {
                        let _ = tokio::time::timeout(PAUSE, dispatch.clear()).await;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, peer)) = listener.accept() {
            if stream.set_nonblocking(true).is_ok() {
                dispatch.take(stream, peer, &door);
            }
        }
    })
}

/// The next connection, taken out of this runtime, since it will live on a worker's.
async fn next(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept().await?;
    Ok((stream.into_std()?, peer))
}

/// Whether the connection failed and not the accepting: the client left before its turn (`accept(2)` on Linux also gives
/// errors of the network here).
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown, NetworkUnreachable,
        TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
            | TimedOut
    ) || Errno::from_io_error(error) == Some(Errno::PROTO)
}

/// Whether this process, or the whole system, may not open another file.
fn is_for_files(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// What is told of an error that is not the client's.
fn complaint(error: &io::Error) -> String {
    let remedy = match Errno::from_io_error(error) {
        Some(Errno::MFILE) => {
            "; raise that limit (`ulimit -n`, `LimitNOFILE=`), or lower `limits.connections`"
        }
        Some(Errno::NFILE) => "; the whole system has no more (`fs.file-max`)",
        _ => "",
    };
    format!("cannot accept connections: {error}{remedy}; trying again")
}

/// Lets one complaint in ten seconds through.
#[derive(Default)]
struct Complaints {
    last: Option<Tick>,
}

impl Complaints {
    fn due(&mut self, now: Tick) -> bool {
        let due = self.last.is_none_or(|last| now.since(last) >= COMPLAINT);
        if due {
            self.last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complains_once_in_ten_seconds() {
        let mut complaints = Complaints::default();
        let at = |millis| Tick::ZERO + Duration::from_millis(millis);
        let said: Vec<_> =
            [0, 50, 9_999, 10_000, 10_050, 25_000].map(|millis| complaints.due(at(millis))).into();
        assert_eq!(said, [true, false, false, true, false, true]);
    }

    #[test]
    fn running_out_of_files_is_not_the_clients_fault() {
        for (errno, clients) in [
            (Errno::MFILE, false),
            (Errno::NFILE, false),
            (Errno::NOBUFS, false),
            (Errno::NOMEM, false),
            (Errno::CONNABORTED, true),
            (Errno::INTR, true),
            (Errno::PROTO, true),
        ] {
            assert_eq!(is_the_clients(&errno.into()), clients, "{errno}");
        }
    }

    #[test]
    fn a_complaint_of_files_says_what_to_raise() {
        assert!(complaint(&Errno::MFILE.into()).contains("(`ulimit -n`, `LimitNOFILE=`)"));
        assert!(complaint(&Errno::NFILE.into()).contains("(`fs.file-max`)"));
        assert!(complaint(&Errno::NOMEM.into()).ends_with("; trying again"));
    }
}
