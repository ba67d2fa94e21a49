//! What is stored for whom, and until when.

use super::{World, answer, ask, counting, fresh, get, until_word, word};
use crate::cache_shared::purge;
use crate::framing::gateway;
use crate::harness::{Client, Gateway, Service, ok, pattern};

#[test]
fn an_unsafe_request_that_succeeds_makes_doubtful_what_it_names() {
    let service = counting(|times, request| {
        match (&request.method[..], &request.target[..]) {
        ("POST", "/a/new") => {
            b"HTTP/1.1 201 Created\r\nLocation: /a/7\r\nContent-Location: http://a.test/a?x\r\nContent-Length: 0\r\n\r\n".to_vec()
        }
        ("POST", _) => b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => fresh(times.to_string()),
    }
    });
    let gateway = gateway(&service, ", policies: { cache: {} }, public: true", "");
    let targets = ["/a/new", "/a/7", "/a?x", "/a", "/b"];
    let fill = || {
        for target in targets {
            ask(&gateway, &get(target, ""));
            until_word(&gateway, &get(target, ""), "HIT");
        }
    };
    let post = |target: &str| {
        ask(&gateway, &format!("POST {target} HTTP/1.1\r\nHost: A.test\r\nContent-Length: 0\r\n\r\n"))
    };
    fill();
    assert_eq!(post("/a/7").status, 409);
    let words =
        || targets.map(|target| ask(&gateway, &get(target, "")).header("x-cache").unwrap().to_owned());
    assert_eq!(words(), ["HIT"; 5], "what failed changes nothing");
    let answer = post("/a/new");
    assert_eq!((answer.status, word(&answer)), (201, "BYPASS"));
    assert_eq!(words(), ["MISS", "MISS", "MISS", "HIT", "HIT"]);
}

