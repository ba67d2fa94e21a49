//! How one connection is made.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, Cmd, Pipeline, RedisFuture, RedisResult, TlsCertificates,
    Value,
};
use sekisho_units::Secret;

use super::Address;
use super::together::all;

/// What TLS to the server needs beyond the authorities that the system believes.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificates of the authorities to believe instead, as PEM.
    pub authorities: Option<Vec<u8>>,
    /// The certificate to show, as PEM, with its key.
    pub ours: Option<(Vec<u8>, Secret)>,
}

/// Makes connections.
pub(super) enum Dial {
    Server(Box<Client>, AsyncConnectionConfig),
    Cluster(Box<ClusterClient>),
}

/// A connection; clones are the same one. Its driver is a task of the runtime on which it was made, and ends with the last clone.
#[derive(Clone)]
pub(super) enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// A connection is given up if it is not made in so long a time.
const PATIENCE: Duration = Duration::from_secs(1);

impl Dial {
    /// Connects to nothing yet.
    pub(super) fn new(address: &Address, tls: Option<&Tls>, in_flight: usize) -> RedisResult<Self> {
        if address.is_tls() {
            // The process's cryptography, if nobody has chosen one before; the choice that was made first stays.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let certificates = tls.filter(|_| address.is_tls()).map(certificates);
        if address.is_cluster() {
            // What an operation may take is timed around it; retries beyond that time would only keep the nodes busy.
            let builder = ClusterClientBuilder::new(address.nodes())
                .connection_timeout(PATIENCE)
                .overall_response_timeout(None)
                .retries(2)
                .max_retry_wait(20);
            let builder = match certificates {
                Some(certificates) => builder.certs(certificates),
                None => builder,
            };
            return Ok(Self::Cluster(Box::new(builder.build()?)));
        }
        let node = address.nodes().next().unwrap_or_default();
        let client = match certificates {
            Some(certificates) => Client::build_with_tls(node, certificates)?,
            None => Client::open(node)?,
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(in_flight.max(1));
        Ok(Self::Server(Box::new(client), config))
    }

    /// A connection that has answered once.
    pub(super) async fn connect(&self) -> Result<Connection, redis::RedisError> {
        let connecting = async {
            let mut made = match self {
                Self::Server(client, config) => {
                    Connection::Server(client.get_multiplexed_async_connection_with_config(config).await?)
                }
                Self::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
            };
            // While a server loads its data it takes connections and refuses all else; a cluster answers for each node.
            made.ask(&redis::cmd("PING")).await?.extract_error()?;
            Ok(made)
        };
        match tokio::time::timeout(PATIENCE, connecting).await {
            Ok(made) => made,
            Err(_) => Err((redis::ErrorKind::Io, "the server does not answer").into()),
        }
    }
}

impl Connection {
    /// Sends a command behind those that are under way.
    pub(super) fn ask<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    /// Sends several, and gives what came of each; of all in one, if the connection broke.
    pub(super) async fn ask_all(&mut self, commands: &[Cmd]) -> Vec<RedisResult<Value>> {
        match self {
            Self::Server(connection) => {
                let mut pipeline = Pipeline::with_capacity(commands.len());
                for command in commands {
                    pipeline.add_command(command.clone());
                }
                match connection.req_packed_commands(&pipeline, 0, commands.len()).await {
                    Ok(values) => values.into_iter().map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                }
            }
            Self::Cluster(connection) => {
                // Their keys lie where they lie: each finds its own node.
                let asking = commands.iter().map(|command| {
                    let mut connection = connection.clone();
                    let asking = async move { connection.req_packed_command(command).await };
                    Box::pin(asking) as RedisFuture<'_, Value>
                });
                all(asking.collect()).await
            }
        }
    }
}

fn certificates(tls: &Tls) -> TlsCertificates {
    let client_tls = tls.ours.as_ref().map(|(certificate, key)| ClientTlsConfig {
        client_cert: certificate.clone(),
        client_key: key.expose().as_bytes().to_vec(),
    });
    TlsCertificates { client_tls, root_cert: tls.authorities.clone() }
}
