//! What is wrong with a document, as its author reads it.

use super::*;

/// Documents, and all that is wrong with each. A text that ends in `…` is the beginning of what is said.
fn check(cases: &[(String, &[&str])]) {
    for (text, want) in cases {
        let got = problems(text);
        let alike = |(got, want): (&String, &&str)| match want.strip_suffix('…') {
            Some(start) => got.starts_with(start),
            None => got == want,
        };
        assert!(got.len() == want.len() && got.iter().zip(*want).all(alike), "{text}\n{got:#?}");
    }
}

#[test]
fn mistakes_of_all_kinds_are_told_at_once() {
    let text = "services: { a: { endpoints: [http://h:1] }, a: { endpoints: [] } }\n\
                rate_limit: { rate: 5/s }\n\
                drain: { grace: 10 }\n\
                workers: 0\n\
                limits: { head: 1KiB, target: 1KB, connections: 0 }\n\
                alerts: [{ webhook: nowhere }]\n\
                listen: https://127.0.0.1:8443\n\
                tls: { certificates: [{ certificate: none.pem }] }\n\
                routes: [{ path: /, service: b, methods: [get] }]";
    check(&[(
        text.into(),
        &[
            "t:1:45: error: key `a` stands twice; the first is at t:1:13; remove one of them",
            "t:2:1: error: rate_limit: unknown field `rate_limit`; it is a policy; write it into `policies`",
            "t:3:17: error: drain.grace: duration `10` has no unit; …",
            "t:4:10: error: workers: 0 workers cannot be run; …",
            "t:5:49: error: limits.connections: no client could ever connect; …",
            "t:6:21: error: alerts[0].webhook: …",
            "t:8:38: error: tls.certificates[0].certificate: the file `none.pem` cannot be read: …",
            "t:9:30: error: routes[0].service: unknown service `b`…",
            "t:9:43: error: routes[0].methods[0]: `get` is no method…",
        ],
    )]);
}

#[test]
fn what_cannot_be_read_is_not_missed_elsewhere() {
    check(&[
        (
            "listen: https://127.0.0.1:8443\n\
             tls: { certificates: [{ certificate: none.pem }], min_version: 1.1 }\n\
             routes: [{ path: /, respond: x }]"
                .into(),
            &["t:2:64: error: tls.min_version: unknown word `1.1`…"],
        ),
        (
            "listen: { url: http://127.0.0.1:8080, proxy_protocol: true }\n\
             trusted_proxies: [10.0.0.0/33]\n\
             routes: [{ path: /, respond: x }]"
                .into(),
            &["t:2:19: error: trusted_proxies[0]: …"],
        ),
    ]);
}

