//! Every answer that the gateway itself gives, on one page.
//!
//! Errors are `application/problem+json` (RFC 9457) with the members of the Express gateway beside them: `error`, `code`,
//! `request_id`, `timestamp`. What the log says (`reason`) may tell more than the client learns.

mod access;
mod render;

pub use access::{Needed, RateOf};

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use sekisho_units::Size;
use sekisho_wire::Refusal;
use serde_json::Value;

/// What a reply carries.
#[derive(Clone, PartialEq, Debug)]
pub enum Content {
    /// A problem document made of the reply's members.
    Problem,
    /// No body at all.
    Empty,
    /// These bytes.
    Bytes {
        /// The media type.
        content_type: Cow<'static, str>,
        /// The body.
        bytes: Arc<[u8]>,
    },
}

/// An answer of the gateway's own.
#[derive(Clone, PartialEq, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The machine's word for it, as in `AUTH_FAILED`; empty where there is no problem.
    pub code: &'static str,
    /// The person's word for it.
    pub error: Cow<'static, str>,
    /// What to do about it.
    pub detail: Cow<'static, str>,
    /// Further members of the problem document.
    pub members: Vec<(&'static str, Value)>,
    /// Header lines beside those that every answer has.
    pub headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// The body.
    pub content: Content,
    /// Why, for log and metrics; never shown to the client.
    pub reason: Cow<'static, str>,
    /// Whether the client's connection ends after it, because where the next request begins is not known.
    pub close: bool,
}

/// The rows of the contract.
impl Reply {
    /// 400, 405, 414, 417, 431, 501: the request is malformed or too large.
    pub fn refused(refusal: Refusal) -> Self {
        let reply = if refusal.status() == 405 {
            Self::problem(405, "METHOD_NOT_ALLOWED", "Method not allowed", refusal.detail())
                .header("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
        } else {
            Self::problem(refusal.status(), "BAD_REQUEST", "Bad request", refusal.detail())
        };
        reply.because(refusal.detail()).closing()
    }

    /// 400: what came is a TLS handshake, and this port speaks plain HTTP.
    pub fn tls_on_plain_port() -> Self {
        Self::malformed("This port speaks plain HTTP, not TLS; use `http://`.", "tls_on_plain_port")
    }

    /// 400: what came is plain text, and this port speaks TLS.
    pub fn plain_on_tls_port() -> Self {
        Self::malformed("This port speaks TLS, not plain HTTP; use `https://`.", "plain_on_tls_port")
    }

    /// 400: the client must go to `https://`, but has not said to which host.
    pub fn secure_port_only() -> Self {
        Self::malformed("This host is served over TLS only; use `https://`.", "no_host_to_redirect_to")
    }

    /// 400: the connection does not begin with the PROXY header that it must have.
    pub fn bad_proxy_header(reason: &'static str) -> Self {
        Self::malformed("Connections to this port come through a proxy that says who they are from.", reason)
    }

    fn malformed(detail: &'static str, reason: &'static str) -> Self {
        Self::problem(400, "BAD_REQUEST", "Bad request", detail).because(reason).closing()
    }

    /// 429: the client's address has too many connections.
    pub fn crowded() -> Self {
        Self::problem(
            429,
            "RATE_LIMITED",
            "Too many connections from this IP",
            "Too many connections of this address are open; use those, or try again shortly.",
        )
        .header("Retry-After", "1")
        .because("connections_per_address")
        .closing()
    }

    /// 400: a body that is no well-formed chunked coding, or ends too soon.
    pub fn bad_body(reason: &'static str) -> Self {
        Self::problem(
            400,
            "BAD_REQUEST",
            "Bad request",
            "The request's body is not well-formed chunked transfer coding.",
        )
        .because(reason)
        .closing()
    }

    /// 400: the body is not what its `Content-Encoding` says.
    pub fn bad_encoding(reason: &'static str) -> Self {
        Self::problem(
            400,
            "BAD_REQUEST",
            "Bad request",
            "The request's body is not whole and well-formed in the coding that `Content-Encoding` names.",
        )
        .because(reason)
    }

    /// 400: the path holds an encoded slash, backslash, NUL or control character, and the route does not allow it.
    pub fn risky_path() -> Self {
        Self::problem(
            400,
            "BAD_REQUEST",
            "Bad request",
            "The path holds an encoded slash, a backslash or a control character, which this route does not take.",
        )
        .because("risky_path")
    }

    /// 400: bytes came behind a request for another protocol before the answer to it.
    pub fn data_before_upgrade() -> Self {
        Self::problem(
            400,
            "BAD_REQUEST",
            "Bad request",
            "Bytes of the new protocol came before the change to it was agreed upon; wait for the answer 101.",
        )
        .because("data_before_upgrade")
        .closing()
    }

    /// 400: no version of the route's is meant by the request. `supported` names those that there are.
    pub fn unsupported_version<'s>(
        supported: impl Iterator<Item = &'s str>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        let supported: Vec<Value> = supported.map(Value::from).collect();
        Self::problem(
            400,
            "UNSUPPORTED_VERSION",
            "Unsupported API version",
            "Nothing is served here in the version that was asked for; ask for one of `supportedVersions`.",
        )
        .member("supportedVersions", supported)
        .because(reason)
    }

    /// 404: no route.
    pub fn no_route() -> Self {
        Self::problem(
            404,
            "NO_ROUTE",
            "No route matches",
            "Nothing is served at this path; check its spelling and the host.",
        )
        .because("no_route")
    }

