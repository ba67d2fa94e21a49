//! Redis or Valkey: the connection, and limits over it.
//!
//! [`Link`] is a connection for each worker, made when it is first needed and remade by itself; [`Limits`] is one script over it.
//! Whatever the server does, an operation ends within its time, and while the server is away it ends at once.

mod address;
mod away;
mod dial;
mod limits;
mod link;
mod slot;

pub use address::{Address, AddressError};
pub use away::{Away, Presence};
pub use dial::Tls;
pub use limits::Limits;
pub use link::{Link, LinkError, Options};