#[test]
fn the_words_at_the_top() {
    check(&[
        ("".into(), &["t:1:1: error: the document is empty; write at least `services` and `routes`"]),
        ("- a".into(), &["t:1:1: error: expected a map, found a list"]),
        (
            "routes: [{ path: /, respond: x }]\n\
             rutes: []"
                .into(),
            &["t:2:1: error: rutes: unknown field `rutes`; did you mean `routes`?"],
        ),
        (
            "listen: 127.0.0.1:80\n\
             admin: http://localhost:1\n\
             routes: [{ path: /, respond: x }]"
                .into(),
            &[
                "t:1:9: error: listen: `127.0.0.1:80` has no scheme that can be listened to; write `http://127.0.0.1:8080` or `https://127.0.0.1:8443`",
                "t:2:8: error: admin: `http://localhost:1` names a host; write an address such as `http://127.0.0.1:8080`, or `http://0.0.0.0:8080` for all",
            ],
        ),
        (
            "listen: [http://127.0.0.1:80, http://0.0.0.0:80]\n\
             admin: http://127.0.0.1:80\n\
             routes: [{ path: /, respond: x }]"
                .into(),
            &[
                "t:1:31: error: listen[1]: `http://127.0.0.1:80` and `http://0.0.0.0:80` cannot both be listened to; keep one of them",
                "t:2:8: error: admin: `http://127.0.0.1:80` is listened to for clients as well (`http://127.0.0.1:80`); give it a port of its own, or write `admin: off`",
            ],
        ),
        (
            "listen: []\n\
             routes: [{ path: /, respond: x }]"
                .into(),
            &[
                "t:1:9: error: listen: there is no address; write one such as `http://0.0.0.0:8080`, or leave `listen` out for that one",
            ],
        ),
        (
            "listen: http://0.0.0.0:9901\n\
             routes: [{ path: /, respond: x }]"
                .into(),
            &[
                "t:1:9: error: admin: `http://127.0.0.1:9901` is listened to for clients as well (`http://0.0.0.0:9901`); give it a port of its own, or write `admin: off`",
            ],
        ),
        (
            "workers: 0\n\
             via: 'a b'\n\
             store: [memory]\n\
             routes: [{ path: /, respond: x }]"
                .into(),
            &[
                "t:1:10: error: workers: 0 workers cannot be run; write 1 to 1024, or leave it out for as many as there are cores",
                "t:2:6: error: via: `a b` is no pseudonym for `Via`; write letters, digits and `-`, or `off`",
                "t:3:8: error: store: expected `memory`, an address such as `redis://cache:6379`, or a map with `url`, found a list",
            ],
        ),
        (
            "workers: 0\n\
             via: 'a b'\n\
             routes: [{ path: /, respond: x }]"
                .into(),
            &[
                "t:1:10: error: workers: 0 workers cannot be run; write 1 to 1024, or leave it out for as many as there are cores",
                "t:2:6: error: via: `a b` is no pseudonym for `Via`; write letters, digits and `-`, or `off`",
            ],
        ),
        (
            "limits: { head: 64KiB, fields: 129, target: 1MiB, connections: 0 }\n\
             client: { head: 0s }\n\
             routes: [{ path: /, respond: x }]"
                .into(),
            &[
                "t:1:17: error: limits.head: 65536 bytes are no limit that heads can have; write a size from 1024 to 65535 bytes",
                "t:1:32: error: limits.fields: 129 is no limit that fields can have; write a number from 1 to 128",
                "t:1:45: error: limits.target: a target of 1048576 bytes does not fit into a head of 65536 bytes; write a size from 1 byte to that of `head`",
                "t:1:64: error: limits.connections: no client could ever connect; write 1 or more",
                "t:2:17: error: client.head: no request would be in time; write a time such as `10s`",
            ],
        ),
        (
            "limits: { head: 4KiB }\n\
             routes: [{ path: /, respond: x }]"
                .into(),
            &[
                "t:1:17: error: limits.target: a target of 8192 bytes does not fit into a head of 4096 bytes; write a size from 1 byte to that of `head`",
            ],
        ),
        (
            "routes: { path: / }".into(),
            &[
                "t:1:9: error: routes: expected a list of routes, found a map; begin each route with a dash: `- path: /…`",
            ],
        ),
        (
            "services: []\n\
             policies: 5\n\
             routes: [{ path: /, respond: '${NOT_SET}' }]"
                .into(),
            &[
                "t:1:11: error: services: expected a map of services, found a list; write `{ orders: { endpoints: [http://host:port] } }`",
                "t:2:11: error: policies: expected a map of policies, found the number `5`; write `{ cors: { … } }`",
                "t:3:30: error: routes[0].respond: the environment variable `NOT_SET` is not set; set it, or write `${NOT_SET:-default}`",
            ],
        ),
    ]);
}

#[test]
fn services_and_what_they_have_in_common() {
    check(&[
        (
            "services: { a: {} }\n\
             routes: [{ path: /, service: a, public: true }]".into(),
            &[
                "t:1:16: error: services.a.endpoints: there is no endpoint; list at least one: `endpoints: [http://host:port]`, or write where they are found: `discover`",
            ],
        ),
        (
            "services: { a: }\n\
             routes: [{ path: /, service: a, public: true }]".into(),
            &[
                "t:1:13: error: services.a.endpoints: there is no endpoint; list at least one: `endpoints: [http://host:port]`, or write where they are found: `discover`",
            ],
        ),
        (
            "service_defaults: { timeouts: { conect: 1s }, connections: { max: 0 } }\n\
             services: { a: { endpoints: [http://h] }, b: { endpoints: [http://h] } }\n\
             routes: [{ path: /a, service: a, public: true }, { path: /b, service: b, public: true }]".into(),
            &[
                "t:1:33: error: service_defaults.timeouts.conect: unknown field `conect`; did you mean `connect`?",
            ],
        ),
        (
            "service_defaults: { discover: { dns: a.b } }\n\
             services: { a: { endpoints: [http://h] } }\n\
             routes: [{ path: /, service: a, public: true }]".into(),
            &[
                "t:1:21: error: service_defaults.discover: services share no endpoints; write `discover` in each service",
            ],
        ),
        (
            "service_defaults: { endpoints: [] }\n\
             services: { a: { endpoints: [h] } }\n\
             routes: [{ path: /, service: a, public: true }]".into(),
            &[
                "t:1:21: error: service_defaults.endpoints: services share no endpoints; write `endpoints` in each service",
                "t:2:30: error: services.a.endpoints[0]: `h` has no scheme; write `http://host:port` or `https://host:port`",
            ],
        ),
        (
            "services: { orders: { endpoints: [http://h] } }\n\
             routes: [{ path: /, service: order, public: true }, { path: /b, service: zzzzzzz, public: true }, { path: /c, service: orders, public: true}]".into(),
            &[
                "t:2:30: error: routes[0].service: unknown service `order`; did you mean `orders`?",
                "t:2:74: error: routes[1].service: unknown service `zzzzzzz`; describe it under `services`",
            ],
        ),
    ]);
}

