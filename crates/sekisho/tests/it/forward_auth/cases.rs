//! What the service is told, and what its answers mean.

use super::{config, gateway, sessions};
use crate::harness::{Answer, Client, Gateway, Service, ok, until};

fn by(gateway: &Gateway, target: &str, name: &str) -> Answer {
    gateway
        .request(format!("GET {target} HTTP/1.1\r\nHost: shop.test\r\nAuthorization: Bearer {name}\r\n\r\n"))
}

#[test]
fn a_good_answer_says_who_it_is_and_the_clients_own_word_does_not_count() {
    let (service, auth) = (Service::echo(), sessions());
    let gateway = gateway(&service, &auth, "");
    let answer = gateway.request(
        "POST /a/../orders?q=1 HTTP/1.1\r\nHost: shop.test\r\nAuthorization: Bearer u-1\r\nX-User-ID: admin\r\nX-Tenant: mine\r\n\
         X_Tenant: mine\r\nX-Forwarded-Uri: /elsewhere\r\nX-Id: admin\r\nContent-Length: 5\r\n\r\nhello",
    );
    assert_eq!((answer.status, answer.json()["body"].as_str()), (200, Some("hello")));
    let seen = service.last();
    assert_eq!(seen.header("x-user-id"), Some("u-1"));
    assert_eq!((seen.headers_all("x-tenant"), seen.header("x_tenant")), (vec!["t-u-1"], None));
    let asked = auth.last();
    assert_eq!(
        (asked.method.as_str(), asked.target.as_str(), asked.text().as_str()),
        ("GET", "/check?x=1", "")
    );
    for (name, want) in [
        ("x-forwarded-method", "POST"),
        ("x-forwarded-uri", "/orders?q=1"),
        ("x-forwarded-host", "shop.test"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-for", "127.0.0.1"),
        ("authorization", "Bearer u-1"),
    ] {
        assert_eq!(asked.headers_all(name), [want], "{name}");
    }
    assert_eq!((asked.header("x-tenant"), asked.header("content-length")), (None, None));
    assert_eq!(asked.header("host"), Some(auth.addr.to_string().as_str()));
}

#[test]
fn a_bad_answer_is_the_clients_with_what_may_pass() {
    let (service, auth) = (Service::echo(), sessions());
    let gateway = gateway(&service, &auth, "");
    let answer = gateway.get("/orders");
    assert_eq!((answer.status, answer.text().as_str()), (401, "sign in"));
    for (name, want) in [
        ("www-authenticate", Some("Bearer realm=\"shop\"")),
        ("set-cookie", Some("a=1")),
        ("content-type", Some("text/html")),
        ("x-internal", None),
    ] {
        assert_eq!(answer.header(name), want, "{name}");
    }
    let line = gateway.wait_log_of(&answer);
    assert_eq!(
        (line["decided_by"].as_str(), line["reason"].as_str()),
        (Some("forward_auth"), Some("refused_elsewhere"))
    );
    assert_eq!(service.requests(), 0);
}

#[test]
fn every_status_has_its_meaning() {
    let elsewhere = "302 Found\r\nLocation: https://login.test/";
    for (words, status, want, code) in [
        ("", "204 No Content", 200, ""),
        ("", "403 Forbidden", 403, "AUTH_FORBIDDEN"),
        ("", "401 Unauthorized", 401, "AUTH_FAILED"),
        ("", "404 Not Found", 403, "AUTH_FORBIDDEN"),
        ("", elsewhere, 403, "AUTH_FORBIDDEN"),
        ("redirects: true", elsewhere, 302, ""),
        ("", "500 Oops", 503, "DEPENDENCY_UNAVAILABLE"),
        ("on_failure: allow", "500 Oops", 200, ""),
        ("on_failure: allow", "400 Bad Request", 403, "AUTH_FORBIDDEN"),
    ] {
        let (service, auth) =
            (Service::echo(), Service::fixed(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")));
        let gateway = gateway(&service, &auth, words);
        let answer = gateway.request("GET /a HTTP/1.1\r\nHost: a\r\nX-Tenant: mine\r\n\r\n");
        assert_eq!(answer.status, want, "{words} {status}");
        if !code.is_empty() {
            assert_eq!(answer.code(), code, "{words} {status}");
        }
        assert_eq!(answer.header("location").is_some(), want == 302, "{words} {status}");
        if want == 200 {
            let seen = service.last();
            assert_eq!((seen.header("x-user-id"), seen.header("x-tenant")), (None, None), "{words} {status}");
        }
    }
}

#[test]
fn without_an_answer_nobody_passes_unless_the_operator_says_so() {
    let service = Service::echo();
    for (words, want) in [("", 503), ("on_failure: allow", 200)] {
        let auth = sessions();
        let gateway = gateway(&service, &auth, words);
        auth.stop();
        let answer = by(&gateway, "/a", "u");
        assert_eq!(answer.status, want, "{words}");
        if want == 503 {
            assert_eq!(
                (answer.code().as_str(), answer.json()["dependency"].as_str()),
                ("DEPENDENCY_UNAVAILABLE", Some("auth"))
            );
        }
    }
    let huge = Service::fixed(ok("text/plain", vec![b'x'; 100_000_000]));
    let gateway = gateway(&service, &huge, "on_failure: allow");
    assert_eq!(by(&gateway, "/a", "u").status, 503, "an answer that nobody could read is none to pass by");
    assert!(gateway.peak_kb() < 150_000, "{} KiB", gateway.peak_kb());
}

#[test]
fn an_answer_is_remembered_only_for_what_it_was_about() {
    let (service, auth) = (Service::echo(), sessions());
    let exact = gateway(&service, &auth, "cache: 5m");
    for (target, name, asked) in
        [("/a", "u", 1), ("/a", "u", 1), ("/b", "u", 2), ("/a?x", "u", 3), ("/a", "v", 4), ("/b", "u", 4)]
    {
        assert_eq!(by(&exact, target, name).status, 200);
        assert_eq!(
            (auth.requests(), service.last().header("x-user-id")),
            (asked, Some(name)),
            "{target} {name}"
        );
        assert_eq!(service.last().header("x-tenant"), Some(&*format!("t-{name}")));
    }
    exact.wait_metric("gateway_forward_auth_cache_total", &[("result", "hit")], 2.0);
    for asked in [5, 6] {
        assert_eq!(exact.get("/a").status, 401);
        assert_eq!(auth.requests(), asked, "a refusal is not remembered");
    }
    let (service, auth) = (Service::echo(), sessions());
    let loose = gateway(&service, &auth, "cache: 5m, cache_by: credentials");
    for (target, name, asked) in [("/a", "u", 1), ("/b", "u", 1), ("/b", "v", 2), ("/c", "v", 2)] {
        assert_eq!(by(&loose, target, name).status, 200);
        assert_eq!(
            (auth.requests(), service.last().header("x-user-id")),
            (asked, Some(name)),
            "{target} {name}"
        );
    }
    let mut admin = Client::connect(loose.admin);
    admin.send("POST /api/users/u/forget HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(admin.answer().json()["forgotten"], 1);
    assert_eq!((by(&loose, "/c", "u").status, auth.requests()), (200, 3));
    assert_eq!((by(&loose, "/c", "v").status, auth.requests()), (200, 3));
}

#[test]
fn a_url_can_be_asked_too() {
    let (service, auth) = (Service::echo(), sessions());
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\n\
         routes: [{{ path: /*, service: a, policies: {{ forward_auth: {{ url: '{}/verify?by=url', identity: {{ id: X-Id }} }} }} }}]\n",
        service.url(),
        auth.url(),
    ));
    assert_eq!(by(&gateway, "/a", "u").status, 200);
    assert_eq!(
        (auth.last().target.as_str(), service.last().header("x-user-id")),
        ("/verify?by=url", Some("u"))
    );
    auth.stop();
    let answer = by(&gateway, "/a", "u");
    assert_eq!((answer.status, answer.json()["dependency"].as_str()), (503, Some("forward_auth")));
    assert!(!answer.text().contains("127.0.0.1"));
}

#[test]
fn in_shadow_it_refuses_nobody_and_changes_nothing() {
    let (service, auth) = (Service::echo(), sessions());
    let gateway = gateway(&service, &auth, "mode: shadow");
    let answer = gateway.request("GET /a HTTP/1.1\r\nHost: a\r\nX-Tenant: mine\r\n\r\n");
    assert_eq!((answer.status, service.last().header("x-tenant")), (200, Some("mine")));
    let line = gateway.wait_log_of(&answer);
    assert_eq!(
        line["shadow"],
        serde_json::json!([{ "policy": "forward_auth", "status": 401, "code": "AUTH_FAILED" }])
    );
    assert_eq!(by(&gateway, "/a", "u").status, 200);
    assert_eq!(service.last().header("x-user-id"), None);
}

#[test]
fn nobody_is_asked_about_what_is_refused_already() {
    let (service, auth) = (Service::echo(), sessions());
    let top = "policies: { forward_auth: { service: auth } }";
    let gateway = Gateway::start(&config(&service, &auth, "", top));
    let answer = gateway.request("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((answer.status, auth.requests()), (400, 0));
}

#[test]
fn a_client_that_leaves_takes_its_question_along() {
    let service = Service::echo();
    let auth = Service::raw(|mut conn| {
        conn.read_head();
        conn.wait_closed();
    });
    let gateway = gateway(&service, &auth, "timeout: 60s");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer u\r\n\r\n");
    auth.wait_seen(1);
    drop(client);
    gateway.wait_log(|line| line["event"] == "request_end" && line["statusCode"] == 499);
    until("the question to be given up", || (auth.open() == 0).then_some(()));
}
