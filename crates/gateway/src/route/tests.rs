//! The router against tables, and against the plain definition of what it finds.

use proptest::prelude::*;
use sekisho_units::{HostPattern, Pattern};
use sekisho_wire::HeadBuf;

use super::*;

/// A route from `METHOD,METHOD host,host /pattern name=value …`; `-` for no condition.
fn entry(plan: usize, text: &str) -> Entry {
    let mut words = text.split(' ');
    let list = |word: Option<&str>| -> Vec<String> {
        word.filter(|word| *word != "-")
            .map(|word| word.split(',').map(str::to_owned).collect())
            .unwrap_or_default()
    };
    let methods = list(words.next());
    let hosts = list(words.next()).iter().map(|host| HostPattern::parse(host).unwrap()).collect();
    let pattern = Pattern::parse(words.next().unwrap()).unwrap();
    let mut headers: Vec<HeaderRule> = words
        .map(|rule| {
            let (name, want) = match rule.split_once('=') {
                None if rule.starts_with('!') => (&rule[1..], HeaderMatch::Absent),
                None => (rule, HeaderMatch::Present),
                Some((name, value)) => match value.strip_suffix('*') {
                    Some(start) => (name, HeaderMatch::Prefix(start.into())),
                    None => (name, HeaderMatch::Exact(value.into())),
                },
            };
            HeaderRule { name: name.into(), want }
        })
        .collect();
    headers.sort();
    let methods = match methods.as_slice() {
        [] => Methods::Any,
        names => Methods::Listed(MethodSet::of(names.iter().map(String::as_str))),
    };
    Entry { plan, pattern, hosts, methods, headers, lead: Lead::None }
}

fn router(routes: &[&str]) -> Router {
    Router::new(routes.iter().enumerate().map(|(plan, text)| entry(plan, text)).collect())
}

/// What is found for `METHOD host /path name=value …`: the plan and its parameters, `405 ALLOW`, or `404`.
fn find(router: &Router, request: &str) -> String {
    let mut words = request.split(' ');
    let (method, host, path) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let mut head = HeadBuf::default();
    head.request(method.as_bytes(), path.as_bytes()).unwrap();
    for (name, value) in words.map(|field| field.split_once('=').unwrap()) {
        head.push(name, value.as_bytes()).unwrap();
    }
    match router.find(&Ask::new(head.view(), path, if host == "-" { "" } else { host })) {
        Found::Route { plan, params, .. } => {
            std::iter::once(plan.to_string()).chain(params.map(str::to_owned)).collect::<Vec<_>>().join(" ")
        }
        Found::MethodNotAllowed { allow } => format!("405 {allow}"),
        Found::None => "404".to_owned(),
    }
}

fn check(routes: &[&str], requests: &[(&str, &str)]) {
    let router = router(routes);
    for (request, want) in requests {
        assert_eq!(find(&router, request), *want, "{request}");
    }
}

#[test]
fn the_most_specific_pattern_takes_a_path() {
    check(
        &[
            "- - /*",
            "- - /a/*",
            "- - /a/{x}",
            "- - /a/b",
            "- - /a/{x}/c",
            "- - /a/b/{y}/{z}",
            "- - /a/",
            "- - /{p}/b/c/d",
        ],
        &[
            ("GET - /", "0"),
            ("GET - /z", "0"),
            ("GET - /a", "1"),
            ("GET - /a/", "6"),
            ("GET - /a/q", "2 q"),
            ("GET - /a/b", "3"),
            ("GET - /a/b/", "1"),
            ("GET - /a/b/c", "4 b"),
            ("GET - /a/q/c", "4 q"),
            ("GET - /a/b/1/2", "5 1 2"),
            ("GET - /z/b/c/d", "7 z"),
            ("GET - /a/b/c/d", "5 c d"),
            ("GET - /a/q/c/d", "1"),
            ("GET - *", "404"),
        ],
    );
}

