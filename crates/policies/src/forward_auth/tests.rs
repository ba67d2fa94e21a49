//! What answers mean, and what is refused in a configuration.

use sekisho_exchange::{Answered, Content, Papers, Unanswered};
use sekisho_wire::HeadBuf;
use serde_json::json;

use super::*;
use crate::fixture::{Fixture, Somebody, answer, compile_asking, lines};

fn auth(settings: serde_json::Value) -> Arc<Auth> {
    compile_asking::<Config>(settings, &Somebody).unwrap().0
}

fn usual() -> Arc<Auth> {
    auth(json!({
        "service": "users", "copy": ["X-Tenant"],
        "identity": {"id": "X-Id", "email": "X-Mail", "roles": "X-Roles", "permissions": "X-Perms", "tier": "X-Tier"},
    }))
}

fn answered(head: &str, body: &str) -> Result<Answered, Unanswered> {
    let head: HeadBuf = answer(head);
    Ok(Answered { head, body: body.as_bytes().to_vec() })
}

#[test]
fn a_good_answer_says_who_it_is_and_adds_to_the_request() {
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\nX-Tenant: theirs\nx_tenant: odd\nX-Kept: 1\n");
    let mut exchange = fixture.exchange();
    exchange.papers = Papers::expecting(1);
    let auth = usual();
    auth.reading.strip(&mut exchange);
    let answer = auth.reading.of(answered(
        "HTTP/1.1 200 OK\nX-Id: u-1\nx-mail: a@b\nX-Roles: a, b\nX-Roles: c\nX-Perms: p:r\nX-Tenant: ours\nX-Other: 1\n",
        "whatever",
    ));
    assert!(matches!(auth.conclude(answer, None, &mut exchange), Verdict::Proceed(())));
    let who = exchange.identity().unwrap();
    assert_eq!((who.by, who.subject(), who.email(), who.tier()), ("forward_auth", "u-1", "a@b", ""));
    assert_eq!((who.roles().joined().as_str(), who.permissions().joined().as_str()), ("a,b,c", "p:r"));
    assert_eq!(lines(&exchange.to_service, exchange.head), "Host: a\nX-Kept: 1\nX-Tenant: ours\n");
}

#[test]
fn a_good_answer_about_nobody_passes_unless_a_credential_was_wrong() {
    for identity in [json!(null), json!({"id": "X-Id"})] {
        let auth = auth(json!({"service": "users", "identity": identity}));
        let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
        let mut exchange = fixture.exchange();
        exchange.papers = Papers::expecting(1);
        let answer = auth.reading.of(answered("HTTP/1.1 204 No Content", ""));
        assert!(matches!(auth.conclude(answer, None, &mut exchange), Verdict::Proceed(())));
        assert!(exchange.identity().is_none());
        exchange.papers = Papers::expecting(2);
        let wrong = Unproved::Wrong(Box::new(Reply::auth_failed("Bearer", "expired")));
        assert!(matches!(exchange.turn_away::<()>(wrong), Verdict::Proceed(())));
        let answer = auth.reading.of(answered("HTTP/1.1 200 OK", ""));
        let Verdict::Answer(reply) = auth.conclude(answer, None, &mut exchange) else { panic!("it passes") };
        assert_eq!(reply.reason, "expired");
    }
}

#[test]
fn a_bad_answer_goes_to_the_client_with_what_may_pass() {
    let redirecting = auth(json!({"service": "users", "redirects": true}));
    let head = "HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Basic realm=\"x\"\nSet-Cookie: a=1\nSet-Cookie: b=2\n\
                Content-Type: text/html\nX-Internal: 10.0.0.1\nTransfer-Encoding: chunked";
    let Answer::Refused(reply) = redirecting.reading.of(answered(head, "<p>")) else { panic!("it passes") };
    let shown: Vec<_> = reply.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(shown, ["WWW-Authenticate: Basic realm=\"x\"", "Set-Cookie: a=1", "Set-Cookie: b=2"]);
    let bytes = Content::Bytes { content_type: "text/html".into(), bytes: b"<p>"[..].into() };
    assert_eq!((reply.status, &reply.content), (401, &bytes));
    let Answer::Refused(reply) = redirecting.reading.of(answered("HTTP/1.1 403 Forbidden", "")) else {
        panic!("it passes")
    };
    assert_eq!((reply.status, reply.code, &reply.content), (403, "AUTH_FORBIDDEN", &Content::Problem));
    let elsewhere = || answered("HTTP/1.1 302 Found\nLocation: https://login.example/", "");
    let Answer::Refused(reply) = redirecting.reading.of(elsewhere()) else { panic!("it passes") };
    assert_eq!((reply.status, &reply.content), (302, &Content::Empty));
    assert_eq!(reply.headers, [("Location".into(), "https://login.example/".into())]);
    let Answer::Refused(reply) = usual().reading.of(elsewhere()) else { panic!("it passes") };
    assert_eq!((reply.status, &*reply.reason), (403, "unexpected_status"));
    assert!(reply.headers.is_empty());
}

