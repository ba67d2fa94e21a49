//! What the gateway adds to and takes from the heads that it passes on, both ways.

use crate::harness::{Answer, Gateway, Request, Service};

fn start(service: &Service, of_service: &str, top: &str) -> Gateway {
    Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}]{of_service} }} }}\nroutes: [{{ path: /*, service: a }}]\n{top}",
        service.url()
    ))
}

/// What the service saw of a GET with these fields beside Host.
#[track_caller]
fn forwarded(gateway: &Gateway, service: &Service, fields: &str) -> (Request, Answer) {
    let answer = gateway.request(format!("GET / HTTP/1.1\r\nHost: shop.test:8080\r\n{fields}\r\n"));
    assert_eq!(answer.status, 200, "{fields:?}: {}", answer.text());
    (service.last(), answer)
}

/// `2026-01-01T00:00:00.000Z`.
fn is_timestamp(text: &str) -> bool {
    let shape: String = text.chars().map(|one| if one.is_ascii_digit() { '0' } else { one }).collect();
    shape == "0000-00-00T00:00:00.000Z"
}

const TRUSTING: &str = "trusted_proxies: [127.0.0.1/32]\n";

#[test]
fn fields_of_one_hop_stay_behind_in_requests() {
    let service = Service::echo();
    let gateway = start(&service, "", "");
    let (seen, _) = forwarded(
        &gateway,
        &service,
        "Connection: keep-alive, X-Hop, TE\r\nConnection: x-other\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n\
         Proxy-Authorization: Basic eDp5\r\nTE: trailers\r\nTrailer: X-T\r\nUpgrade: h2c\r\nX-Hop: 1\r\nX-OTHER: 2\r\nX-Kept: 3\r\n",
    );
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "te",
        "trailer",
        "upgrade",
        "x-hop",
        "x-other",
        "transfer-encoding",
    ] {
        assert_eq!(seen.header(name), None, "{name}");
    }
    assert_eq!(seen.header("x-kept"), Some("3"));
}

#[test]
fn fields_of_one_hop_stay_behind_in_answers() {
    let service = Service::fixed(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n\
         Proxy-Connection: keep-alive\r\nUpgrade: h2c\r\nTrailer: X-T\r\nX-Hop: 1\r\nX-Kept: 2\r\nContent-Length: 2\r\n\r\nhi",
    );
    let gateway = start(&service, "", "");
    let answer = gateway.get("/");
    for name in
        ["connection", "keep-alive", "proxy-authenticate", "proxy-connection", "upgrade", "trailer", "x-hop"]
    {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!((answer.header("x-kept"), answer.text().as_str()), (Some("2"), "hi"));
}

#[test]
fn other_fields_pass_in_their_order_and_spelling() {
    let service = Service::fixed(
        "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nX-mIxed: \u{e4} b  c\r\nSet-Cookie: b=2\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n",
    );
    let gateway = start(&service, "", "");
    let fields =
        "Cookie: a=1\r\nx-mIxed: \u{e4} b  c\r\nCookie: b=2\r\nX-Empty:\r\nauthorization: Bearer x\r\n";
    let (seen, answer) = forwarded(&gateway, &service, fields);
    let of = |headers: &[(String, String)]| {
        let known = ["cookie", "x-mixed", "x-empty", "authorization", "set-cookie"];
        let kept = headers.iter().filter(|(name, _)| known.contains(&&name.to_ascii_lowercase()[..]));
        kept.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>()
    };
    assert_eq!(
        of(&seen.headers),
        ["Cookie: a=1", "x-mIxed: \u{e4} b  c", "Cookie: b=2", "X-Empty: ", "authorization: Bearer x"]
    );
    assert_eq!(
        of(&answer.headers),
        ["set-cookie: a=1", "X-mIxed: \u{e4} b  c", "Set-Cookie: b=2", "X-Empty: "]
    );
}

#[test]
fn an_unknown_client_is_not_believed_about_itself() {
    let service = Service::echo();
    let gateway = start(&service, "", "");
    let (seen, answer) = forwarded(
        &gateway,
        &service,
        "X-Forwarded-For: 203.0.113.9\r\nx-forwarded-for: 203.0.113.8\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n\
         Forwarded: for=203.0.113.9\r\nX-Client-IP: 203.0.113.9\r\nX-Gateway-Timestamp: never\r\nX-Request-ID: mine\r\n",
    );
    for (name, want) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "shop.test:8080"),
        ("forwarded", "for=127.0.0.1;host=\"shop.test:8080\";proto=http"),
        ("x-client-ip", "127.0.0.1"),
        ("via", "1.1 sekisho"),
        ("host", &service.addr.to_string()),
    ] {
        assert_eq!(seen.headers_all(name), [want], "{name}");
    }
    let [time] = seen.headers_all("x-gateway-timestamp")[..] else { panic!("{seen:?}") };
    assert!(is_timestamp(time), "{time}");
    let [id] = seen.headers_all("x-request-id")[..] else { panic!("{seen:?}") };
    assert!(id != "mine" && answer.header("x-request-id") == Some(id));
    assert_eq!(gateway.wait_log_of(&answer)["ip"], "127.0.0.1");
}

#[test]
fn an_unknown_client_without_a_host_is_not_believed_either() {
    let service = Service::echo();
    let lines = "X-Forwarded-Host: evil.test\r\nx-forwarded-host: evil.test\r\nX-Forwarded-Proto: evil\r\n\
                 X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9;host=evil.test\r\n\
                 X-Client-IP: 203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\nX_Forwarded_Host: evil.test\r\n";
    for setting in ["", ", preserve_host: true"] {
        let gateway = start(&service, setting, "");
        let mut client = gateway.connect();
        // The second finds what the first may have left behind.
        for host in ["Host: shop.test\r\n", "", ""] {
            client.send(format!("GET / HTTP/1.0\r\nConnection: keep-alive\r\n{host}{lines}\r\n"));
            assert_eq!(client.answer().status, 200);
            let seen = service.last();
            let words = ["evil", "203.0.113.9"];
            let believed: Vec<_> = seen
                .headers
                .iter()
                .filter(|(_, value)| words.iter().any(|word| value.contains(word)))
                .collect();
            assert!(believed.is_empty(), "{setting:?} {host:?}: {believed:?}");
            for (name, want) in [
                ("x-forwarded-for", "127.0.0.1"),
                ("x-forwarded-proto", "http"),
                ("x-client-ip", "127.0.0.1"),
            ] {
                assert_eq!(seen.headers_all(name), [want], "{setting:?} {host:?}: {name}");
            }
            let named = if host.is_empty() { &[][..] } else { &["shop.test"] };
            assert_eq!(seen.headers_all("x-forwarded-host"), named, "{setting:?} {host:?}");
        }
    }
}

#[test]
fn a_trusted_proxy_is_believed_and_continued() {
    let service = Service::echo();
    let gateway = start(&service, "", TRUSTING);
    let (seen, answer) = forwarded(
        &gateway,
        &service,
        "X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer.test\r\n\
         Forwarded: for=203.0.113.9;proto=https\r\nVia: 1.1 edge\r\nX-Client-IP: 192.0.2.1\r\nX-Request-ID: given-1\r\n",
    );
    for (name, want) in [
        ("x-forwarded-for", "198.51.100.1, 203.0.113.9, 127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "outer.test"),
        ("x-client-ip", "203.0.113.9"),
        ("x-request-id", "given-1"),
    ] {
        assert_eq!(seen.headers_all(name), [want], "{name}");
    }
    assert_eq!(seen.headers_all("via").join(", "), "1.1 edge, 1.1 sekisho");
    let element =
        format!("for=127.0.0.1;host=\"shop.test:8080\";proto={}", seen.header("x-forwarded-proto").unwrap());
    assert_eq!(seen.headers_all("forwarded"), [format!("for=203.0.113.9;proto=https, {element}")]);
    assert_eq!(answer.header("x-request-id"), Some("given-1"));
    assert_eq!(gateway.wait_log_of(&answer)["ip"], "203.0.113.9");
}

#[test]
fn a_trusted_proxy_that_says_nothing_is_the_client() {
    let service = Service::echo();
    let gateway = start(&service, "", TRUSTING);
    let (seen, _) = forwarded(&gateway, &service, "");
    for (name, want) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "shop.test:8080"),
        ("x-client-ip", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1;host=\"shop.test:8080\";proto=http"),
    ] {
        assert_eq!(seen.headers_all(name), [want], "{name}");
    }
}

#[test]
fn one_connection_may_name_one_host_after_another() {
    let service = Service::echo();
    let gateway = start(&service, "", "");
    let mut client = gateway.connect();
    for host in ["one.test", "two.test", "two.test", "one.test"] {
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(client.answer().status, 200);
        assert_eq!(service.last().headers_all("x-forwarded-host"), [host]);
    }
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert_eq!(service.last().header("x-forwarded-host"), None, "an HTTP/1.0 client need not name one");
}

/// A name with every mixture of `-`, `_` and `.` between its words.
fn spellings(name: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for one in name.chars() {
        let among: &[char] = if one == '-' { &['-', '_', '.'] } else { &[one] };
        all = all.iter().flat_map(|begun| among.iter().map(move |next| format!("{begun}{next}"))).collect();
    }
    let upper: Vec<_> = all.iter().map(|one| one.to_ascii_uppercase()).collect();
    let lower: Vec<_> = all.iter().map(|one| one.to_ascii_lowercase()).collect();
    [all, upper, lower].concat()
}

#[test]
fn a_clients_identity_never_reaches_a_service_in_any_spelling() {
    let service = Service::echo();
    for top in ["", TRUSTING] {
        let gateway = start(&service, "", top);
        for name in ["X-User-ID", "X-User-Email", "X-User-Roles", "X-User-Permissions"] {
            let lines: String = spellings(name).iter().map(|name| format!("{name}: forged\r\n")).collect();
            let (seen, _) = forwarded(&gateway, &service, &format!("{lines}X-User-Identity: other\r\n"));
            let forged: Vec<_> = seen.headers.iter().filter(|(_, value)| value == "forged").collect();
            assert!(forged.is_empty(), "{forged:?}");
            assert_eq!(seen.header("x-user-identity"), Some("other"), "another name passes");
        }
    }
}

#[test]
fn disguised_spellings_of_what_the_gateway_sets_stay_behind() {
    let service = Service::echo();
    let gateway = start(&service, "", "");
    let names = [
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Client-IP",
        "X-Request-ID",
        "X-Correlation-ID",
        "X-Gateway-Timestamp",
        "Content-Length",
        "Transfer-Encoding",
        "X-Real-IP",
        "X-Forwarded-Port",
    ];
    let lines: String = names
        .iter()
        .flat_map(|name| {
            [name.replace('-', "_"), name.replacen('-', ".", 1), name.replace('-', "_").to_lowercase()]
        })
        .map(|name| format!("{name}: forged\r\n"))
        .collect();
    let (seen, _) = forwarded(&gateway, &service, &lines);
    let forged: Vec<_> = seen.headers.iter().filter(|(_, value)| value == "forged").collect();
    assert!(forged.is_empty(), "{forged:?}");
}

#[test]
fn an_unknown_clients_other_words_about_its_address_do_not_pass() {
    let service = Service::echo();
    let gateway = start(&service, "", "");
    let (seen, _) = forwarded(&gateway, &service, "X-Real-IP: 203.0.113.9\r\nX-Forwarded-Port: 443\r\n");
    assert_eq!((seen.header("x-real-ip"), seen.header("x-forwarded-port")), (None, None));
}

#[test]
fn the_host_is_the_endpoints_unless_the_clients_is_to_be_kept() {
    let service = Service::echo();
    for (setting, want) in
        [("", service.addr.to_string()), (", preserve_host: true", "shop.test:8080".to_owned())]
    {
        let gateway = start(&service, setting, "");
        let (seen, _) = forwarded(&gateway, &service, "");
        assert_eq!(seen.headers_all("host"), [want.as_str()], "{setting:?}");
        assert_eq!(seen.headers[0].0.to_ascii_lowercase(), "host", "first, as RFC 9110 §7.2 advises");
        let answer = gateway.request("GET / HTTP/1.0\r\n\r\n");
        assert_eq!(answer.status, 200);
        assert_eq!(
            service.last().headers_all("host"),
            [service.addr.to_string()],
            "{setting:?}: none to keep"
        );
    }
}

#[test]
fn via_can_be_named_or_switched_off() {
    let service = Service::fixed("HTTP/1.1 200 OK\r\nVia: 1.0 inner\r\nContent-Length: 0\r\n\r\n");
    for (top, to_service, to_client) in [
        ("", "1.1 sekisho", "1.0 inner, 1.1 sekisho"),
        ("via: edge\n", "1.1 edge", "1.0 inner, 1.1 edge"),
        ("via: off\n", "", "1.0 inner"),
    ] {
        let gateway = start(&service, "", top);
        let (seen, answer) = forwarded(&gateway, &service, "");
        assert_eq!(seen.headers_all("via").join(", "), to_service, "{top:?}");
        assert_eq!(answer.headers_all("via").join(", "), to_client, "{top:?}");
    }
    let gateway = start(&service, "", "");
    gateway.request("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(
        service.last().headers_all("via"),
        ["1.0 sekisho"],
        "the version is that of what was received"
    );
}

#[test]
fn an_answer_has_one_date() {
    let there =
        Service::fixed("HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n");
    let missing = Service::fixed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(start(&there, "", "").get("/").headers_all("date"), ["Thu, 01 Jan 2026 00:00:00 GMT"]);
    let answer = start(&missing, "", "").get("/");
    let [date] = answer.headers_all("date")[..] else { panic!("{answer:?}") };
    assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
    let own = Gateway::start("routes: [{ path: /x, respond: x }]\n");
    for path in ["/x", "/nothing"] {
        assert_eq!(own.get(path).headers_all("date").len(), 1, "{path}");
    }
}

#[test]
fn the_rewritten_path_and_the_query_arrive() {
    let service = Service::echo();
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\n\
         routes:\n\
         - {{ path: /plain/*, service: a }}\n\
         - {{ path: /api/users/*, service: a, policies: {{ rewrite: {{ strip_prefix: /api/users }} }} }}\n\
         - {{ path: /both/*, service: a, policies: {{ rewrite: {{ strip_prefix: /both, add_prefix: /v1 }} }} }}\n\
         - path: /old/*\n  service: a\n  policies: {{ rewrite: {{ match: '^/old/(?<id>[0-9]+)$', to: '/new/$id?from=old' }} }}\n",
        service.url()
    ));
    for (path, want) in [
        ("/plain/a?b=c&d", "/plain/a?b=c&d"),
        ("/plain/a?", "/plain/a?"),
        ("/plain/%C3%A4%20b", "/plain/%C3%A4%20b"),
        ("/api/users/7?x=1", "/7?x=1"),
        ("/api/users", "/"),
        ("/api/users/", "/"),
        ("/api/users/7/../8", "/8"),
        ("/both/7", "/v1/7"),
        ("/old/12?q=1", "/new/12?from=old"),
        ("/old/ab?q=1", "/old/ab?q=1"),
    ] {
        let answer = gateway.get(path);
        assert_eq!((answer.status, service.last().target.as_str()), (200, want), "{path}");
    }
}

#[test]
fn a_service_may_say_its_status_in_its_own_words() {
    for (line, status) in
        [("200 Fine by me", 200), ("299 ", 299), ("404 Not here", 404), ("599 Odd", 599), ("200", 200)]
    {
        let service = Service::fixed(format!("HTTP/1.1 {line}\r\nContent-Length: 2\r\n\r\nok"));
        let answer = start(&service, "", "").get("/");
        assert_eq!((answer.status, answer.text().as_str()), (status, "ok"), "{line:?}");
    }
}