    /// 405: the path is known, the method is not. `allow` names those that are.
    pub fn method_not_allowed(allow: &str) -> Self {
        Self::problem(405, "METHOD_NOT_ALLOWED", "Method not allowed", format!("This path takes {allow}."))
            .header("Allow", allow.to_owned())
            .because("method_not_allowed")
    }

    /// 408: the request's head or body came too slowly.
    pub fn request_timeout(reason: &'static str) -> Self {
        Self::problem(
            408,
            "REQUEST_TIMEOUT",
            "Request timeout",
            "The request did not arrive in time; send it again.",
        )
        .because(reason)
        .closing()
    }

    /// 413: the body is longer than `limit` bytes.
    pub fn body_too_large(limit: u64) -> Self {
        let most = Size::from_bytes(limit);
        Self::problem(
            413,
            "BODY_TOO_LARGE",
            "Request body too large",
            format!("The body may have at most {most}."),
        )
        .member("limit", limit)
        .because("body_too_large")
    }

    /// 413: the body is small, and would become more than `ratio` times as large.
    pub fn decompression_bomb(ratio: u32) -> Self {
        Self::problem(
            413,
            "BODY_TOO_LARGE",
            "Request body too large",
            format!("The body may become at most {ratio} times as large when it is decompressed."),
        )
        .member("ratio", ratio)
        .because("decompression_bomb")
    }

    /// 415: the body has a coding that is not taken here; `accepted` lists those that are (RFC 9110 §12.5.3, §15.5.16).
    pub fn unsupported_encoding(accepted: impl Into<Cow<'static, str>>, reason: &'static str) -> Self {
        let accepted = accepted.into();
        Self::problem(
            415,
            "UNSUPPORTED_ENCODING",
            "Unsupported content coding",
            format!("The body's `Content-Encoding` is not taken here; use {accepted}, or none."),
        )
        .header("Accept-Encoding", accepted)
        .because(reason)
    }

    /// 502: the service answered nonsense, or broke off before its head.
    pub fn bad_gateway(service: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::problem(502, "BAD_GATEWAY", "Bad gateway", "The service's answer could not be understood.")
            .member("service", service)
            .because(reason)
    }

    /// 503: the service cannot be reached.
    pub fn upstream_unavailable(service: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::problem(
            503,
            "UPSTREAM_UNAVAILABLE",
            "Service temporarily unavailable",
            "The service cannot be reached; try again shortly.",
        )
        .member("service", service)
        .because(reason)
    }

    /// 503: no endpoint of the service is healthy.
    pub fn no_healthy_endpoint(service: &str) -> Self {
        Self::problem(
            503,
            "NO_HEALTHY_ENDPOINT",
            "No healthy instances available",
            "No instance of the service is healthy; try again shortly.",
        )
        .member("service", service)
        .because("no_healthy_endpoint")
    }

    /// 503: the service's circuit breaker is open, and after `after` a request may be let through again.
    pub fn circuit_open(service: &str, after: Duration) -> Self {
        Self::problem(
            503,
            "CIRCUIT_OPEN",
            "Service circuit breaker is open",
            "The service has failed too often; wait as long as `Retry-After` says.",
        )
        .member("service", service)
        .member("message", "Service is temporarily unavailable due to repeated failures")
        .header("Retry-After", after.as_millis().div_ceil(1000).max(1).to_string())
        .because("circuit_open")
    }

    /// 503: too much is in flight. `after` seconds later it may be otherwise. An empty `service` is none: it is the gateway
    /// that is busy.
    pub fn overloaded(service: &str, after: u64, reason: impl Into<Cow<'static, str>>) -> Self {
        let reply = Self::problem(
            503,
            "OVERLOADED",
            "Service is busy",
            "Too many requests are in flight; try again shortly.",
        )
        .header("Retry-After", after.to_string())
        .because(reason);
        if service.is_empty() { reply } else { reply.member("service", service) }
    }

    /// 504: the service did not answer in time.
    pub fn upstream_timeout(service: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::problem(
            504,
            "UPSTREAM_TIMEOUT",
            "Service did not answer in time",
            "The service is slow or stuck; try again shortly.",
        )
        .member("service", service)
        .because(reason)
    }

    /// 504: the client wants a stored answer or none (RFC 9111 §5.2.1.7), and there is none.
    pub fn not_cached(reason: &'static str) -> Self {
        Self::problem(
            504,
            "NOT_CACHED",
            "Nothing stored",
            "No stored answer serves this request, and `only-if-cached` allows no other.",
        )
        .because(reason)
    }

    /// 200 or 503: whether services are well, as a JSON document.
    pub fn health(is_healthy: bool, document: Arc<[u8]>) -> Self {
        let (status, reason) = if is_healthy { (200, "healthy") } else { (503, "unhealthy") };
        let content = Content::Bytes { content_type: "application/json".into(), bytes: document };
        Self::plain(status, content, reason).header("Cache-Control", "no-store")
    }

    /// An answer without a problem: a preflight, a redirect, a fixed answer.
    pub fn plain(status: u16, content: Content, reason: &'static str) -> Self {
        Self { content, ..Self::problem(status, "", "", "") }.because(reason)
    }
}

/// How rows are made.
impl Reply {
    /// A problem document.
    pub fn problem(
        status: u16,
        code: &'static str,
        error: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            error: error.into(),
            detail: detail.into(),
            members: Vec::new(),
            headers: Vec::new(),
            content: Content::Problem,
            reason: Cow::Borrowed(""),
            close: false,
        }
    }

    /// Adds a member of the problem document.
    pub fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    /// Adds a header line.
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Says why, for the log.
    pub fn because(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Ends the client's connection after it.
    pub fn closing(mut self) -> Self {
        self.close = true;
        self
    }
}
