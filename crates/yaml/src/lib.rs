//! YAML with places: text becomes a tree of [`Node`]s, each knowing where it stood; [`substitute`] fills in
//! the environment and files; [`read`] turns a tree into any serde type and reports every error at once,
//! each at its line and column with what to write instead.
//!
//! serde readers stop at the first error, and most YAML readers forget places. A gateway's configuration is
//! checked whole and by people, so this crate keeps the places and asks serde again until all is said.

mod node;
mod parse;
mod read;
mod substitute;

pub use node::{Key, Kind, Node, Origin, Scalar, Style};
pub use parse::{MAX_BYTES, MAX_DEPTH, MAX_NODES, parse, parse_on};
pub use read::{MAX_PROBLEMS, ReadError, Reader, join, read};
pub use substitute::{MAX_FILE, files_in, substitute, unreadable};
