//! Cache poisoning: nothing that one client sends beside its key may change what another is answered.

use crate::cache::{config, did, gateway, get};
use crate::harness::{Answer, Gateway, Request, Service};

/// A careless service: all that it is told comes back in an answer for everybody, and it lets itself be talked into things.
fn careless() -> Service {
    Service::answering(|request: &Request| {
        let body = format!("{} {} {:?} {}", request.method, request.target, request.headers, request.text());
        format!(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    })
}

/// Whether anything of the attack is in what another client gets.
#[track_caller]
fn assert_clean(gateway: &Gateway, target: &str, attack: &str) {
    for _ in 0..2 {
        let answer = get(gateway, target, "");
        assert_eq!(answer.status, 200, "{attack}: {answer:?}");
        assert!(!answer.text().contains("evil"), "{attack} poisoned {target}: {}", answer.text());
    }
}

#[test]
fn fields_that_are_in_no_key_change_no_stored_answer() {
    let service = careless();
    let gateway = gateway(&service, "", "");
    for (index, field) in [
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Host: evil.test\r\nX-Forwarded-Host: evil.test",
        "X_Forwarded_Host: evil.test",
        "X-Forwarded-Scheme: evil",
        "X-Forwarded-Proto: evil",
        "X-Forwarded-Port: evil",
        "X-Forwarded-Port: 666evil",
        "X-Forwarded-For: evil",
        "X-Forwarded-Server: evil.test",
        "X_Forwarded_Server: evil.test",
        "X-Forwarded-Prefix: /evil",
        "X-Forwarded-Path: /evil",
        "X-Forwarded-Uri: /evil",
        "X-Forwarded-Ssl: evil",
        "Forwarded: for=1.2.3.4;host=evil.test;proto=https",
        "X-Real-IP: evil",
        "X-Client-IP: evil",
        "X-Host: evil.test",
        "X-Original-Host: evil.test",
        "X-HTTP-Host-Override: evil.test",
        "X-Original-URL: /evil",
        "X-Original-URI: /evil",
        "X-Rewrite-URL: /evil",
        "X-HTTP-Method-Override: EVIL\r\nX-Evil: evil",
        "x_http_method_override: evil",
        "X-HTTP-Method: evil",
        "X-Method-Override: evil",
        "X-Requested-With: evil",
        "X-Url-Scheme: evil",
        "X-Scheme: evil",
        "X-Script-Name: /evil",
        "Front-End-Https: evil",
        "X-User-ID: evil",
        "Connection: X-Forwarded-Host\r\nX-Forwarded-Host: evil.test",
    ]
    .iter()
    .enumerate()
    {
        let target = format!("/{index}");
        get(&gateway, &target, &format!("{field}\r\n"));
        assert_clean(&gateway, &target, field);
    }
}

#[test]
fn conditions_and_ranges_of_one_client_do_not_shape_what_is_stored() {
    let service = careless();
    let gateway = gateway(&service, "", "");
    for (index, field) in [
        "Range: bytes=0-evil",
        "Range: bytes=0-3\r\nIf-Range: \"evil\"",
        "If-None-Match: \"evil\"",
        "If-Modified-Since: evil",
        "If-Match: \"evil\"",
        "If-Unmodified-Since: evil",
    ]
    .iter()
    .enumerate()
    {
        let target = format!("/{index}");
        get(&gateway, &target, &format!("{field}\r\n"));
        assert_clean(&gateway, &target, field);
    }
}

#[test]
fn a_get_with_a_body_stores_nothing() {
    let service = careless();
    let gateway = gateway(&service, "", "");
    for (index, body) in [
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\na=evil",
        "Transfer-Encoding: chunked\r\n\r\n6\r\na=evil\r\n0\r\n\r\n",
    ]
    .iter()
    .enumerate()
    {
        let target = format!("/{index}");
        let fat = gateway.request(format!("GET {target} HTTP/1.1\r\nHost: shop.test\r\n{body}"));
        assert_ne!(did(&fat), "MISS", "{fat:?}");
        assert_clean(&gateway, &target, body);
    }
    // Nor is it answered from what is stored: the body might ask for something else.
    get(&gateway, "/", "");
    let fat = gateway.request("GET / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1\r\n\r\nx");
    assert_ne!(did(&fat), "HIT");
}

#[test]
fn paths_that_services_read_in_two_ways_are_not_mixed_up() {
    let service = careless();
    let gateway = gateway(&service, "", "");
    for (clean, attacks) in [
        (
            "/a/b",
            &[
                "/a%2Fb?evil",
                "/a%2fevil/b",
                "/a/b;evil",
                "/a;evil/b",
                "/a//b?evil",
                "/a/b%00evil",
                "/a/b%3Fevil",
                "/a/b%23evil",
            ][..],
        ),
        (
            "/c",
            &[
                "/evil/../c?x",
                "/evil%2F..%2Fc",
                "/c%20evil",
                "/c?evil",
                "/c%0d%0aX-Evil:%20evil",
                "/c\\evil",
                "/c/%2e%2e/evil",
            ],
        ),
        (
            "/d?x=1",
            &[
                "/d?x=1&evil",
                "/d?x=1&x=evil",
                "/d?x=evil&x=1",
                "/d?x=1%26evil",
                "/d?x=1;evil",
                "/d?x=1%00evil",
                "/d%3Fx=1evil",
            ],
        ),
    ] {
        for attack in attacks {
            // Refused or answered, but not for others.
            get(&gateway, attack, "");
            assert_clean(&gateway, clean, attack);
        }
    }
}

#[test]
fn hosts_that_services_may_write_into_links_are_told_apart() {
    let service = careless();
    let gateway = gateway(&service, "", "");
    let ask = |host: &str| {
        let mut client = gateway.connect();
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        client.try_answer()
    };
    for host in [
        "shop.test:1337",
        "shop.test.",
        "evil.test",
        "shop.test:evil",
        "shop.test@evil.test",
        "evil@shop.test",
        "shop.test evil",
        "shop.test,evil.test",
        "shop.test\r\nHost: evil.test",
        "shop.test/evil",
        "shop.test#evil",
        "shop.test%00evil",
    ] {
        ask(host);
        assert_clean(&gateway, "/", host);
        assert!(!get(&gateway, "/", "").text().contains("shop.test:1337"), "{host}");
    }
}

#[test]
fn an_error_that_a_hostile_field_brought_about_is_not_stored_for_others() {
    // It refuses what it does not like, and says nothing of how long that is so.
    let service = Service::answering(|request| {
        let long = request.headers.iter().any(|(_, value)| value.len() > 4_000);
        let odd = request.header("x-metachar").is_some();
        let other = request.header("accept").is_some_and(|accept| accept.contains("nothing"));
        let (status, more) = match request.header("x-status") {
            Some(status) => (status, "ETag: \"e\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"),
            None if long => ("431", ""),
            None if odd => ("400", ""),
            None if other => ("406", ""),
            None => ("200", "Cache-Control: max-age=60\r\n"),
        };
        format!("HTTP/1.1 {status} Said\r\n{more}Content-Length: 0\r\n\r\n").into_bytes()
    });
    let gateway = gateway(&service, "ttl: 5m", "");
    let mut attacks = vec![
        ("too long".to_owned(), format!("X-Oversize: {}\r\n", "x".repeat(5_000))),
        ("odd bytes".to_owned(), "X-Metachar: \u{7f}\u{1}\r\n".to_owned()),
        ("odd bytes".to_owned(), "X-Metachar: x\r\n".to_owned()),
        ("accepting nothing".to_owned(), "Accept: nothing/x\r\n".to_owned()),
    ];
    for status in
        [400, 403, 404, 405, 406, 410, 413, 414, 416, 417, 421, 429, 431, 500, 501, 502, 503, 504, 505]
    {
        attacks.push((status.to_string(), format!("X-Status: {status}\r\n")));
    }
    for (index, (name, lines)) in attacks.iter().enumerate() {
        let target = format!("/{index}");
        get(&gateway, &target, lines);
        assert_eq!(get(&gateway, &target, "").status, 200, "{name}");
    }
}

#[test]
fn what_ends_a_head_cannot_be_brought_into_a_stored_one() {
    // A service that lets line ends through: the gateway reads two fields, or refuses; and stores one answer, not two.
    let service = Service::answering(|request| {
        let wanted = request
            .target
            .split_once('=')
            .map_or("x", |(_, to)| to)
            .replace("%0d", "\r")
            .replace("%0a", "\n");
        let head = format!(
            "HTTP/1.1 302 Found\r\nCache-Control: max-age=60\r\nLocation: /{wanted}\r\nContent-Length: 0\r\n\r\n"
        );
        head.into_bytes()
    });
    let gateway = gateway(&service, "", "");
    let ask = |target: &str| -> Option<Answer> {
        let mut client = gateway.connect();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"));
        client.try_answer()
    };
    let split = "/?to=x%0d%0aContent-Length:%200%0d%0a%0d%0aHTTP/1.1%20200%20OK%0d%0aContent-Length:%204%0d%0a%0d%0aevil";
    ask(split);
    for target in ["/?to=x", "/other", "/"] {
        let answer = ask(target).expect("an answer");
        assert_eq!((answer.status, answer.text().as_str()), (302, ""), "{target}");
        assert!(!format!("{answer:?}").contains("evil"), "{answer:?}");
    }
}

#[test]
fn two_listeners_of_one_service_do_not_share_a_redirection() {
    // It sends those who come without TLS to where there is TLS. With the scheme in no key everybody would go in a circle.
    let service = Service::answering(|request| {
        let answer = match request.header("x-forwarded-proto") {
            Some("https") => "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nfine",
            _ => {
                "HTTP/1.1 301 Moved\r\nLocation: https://shop.test/\r\nCache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n"
            }
        };
        answer.into()
    });
    let trusting = Gateway::start(&format!("trusted_proxies: [127.0.0.0/8]\n{}", config(&service, "", "")));
    for _ in 0..2 {
        assert_eq!(get(&trusting, "/", "X-Forwarded-Proto: http\r\n").status, 301);
        assert_eq!(get(&trusting, "/", "X-Forwarded-Proto: https\r\n").status, 200);
    }
}
