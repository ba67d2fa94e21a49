//! TLS to `https://` endpoints (RFC 8446, RFC 5246), by rustls.

mod compile;
mod config;
mod files;
mod ours;
pub mod pem;
mod reason;
mod stream;
mod unverified;

use std::sync::Arc;

pub use compile::ReadFile;
pub(crate) use compile::{ForFound, Securing, client_of, secure};
pub use config::Config;
pub(crate) use reason::refusal;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sekisho_exchange::Tcp;
pub(crate) use stream::Stream;
use tokio_rustls::TlsConnector;

use crate::carry::Carry;
use crate::failure::Failure;

/// How one endpoint is asked over TLS.
#[derive(Clone)]
pub struct Secured {
    /// One for all endpoints of a service, so that they share the sessions that can be resumed.
    client: Arc<ClientConfig>,
    /// The name that its certificate must have; said in the greeting, unless it is an address.
    name: ServerName<'static>,
    /// Differs as soon as one of the settings does.
    pub(crate) identity: u64,
}

impl Secured {
    /// The same, with what connections of `service` were made with under the configuration before, if that said the same: so
    /// sessions from before can be resumed.
    pub(crate) fn carried(self, service: &str, carry: &Carry) -> Self {
        Self { client: carry.client(service, self.identity, self.client), ..self }
    }

    /// Greets the service over a new connection.
    pub(crate) async fn greet(&self, stream: Tcp) -> Result<Stream, Failure> {
        let connector = TlsConnector::from(Arc::clone(&self.client));
        let (greeted, asked) = ours::heeding(connector.connect(self.name.clone(), stream)).await;
        match greeted {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(error) => Err(Failure::Unreachable(reason::of(&error, asked))),
        }
    }
}