#[test]
fn only_where_there_is_no_answer_the_operator_may_let_requests_pass() {
    let (denying, allowing) = (usual(), auth(json!({"service": "users", "on_failure": "allow"})));
    let told = |auth: &Auth, answer: Result<Answered, Unanswered>| {
        let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
        let mut exchange = fixture.exchange();
        exchange.papers = Papers::expecting(1);
        match auth.conclude(auth.reading.of(answer), None, &mut exchange) {
            Verdict::Proceed(()) => 200,
            Verdict::Answer(reply) => reply.status,
            Verdict::Serve(..) | Verdict::Wait(_) => panic!("nothing to wait for"),
        }
    };
    for (why, denied, allowed) in
        [(Unanswered::Absent("timeout"), 503, 200), (Unanswered::Unclear("answer_too_large"), 503, 503)]
    {
        assert_eq!(told(&denying, Err(why)), denied, "{why}");
        assert_eq!(told(&allowing, Err(why)), allowed, "{why}");
    }
    for (head, denied, allowed) in [
        ("HTTP/1.1 500 Oops", 503, 200),
        ("HTTP/1.1 400 Bad Request", 403, 403),
        ("HTTP/1.1 404 Not Found", 403, 403),
        ("HTTP/1.1 304 Not Modified", 403, 403),
    ] {
        assert_eq!(told(&denying, answered(head, "")), denied, "{head}");
        assert_eq!(told(&allowing, answered(head, "")), allowed, "{head}");
    }
    for head in ["HTTP/1.1 200 OK\nX-Id: a\nX-Id: b", &format!("HTTP/1.1 200 OK\nX-Id: {}", "x".repeat(2000))]
    {
        assert_eq!(told(&denying, answered(head, "")), 503, "who is meant is not clear");
    }
}

#[test]
fn whoever_is_known_is_not_asked_about() {
    let policy = ForwardAuth(usual());
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\nX-Tenant: theirs\n");
    let mut exchange = fixture.exchange();
    exchange.identity = Some(Arc::new(sekisho_exchange::Identity::of("jwt", "u", 0).unwrap().done()));
    assert!(matches!(policy.enter(&mut exchange), Verdict::Proceed(())));
    assert_eq!(lines(&exchange.to_service, exchange.head), "Host: a\n", "the client's word is no answer");
    exchange.identity = None;
    assert!(matches!(policy.enter(&mut exchange), Verdict::Wait(_)));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (settings, want) in [
        (json!({}), "policies.it: there is nobody to ask; add `service`, or `url`"),
        (json!({"service": "users", "url": "http://a/b"}), "policies.it.url: there is a service already"),
        (json!({"url": "http://a/b", "path": "/c"}), "policies.it.path: the URL has a path already"),
        (json!({"service": "users", "path": "check"}), "policies.it.path: `check` is no path"),
        (json!({"service": "nobody"}), "policies.it.service: unknown service `nobody`"),
        (
            json!({"service": "users", "send": ["Content-Length"]}),
            "policies.it.send: `Content-Length` belongs",
        ),
        (json!({"service": "users", "copy": ["X-User-ID"]}), "policies.it.copy: `X-User-ID` belongs"),
        (json!({"service": "users", "copy": ["Connection"]}), "policies.it.copy: `Connection` belongs"),
        (json!({"service": "users", "answer": ["Transfer-Encoding"]}), "policies.it.answer: "),
        (
            json!({"service": "users", "identity": {"id": "a b"}}),
            "policies.it.identity.id: `a b` is no header's",
        ),
        (json!({"service": "users", "identity": {}}), "missing field `id`"),
        (json!({"service": "users", "timeout": "0s"}), "policies.it.timeout: no answer"),
        (json!({"service": "users", "entries": 0}), "policies.it.entries: no answer"),
    ] {
        let error = compile_asking::<Config>(settings, &Somebody).map(|_| ()).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
    assert!(compile_asking::<Config>(json!({"url": "https://a.example/b"}), &Somebody).is_ok());
}
