//! Values as people write them, and how they print: the vocabulary that every other crate shares.
//!
//! A value of this crate is parsed once, when the configuration is read, and then carries its unit in its
//! type, so that no function ever takes a bare number of "something". Every type reads back what it
//! prints. Nothing here does I/O except [`Clock`], which is the one place where time is read.

mod cidr;
mod clock;
mod host;
mod pattern;
mod percent;
mod problem;
mod rate;
mod secret;
mod setting;
mod size;
mod span;
mod text;
mod until;

pub use cidr::{Cidr, CidrError};
pub use clock::{Clock, Stamp, Tick, Wall};
pub use host::{HostPattern, HostPatternError};
pub use pattern::{Pattern, PatternError, Segment, Specificity};
pub use percent::{Percent, PercentError};
pub use problem::{AT, At, Place, Problem, Problems, Severity, nearest};
pub use rate::{Rate, RateError};
pub use secret::Secret;
pub use setting::{OneOrList, OrOff};
pub use size::{Size, SizeError};
pub use span::{Span, SpanError};
pub use until::{Since, Until, UntilError};
