//! What the usual policies cost together, for a request as a browser sends it.
fn main() {}