#[test]
fn a_less_specific_pattern_is_asked_when_the_best_refuses() {
    check(
        &["GET - /a/b", "POST - /a/{x}", "DELETE - /a/*"],
        &[
            ("GET - /a/b", "0"),
            ("HEAD - /a/b", "0"),
            ("POST - /a/b", "1 b"),
            ("DELETE - /a/b", "2"),
            ("PUT - /a/b", "405 GET, HEAD, POST, DELETE"),
            ("PUT - /a/c", "405 POST, DELETE"),
            ("PUT - /b", "404"),
        ],
    );
}

#[test]
fn hosts_are_preferred_exact_then_by_the_longer_suffix_then_any() {
    check(
        &[
            "- - /",
            "- *.example.com /",
            "- *.shop.example.com /",
            "- a.shop.example.com,b.test /",
            "- [::1] /",
        ],
        &[
            ("GET - /", "0"),
            ("GET example.com /", "0"),
            ("GET x.example.com /", "1"),
            ("GET x.y.example.com /", "1"),
            ("GET x.shop.example.com /", "2"),
            ("GET a.shop.example.com /", "3"),
            ("GET A.SHOP.example.COM. /", "3"),
            ("GET b.test:8080 /", "3"),
            ("GET [::1] /", "4"),
            ("GET [::1]:80 /", "4"),
            ("GET .example.com /", "0"),
        ],
    );
}

