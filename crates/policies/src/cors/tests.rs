//! Which origins are answered, and how.

use sekisho_exchange::Answerer;
use serde_json::{Value, json};

use super::*;
use crate::fixture::{Fixture, answer, compile, lines, through};

fn sent(settings: Value, origin: &str, response: &str) -> String {
    let policy = compile::<Config>(settings).unwrap();
    let fixture = Fixture::new(&format!("GET / HTTP/1.1\nHost: a.example\n{origin}"));
    let mut exchange = fixture.exchange();
    let response = answer(&format!("HTTP/1.1 200 OK\n{response}"));
    assert_eq!(through(&policy, &mut exchange, &response), None);
    lines(&exchange.to_client, response.view())
}

fn asked(settings: Value, request: &str) -> (u16, &'static str, String) {
    let policy = compile::<Config>(settings).unwrap();
    let fixture = Fixture::new(&format!("OPTIONS /a HTTP/1.1\nHost: a.example\n{request}"));
    let mut exchange = fixture.exchange();
    let reply =
        through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\n")).expect("a preflight is answered here");
    let mut head = sekisho_wire::HeadBuf::default();
    assert!(reply.render(&mut head, None, fixture.clock.wall()).is_empty());
    let response = Response { head: head.view(), from: Answerer::Gateway };
    policy.leave((), &mut exchange, &response);
    let reason = if reply.reason == "preflight" { "preflight" } else { "origin_not_allowed" };
    assert_eq!(reply.reason, reason);
    (reply.status, reason, lines(&exchange.to_client, head.view()))
}

const APP: &str = "Origin: https://app.example\n";
const ASK: &str = "Access-Control-Request-Method: PUT\n";

#[test]
fn every_origin_gets_a_star_and_no_vary() {
    for origin in [APP, ""] {
        let want = "Vary: Accept\nAccess-Control-Allow-Origin: *\n";
        assert_eq!(sent(json!({"origins": ["*"]}), origin, "Vary: Accept\n"), want);
    }
}

#[test]
fn a_named_origin_is_reflected_with_vary() {
    let settings = json!({"origins": ["https://app.example"], "credentials": true, "expose": ["X-A", "X-B"]});
    let allowed = "Access-Control-Allow-Origin: https://app.example\nAccess-Control-Allow-Credentials: true\n\
                   Access-Control-Expose-Headers: X-A, X-B\n";
    for (origin, response, want) in [
        (APP, "", format!("Vary: Origin\n{allowed}")),
        ("", "", "Vary: Origin\n".into()),
        ("Origin: https://evil.test\n", "", "Vary: Origin\n".into()),
        ("Origin: null\n", "", "Vary: Origin\n".into()),
        (APP, "Vary: Accept-Encoding\n", format!("Vary: Accept-Encoding, Origin\n{allowed}")),
        (APP, "Vary: Accept\nvary: accept, Cookie\n", format!("Vary: Accept, Cookie, Origin\n{allowed}")),
        (APP, "Vary: Accept, origin\n", format!("Vary: Accept, origin\n{allowed}")),
        (APP, "Vary: *\n", format!("Vary: *\n{allowed}")),
    ] {
        assert_eq!(sent(settings.clone(), origin, response), want, "{origin}{response}");
    }
}

#[test]
fn what_a_service_allows_on_its_own_is_taken_off() {
    let own = "Access-Control-Allow-Origin: *\nAccess-Control-Allow-Credentials: true\nAccess-Control-Max-Age: 5\n\
               access-control-expose-headers: X\nX-Kept: 1\n";
    assert_eq!(sent(json!({"origins": ["https://b.example"]}), APP, own), "X-Kept: 1\nVary: Origin\n");
}

