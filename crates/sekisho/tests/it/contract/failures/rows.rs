//! The rows, with the contract's words for when each holds.

use serde_json::json;

use crate::access::basic_auth::line as password;
use crate::contract::rows::{Kind, Row, bearer};
use crate::jwt::signer::token;

/// Header lines that ask for another protocol.
pub(super) const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

const NONSENSE: Kind = (502, "BAD_GATEWAY", "Bad gateway", "The service's answer could not be understood.");
pub(super) const AWAY: Kind = (
    503,
    "UPSTREAM_UNAVAILABLE",
    "Service temporarily unavailable",
    "The service cannot be reached; try again shortly.",
);
const OPEN: Kind = (
    503,
    "CIRCUIT_OPEN",
    "Service circuit breaker is open",
    "The service has failed too often; wait as long as `Retry-After` says.",
);
const NOBODY: Kind = (
    503,
    "NO_HEALTHY_ENDPOINT",
    "No healthy instances available",
    "No instance of the service is healthy; try again shortly.",
);
pub(super) const BUSY: Kind =
    (503, "OVERLOADED", "Service is busy", "Too many requests are in flight; try again shortly.");
const DEPENDENCY: Kind = (
    503,
    "DEPENDENCY_UNAVAILABLE",
    "Service temporarily unavailable",
    "Something that decides about requests cannot be asked; try again shortly.",
);
const SLOW: Kind = (
    504,
    "UPSTREAM_TIMEOUT",
    "Service did not answer in time",
    "The service is slow or stuck; try again shortly.",
);

/// All of them, in the contract's order.
pub(super) fn all() -> Vec<Row> {
    let mut rows = vec![open()];
    rows.extend(unreachable());
    rows.extend(nobody());
    rows.extend(nonsense());
    rows.extend(slow());
    rows.extend(busy());
    rows.extend(dependencies());
    rows
}

/// A row about the service that the path begins with.
fn of(kind: Kind, says: &'static str, path: &'static str, why: &'static str) -> Row {
    let service = path.split('/').nth(1).unwrap();
    about(kind, says, path, service, why)
}

fn about(kind: Kind, says: &'static str, path: &'static str, service: &str, why: &'static str) -> Row {
    Row { members: vec![("service", service.into())], ..Row::of(kind, says, path).decided("upstream", why) }
}

fn open() -> Row {
    let mut row = of(OPEN, "breaker open", "/open", "circuit_open");
    row.members.push(("message", json!("Service is temporarily unavailable due to repeated failures")));
    Row { before: &[503], retry: Some(3_500..=3_600), ..row }
}

fn unreachable() -> Vec<Row> {
    let away = |says, path, why| of(AWAY, says, path, why);
    vec![
        away("upstream cannot be reached: refused", "/gone", "connection_refused"),
        away("upstream cannot be reached: no connection in time", "/full", "connect_timeout"),
        // Where there is no resolver to ask, its silence is what ends the wait.
        away("upstream cannot be reached: no such name", "/nameless", "name_not_resolved|connect_timeout"),
        away("upstream cannot be reached: a stranger's certificate", "/stranger", "tls_unknown_ca"),
        away("upstream cannot be reached: another's certificate", "/misnamed", "tls_wrong_name"),
        away("upstream cannot be reached: an old certificate", "/expired", "tls_expired"),
        away("upstream cannot be reached: it speaks no TLS", "/plain", "tls_handshake"),
        away("upstream cannot be reached: no greeting in time", "/silent", "connect_timeout"),
    ]
}

fn nobody() -> Vec<Row> {
    let nobody = |says, path| of(NOBODY, says, path, "no_healthy_endpoint");
    vec![
        nobody("no healthy endpoint: the only one is drained", "/drained"),
        nobody("no healthy endpoint: none was found", "/unfound"),
    ]
}

fn nonsense() -> Vec<Row> {
    let bad = |says, path, why| of(NONSENSE, says, path, why);
    vec![
        bad("broke off before its head: closed", "/mad/closes", "closed_before_head"),
        bad("broke off before its head: reset", "/mad/resets", "closed_before_head"),
        bad("broke off before its head: within it", "/mad/half", "closed_before_head"),
        bad(
            "answered nonsense: no HTTP",
            "/mad/garbage",
            "the answer does not begin with HTTP/1.1 or HTTP/1.0 and a space",
        ),
        bad("answered nonsense: two lengths", "/mad/lengths", "the answer has more than one Content-Length"),
        bad("answered nonsense: no end of a head", "/mad/huge", "the answer's head is too large"),
        bad(
            "answered nonsense: no end of interim answers",
            "/mad/interim",
            "interim answers come without an end",
        ),
        bad("answered nonsense: another protocol unasked", "/mad/switches", "switched_protocols_unasked"),
    ]
}

fn slow() -> Vec<Row> {
    let slow = |says, path, why| of(SLOW, says, path, why);
    let consent = slow("upstream too slow: to agree to a body", "/late", "consent_timeout");
    vec![
        slow("upstream too slow: first byte", "/late", "first_byte_timeout"),
        slow("upstream too slow: in total", "/endless", "total_timeout"),
        slow("upstream too slow: for one try", "/tried", "per_try_timeout"),
        slow("upstream too slow: for its breaker", "/broken", "first_byte_timeout"),
        about(SLOW, "upstream too slow: for the route", "/short", "mute", "total_timeout"),
        Row { closes: true, ..consent.with("Expect: 100-continue\r\nContent-Length: 5\r\n") },
    ]
}

fn busy() -> Vec<Row> {
    let busy = |row: Row| Row { retry: Some(1..=1), ..row };
    vec![
        busy(of(BUSY, "too much in flight: the queue is full", "/queued", "connection_queue")),
        busy(of(BUSY, "too much in flight: no connection was free in time", "/waited", "connection_wait")),
        busy(about(BUSY, "too much in flight: on a route", "/crowd", "gate", "concurrency"))
            .decided("concurrency", "concurrency"),
    ]
}

fn dependencies() -> Vec<Row> {
    let fails = |says, path, dependency: &str, by, why| Row {
        members: vec![("dependency", dependency.into())],
        ..Row::of(DEPENDENCY, says, path).decided(by, why)
    };
    let looks = |says, path, dependency, why| {
        let row = fails(says, path, dependency, "user_lookup", why);
        row.with(bearer(&token(&json!({}))))
    };
    let asks = |says, path, dependency, why| fails(says, path, dependency, "forward_auth", why);
    let counts = fails("the store fails: gone", "/counted", "store", "rate_limit", "store_gone");
    vec![
        looks("the user lookup fails: broken", "/lookup/broken", "users", "unexpected_status"),
        looks("the user lookup fails: gone", "/lookup/gone", "gone", "connection_refused")
            .with(password("ada", "correct horse")),
        looks("the user lookup fails: too slow", "/lookup/late", "mute", "timeout"),
        asks("the service that decides fails: gone", "/asked/gone", "gone", "connection_refused"),
        asks("the service that decides fails: broken", "/asked/broken", "users", "unexpected_status"),
        asks("the service that decides fails: too slow", "/asked/late", "mute", "timeout"),
        fails("the keys of tokens cannot be had", "/keyless", "jwks", "jwt", "no_keys")
            .with(bearer(&token(&json!({})))),
        counts,
    ]
}
