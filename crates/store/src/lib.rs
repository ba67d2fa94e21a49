//! State that requests, workers and gateways share: limits and who counts them, in memory or in Redis.
//!
//! [`limit`] decides and knows neither store: a rule, what was counted, and the time go in, a decision comes out. [`Memory`] and
//! [`redis::Limits`] keep what was counted; [`Store`] is one of them, with what happens while Redis is away. [`redis::Link`] is the
//! connection by itself, for whatever else is to be shared. [`InFlight`] counts what is under way.

mod in_flight;
mod key;
pub mod limit;
mod memory;
pub mod redis;
mod rulings;
mod store;
mod unheard;

pub use in_flight::{InFlight, Seat};
pub use key::{Key, Space};
pub use limit::{Algorithm, Decision, Moment, Rule, RuleError};
pub use memory::{Memory, Tally};
pub use store::{Later, OnFailure, Ruling, Store, Taken};