#[test]
fn the_vary_of_an_earlier_edit_is_kept() {
    let policy = compile::<Config>(json!({"origins": ["https://app.example"]})).unwrap();
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a.example\n");
    let mut exchange = fixture.exchange();
    exchange.to_client.set("Vary", b"X-Mine").unwrap();
    let response = answer("HTTP/1.1 200 OK\nVary: Accept\n");
    through(&policy, &mut exchange, &response);
    assert_eq!(lines(&exchange.to_client, response.view()), "Vary: X-Mine, Origin\n");
}

#[test]
fn a_preflight_is_answered_with_what_is_allowed() {
    let settings = json!({
        "origins": ["https://*.example"], "methods": ["GET", "PUT"], "headers": ["X-A", "Content-Type"],
        "credentials": true, "max_age": "10m", "private_network": true,
    });
    let request = format!("{APP}{ASK}Access-Control-Request-Private-Network: true\n");
    let want = "Vary: Origin, Access-Control-Request-Method\nAccess-Control-Allow-Origin: https://app.example\n\
                Access-Control-Allow-Credentials: true\nAccess-Control-Allow-Methods: GET, PUT\n\
                Access-Control-Allow-Headers: X-A, Content-Type\nAccess-Control-Max-Age: 600\n\
                Access-Control-Allow-Private-Network: true\n";
    assert_eq!(asked(settings, &request), (204, "preflight", want.into()));
}

#[test]
fn a_preflight_is_allowed_the_headers_that_it_asks_for() {
    let request = format!("{APP}{ASK}Access-Control-Request-Headers: x-a,b c, x-b\n");
    let want = "Vary: Access-Control-Request-Method, Access-Control-Request-Headers\nAccess-Control-Allow-Origin: *\n\
                Access-Control-Allow-Methods: GET, HEAD, PUT, PATCH, POST, DELETE\nAccess-Control-Allow-Headers: x-a, x-b\n";
    assert_eq!(asked(json!({"origins": ["*"]}), &request), (204, "preflight", want.into()));
}

#[test]
fn a_preflight_of_another_origin_is_allowed_nothing() {
    let request = format!("Origin: https://evil.test\n{ASK}");
    let want = "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\n";
    assert_eq!(
        asked(json!({"origins": ["https://app.example"]}), &request),
        (204, "origin_not_allowed", want.into())
    );
}

#[test]
fn an_options_request_that_is_no_preflight_goes_on() {
    let policy = compile::<Config>(json!({"origins": ["*"]})).unwrap();
    for request in [
        format!("OPTIONS / HTTP/1.1\nHost: a\n{APP}"),
        format!("OPTIONS / HTTP/1.1\nHost: a\n{ASK}"),
        format!("PUT / HTTP/1.1\nHost: a\n{APP}{ASK}"),
    ] {
        let fixture = Fixture::new(&request);
        assert_eq!(
            through(&policy, &mut fixture.exchange(), &answer("HTTP/1.1 200 OK\n")),
            None,
            "{request}"
        );
    }
}

#[test]
fn refuses_settings_that_would_allow_too_much_or_nothing() {
    for (settings, want) in [
        (json!({}), "missing field `origins`"),
        (json!({"origins": []}), "the list is empty"),
        (json!({"origins": ["*", "https://a.example"]}), "`*` already means every origin"),
        (
            json!({"origins": ["a.example"]}),
            "policies.it.origins: `a.example`: an origin begins with a scheme; write",
        ),
        (json!({"origins": ["*"], "credentials": true}), "named origins only, not to `*`; list the origins"),
        (json!({"origins": ["https://a"], "credentials": true, "headers": ["*"]}), "`*` is no wildcard"),
        (json!({"origins": ["*"], "methods": ["get"]}), "write `GET`"),
        (json!({"origins": ["*"], "headers": ["a b"]}), "`a b` is no name"),
        (json!({"origins": ["*"], "max_age": "1500ms"}), "whole seconds"),
        (json!({"origins": ["*"], "origin": 1}), "unknown field"),
    ] {
        let error = compile::<Config>(settings).map(|_| ()).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
}
