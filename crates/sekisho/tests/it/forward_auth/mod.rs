//! A service of the operator's own decides who may pass.

mod cases;

use crate::harness::{Gateway, Service};

/// A service that knows everybody: `Authorization: Bearer NAME` is the user NAME, and nothing else is anybody. It says so
/// in `X-Id`, and `X-Tenant: t-NAME` beside it.
pub(crate) fn sessions() -> Service {
    Service::answering(|request| {
        match request.header("authorization").and_then(|v| v.strip_prefix("Bearer ")) {
        Some(name) => format!(
            "HTTP/1.1 200 OK\r\nX-Id: {name}\r\nX-Permissions: from:token\r\nX-Tenant: t-{name}\r\nContent-Length: 4\r\n\r\nfine"
        )
        .into_bytes(),
        None => b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"shop\"\r\nSet-Cookie: a=1\r\n\
                  X-Internal: 10.0.0.1\r\nContent-Type: text/html\r\nContent-Length: 7\r\n\r\nsign in"
            .to_vec(),
    }
    })
}

/// A gateway that asks `auth` about each request, with these words beside `service`, `identity` and `copy`.
fn gateway(service: &Service, auth: &Service, words: &str) -> Gateway {
    Gateway::start(&config(service, auth, words, ""))
}

fn config(service: &Service, auth: &Service, words: &str, top: &str) -> String {
    format!(
        "{top}\nservices:\n  a: {{ endpoints: [{}] }}\n  auth: {{ endpoints: [{}] }}\n\
         routes:\n- path: /*\n  service: a\n  policies:\n    \
         forward_auth: {{ service: auth, path: '/check?x=1', identity: {{ id: X-Id }}, copy: [X-Tenant], {words} }}\n",
        service.url(),
        auth.url(),
    )
}
