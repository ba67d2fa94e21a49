//! Which version a request means.

use super::{USERS, ask, assert_unsupported, gateway, get};

#[test]
fn a_request_says_its_version_by_header_path_or_accept() {
    let (gateway, _services) = gateway("", USERS);
    for (path, headers, want) in [
        ("/users/7", "", "old /users/7"),
        ("/users/7", "API-Version: 2\r\n", "new /users/7"),
        ("/users/7", "api-version: v2\r\n", "new /users/7"),
        ("/users/7", "API-Version: 2.0\r\n", "new /users/7"),
        ("/users/7", "API-Version: 1\r\n", "old /users/7"),
        ("/v2/users/7?a=b", "", "new /users/7?a=b"),
        ("/v2.0/users/7", "", "new /users/7"),
        ("/v1/users/7", "", "old /users/7"),
        ("/v2/users", "", "new /users"),
        ("/v2//users/./x/../7", "", "new /users/7"),
        ("/%76%32/users/7", "", "new /users/7"),
        ("/users/7", "Accept: application/vnd.api+json;version=2\r\n", "new /users/7"),
        ("/users/7", "Accept: text/html, application/vnd.api+json; version=\"2\"; q=0.4\r\n", "new /users/7"),
        ("/users/7", "Accept: application/json;version=2\r\n", "old /users/7"),
    ] {
        let answer = get(&gateway, path, headers);
        assert_eq!((answer.status, answer.text().as_str()), (200, want), "{path} {headers}");
    }
}

#[test]
fn where_two_places_disagree_the_first_in_the_order_decides() {
    let accept = "Accept: application/vnd.api+json;version=1\r\n";
    for (order, path, headers, want) in [
        ("[header, path, accept]", "/v1/users/7", "API-Version: 2\r\n", "new /users/7"),
        ("[path, header, accept]", "/v1/users/7", "API-Version: 2\r\n", "old /users/7"),
        (
            "[accept, header]",
            "/users/7",
            "API-Version: 2\r\nAccept: application/vnd.api+json;version=1\r\n",
            "old /users/7",
        ),
        ("[header]", "/users/7", accept, "new /users/7"),
    ] {
        let more = format!("version: {{ order: {order}, default: v2 }}");
        let (gateway, _services) = gateway(&more, USERS);
        assert_eq!(get(&gateway, path, headers).text(), want, "{order} {path} {headers}");
    }
}

#[test]
fn a_place_that_is_not_in_the_order_says_nothing() {
    let (gateway, _services) = gateway("version: { order: [header] }", USERS);
    assert_eq!(get(&gateway, "/v2/users/7", "").status, 404);
    let accept = get(&gateway, "/users/7", "Accept: application/vnd.api+json;version=2\r\n");
    assert_eq!(accept.text(), "old /users/7");
}

#[test]
fn header_and_media_type_have_the_names_that_are_configured() {
    let more = "version: { header: X-Shop-Version, accept: application/vnd.shop+json }";
    let (gateway, _services) = gateway(more, USERS);
    for (headers, want) in [
        ("X-Shop-Version: 2\r\n", "new /users/7"),
        ("API-Version: 2\r\n", "old /users/7"),
        ("Accept: application/vnd.shop+json;version=2\r\n", "new /users/7"),
        ("Accept: application/vnd.api+json;version=2\r\n", "old /users/7"),
    ] {
        assert_eq!(get(&gateway, "/users/7", headers).text(), want, "{headers}");
    }
    let (gateway, _services) = super::gateway("version: { accept: any }", USERS);
    assert_eq!(get(&gateway, "/users/7", "Accept: a/b;version=2\r\n").text(), "new /users/7");
}

#[test]
fn a_version_that_is_not_served_is_refused_with_those_that_are() {
    let (gateway, services) = gateway("", USERS);
    for (path, headers, reason, version) in [
        ("/users/7", "API-Version: 9\r\n", "unknown_version", Some("9")),
        ("/v9/users/7", "", "unknown_version", Some("v9")),
        ("/users/7", "Accept: application/vnd.api+json;version=9\r\n", "unknown_version", Some("9")),
        ("/users/7", "API-Version: 2.1\r\n", "unknown_version", Some("2.1")),
        ("/users/7", "API-Version: latest\r\n", "malformed_version", None),
        ("/users/7", "API-Version:\r\n", "malformed_version", None),
        ("/users/7", "API-Version: 02\r\n", "malformed_version", None),
        ("/users/7", "API-Version: 1, 2\r\n", "malformed_version", None),
        ("/users/7", "API-Version: 1\r\nAPI-Version: 2\r\n", "malformed_version", None),
        ("/users/7", "Accept: application/vnd.api+json;version=x\r\n", "malformed_version", None),
        ("/v2/users/7", "API-Version: \u{e4}\"\\<script>\r\n", "malformed_version", None),
    ] {
        let answer = get(&gateway, path, headers);
        assert_unsupported(&answer, &["v1", "v2"]);
        let line = gateway.wait_log_of(&answer);
        assert_eq!((&line["decided_by"], &line["reason"]), (&"router".into(), &reason.into()), "{line}");
        assert_eq!(line["version"].as_str(), version, "{path} {headers}");
        assert_eq!(line["route"], "/users/*");
    }
    assert_eq!(services.map(|service| service.requests()), [0, 0], "nobody was asked");
}

#[test]
fn names_that_only_look_like_the_header_say_nothing() {
    let (gateway, _services) = gateway("", USERS);
    for headers in ["API_Version: 2\r\n", "API.Version: 2\r\n", "X-API-Version: 2\r\n", "Version: 2\r\n"] {
        assert_eq!(get(&gateway, "/users/7", headers).text(), "old /users/7", "{headers}");
    }
}

#[test]
fn an_entry_default_takes_versions_that_are_not_listed() {
    let routes =
        "- { path: /users/*, public: true, versions: { v2: { service: new }, default: { service: old } } }";
    let (gateway, _services) = gateway("", routes);
    for (path, headers, want) in [
        ("/users/7", "API-Version: 2\r\n", "new /users/7"),
        ("/users/7", "API-Version: 9\r\n", "old /users/7"),
        ("/v9/users/7", "", "old /users/7"),
        ("/users/7", "", "old /users/7"),
    ] {
        assert_eq!(get(&gateway, path, headers).text(), want, "{path} {headers}");
    }
    let nine = get(&gateway, "/v9/users/7", "");
    assert_eq!(gateway.wait_log_of(&nine)["version"], "v9");
    assert_unsupported(&get(&gateway, "/users/7", "API-Version: banana\r\n"), &["v2"]);
}

#[test]
fn without_a_default_who_says_no_version_is_refused() {
    let (gateway, _services) = gateway("version: { default: off }", USERS);
    let refused = get(&gateway, "/users/7", "");
    assert_unsupported(&refused, &["v1", "v2"]);
    assert_eq!(gateway.wait_log_of(&refused)["reason"], "no_version");
    assert_eq!(get(&gateway, "/v1/users/7", "").text(), "old /users/7");
}

#[test]
fn a_body_that_comes_with_a_refused_version_does_not_end_up_as_the_next_request() {
    let (gateway, _services) = gateway("", USERS);
    let mut client = gateway.connect();
    client.send("POST /v9/users HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert_unsupported(&client.answer(), &["v1", "v2"]);
    let next = ask(&gateway, "POST", "/v2/users", "Content-Length: 0\r\n");
    assert_eq!(next.text(), "new /users");
}
