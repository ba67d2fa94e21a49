//! Answers as the admin port gives them.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};
use sekisho_exchange::Reply;
use sekisho_store::redis::Away;
use sekisho_units::Wall;
use sekisho_wire::HeadBuf;
use serde_json::Value;

/// An answer with its whole body.
pub(super) type Answer = Response<Full<Bytes>>;

/// A body of a media type; never cached, since it is about this moment.
pub(super) fn bytes(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// A line for people and probes.
pub(super) fn text(status: StatusCode, line: &str) -> Answer {
    bytes(status, "text/plain; charset=utf-8", format!("{line}\n"))
}

/// A JSON document.
pub(super) fn json(status: StatusCode, value: &Value) -> Answer {
    bytes(status, "application/json", format!("{value:#}\n"))
}

/// 404, as a problem document.
pub(super) fn unknown(now: Wall) -> Answer {
    let detail = "The admin port has no such path; `/` lists those it has.";
    problem(&Reply::problem(404, "NO_ROUTE", "No route matches", detail), now)
}

/// 405: this path takes other methods.
pub(super) fn not_allowed(allow: &'static str, now: Wall) -> Answer {
    let detail = format!("This path takes {allow} only.");
    let mut answer = problem(&Reply::problem(405, "METHOD_NOT_ALLOWED", "Method not allowed", detail), now);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// 403: a page of another site asks, in the browser of somebody who can reach this port.
pub(super) fn foreign(now: Wall) -> Answer {
    let detail = "Pages of other sites may not ask for this.";
    problem(&Reply::problem(403, "FORBIDDEN", "Forbidden", detail), now)
}

/// 400: the path names no user.
pub(super) fn bad_user(now: Wall) -> Answer {
    let detail = "The user's id must be percent-encoded UTF-8, as one segment of the path.";
    problem(&Reply::problem(400, "BAD_REQUEST", "Bad request", detail), now)
}

/// 400: the body does not say what is to be purged.
pub(super) fn bad_purge(detail: String, now: Wall) -> Answer {
    problem(&Reply::problem(400, "BAD_REQUEST", "Bad request", detail), now)
}

/// 503: gateways that share stored answers could not be told.
pub(super) fn cannot_purge(why: &Away, now: Wall) -> Answer {
    let detail = format!("What this gateway alone stores is purged, but {why}; ask again once it is back.");
    problem(&Reply::problem(503, "DEPENDENCY_UNAVAILABLE", "Dependency unavailable", detail), now)
}

/// 503: the gateway ends, or its configuration is no file.
pub(super) fn cannot_reload(now: Wall) -> Answer {
    let detail = "The gateway is ending, or its configuration is part of the program.";
    problem(&Reply::problem(503, "NO_RELOAD", "No reload is possible", detail), now)
}

fn problem(reply: &Reply, now: Wall) -> Answer {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    bytes(status, "application/problem+json", reply.render(&mut HeadBuf::default(), None, now))
}
