//! What of settings is refused, and what a request meets.
