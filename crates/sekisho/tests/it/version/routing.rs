//! Versions and all else that decides about routes: nesting, methods, hosts, other routes, policies, tunnels.

use super::{USERS, ask, assert_unsupported, gateway, get};
use crate::harness::Service;

#[test]
fn versions_may_differ_by_policies_alone() {
    let routes = "- path: /users/*\n  public: true\n  service: old\n  policies: { body_limit: { max: 1KiB } }\n  versions:\n    \
                  v1: { policies: { body_limit: { max: 1B } } }\n    v2:\n";
    let (gateway, _services) = gateway("", routes);
    for (version, status) in [("1", 413), ("2", 200)] {
        let headers = format!("API-Version: {version}\r\nContent-Length: 2\r\n");
        let answer = gateway.request(format!("POST /users HTTP/1.1\r\nHost: a\r\n{headers}\r\nab"));
        assert_eq!(answer.status, status, "version {version}");
    }
}

#[test]
fn a_version_may_split_redirect_or_answer_by_itself() {
    let routes = "- path: /users/*\n  public: true\n  versions:\n    \
                  v1: { respond: { status: 410, body: gone } }\n    \
                  v2: { split: [{ service: old }, { service: new, headers: { X-Canary: '1' } }] }\n    \
                  v3: { redirect: { to: '/elsewhere{request.path}' } }\n";
    let (gateway, _services) = gateway("", routes);
    let gone = get(&gateway, "/users/7", "");
    assert_eq!((gone.status, gone.text().as_str()), (410, "gone"));
    assert_eq!(get(&gateway, "/v2/users/7", "").text(), "old /users/7");
    assert_eq!(get(&gateway, "/v2/users/7", "X-Canary: 1\r\n").text(), "new /users/7");
    let elsewhere = get(&gateway, "/v3/users/7", "");
    assert_eq!((elsewhere.status, elsewhere.header("location")), (308, Some("/elsewhere/v3/users/7")));
}

#[test]
fn the_segment_can_be_kept_and_parameters_are_the_routes_own() {
    let routes = "- path: /users/{id}\n  public: true\n  version: { segment: keep }\n  versions: { v1: { service: old }, v2: { service: new } }\n  \
                  policies: { headers: { response: { set: { X-User: '{param.id}' } } } }\n";
    let (gateway, _services) = gateway("", routes);
    for (path, want) in [
        ("/v2/users/7", "new /v2/users/7"),
        ("/users/7", "old /users/7"),
        ("/v2.0/users/7", "new /v2.0/users/7"),
    ] {
        let answer = get(&gateway, path, "");
        assert_eq!((answer.text().as_str(), answer.header("x-user")), (want, Some("7")), "{path}");
    }
}

#[test]
fn rewriting_begins_with_the_path_without_its_version() {
    let routes = "- path: /api/users/*\n  public: true\n  policies: { rewrite: { strip_prefix: /api/users } }\n  \
                  versions: { v1: { service: old }, v2: { service: new } }\n";
    let (gateway, _services) = gateway("", routes);
    for (path, want) in
        [("/v2/api/users/7", "new /7"), ("/v2/api/users", "new /"), ("/api/users/7", "old /7")]
    {
        assert_eq!(get(&gateway, path, "").text(), want, "{path}");
    }
}

#[test]
fn a_route_of_everything_has_versions_too() {
    let routes = "- { path: /*, public: true, versions: { v1: { service: old }, v2: { service: new } } }";
    let (gateway, _services) = gateway("", routes);
    for (path, want) in [
        ("/v2", "new /"),
        ("/v2/", "new /"),
        ("/v2/v1/x", "new /v1/x"),
        ("/v2x/a", "old /v2x/a"),
        ("/2/a", "old /2/a"),
        ("/V2/a", "old /V2/a"),
        ("/v02/a", "old /v02/a"),
        ("/a/v2", "old /a/v2"),
    ] {
        assert_eq!(get(&gateway, path, "").text(), want, "{path}");
    }
}

#[test]
fn other_routes_stay_what_they_are() {
    let routes = "- { path: /*, respond: all }\n- { path: /v2/files/*, respond: files }\n- { path: '/{tenant}/users/me', respond: me }\n\
                  - { path: /users/*, public: true, versions: { v1: { service: old }, v2: { service: new } } }";
    let (gateway, _services) = gateway("", routes);
    for (path, want) in [
        ("/v2/files/7", "files"),
        ("/v2/other", "all"),
        ("/v2/users/7", "new /users/7"),
        ("/v9/users", "400"),
        ("/acme/users/7", "all"),
        ("/acme/users/me", "me"),
        ("/users/7", "old /users/7"),
    ] {
        let answer = get(&gateway, path, "");
        let got = if answer.status == 400 { "400".to_owned() } else { answer.text() };
        assert_eq!(got, want, "{path}");
    }
}