#[test]
fn policies_and_their_modes() {
    let known = sekisho_policies::NAMES.join("`, `");
    let unknown =
        format!("t:1:22: error: policies.zzzz: unknown policy `zzzz`; known policies are `{known}`");
    check(&[
        (
            "policies: { crs: on, zzzz: {}, cors: 5, access_log: true, body_limit: { mode: shado }, request_id: { mode: [] } }\n\
             routes: [{ path: /, respond: x }]".into(),
            &[
                "t:1:13: error: policies.crs: unknown policy `crs`; did you mean `cors`?",
                &unknown,
                "t:1:38: error: policies.cors: expected `on`, `off` or a map of settings, found the number `5`; write `on` for the default settings",
                "t:1:53: error: policies.access_log: expected `on`, `off` or a map of settings, found `true`; write `on`",
                "t:1:79: error: policies.body_limit.mode: expected a mode, found the text `shado`; did you mean `shadow`?",
                "t:1:108: error: policies.request_id.mode: expected a mode, found a list; use one of `enforce`, `shadow`, `off`",
            ],
        ),
        (
            "policies: [cors]\n\
             routes: [{ path: /, respond: x }]".into(),
            &[
                "t:1:11: error: policies: expected a map of policies, found a list; write `{ cors: { … } }`",
            ],
        ),
        (
            "routes: [{ path: /, respond: x, policies: { body_limit: { maxx: 1 }, rewrite: { mode: off, strip: 1 } } }]".into(),
            &[
                "t:1:59: error: routes[0].policies.body_limit.maxx: unknown field `maxx`; did you mean `max`?",
                "t:1:92: error: routes[0].policies.rewrite.strip: unknown field `strip`; known fields are `strip_prefix`, `add_prefix`, `match`, `to`",
            ],
        ),
    ]);
}

