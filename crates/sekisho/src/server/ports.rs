//! The open ports: those that the configuration in force names, and how one configuration's become another's.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use sekisho_gateway::{Door, Listener};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::accept::accept;
use super::dispatch::Dispatch;
use super::listen::{ListenError, given_or_new};
use super::state::State;
use crate::admin;
use crate::systemd::Sockets;

/// All ports of a running gateway.
pub(super) struct Ports {
    traffic: Vec<Port>,
    admin: Option<AdminPort>,
    acceptors: JoinSet<()>,
    given: Sockets,
    dispatch: Arc<Dispatch>,
    state: Arc<State>,
}

/// A port where clients connect.
struct Port {
    /// As the configuration writes it.
    written: SocketAddr,
    door: Arc<Door>,
    /// Dropped to end the accepting.
    _open: watch::Sender<()>,
}

struct AdminPort {
    written: SocketAddr,
    serving: AbortHandle,
}

/// The ports of a configuration that is to come into force: those that are open already, and new ones, opened.
pub(super) struct Prepared {
    traffic: Vec<(Arc<Listener>, From)>,
    admin: Option<(SocketAddr, From)>,
}

enum From {
    /// The port of this index is open.
    Open(usize),
    /// It was opened for this.
    New(TcpListener),
}

impl Ports {
    pub(super) fn new(given: Sockets, dispatch: Arc<Dispatch>, state: Arc<State>) -> Self {
        Self { traffic: Vec::new(), admin: None, acceptors: JoinSet::new(), given, dispatch, state }
    }

    /// Starts to take connections on ports that were opened before.
    ///
    /// # Errors
    /// A port cannot be watched.
    pub(super) fn begin(
        &mut self,
        traffic: Vec<(Arc<Listener>, TcpListener)>,
        admin: Option<(SocketAddr, TcpListener)>,
    ) -> std::io::Result<()> {
        for (listener, socket) in traffic {
            let port = self.open(listener, socket)?;
            self.traffic.push(port);
        }
        if let Some((written, socket)) = admin {
            self.admin = Some(self.open_admin(written, socket)?);
        }
        Ok(())
    }

    /// Opens what `listen` and `admin` name beyond what is open. Nothing changes yet: dropping what comes back closes it.
    ///
    /// # Errors
    /// The first port that cannot be opened.
    pub(super) fn prepare(
        &mut self,
        listen: &[Arc<Listener>],
        admin: Option<SocketAddr>,
    ) -> Result<Prepared, ListenError> {
        let mut taken = vec![false; self.traffic.len()];
        let mut traffic = Vec::new();
        for listener in listen {
            // Port 0 may be written several times: each stands for one of those that were chosen.
            let known = self
                .traffic
                .iter()
                .zip(&taken)
                .position(|(port, taken)| !taken && port.written == listener.address);
            let from = match known {
                Some(index) => {
                    taken[index] = true;
                    From::Open(index)
                }
                None => From::New(given_or_new(&mut self.given, listener.address)?),
            };
            traffic.push((Arc::clone(listener), from));
        }
        let admin = match (admin, &self.admin) {
            (Some(wanted), Some(open)) if open.written == wanted => Some((wanted, From::Open(0))),
            (Some(wanted), _) => Some((wanted, From::New(given_or_new(&mut self.given, wanted)?))),
            (None, _) => None,
        };
        Ok(Prepared { traffic, admin })
    }

    /// Makes the prepared ports the open ones. Connections of those that are not among them end after their exchange.
    ///
    /// # Errors
    /// A new port cannot be watched; the others are as they should be.
    pub(super) fn apply(&mut self, prepared: Prepared) -> std::io::Result<()> {
        let mut before: Vec<Option<Port>> = std::mem::take(&mut self.traffic).into_iter().map(Some).collect();
        let mut failed = None;
        for (listener, from) in prepared.traffic {
            let port = match from {
                From::Open(index) => before[index].take().inspect(|port| port.door.renew(listener)),
                From::New(socket) => self.open(listener, socket).map_err(|error| failed = Some(error)).ok(),
            };
            self.traffic.extend(port);
        }
        let mut closed = false;
        for port in before.into_iter().flatten() {
            port.door.close(self.state.clock.now());
            closed = true;
        }
        if closed {
            self.state.doors_closed();
        }
        let open = self.admin.take();
        self.admin = match prepared.admin {
            Some((_, From::Open(_))) => open,
            other => {
                if let Some(old) = open {
                    old.serving.abort();
                }
                match other {
                    Some((written, From::New(socket))) => {
                        self.open_admin(written, socket).map_err(|error| failed = Some(error)).ok()
                    }
                    _ => None,
                }
            }
        };
        failed.map_or(Ok(()), Err)
    }

    /// Closes every port where clients connect. Returns once nobody can come in any more.
    pub(super) async fn close(&mut self) {
        self.traffic.clear();
        while self.acceptors.join_next().await.is_some() {}
    }

    fn open(&mut self, listener: Arc<Listener>, socket: TcpListener) -> std::io::Result<Port> {
        let written = listener.address;
        let door = Door::new(listener);
        let (open, closes) = watch::channel(());
        let accepting = accept(socket, Arc::clone(&door), Arc::clone(&self.dispatch), closes)?;
        self.acceptors.spawn(accepting);
        // Those of ports that were closed since.
        while self.acceptors.try_join_next().is_some() {}
        Ok(Port { written, door, _open: open })
    }

    fn open_admin(&mut self, written: SocketAddr, socket: TcpListener) -> std::io::Result<AdminPort> {
        let serving = admin::serve(socket, Arc::clone(&self.state))?;
        Ok(AdminPort { written, serving: tokio::spawn(serving).abort_handle() })
    }
}
