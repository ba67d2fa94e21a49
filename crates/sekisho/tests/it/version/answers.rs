//! What clients, caches, services and operators are told of versions.

use super::{USERS, ask, assert_unsupported, config, gateway, get, named};
use crate::harness::{Answer, Gateway, Service};

const DEPRECATED: &str = "- path: /users/*\n  public: true\n  versions:\n    \
    v1: { service: old, deprecation: 2026-01-01, sunset: 2027-06-30T12:00:00Z, successor: /v2/users, documentation: 'https://docs.example/v1' }\n    \
    v2: { service: new }\n";

#[track_caller]
fn assert_deprecated(answer: &Answer) {
    assert_eq!(answer.headers_all("deprecation"), ["@1767225600"]);
    assert_eq!(answer.headers_all("sunset"), ["Wed, 30 Jun 2027 12:00:00 GMT"]);
    let links = answer.headers_all("link");
    let ours = ["</v2/users>; rel=\"successor-version\"", "<https://docs.example/v1>; rel=\"deprecation\""];
    assert!(ours.iter().all(|link| links.contains(link)), "{links:?}");
}

#[test]
fn every_answer_of_a_deprecated_version_says_so() {
    let (gateway, services) = gateway("", DEPRECATED);
    assert_deprecated(&get(&gateway, "/users/7", ""));
    assert_deprecated(&ask(&gateway, "HEAD", "/users/7", ""));
    let new = get(&gateway, "/v2/users/7", "");
    assert!(["deprecation", "sunset", "link"].iter().all(|name| new.header(name).is_none()));
    services[0].stop();
    let failed = get(&gateway, "/v1/users/7", "");
    assert_eq!(failed.status, 503);
    assert_deprecated(&failed);
    let unsupported = get(&gateway, "/v9/users/7", "");
    assert!(unsupported.header("deprecation").is_none());
}

#[test]
fn a_services_own_links_stay_and_its_own_dates_give_way() {
    let said = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLink: </next>; rel=next\r\nDeprecation: @1\r\nSunset: x\r\n\r\n";
    let services = [Service::fixed(said), named("new")];
    let gateway = Gateway::start(&config(&services, "", DEPRECATED));
    let answer = get(&gateway, "/users/7", "");
    assert_deprecated(&answer);
    assert_eq!(answer.headers_all("link").len(), 3);
    assert!(answer.headers_all("link").contains(&"</next>; rel=next"));
}

/// A gateway whose services vary by something of their own.
fn varying(vary: &'static str, more: &str, routes: &str) -> (Gateway, [Service; 2]) {
    let answering = || {
        Service::answering(move |_| {
            format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{vary}\r\n").into_bytes()
        })
    };
    let services = [answering(), answering()];
    (Gateway::start(&config(&services, more, routes)), services)
}

#[test]
fn caches_are_told_what_was_looked_at() {
    let accept = "Accept: application/vnd.api+json;version=2\r\n";
    for (order, path, headers, want) in [
        ("[header, path, accept]", "/users/7", "", Some("API-Version, Accept")),
        ("[header, path, accept]", "/users/7", accept, Some("API-Version, Accept")),
        ("[header, path, accept]", "/users/7", "API-Version: 2\r\n", Some("API-Version")),
        ("[header, path, accept]", "/v2/users/7", "", Some("API-Version")),
        ("[path, header, accept]", "/v2/users/7", "API-Version: 1\r\n", None),
        ("[path, accept, header]", "/users/7", accept, Some("Accept")),
        ("[path]", "/users/7", "", None),
    ] {
        let (gateway, _services) = varying("", &format!("version: {{ order: {order} }}"), USERS);
        let answer = get(&gateway, path, headers);
        assert_eq!((answer.status, answer.header("vary")), (200, want), "{order} {path} {headers}");
        let refused = get(&gateway, "/v9/users/7", "API-Version: 9\r\n");
        let want = if order.starts_with("[header") { Some("API-Version") } else { None };
        assert_eq!((refused.status, refused.header("vary")), (400, want), "{order}");
    }
}

