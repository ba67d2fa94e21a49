//! `security_headers`, `cors` and `headers`.

use super::gateway;
use crate::harness::{Answer, Gateway, Service};

/// What helmet 8 sends by default.
pub(crate) const HELMET: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';\
         img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: \
         'unsafe-inline';upgrade-insecure-requests",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("origin-agent-cluster", "?1"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-dns-prefetch-control", "off"),
    ("x-download-options", "noopen"),
    ("x-frame-options", "SAMEORIGIN"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "0"),
];

#[test]
fn security_headers_are_on_every_answer_once() {
    let service = Service::fixed(
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nX-Powered-By: PHP\r\nX-Frame-Options: ALLOWALL\r\nx-xss-protection: 1\r\n\
         Content-Length: 0\r\n\r\n",
    );
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }}, gone: {{ endpoints: [http://127.0.0.1:1] }} }}\n\
         policies: {{ security_headers: on, cors: {{ origins: [https://b] }} }}\n\
         routes: [{{ path: /a, service: a }}, {{ path: /gone, service: gone }}, {{ path: /text, respond: x, methods: [GET] }}]\n",
        service.url()
    ));
    let preflight =
        "OPTIONS /a HTTP/1.1\r\nHost: a\r\nOrigin: https://b\r\nAccess-Control-Request-Method: GET\r\n\r\n";
    for (raw, status) in [
        ("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n", 503),
        ("GET /text HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("POST /text HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET /a HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (preflight, 204),
    ] {
        let answer = gateway.request(raw);
        assert_eq!(answer.status, status, "{raw:?}");
        for (name, value) in HELMET {
            assert_eq!(answer.headers_all(name), [*value], "{raw:?}: {name}");
        }
        assert_eq!((answer.header("server"), answer.header("x-powered-by")), (None, None), "{raw:?}");
    }
}

#[test]
fn each_security_header_can_be_changed_or_left_out() {
    let service = Service::fixed(
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nX-Frame-Options: DENY\r\nContent-Length: 0\r\n\r\n",
    );
    let policies = "security_headers: { content_security_policy: \"default-src 'none'\", x_frame_options: off, hide: [] }";
    let gateway = gateway(&service, policies, "");
    let answer = gateway.get("/");
    assert_eq!(answer.headers_all("content-security-policy"), ["default-src 'none'"]);
    assert_eq!(answer.headers_all("x-frame-options"), ["DENY"], "left to the service");
    assert_eq!(answer.header("server"), Some("nginx"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

fn ask(gateway: &Gateway, method: &str, path: &str, fields: &str) -> Answer {
    gateway.request(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
}

#[test]
fn a_preflight_never_reaches_a_service() {
    let service = Service::echo();
    let policies = "cors: { origins: [https://app.test], methods: [GET, PUT], headers: [Content-Type], credentials: true, max_age: 10m }";
    let gateway = gateway(&service, policies, "");
    let fields = |origin: &str| {
        format!(
            "Origin: {origin}\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: content-type\r\n"
        )
    };
    let answer = ask(&gateway, "OPTIONS", "/x", &fields("https://app.test"));
    assert_eq!(answer.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", "https://app.test"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, PUT"),
        ("access-control-allow-headers", "Content-Type"),
        ("access-control-max-age", "600"),
    ] {
        assert_eq!(answer.headers_all(name), [value], "{name}");
    }
    assert!(answer.headers_all("vary").join(",").to_ascii_lowercase().contains("origin"));
    let refused = ask(&gateway, "OPTIONS", "/x", &fields("https://evil.test"));
    assert_eq!(refused.header("access-control-allow-origin"), None);
    assert_eq!(service.connections(), 0);
    for answer in [&answer, &refused] {
        assert_eq!(gateway.wait_log_of(answer)["decided_by"], "cors");
    }
}

#[test]
fn a_preflight_matches_a_route_that_does_not_take_options() {
    let service = Service::echo();
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\npolicies: {{ cors: {{ origins: ['*'] }} }}\n\
         routes: [{{ path: /x, service: a, methods: [PUT], headers: {{ X-Key: {{ present: true }} }} }}]\n",
        service.url()
    ));
    let answer =
        ask(&gateway, "OPTIONS", "/x", "Origin: https://b\r\nAccess-Control-Request-Method: PUT\r\n");
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some("*")));
    assert_eq!(
        ask(&gateway, "OPTIONS", "/x", "X-Key: 1\r\n").status,
        405,
        "options without a preflight's fields"
    );
    assert_eq!(service.connections(), 0);
}

#[test]
fn cors_is_on_every_answer_errors_included() {
    let service = Service::fixed(
        "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nVary: Accept\r\nContent-Length: 0\r\n\r\n",
    );
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\n\
         policies: {{ cors: {{ origins: [https://app.test], expose: [X-Request-ID] }} }}\n\
         routes: [{{ path: /a, service: a }}]\n",
        service.url()
    ));
    for (path, status) in [("/a", 200), ("/nothing", 404)] {
        let answer = ask(&gateway, "GET", path, "Origin: https://app.test\r\n");
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers_all("access-control-allow-origin"), ["https://app.test"], "{path}");
        assert_eq!(answer.headers_all("access-control-expose-headers"), ["X-Request-ID"], "{path}");
        let other = ask(&gateway, "GET", path, "Origin: https://evil.test\r\n");
        assert_eq!(other.header("access-control-allow-origin"), None, "{path}: nor the service's own");
        let none = ask(&gateway, "GET", path, "");
        for answer in [answer, other, none] {
            assert!(answer.headers_all("vary").join(", ").contains("Origin"), "{path}: {answer:?}");
        }
    }
}

#[test]
fn headers_are_edited_both_ways() {
    let service = Service::fixed(
        "HTTP/1.1 200 OK\r\nX-Internal: 1\r\nX-Set: old\r\nX-Add: 1\r\nContent-Length: 0\r\n\r\n",
    );
    let policies = "headers: { request: { remove: [Cookie], set: { X-Team: shop, X-Host: '{request.host}', X-None: '{request.header.absent}' }, \
                    add: { X-Add: '2' } }, response: { remove: [X-Internal], set: { X-Set: new, X-By: '{service}' }, add: { X-Add: '2' } } }";
    let gateway = gateway(&service, policies, "");
    let answer = gateway
        .request("GET / HTTP/1.1\r\nHost: shop.test\r\nCookie: a\r\nx-team: forged\r\nX-Add: 1\r\n\r\n");
    let seen = service.last();
    for (name, want) in [
        ("cookie", &[][..]),
        ("x-team", &["shop"]),
        ("x-host", &["shop.test"]),
        ("x-none", &[]),
        ("x-add", &["1", "2"]),
    ] {
        assert_eq!(seen.headers_all(name), want, "to the service: {name}");
    }
    for (name, want) in
        [("x-internal", &[][..]), ("x-set", &["new"]), ("x-by", &["a"]), ("x-add", &["1", "2"])]
    {
        assert_eq!(answer.headers_all(name), want, "to the client: {name}");
    }
}

#[test]
fn a_value_cannot_break_out_of_its_header() {
    let service = Service::echo();
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\n\
         routes: [{{ path: '/{{name}}', service: a, policies: {{ headers: {{ request: {{ set: {{ X-Name: '{{param.name}}' }} }} }} }} }}]\n",
        service.url()
    ));
    assert_eq!(gateway.get("/a%0d%0aX-User-ID:%20root").status, 400, "refused, since the path is risky");
    assert_eq!(gateway.get("/a%3A%20b").status, 200);
    assert_eq!(service.last().headers_all("x-name").len(), 1);
    assert_eq!(service.last().header("x-user-id"), None);
}
