//! Tokens of every algorithm, good and hostile, through the public interface.

mod against_jsonwebtoken;
mod attacks;
mod claims;
mod keys;
mod properties;
mod signers;
mod vectors;
