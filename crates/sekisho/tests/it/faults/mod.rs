//! What a client gets when a service is away, talks nonsense, breaks off or is killed, and when the client itself leaves.

pub(crate) mod before_head;
mod client_leaves;
mod in_body;
mod kept;
mod killed;
