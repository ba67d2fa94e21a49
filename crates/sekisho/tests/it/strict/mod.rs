//! What two servers might read differently never reaches a service: each of these requests is answered, logged and
//! counted, its connection ends, and nothing of it travels on.

mod passing;

use crate::harness::{Answer, Gateway, Service};

/// A request that must be refused: what it is about, its bytes, the status it gets.
type Case<'a> = (&'a str, &'a [u8], u16);

fn config(service: &Service, more: &str) -> String {
    format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\n\
         policies: {{ security_headers: {{ content_security_policy: \"default-src 'none'\" }} }}\n\
         routes: [{{ path: /*, service: a }}]\n{more}",
        service.url()
    )
}

fn gateway(service: &Service) -> Gateway {
    Gateway::start(&config(service, ""))
}

/// What every answer to a malformed request has.
#[track_caller]
fn check_refusal(name: &str, answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{name}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
    assert_eq!(answer.header("connection"), Some("close"), "{name}");
    let problem = answer.json();
    let code = if status == 405 { "METHOD_NOT_ALLOWED" } else { "BAD_REQUEST" };
    assert_eq!(problem["code"], code, "{name}");
    assert_eq!(problem["status"], status, "{name}");
    for member in ["title", "detail", "error", "timestamp"] {
        assert!(
            problem[member].as_str().is_some_and(|text| !text.is_empty()),
            "{name}: `{member}` of {problem}"
        );
    }
    let id = answer.header("x-request-id").unwrap_or_else(|| panic!("{name}: no id"));
    assert_eq!(problem["request_id"], id, "{name}");
    for (header, value) in [
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "SAMEORIGIN"),
    ] {
        assert_eq!(answer.headers_all(header), [value], "{name}: {header}");
    }
    assert!(
        answer.header("x-correlation-id").is_some() && answer.header("date").is_some(),
        "{name}: {answer:?}"
    );
}

/// Sends each over a connection of its own; then looks at service, log and metrics.
#[track_caller]
fn all_refused(cases: &[Case<'_>]) {
    let service = Service::echo();
    let gateway = gateway(&service);
    let mut answers = Vec::new();
    for (name, raw, status) in cases {
        let mut client = gateway.connect();
        client.send(raw);
        let answer = client.try_answer().unwrap_or_else(|| panic!("{name}: closed without an answer"));
        check_refusal(name, &answer, *status);
        assert!(client.closed(), "{name}: the connection stays open, {}", client.unread());
        answers.push((name, answer));
    }
    for (name, answer) in &answers {
        let line = gateway.wait_log_of(answer);
        assert_eq!(line["statusCode"], answer.status, "{name}: {line}");
        assert_eq!(line["decided_by"], "listener", "{name}: {line}");
        assert!(line["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{name}: {line}");
        assert!(line.get("service").is_none(), "{name}: {line}");
    }
    gateway.wait_metric("gateway_requests_total", &[], cases.len() as f64);
    assert_eq!((service.requests(), service.connections()), (0, 0), "nothing travels on");
}

/// `GET /x HTTP/1.1` with a Host and these field lines.
fn get(fields: &str) -> Vec<u8> {
    format!("GET /x HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n").into_bytes()
}

/// Many cases that differ in their field lines only.
#[track_caller]
fn all_fields_refused(cases: &[(&str, u16)]) {
    let raw: Vec<_> = cases.iter().map(|(fields, status)| (*fields, get(fields), *status)).collect();
    let cases: Vec<Case<'_>> = raw.iter().map(|(name, raw, status)| (*name, &raw[..], *status)).collect();
    all_refused(&cases);
}

#[test]
fn refuses_a_host_that_is_missing_double_or_ill_formed() {
    all_refused(&[
        ("none", b"GET / HTTP/1.1\r\n\r\n", 400),
        ("two", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("two equal", b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400),
        ("two in HTTP/1.0", b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("empty", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        ("blank", b"GET / HTTP/1.1\r\nHost:  \r\n\r\n", 400),
        ("list", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        ("user information", b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
        ("path", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("scheme", b"GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", 400),
        ("space inside", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("port too high", b"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400),
        ("port of letters", b"GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", 400),
        ("port empty", b"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", 400),
        ("bracket open", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
        ("percent", b"GET / HTTP/1.1\r\nHost: a%2eb\r\n\r\n", 400),
        ("not ASCII", b"GET / HTTP/1.1\r\nHost: \xc3\xa4.test\r\n\r\n", 400),
    ]);
}

#[test]
fn refuses_an_absolute_target_that_is_not_the_hosts() {
    all_refused(&[
        ("other name", b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("other port", b"GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("longer name", b"GET http://a.b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("no host", b"GET http://a/ HTTP/1.1\r\n\r\n", 400),
        ("user information", b"GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("other scheme", b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("no authority", b"GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("no scheme", b"GET a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("authority form", b"GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400),
        ("asterisk with GET", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ]);
}

#[test]
fn refuses_a_length_that_is_not_one_number_alone() {
    all_fields_refused(&[
        ("Content-Length: 5\r\nContent-Length: 5\r\n", 400),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", 400),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
        ("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", 400),
        ("Content-Length: +5\r\n", 400),
        ("Content-Length: -5\r\n", 400),
        ("Content-Length: 5,5\r\n", 400),
        ("Content-Length: 5, 5\r\n", 400),
        ("Content-Length: 0x5\r\n", 400),
        ("Content-Length:  5 6\r\n", 400),
        ("Content-Length: 5.0\r\n", 400),
        ("Content-Length: 1e2\r\n", 400),
        ("Content-Length: \"5\"\r\n", 400),
        ("Content-Length:\r\n", 400),
        ("Content-Length: \t\r\n", 400),
        ("Content-Length: 99999999999999999999\r\n", 400),
        ("Content-Length: 18446744073709551616\r\n", 400),
        ("Content-Length: \u{664}\r\n", 400),
        ("Content_Length: 5\r\nContent-Length: a\r\n", 400),
    ]);
}

#[test]
fn refuses_a_transfer_coding_other_than_chunked_once() {
    all_fields_refused(&[
        ("Transfer-Encoding: identity\r\n", 501),
        ("Transfer-Encoding: gzip\r\n", 501),
        ("Transfer-Encoding: gzip, chunked\r\n", 501),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 501),
        ("Transfer-Encoding: xchunked\r\n", 501),
        ("Transfer-Encoding: chunkedx\r\n", 501),
        ("Transfer-Encoding: chunked, identity\r\n", 501),
        ("Transfer-Encoding: chunked, chunked\r\n", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding: chunked;q=1\r\n", 400),
        ("Transfer-Encoding: ,chunked\r\n", 400),
        ("Transfer-Encoding: chunked,\r\n", 400),
        ("Transfer-Encoding:\r\n", 400),
        ("Transfer-Encoding: \"chunked\"\r\n", 400),
        ("Transfer-Encoding: chunked chunked\r\n", 400),
        ("Transfer-Encoding: \u{b}chunked\r\n", 400),
        ("Transfer-Encoding: \u{0}chunked\r\n", 400),
        ("Transfer-Encoding : chunked\r\n", 400),
        ("Transfer-Encoding\t: chunked\r\n", 400),
        (" Transfer-Encoding: chunked\r\n", 400),
        ("X: y\r\n Transfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding:\r\n chunked\r\n", 400),
        ("X: y\nTransfer-Encoding: chunked\r\n", 400),
        ("X: y\rTransfer-Encoding: chunked\r\n", 400),
    ]);
    all_refused(&[(
        "HTTP/1.0",
        b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    )]);
}

#[test]
fn refuses_line_ends_that_are_not_cr_lf() {
    all_refused(&[
        ("LF after the request line", b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
        ("LF after a field", b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400),
        ("LF after the last field", b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        ("LF as the empty line", b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
        ("LF only", b"GET / HTTP/1.1\nHost: a\n\n", 400),
        ("LF before the request line", b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("CR in the request line", b"GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("CR after the request line", b"GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
        ("CR before the request line", b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("CR in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", 400),
        ("CR twice", b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400),
        ("CR in a name", b"GET / HTTP/1.1\r\nHost: a\r\nX\r: y\r\n\r\n", 400),
        ("CR as the empty line", b"GET / HTTP/1.1\r\nHost: a\r\n\rX", 400),
        ("two empty lines first", b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ]);
}

#[test]
fn refuses_control_characters_and_folded_lines() {
    all_refused(&[
        ("fold with a space", b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400),
        ("fold with a tab", b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n", 400),
        ("fold of the request line", b"GET / HTTP/1.1\r\n Host: a\r\nHost: b\r\n\r\n", 400),
        ("fold of nothing", b"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", 400),
        ("NUL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n", 400),
        ("NUL in a name", b"GET / HTTP/1.1\r\nHost: a\r\nX\0: y\r\n\r\n", 400),
        ("NUL in the target", b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("NUL first", b"\0GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("bell in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x07\r\n\r\n", 400),
        ("escape in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x1b[0m\r\n\r\n", 400),
        ("delete in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", 400),
        ("vertical tab in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x0b\r\n\r\n", 400),
        ("delete in the target", b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ]);
}

#[test]
fn refuses_ill_formed_field_names() {
    all_refused(&[
        ("space before the colon", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("tab before the colon", b"GET / HTTP/1.1\r\nHost: a\r\nX\t: y\r\n\r\n", 400),
        ("no name", b"GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", 400),
        ("no colon", b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400),
        ("space inside", b"GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n", 400),
        ("slash", b"GET / HTTP/1.1\r\nHost: a\r\nX/Y: z\r\n\r\n", 400),
        ("quote", b"GET / HTTP/1.1\r\nHost: a\r\n\"X\": z\r\n\r\n", 400),
        ("bracket", b"GET / HTTP/1.1\r\nHost: a\r\nX[0]: z\r\n\r\n", 400),
        ("not ASCII", b"GET / HTTP/1.1\r\nHost: a\r\n\xc3\xa4: z\r\n\r\n", 400),
    ]);
}

#[test]
fn refuses_ill_formed_request_lines() {
    all_refused(&[
        ("method with a space first", b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("method with a slash", b"G/T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("method with a bracket", b"GET( / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("method not ASCII", b"G\xc3\x8bT / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("two spaces", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a tab", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("space in the target", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("two spaces before the version", b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("space at the end", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        ("no target", b"GET HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("not ASCII in the target", b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("not ASCII in the query", b"GET /?\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("fragment", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("fragment in the query", b"GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("CONNECT", b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405),
        ("CONNECT with a path", b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("TRACE", b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("HTTP/0.9", b"GET /\r\n\r\n", 400),
        ("HTTP/0.9 in words", b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 400),
        ("HTTP/1.2", b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 400),
        ("HTTP/2.0", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400),
        ("version in small letters", b"GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        ("version too long", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
        ("version without a dot", b"GET / HTTP/11\r\nHost: a\r\n\r\n", 400),
        ("other protocol", b"GET / ICY/1.1\r\nHost: a\r\n\r\n", 400),
        ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", 400),
        ("TLS hello", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 400),
        ("SSH", b"SSH-2.0-client\r\n\r\n", 400),
        ("garbage", b"\xff\xfe\xfd\r\n\r\n", 400),
    ]);
}

#[test]
fn refuses_paths_that_lead_nowhere() {
    all_refused(&[
        ("above the root", b"GET /.. HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("above the root later", b"GET /a/../../b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("above the root encoded", b"GET /%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("above the root half encoded", b"GET /.%2e/b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("above the root, absolute", b"GET http://a/../b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("percent alone", b"GET /% HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("percent with one digit", b"GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("percent with letters", b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("percent with a sign", b"GET /%+1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("percent u", b"GET /%u002f HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ]);
}

#[test]
fn refuses_to_have_protected_fields_removed_hop_by_hop() {
    let names = [
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Authorization",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "Forwarded",
        "Via",
        "X-Client-IP",
        "X-Real-IP",
        "X-Request-ID",
        "X-Correlation-ID",
        "X-User-ID",
        "X-User-Email",
        "X-User-Roles",
        "X-User-Permissions",
        "X-Gateway-Timestamp",
        "x-user-id",
    ];
    let lines: Vec<String> = names
        .iter()
        .flat_map(|name| [format!("Connection: {name}\r\n"), format!("Connection: close, {name} , x\r\n")])
        .chain(["Connection: a b\r\n".to_owned(), "Connection: close\r\nConnection: Host\r\n".to_owned()])
        .collect();
    all_fields_refused(&lines.iter().map(|line| (line.as_str(), 400)).collect::<Vec<_>>());
}

#[test]
fn refuses_expectations_that_it_does_not_know() {
    all_fields_refused(&[
        ("Expect: 200-ok\r\nContent-Length: 1\r\n", 417),
        ("Expect: 100-continue, x\r\nContent-Length: 1\r\n", 417),
        ("Expect:\r\nContent-Length: 1\r\n", 417),
        ("Expect: 100-continue\r\nExpect: x\r\nContent-Length: 1\r\n", 417),
    ]);
}

#[test]
fn refuses_heads_over_its_limits() {
    let many = get(&"X: y\r\n".repeat(100));
    let large = get(&format!("X: {}\r\n", "y".repeat(33 * 1024)));
    let endless = [&b"GET / HTTP/1.1\r\nHost: a\r\nX: "[..], &b"y".repeat(40 * 1024)].concat();
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(8 * 1024));
    let long_query = format!("GET /?{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(8 * 1024));
    let endless_target = format!("GET /{}", "x".repeat(40 * 1024));
    let endless_method = "X".repeat(40 * 1024);
    all_refused(&[
        ("101 fields", &many, 431),
        ("33 KiB", &large, 431),
        ("a field without end", &endless, 431),
        ("a target of 8 KiB and a byte", long.as_bytes(), 414),
        ("a query of 8 KiB and a byte", long_query.as_bytes(), 414),
        ("a target without end", endless_target.as_bytes(), 414),
        ("a method without end", endless_method.as_bytes(), 431),
    ]);
}

#[test]
fn refuses_a_bad_head_however_it_is_split() {
    let service = Service::echo();
    let gateway = gateway(&service);
    let raw = b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = gateway.connect();
    for byte in raw {
        client.send([*byte]);
    }
    check_refusal("byte by byte", &client.answer(), 400);
    assert!(client.closed());
    assert_eq!(service.connections(), 0);
}

#[test]
fn what_follows_a_bad_request_is_not_read() {
    let service = Service::echo();
    let gateway = gateway(&service);
    let mut client = gateway.connect();
    client.send("GET /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    check_refusal("first", &client.answer(), 400);
    assert!(client.closed());
    gateway.wait_metric("gateway_requests_total", &[], 1.0);
    assert_eq!(service.requests(), 0);
}

#[test]
fn a_good_request_before_a_bad_one_is_answered() {
    let service = Service::echo();
    let gateway = gateway(&service);
    let mut client = gateway.connect();
    client.send("GET /good HTTP/1.1\r\nHost: a\r\n\r\nGET /bad HTTP/1.1\r\nHost : a\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    check_refusal("second", &client.answer(), 400);
    assert!(client.closed());
    assert_eq!(service.seen().iter().map(|request| &request.target[..]).collect::<Vec<_>>(), ["/good"]);
}

#[test]
fn a_head_that_does_not_end_in_time_gets_408() {
    let service = Service::echo();
    let gateway = Gateway::start(&config(&service, "client: { head: 300ms }\n"));
    for part in ["GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let mut client = gateway.connect();
        client.send(part);
        let answer = client.answer();
        assert_eq!((answer.status, answer.code().as_str()), (408, "REQUEST_TIMEOUT"), "{part:?}");
        assert_eq!(answer.header("x-frame-options"), Some("SAMEORIGIN"), "{part:?}");
        assert!(client.closed());
        let line = gateway.wait_log_of(&answer);
        assert_eq!((&line["decided_by"], &line["statusCode"]), (&"listener".into(), &408.into()), "{line}");
    }
    gateway.wait_metric("gateway_requests_total", &[("status", "408")], 2.0);
    assert_eq!(service.connections(), 0);
}
