//! What can be run but is probably not meant.

use super::*;

fn check(routes: &[&str], want: &[&str]) {
    assert_eq!(problems(&with_routes(routes)), want, "{routes:?}");
}

#[test]
fn a_write_route_without_authentication_is_told_unless_it_is_public() {
    let open = |path| {
        format!(
            "t:5:5: warning: {path}: a write route without authentication; add a policy that authenticates, list only \
             `methods` that read, or state `public: true`"
        )
    };
    for methods in ["", "methods: [GET, POST],", "methods: [DELETE],", "public: false,"] {
        check(&[&format!("{{ path: /w, {methods} service: a }}")], &[&open("routes[2]")]);
    }
    for harmless in [
        "methods: [GET, OPTIONS], service: a",
        "public: true, service: a",
        "respond: x",
        "redirect: { to: / }",
    ] {
        check(&[&format!("{{ path: /w, {harmless} }}")], &[]);
    }
    check(&["{ path: /w/*, public: true, routes: [{ path: /w/x, service: a }] }"], &[]);
}

#[test]
fn a_route_that_asks_for_what_the_one_above_excludes_never_matches() {
    for (above, below, want) in [
        (
            "methods: [GET]",
            "methods: [DELETE]",
            "routes[2].routes[0].methods: this route can never match: the route above takes only GET",
        ),
        (
            "hosts: [a.t, '*.b.t']",
            "hosts: [b.t]",
            "routes[2].routes[0].hosts: this route can never match: the route above takes only a.t, *.b.t",
        ),
        (
            "headers: { x: { absent: true } }",
            "headers: { X: '1' }",
            "routes[2].routes[0].headers: this route can never match: it is also asked that x is absent",
        ),
    ] {
        let route = format!(
            "{{ path: /w/*, public: true, {above}, routes: [{{ path: /w/x, {below}, service: a }}] }}"
        );
        let found = problems(&with_routes(&[&route]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(&format!("warning: {want}; remove it, or ask less")), "{}", found[0]);
    }
}

#[test]
fn a_route_for_a_risky_path_must_allow_it() {
    check(
        &["{ path: /w/a%2Fb, methods: [GET], service: a }"],
        &[
            "t:5:5: warning: routes[2].path: this route can never match: paths with `a%2Fb` are refused; add `risky_paths: true`",
        ],
    );
    check(
        &[
            "{ path: /w/a%2Fb, methods: [GET], service: a, risky_paths: true }",
            "{ path: /w/a%20b, respond: x }",
        ],
        &[],
    );
}

#[test]
fn services_without_a_route_and_a_document_without_routes_are_told() {
    assert_eq!(
        problems("services: { a: { endpoints: [http://h] } }"),
        [
            "t:1:13: warning: services.a: no route leads to this service; name it in a route, or remove it",
            "warning: routes: there are no routes; add one, or every request is answered with 404",
        ]
    );
}

#[test]
fn permissions_that_are_asked_of_nobody_are_told_once_where_they_are_written() {
    let nobody = |place, path, route| {
        format!(
            "t:{place}: warning: {path}.policies.authorize: nobody can pass on the route `{route}`: no policy finds out who \
             they are; add a policy that authenticates, such as `api_key`, without `mode: shadow`"
        )
    };
    let key = |more| format!("api_key: {{ keys: [{{ id: a, key: 0123456789abcdef }}]{more} }}");
    let asks = "authorize: { any: [x] }";
    check(
        &[&format!("{{ path: /w, public: true, service: a, policies: {{ {asks} }} }}")],
        &[&nobody("5:66", "routes[2]", "/w")],
    );
    let watched = key(", mode: shadow");
    check(
        &[&format!("{{ path: /w, public: true, service: a, policies: {{ {asks}, {watched} }} }}")],
        &[&nobody("5:66", "routes[2]", "/w")],
    );
    let two = "routes: [{ path: /w/x, service: a }, { path: /w/y, service: a }]";
    check(
        &[&format!("{{ path: /w/*, public: true, policies: {{ {asks} }}, {two} }}")],
        &[&nobody("5:56", "routes[2]", "/w/x")],
    );
    for fine in [
        format!("{{ path: /w, service: a, policies: {{ {asks}, {} }} }}", key("")),
        format!(
            "{{ path: /w, service: a, policies: {{ authorize: {{ mode: shadow, any: [x] }}, {} }} }}",
            key("")
        ),
        "{ path: /w, public: true, service: a, policies: { authorize: { mode: shadow, any: [x] } } }"
            .to_owned(),
        format!(
            "{{ path: /w, policies: {{ {} }}, routes: [{{ path: /w, service: a, policies: {{ {asks} }} }}] }}",
            key("")
        ),
    ] {
        check(&[&fine], &[]);
    }
}

#[test]
fn a_cache_that_only_watches_is_told_once_where_it_is_written() {
    let watching = "warning: routes[2].policies.cache: a cache in shadow does nothing: it neither stores answers nor tells what it \
                    would have sent; remove `mode: shadow`, or write `cache: off`";
    let two = "routes: [{ path: /w/x, service: a }, { path: /w/y, service: a }]";
    check(
        &[&format!("{{ path: /w/*, public: true, policies: {{ cache: {{ mode: shadow }} }}, {two} }}")],
        &[&format!("t:5:52: {watching}")],
    );
    check(
        &[
            "{ path: /w, methods: [GET], service: a, policies: { cache: {} } }",
            "{ path: /v, methods: [GET], service: a, policies: { cache: { mode: off } } }",
        ],
        &[],
    );
}
