//! Redis or Valkey: the connection, and limits over it.
//!
//! [`Link`] is a connection for each worker, made when it is first needed and remade by itself; [`Limits`] is one script over it,
//! and [`Command`]s are for whatever else is to be shared.
//! Whatever the server does, an operation ends within its time, and while the server is away it ends at once.

mod address;
mod away;
mod command;
mod dial;
mod known;
mod limits;
mod link;
mod slot;
mod together;

pub use address::{Address, AddressError};
pub use away::{Away, Presence};
pub use command::{Command, Reply, Script};
pub use dial::Tls;
pub use limits::Limits;
pub use link::{Link, LinkError, Options};