#[test]
fn routes_beneath_inherit_versions_until_they_say_otherwise() {
    let routes = "- path: /api/*\n  version: { default: v2 }\n  versions:\n    \
                  v1: { deprecation: 2026-01-01, policies: { body_limit: { max: 1B } } }\n    v2: {}\n  routes:\n  \
                  - { path: /api/a/*, service: new, public: true }\n  \
                  - { path: /api/b/*, service: new, public: true, policies: { body_limit: off } }\n  \
                  - { path: /api/c/*, public: true, versions: { v2: { service: old }, v3: { service: new } } }\n  \
                  - { path: /api/d/*, service: new, public: true, version: off }\n";
    let (gateway, _services) = gateway("", routes);
    let post = |path: &str| {
        gateway.request(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"))
    };
    for (path, status, deprecated) in [
        ("/v1/api/a/x", 413, true),
        ("/v2/api/a/x", 200, false),
        ("/api/a/x", 200, false),
        ("/v1/api/b/x", 200, true),
        ("/v3/api/a/x", 400, false),
        ("/v1/api/c/x", 400, false),
        ("/v3/api/c/x", 200, false),
        ("/v1/api/d/x", 404, false),
        ("/api/d/x", 200, false),
    ] {
        let answer = post(path);
        assert_eq!((answer.status, answer.header("deprecation").is_some()), (status, deprecated), "{path}");
    }
    assert_eq!(get(&gateway, "/api/c/x", "").text(), "old /api/c/x");
    assert_eq!(get(&gateway, "/api/d/x", "API-Version: 9\r\n").text(), "new /api/d/x", "not looked at");
}

#[test]
fn a_method_that_no_version_takes_is_refused_with_those_that_are() {
    let routes =
        "- { path: /users/*, methods: [GET], versions: { v1: { service: old }, v2: { service: new } } }";
    let (gateway, _services) = gateway("", routes);
    for path in ["/users/7", "/v2/users/7", "/v9/users/7"] {
        let answer = ask(&gateway, "DELETE", path, "");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{path}");
    }
    assert_eq!(ask(&gateway, "DELETE", "/vx/users/7", "").status, 404, "no version, no such path");
}

#[test]
fn a_preflight_is_answered_before_its_version_can_be_known() {
    let cors = "policies: { cors: { origins: ['https://app.example'] } }";
    let (gateway, services) = gateway(&format!("{cors}\nversion: {{ default: off }}"), USERS);
    let preflight = "Origin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n\
                     Access-Control-Request-Headers: api-version\r\n";
    for path in ["/users/7", "/v2/users/7", "/v9/users/7"] {
        let answer = ask(&gateway, "OPTIONS", path, preflight);
        assert_eq!(
            (answer.status, answer.header("access-control-allow-headers")),
            (204, Some("api-version")),
            "{path}"
        );
    }
    let refused = get(&gateway, "/v9/users/7", "Origin: https://app.example\r\n");
    assert_unsupported(&refused, &["v1", "v2"]);
    assert_eq!(
        refused.header("access-control-allow-origin"),
        Some("https://app.example"),
        "the page can read why"
    );
    assert_eq!(services.map(|service| service.requests()), [0, 0]);
}

#[test]
fn a_preflight_that_nobody_answers_goes_to_the_version_of_its_path() {
    let (gateway, _services) = gateway("", USERS);
    let preflight = "Origin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n";
    assert_eq!(ask(&gateway, "OPTIONS", "/v2/users/7", preflight).text(), "new /users/7");
    assert_unsupported(&ask(&gateway, "OPTIONS", "/v9/users/7", preflight), &["v1", "v2"]);
}

#[test]
fn hosts_and_conditions_hold_for_every_version() {
    let routes = "- { path: /users/*, hosts: [a], public: true, versions: { v1: { service: old }, v2: { service: new } } }\n\
                  - { path: /users/*, hosts: [b], respond: b }";
    let (gateway, _services) = gateway("", routes);
    assert_eq!(get(&gateway, "/v2/users/7", "").text(), "new /users/7");
    let other = gateway.request("GET /v2/users/7 HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_eq!(other.status, 404);
}

#[test]
fn what_is_refused_counts_against_limits() {
    let routes = "- path: /users/*\n  public: true\n  policies: { rate_limit: { rate: 2/h } }\n  versions: { v1: { service: old } }\n";
    let (gateway, _services) = gateway("", routes);
    for _ in 0..2 {
        assert_unsupported(&get(&gateway, "/v9/users/7", ""), &["v1"]);
    }
    assert_eq!(get(&gateway, "/v1/users/7", "").status, 429);
}

#[test]
fn a_version_may_switch_protocols() {
    let switching = Service::raw(|mut conn| {
        conn.next_head();
        conn.write(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello",
        );
        while conn.next_head().is_some() {}
    });
    let services = [switching, super::named("new")];
    let gateway = crate::harness::Gateway::start(&super::config(
        &services,
        "",
        "- path: /chat\n  public: true\n  versions: { v1: { service: old, deprecation: 2026-01-01 }, v2: { service: new } }",
    ));
    let mut client = gateway.connect();
    client.send("GET /v1/chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    let head = client.head_only();
    assert_eq!((head.status, head.header("deprecation")), (101, Some("@1767225600")));
    assert_eq!(services[0].last().target, "/chat");
    assert_eq!(client.read_some(), b"hello");
}