#[test]
fn what_routes_ask_and_what_answers() {
    check(&[
        (
            with_routes(&["{ path: x, respond: x }"]),
            &["t:5:13: error: routes[2].path: path `x` must begin with `/`; write `/x`"],
        ),
        (
            with_routes(&["{ respond: x, method: [GET] }"]),
            &[
                "t:5:5: error: routes[2]: missing field `path`; add `path: …`",
                "t:5:19: error: routes[2].method: unknown field `method`; did you mean `methods`?",
            ],
        ),
        (
            with_routes(&["{ path: /w }"]),
            &[
                "t:5:5: error: routes[2]: nothing answers on this route; add `service`, `split`, `redirect` or `respond`, or `routes` beneath it",
            ],
        ),
        (
            with_routes(&["{ path: /w, routes: [] }"]),
            &[
                "t:5:5: error: routes[2]: nothing answers on this route; add `service`, `split`, `redirect` or `respond`, or `routes` beneath it",
            ],
        ),
        (
            with_routes(&["{ path: /w, respond: x, redirect: { to: / } }"]),
            &[
                "t:5:26: error: routes[2].respond: the route has both `redirect` and `respond`; keep one of them",
            ],
        ),
        (
            with_routes(&["{ path: /w, redirect: { status: 200, to: '' } }"]),
            &[
                "t:5:37: error: routes[2].redirect.status: 200 is no status that redirects; write 301, 302, 303, 307 or 308",
                "t:5:46: error: routes[2].redirect.to: this leads nowhere; write a URL or a path",
            ],
        ),
        (
            with_routes(&["{ path: /w, redirect: { to: '{request.pat}' } }"]),
            &[
                "t:5:33: error: routes[2].redirect.to: unknown value `{request.pat}`, did you mean `{request.path}`?; known are …",
            ],
        ),
        (
            with_routes(&["{ path: /w, respond: '{' }"]),
            &[
                "t:5:26: error: routes[2].respond.body: a brace without its partner; write `{{` or `}}` for the brace itself",
            ],
        ),
        (
            with_routes(&[
                "{ path: /w, respond: { status: 204, body: x, content_type: '', headers: { Content-Type: a, 'a b': c, Content-Length: '1', X: \"a\\nb\" } } }",
            ]),
            &[
                "t:5:47: error: routes[2].respond.body: an answer 204 has no body; leave it out, or choose another status",
                "t:5:64: error: routes[2].respond.content_type: this is no media type; write one such as `application/json`",
                "t:5:93: error: routes[2].respond.headers.Content-Type: the content type has a word of its own; use `content_type`",
                r#"t:5:103: error: routes[2].respond.headers["a b"]: `a b` is no name of a header field; write letters, digits and `-`"#,
                "t:5:122: error: routes[2].respond.headers.Content-Length: `Content-Length` is set by the gateway; leave it out",
                "t:5:130: error: routes[2].respond.headers.X: no header field has this value; leave out line ends and control characters",
            ],
        ),
        (
            with_routes(&["{ path: /w, respond: { status: 99 } }"]),
            &["t:5:36: error: routes[2].respond.status: 99 is no status of an answer; write 200 to 599"],
        ),
        (
            with_routes(&["{ path: /w, respond: { stats: 200 } }"]),
            &["t:5:28: error: routes[2].respond.stats: unknown field `stats`; did you mean `status`?"],
        ),
        (
            with_routes(&["{ path: /w, methods: [get, CONNECT, 'A B'], respond: x }"]),
            &[
                "t:5:27: error: routes[2].methods[0]: `get` is no method, since methods are case-sensitive; write `GET`",
                "t:5:32: error: routes[2].methods[1]: CONNECT is never taken; leave it out",
                "t:5:41: error: routes[2].methods[2]: `A B` is no method; write one such as `GET`; leave `methods` out for all",
            ],
        ),
        (
            with_routes(&["{ path: /w, methods: GET, respond: x }"]),
            &["t:5:26: error: routes[2].methods: expected a list, found the text `GET`; write `[GET]`"],
        ),
        (
            with_routes(&["{ path: /w, hosts: ['a:80'], respond: x }"]),
            &["t:5:25: error: routes[2].hosts[0]: host `a:80` must have no port; write `a`"],
        ),
        (
            with_routes(&[
                "{ path: /w, headers: { 'a b': x, Host: y, c: 1, d: { present: true, absent: true }, e: { prefix: '' }, f: { exact: 1 }, g: ' x' }, respond: x }",
            ]),
            &[
                "t:5:50: error: routes[2].headers.c: expected a value in quotes, or one of `{ present: true }`, `{ absent: true }`, `{ prefix: … }`, found the number `1`",
                "t:5:56: error: routes[2].headers.d: write exactly one of `present`, `absent` and `prefix`",
                "t:5:92: error: routes[2].headers.e: the prefix is empty; write `{ present: true }` for any value",
                "t:5:113: error: routes[2].headers.f.exact: unknown field `exact`; known fields are `present`, `absent`, `prefix`",
            ],
        ),
        (
            with_routes(&["{ path: /w, headers: { 'a b': x, Host: y, g: ' x' }, respond: x }"]),
            &[
                r#"t:5:35: error: routes[2].headers["a b"]: `a b` is no name of a header field; write letters, digits and `-`"#,
                "t:5:44: error: routes[2].headers.Host: the host is no condition among the headers; use `hosts`",
                "t:5:50: error: routes[2].headers.g: no header field has this value; leave out line ends and surrounding spaces",
            ],
        ),
        (
            with_routes(&["{ path: /w, timeout: 0s, trailers: ['a b'], respond: x }"]),
            &[
                "t:5:26: error: routes[2].timeout: no request would be in time; write a time such as `30s`",
                "t:5:41: error: routes[2].trailers[0]: `a b` is no name of a header field; write letters, digits and `-`",
            ],
        ),
        (
            with_routes(&["{ path: /w/*, routes: [{ path: /x, respond: x }, { path: /w, respond: x }] }"]),
            &[
                "t:5:36: error: routes[2].routes[0].path: `/x` does not lie under `/w/*`, the path of the route above; routes name whole paths: write one that begins with `/w/`",
            ],
        ),
        (
            with_routes(&["{ path: /w, routes: [{ path: /w/x, respond: x }] }"]),
            &[
                "t:5:34: error: routes[2].routes[0].path: `/w/x` does not lie under `/w`, the path of the route above; routes name whole paths: write `/w`, or give the route above `/w/*`",
            ],
        ),
        (
            with_routes(&["{ path: /used/a, methods: [GET, PUT], respond: x }"]),
            &[
                "t:5:5: error: routes[2]: `GET /used/a` is taken by routes[0] as well (t:3:5); keep one of them, or tell them apart by `hosts`, `methods` or `headers`",
            ],
        ),
        (
            with_routes(&[
                "{ path: '/w/{a}', hosts: [a.t, b.t], respond: x, routes: [{ path: '/w/{b}', hosts: [b.t], respond: x }] }",
            ]),
            &[
                "t:5:63: error: routes[2].routes[0]: `/w/{b}` on `b.t` is taken by routes[2] as well (t:5:5); keep one of them, or tell them apart by `hosts`, `methods` or `headers`",
            ],
        ),
        (
            with_routes(&["{ path: /w, routes: { path: /w } }"]),
            &[
                "t:5:25: error: routes[2].routes: expected a list of routes, found a map; begin each route with a dash: `- path: /…`",
            ],
        ),
        (with_routes(&["x"]), &["t:5:5: error: routes[2]: expected a map, found the text `x`"]),
    ]);
}

