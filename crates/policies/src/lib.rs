//! What a route may ask of a request.
//!
//! One folder a policy: its configuration as written, the policy as it runs, an `example.yaml` that is parsed and compiled by
//! a test. `table` lists them in walking order; adding a policy is one folder and one row there.

pub mod access_log;
pub mod api_key;
pub mod authorize;
pub mod basic_auth;
pub mod body_limit;
pub mod cache;
mod coding;
mod compile;
pub mod compress;
pub mod concurrency;
pub mod cors;
pub mod decompress;
#[cfg(test)]
mod fixture;
pub mod forward_auth;
pub mod headers;
pub mod ip_filter;
pub mod jwt;
mod kept;
mod key;
mod principal;
mod query;
pub mod quota;
pub mod rate_limit;
pub mod request_id;
pub mod rewrite;
pub mod security_headers;
mod shards;
mod share;
mod table;
pub mod user_lookup;

pub use compile::{Compile, Context, Here, NoPeers, Peers};
pub use kept::Kept;
pub use shards::Counts;
pub use table::{DEFAULT_ON, NAMES, Pass, Step, schemas};
