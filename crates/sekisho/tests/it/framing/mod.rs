//! Where messages begin and end: bodies, interim answers, connections that are used again, and streams in both directions.

mod bodies;
mod early;
mod interim;
mod reuse;
mod streams;

use crate::harness::{Gateway, Service};

/// A gateway in front of one service, with more of the route and of the top.
pub(crate) fn gateway(service: &Service, route: &str, top: &str) -> Gateway {
    Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\nroutes: [{{ path: /*, service: a{route} }}]\n{top}",
        service.url()
    ))
}
