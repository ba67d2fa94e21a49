//! The behaviours of RFC 9111 in tables, a file a section; the first column of each row names the paragraph.

#![allow(clippy::unwrap_used, reason = "in a test a broken expectation is a failed test")]

mod choosing;
mod fields;
mod freshness;
mod heads;
mod invalidating;
mod properties;
mod ranges;
mod storing;
mod targeted;
mod validating;
mod varying;