#[test]
fn what_is_looked_at_is_merged_with_what_the_answer_varies_by_anyway() {
    let cors = "policies: { cors: { origins: ['https://app.example'] } }";
    for (vary, more, want) in [
        ("Vary: Accept-Encoding\r\n", "", &["Accept-Encoding, API-Version, Accept"][..]),
        ("vary: accept\r\nVary: Cookie\r\n", "", &["accept, Cookie, API-Version"]),
        ("Vary: *\r\n", "", &["*"]),
        ("", cors, &["API-Version, Accept, Origin"]),
        ("Vary: Origin\r\n", cors, &["Origin, API-Version, Accept"]),
    ] {
        let (gateway, _services) = varying(vary, more, USERS);
        assert_eq!(get(&gateway, "/users/7", "").headers_all("vary"), want, "{vary} {more}");
    }
}

#[test]
fn the_service_sees_what_the_client_sent_unless_it_is_told() {
    let services = [Service::echo(), Service::echo()];
    let gateway = Gateway::start(&config(&services, "", USERS));
    get(&gateway, "/users/7", "API-Version: 2.0\r\nX-Api: 1\r\n");
    assert_eq!(services[1].last().headers_all("api-version"), ["2.0"]);
    get(&gateway, "/v2/users/7", "");
    assert_eq!(services[1].last().header("api-version"), None);

    let routes = "- { path: /users/*, public: true, version: { tell: X-Api-Version }, \
                  versions: { v1: { service: old }, v2: { service: new }, default: { service: old } } }";
    let told = Gateway::start(&config(&services, "", routes));
    let disguised = "X-API-VERSION: 1\r\nX_Api_Version: 1\r\nx.api-version: 1\r\nX-Api-Version-Not: 1\r\n";
    for (path, headers, service, want) in [
        ("/v2/users/7", "", 1, "v2"),
        ("/users/7", "API-Version: 2.0\r\n", 1, "v2"),
        ("/users/7", "", 0, "v1"),
        ("/v9/users/7", "", 0, "v9"),
    ] {
        get(&told, path, &format!("{headers}{disguised}"));
        let seen = services[service].last();
        let alike = seen
            .headers
            .iter()
            .filter(|(name, _)| name.to_lowercase().replace(['_', '.'], "-") == "x-api-version");
        assert_eq!(alike.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), [want], "{path} {headers}");
        assert!(seen.header("x-api-version-not").is_some());
    }
}

#[test]
fn log_and_metrics_tell_versions_apart() {
    let (gateway, _services) = gateway("", USERS);
    for (path, headers, version) in
        [("/users/7", "", "v1"), ("/users/7", "API-Version: 2.0\r\n", "v2"), ("/v2/users/7", "", "v2")]
    {
        let line = gateway.wait_log_of(&get(&gateway, path, headers));
        assert_eq!(line["version"], version, "{path} {headers}");
        assert_eq!((&line["route"], &line["path"]), (&"/users/*".into(), &path.into()));
    }
    for number in 100..130 {
        assert_unsupported(&get(&gateway, &format!("/v{number}/users/7"), ""), &["v1", "v2"]);
    }
    for (version, status, count) in [("v1", "200", 1.0), ("v2", "200", 2.0), ("unsupported", "400", 30.0)] {
        let labels = [("route", "/users/*"), ("version", version), ("status", status)];
        gateway.wait_metric("gateway_version_requests_total", &labels, count);
    }
    assert_eq!(gateway.metric("gateway_version_requests_total{"), 33.0, "what clients make up is no label");
}

#[test]
fn routes_without_versions_say_nothing_of_them() {
    let routes = format!("- {{ path: /plain, respond: plain }}\n{USERS}");
    let (gateway, _services) = gateway("", &routes);
    let answer = get(&gateway, "/plain", "API-Version: banana\r\n");
    assert_eq!((answer.status, answer.header("vary")), (200, None));
    assert!(gateway.wait_log_of(&answer).get("version").is_none());
}