#[test]
fn what_came_from_outside_is_never_shown() {
    let env = |name: &str| (name == "WORD").then(|| "hush".to_owned());
    for text in [
        "policies: { access_log: { format: '${WORD}' } }",
        "routes: [{ path: /, service: '${WORD}' }]",
        "services: { a: { endpoints: ['${WORD}'] } }",
        "listen: '${WORD}'",
        "via: '${WORD} ${WORD}'",
        "limits: { head: '${WORD}' }",
    ] {
        let read_file = |path: &str| Err(io::Error::new(io::ErrorKind::NotFound, path.to_owned()));
        let (_, problems) = compile(
            &Source { name: "t", text, env: &env, read_file: &read_file, folder: Path::new("") },
            &Carry::default(),
        );
        assert!(problems.has_errors(), "{text}");
        assert!(!problems.to_string().contains("hush"), "{text}\n{problems}");
    }
}

#[test]
fn an_endpoint_is_judged_beside_whatever_else_is_wrong_with_its_service() {
    check(&[(
        "services: { a: { endpoints: [htp://x], timeout: 3s } }\nroutes: [{ path: /, respond: x }]".into(),
        &[
            "t:1:30: error: services.a.endpoints[0]: `htp://x` has a scheme that endpoints cannot be asked by; write `http://host:port` or `https://host:port`",
            "t:1:40: error: services.a.timeout: unknown field `timeout`; did you mean `timeouts`?",
        ],
    )]);
}

#[test]
fn protocols_to_switch_to() {
    check(&[
        (
            with_routes(&["{ path: /x, methods: [GET], service: a, upgrade: [websocket, H2C, 'a/1'] }"]),
            &[
                "t:5:66: error: routes[2].upgrade[1]: requests in a tunnel of `H2C` would pass the policies by; take it out",
                "t:5:71: error: routes[2].upgrade[2]: `a/1` is no name of a protocol; write a name such as `websocket`, without a version",
            ],
        ),
        (
            with_routes(&["{ path: /x, methods: [GET], service: a, upgrade: [] }"]),
            &[
                "t:5:54: error: routes[2].upgrade: there is no protocol; write `off` for none, or leave it out for `[websocket]`",
            ],
        ),
        (
            with_routes(&["{ path: /x, methods: [GET], service: a, upgrade: on }"]),
            &["t:5:54: error: routes[2].upgrade: …"],
        ),
        (
            "services: { a: { endpoints: [http://127.0.0.1:1], tunnels: { idle: 0s, max: 0, lifetime: 0s } } }\n\
             routes: [{ path: /, methods: [GET], service: a }]"
                .into(),
            &[
                "t:1:16: error: services.a.tunnels.idle: no tunnel would ever be open; write more than 0, or `upgrade: off` in the routes",
                "t:1:16: error: services.a.tunnels.lifetime: no tunnel would ever be open; write more than 0, or `upgrade: off` in the routes",
                "t:1:16: error: services.a.tunnels.max: no tunnel would ever be open; write more than 0, or `upgrade: off` in the routes",
            ],
        ),
    ]);
}
