//! Tokens of every algorithm, good and hostile, through the public interface.

#![allow(clippy::unwrap_used, reason = "in a test a broken expectation is a failed test")]

mod against_jsonwebtoken;
mod attacks;
mod claims;
mod keys;
mod properties;
mod signers;
mod vectors;
