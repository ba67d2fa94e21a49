//! The policies as they are seen from outside.

mod answers;
pub(crate) mod heads;
mod ids;
mod logs;
mod shadow;

use crate::harness::{Gateway, Service};

/// A gateway in front of one service, with these policies on its route and these lines at the top.
pub(crate) fn gateway(service: &Service, policies: &str, top: &str) -> Gateway {
    Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\n\
         routes: [{{ path: /*, service: a, policies: {{ {policies} }} }}]\n{top}",
        service.url()
    ))
}