#[test]
fn what_keeps_an_answer_from_the_store_while_it_comes_in_is_in_the_log_of_all_who_have_it() {
    let head = |length: &str| format!("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n{length}\r\n\r\n");
    let world = World::start("max_body: 1KiB");
    let mut came = 0;
    for (length, rest, is_purged, want) in [
        ("Content-Length: 2", "bc".to_owned(), false, None),
        ("Content-Length: 2", "bc".to_owned(), true, Some("outdated")),
        ("Transfer-Encoding: chunked", "2\r\nbc\r\n0\r\n\r\n".to_owned(), true, Some("outdated")),
        (
            "Transfer-Encoding: chunked",
            format!("800\r\n{}\r\n0\r\n\r\n", "x".repeat(0x800)),
            false,
            Some("too-large"),
        ),
    ] {
        let path = format!("/{came}");
        came += 1;
        let mut clients = [world.ask(&path), world.ask(&path)];
        world.wait_under_way(2);
        world.write(head(length));
        let heads = clients.each_mut().map(Client::head_only);
        if is_purged {
            assert_eq!(purge(&world.gateway, r#"{"all": true}"#).0, 200);
        }
        world.last(rest);
        for (client, head) in clients.iter_mut().zip(heads) {
            let answer = client.body_of(head);
            assert!(answer.complete && word(&answer) == "MISS", "{answer:?}");
            let log = world.gateway.wait_log_of(&answer);
            assert_eq!(log.get("notStored").and_then(|why| why.as_str()), want, "{log}");
        }
        world.service.wait_seen(came);
    }
}

#[test]
fn an_answer_whose_trailers_pass_is_not_stored_and_keeps_them() {
    let service = counting(|times, request| {
        let announced = request.target.split_once('?').map_or("", |(_, announced)| announced);
        format!(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n{announced}Transfer-Encoding: chunked\r\n\r\n\
             1\r\n{times}\r\n0\r\nX-Sum: 7\r\nX-Other: 8\r\n\r\n"
        )
        .replace('_', "\r\n")
        .into_bytes()
    });
    let sum = vec![("X-Sum".to_owned(), "7".to_owned())];
    for (trailers, announced, kept) in [
        ("[X-Sum]", "Trailer:x-other,_Trailer:a,x-sum_", true),
        ("[X-Sum]", "Trailer:x-other_", false),
        ("[X-Sum]", "", false),
        ("[]", "Trailer:x-sum_", false),
    ] {
        let gateway = gateway(&service, &format!(", trailers: {trailers}, policies: {{ cache: {{}} }}"), "");
        let request = get(&format!("/?{announced}"), "");
        for _ in 0..2 {
            let answer = ask(&gateway, &request);
            if kept {
                assert_eq!((word(&answer), &answer.trailers), ("MISS", &sum), "{announced}");
                assert_eq!(gateway.wait_log_of(&answer)["notStored"], "trailers");
            } else {
                assert_eq!(answer.trailers, [], "{announced}");
            }
        }
        if !kept {
            until_word(&gateway, &request, "HIT");
        }
    }
}

#[test]
fn compressed_variants_are_kept_apart_and_compressed_once() {
    let body = "again and ".repeat(10_000);
    let service = counting(move |_, _| {
        let mut answer = ok("text/plain", &body);
        let at = answer.windows(2).position(|two| two == b"\r\n").unwrap() + 2;
        answer.splice(at..at, *b"Cache-Control: max-age=60\r\nETag: \"e\"\r\n");
        answer
    });
    let gateway = gateway(&service, ", policies: { cache: {}, compress: {} }", "");
    for (accepts, coding) in [("gzip", Some("gzip")), ("br", Some("br")), ("identity", None)] {
        let request = get("/", &format!("Accept-Encoding: {accepts}\r\n"));
        let first = ask(&gateway, &request);
        assert_eq!((word(&first), first.header("content-encoding")), ("MISS", coding));
        let hit = until_word(&gateway, &request, "HIT");
        assert!(hit.body == first.body && hit.header("content-encoding") == coding);
        let length = hit.body.len().to_string();
        assert_eq!(hit.header("content-length"), Some(&length[..]), "it is known by now");
        assert_eq!(hit.headers_all("vary"), ["Accept-Encoding"]);
        let tag = if coding.is_some() { "W/\"e\"" } else { "\"e\"" };
        let unchanged =
            ask(&gateway, &get("/", &format!("Accept-Encoding: {accepts}\r\nIf-None-Match: {tag}\r\n")));
        assert_eq!((unchanged.status, word(&unchanged), unchanged.header("etag")), (304, "HIT", Some(tag)));
    }
    assert_eq!(service.requests(), 3);
    let other = ask(&gateway, &get("/", "Accept-Encoding: gzip;q=0, br\r\n"));
    assert_eq!(
        other.header("cache-status").unwrap().split("; fwd-status").next(),
        Some("sekisho; fwd=vary-miss")
    );
}

#[test]
fn versions_do_not_mix_however_they_are_chosen() {
    let service = counting(|_, request| {
        let mut answer = fresh(request.header("x-v").unwrap_or("none"));
        answer.splice(17..17, *b"X-From: service\r\n");
        answer
    });
    let url = service.url();
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{url}] }} }}\npolicies: {{ cache: {{}} }}\nroutes:\n  - path: /*\n    versions:\n      \
         v1: {{ service: a, sunset: 2030-01-01, policies: {{ headers: {{ request: {{ set: {{ X-V: one }} }} }} }} }}\n      \
         v2: {{ service: a, policies: {{ headers: {{ request: {{ set: {{ X-V: two }} }} }} }} }}\n"
    ));
    for (path, line, body) in [
        ("/a", "", "one"),
        ("/a", "API-Version: 2\r\n", "two"),
        ("/v2/a", "", "two"),
        ("/v1/a", "", "one"),
        ("/a", "Accept: application/vnd.api+json;version=2\r\n", "two"),
    ] {
        let request = get(path, line);
        ask(&gateway, &request);
        let hit = until_word(&gateway, &request, "HIT");
        assert_eq!(hit.text(), body, "{request}");
        assert_eq!(hit.headers_all("sunset").len(), usize::from(body == "one"), "{request}");
    }
    assert_eq!(service.requests(), 4, "what is asked for by a header or by Accept is one");
}

#[test]
fn parts_and_conditions_are_answered_from_what_is_stored_and_on_the_first_request_too() {
    let body = pattern(50_000);
    let want = body.clone();
    let service = counting(move |_, request| {
        assert!(request.header("range").is_none() && request.header("if-none-match").is_none());
        answer("Cache-Control: max-age=60\r\nETag: \"e\"\r\nContent-Type: text/plain\r\n", &body)
    });
    let gateway = gateway(&service, ", policies: { cache: {} }", "");
    for path in ["/1", "/1"] {
        let part = ask(&gateway, &get(path, "Range: bytes=100-199\r\n"));
        assert_eq!((part.status, part.header("content-range")), (206, Some("bytes 100-199/50000")));
        assert!(part.body == want[100..200]);
        until_word(&gateway, &get(path, ""), "HIT");
    }
    for path in ["/2", "/2"] {
        let unchanged = ask(&gateway, &get(path, "If-None-Match: \"e\"\r\n"));
        assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
        assert!(until_word(&gateway, &get(path, ""), "HIT").body == want);
    }
    let beyond = ask(&gateway, &get("/1", "Range: bytes=50000-\r\n"));
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */50000")));
    let parts = ask(&gateway, &get("/1", "Range: bytes=0-1,-2\r\n"));
    let kind = parts.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let piece = |range: &str, bytes: &[u8]| {
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes {range}/50000\r\n\r\n"
        );
        [head.as_bytes(), bytes].concat()
    };
    let end = format!("\r\n--{boundary}--\r\n");
    let whole = [piece("0-1", &want[..2]), piece("49998-49999", &want[49_998..]), end.into_bytes()].concat();
    assert!(parts.status == 206 && parts.body == whole, "{}", parts.text());
    let mut client = gateway.connect();
    client.send("HEAD /1 HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let head = client.answer_to_head();
    assert_eq!((head.status, word(&head), head.header("content-length")), (200, "HIT", Some("50000")));
    assert_eq!(service.requests(), 2);
}

#[test]
fn what_policies_before_the_cache_add_is_each_clients_own() {
    let service = Service::fixed(answer("Cache-Control: max-age=60\r\nServer: secret/1\r\n", "x"));
    let policies = ", policies: { cache: {}, security_headers: {}, rate_limit: { rate: 100/1m }, \
                    cors: { origins: [https://a.test, https://b.test] } }";
    let gateway = gateway(&service, policies, "");
    let request = |origin: &str| get("/", &format!("Origin: https://{origin}\r\n"));
    let first = ask(&gateway, &request("a.test"));
    let hit = until_word(&gateway, &request("b.test"), "HIT");
    for (answer, origin) in [(&first, "https://a.test"), (&hit, "https://b.test")] {
        assert_eq!(answer.headers_all("access-control-allow-origin"), [origin]);
        assert_eq!(answer.headers_all("x-frame-options").len(), 1);
        assert_eq!(answer.headers_all("ratelimit-remaining").len(), 1);
        assert_eq!(answer.headers_all("x-request-id").len(), 1);
        assert_eq!((answer.header("server"), answer.headers_all("date").len()), (None, 1));
        assert!(answer.headers_all("vary").iter().any(|line| line.contains("Origin")));
    }
    assert_ne!(first.header("x-request-id"), hit.header("x-request-id"));
    assert_ne!(first.header("ratelimit-remaining"), hit.header("ratelimit-remaining"));
    assert_eq!(service.requests(), 1);
}
