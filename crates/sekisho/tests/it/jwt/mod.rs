//! `jwt` with real tokens and real issuers: what clients, services and the log see of it.

mod answers;
mod attacks;
mod fetched;
pub(crate) mod signer;

use crate::harness::{Answer, Gateway, Service};

/// The usual policy: HS256 with [`signer::SECRET`].
pub(crate) const HS256: &str = "secret: 0123456789abcdef0123456789abcdef, algorithms: [HS256]";

/// A gateway in front of `service` with `jwt` of these settings on its route.
fn gateway(service: &Service, jwt: &str) -> Gateway {
    Gateway::start(&config(service, jwt))
}

fn config(service: &Service, jwt: &str) -> String {
    format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\n\
         policies: {{ security_headers: {{}} }}\n\
         identity: {{ forward: [email, roles, permissions] }}\n\
         routes: [{{ path: /*, service: a, public: true, policies: {{ jwt: {{ {jwt} }} }} }}]\n",
        service.url()
    )
}

/// The answer to a request with this bearer token.
#[track_caller]
fn ask(gateway: &Gateway, token: &str) -> Answer {
    gateway.request(request(&format!("Authorization: Bearer {token}\r\n")))
}

fn request(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

/// Whether and why a request was refused for its token, as the log says; all else of the answer is as for every such one.
#[track_caller]
fn refused(gateway: &Gateway, answer: &Answer) -> String {
    let problem = crate::access::assert_problem(answer, (401, "AUTH_FAILED", "Authentication failed"), &[]);
    assert_eq!(answer.headers_all("www-authenticate"), ["Bearer error=\"invalid_token\""], "{problem}");
    let (by, why) = crate::access::decided(gateway, answer);
    assert_eq!(by, "jwt");
    let detail = "The credential was not accepted; get a new one and send the request again.";
    assert_eq!(problem["detail"], detail, "why is for the log alone");
    why
}