#[test]
fn a_host_is_an_authority_without_its_port() {
    for (authority, want) in [
        ("a", "a"),
        ("a:80", "a"),
        ("a:", "a"),
        ("", ""),
        ("127.0.0.1:8080", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[::1]:80", "[::1]"),
    ] {
        assert_eq!(host_of(authority), want, "{authority}");
    }
}

#[test]
fn a_host_that_refuses_the_method_leaves_it_to_the_next() {
    check(&["GET a.test /", "POST - /"], &[("POST a.test /", "1"), ("PUT a.test /", "405 GET, HEAD, POST")]);
}

#[test]
fn more_conditions_come_first() {
    check(
        &["- - /", "GET - /", "- - / x=1", "- - / x=1 y", "- - / x=1*", "- - / x", "- - / !y z"],
        &[
            ("GET - /", "1"),
            ("POST - /", "0"),
            ("GET - / x=1", "2"),
            ("GET - / x=1 y=2", "3"),
            ("GET - / x=12", "4"),
            ("GET - / x=2", "5"),
            ("GET - / x=2 x=1", "2"),
            ("GET - / z=1", "6"),
            ("GET - / z=1 y=1", "1"),
        ],
    );
}

#[test]
fn a_route_for_head_comes_before_one_for_get() {
    check(&["GET - /", "HEAD - /"], &[("GET - /", "0"), ("HEAD - /", "1")]);
}

#[test]
fn conditions_on_headers_that_fail_do_not_make_a_405() {
    check(&["GET - / x=1"], &[("POST - /", "404"), ("POST - / x=1", "405 GET, HEAD"), ("GET - /", "404")]);
}

#[test]
fn methods_that_are_not_standard_are_matched_by_name() {
    check(&["PURGE - /"], &[("PURGE - /", "0"), ("BAN - /", "405 PURGE"), ("purge - /", "405 PURGE")]);
}

#[test]
fn a_preflight_goes_where_its_request_would_go() {
    let ask = |method: &str| format!("OPTIONS - /a origin=http://o access-control-request-method={method}");
    let routes = router(&["GET - /a x=1", "GET - /a", "POST - /*", "PUT b.test /a"]);
    assert_eq!(find(&routes, &ask("GET")), "0", "conditions on headers count as fulfilled");
    assert_eq!(
        find(&routes, &ask("POST")),
        "2",
        "the route that takes the method, though another is more specific"
    );
    assert_eq!(find(&routes, &ask("DELETE")), "0", "any route of the path where none takes the method");
    assert_eq!(find(&routes, "OPTIONS - /a"), "405 GET, HEAD, POST", "no preflight");
    assert_eq!(find(&routes, &ask("PUT").replace("- /a", "b.test /a")), "3");
}

#[test]
fn ten_thousand_routes_of_one_pattern_are_told_apart_by_host() {
    let entries = (0..10_000).map(|plan| entry(plan, &format!("- h{plan}.test /*"))).collect();
    let router = Router::new(entries);
    assert_eq!(find(&router, "GET h7123.test /x"), "7123");
    assert_eq!(find(&router, "GET other.test /x"), "404");
}

/// The definition: of all routes that take the request the one with the most specific pattern, then host, then order.
fn naive(entries: &[Entry], method: &str, host: &str, path: &str) -> Option<usize> {
    let host_rank = |entry: &Entry| {
        let matching = entry.hosts.iter().filter(|pattern| pattern.matches(host));
        matching.map(|pattern| (pattern.is_exact(), pattern.name().len())).max()
    };
    let takes = |entry: &&Entry| {
        entry.pattern.matches(path)
            && (entry.hosts.is_empty() || host_rank(entry).is_some())
            && entry.methods.allows(Method::of(method.as_bytes()), method.as_bytes())
    };
    let best = entries.iter().enumerate().filter(|(_, entry)| takes(entry)).min_by(|(i, a), (j, b)| {
        b.pattern
            .specificity()
            .cmp(&a.pattern.specificity())
            .then_with(|| host_rank(b).cmp(&host_rank(a)))
            .then_with(|| a.order().cmp(&b.order()))
            .then_with(|| i.cmp(j))
    });
    best.map(|(_, entry)| entry.plan)
}

fn pattern_text() -> impl Strategy<Value = String> {
    let segment = prop_oneof![Just("a"), Just("b"), Just("{}"), Just("ab")];
    (proptest::collection::vec(segment, 0..4), prop_oneof![Just(""), Just("/*"), Just("/")]).prop_map(
        |(parts, end)| {
            let mut text = String::new();
            for (index, part) in parts.iter().enumerate() {
                text.push('/');
                text.push_str(&part.replace("{}", &format!("{{p{index}}}")));
            }
            text.push_str(end);
            if text.is_empty() { "/".to_owned() } else { text }
        },
    )
}

fn route_text() -> impl Strategy<Value = String> {
    let methods = prop_oneof![Just("-"), Just("GET"), Just("POST,PUT"), Just("HEAD"), Just("PURGE")];
    let hosts = prop_oneof![Just("-"), Just("a.t"), Just("*.t"), Just("*.a.t"), Just("b.a.t,a.t")];
    (methods, hosts, pattern_text())
        .prop_map(|(methods, hosts, pattern)| format!("{methods} {hosts} {pattern}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn finds_what_the_definition_finds(
        routes in proptest::collection::vec(route_text(), 1..12),
        method in prop_oneof![Just("GET"), Just("HEAD"), Just("PUT"), Just("PURGE"), Just("BAN")],
        host in prop_oneof![Just("-"), Just("a.t"), Just("b.a.t"), Just("c.b.a.t"), Just("t"), Just("x.t")],
        path in "(/(a|b|ab|c)?){1,5}",
    ) {
        let entries: Vec<_> = routes.iter().enumerate().map(|(plan, text)| entry(plan, text)).collect();
        let want = naive(&entries, method, if host == "-" { "" } else { host }, &path);
        let router = Router::new(entries);
        let got = find(&router, &format!("{method} {host} {path}"));
        match want {
            Some(plan) => {
                let mut words = got.split(' ');
                prop_assert_eq!(words.next().unwrap(), plan.to_string(), "{:?} {}", routes, got);
                let pattern = &router.entries()[plan].pattern;
                prop_assert_eq!(words.count(), pattern.params().count(), "{}: {}", pattern, got);
            }
            None => prop_assert!(got == "404" || got.starts_with("405"), "{got}"),
        }
    }

    #[test]
    fn no_path_or_host_panics(path in "[/a-c%.]{0,40}", host in ".{0,12}|[a.t:\\[\\]]{0,12}") {
        let router = router(&["- *.t /a/{x}/*", "GET a.t /a/{x}/b", "- - /{y}"]);
        let mut head = HeadBuf::default();
        head.request(b"GET", b"/").unwrap();
        let _ = router.find(&Ask::new(head.view(), &path, &host));
    }
}
