//! Whose ids are taken, and where they go.

use super::*;
use crate::fixture::{Fixture, answer, lines, through};

fn id_in(head: &str, name: &str) -> String {
    let found: Vec<_> = head.lines().filter_map(|line| line.strip_prefix(&format!("{name}: "))).collect();
    assert_eq!(found.len(), 1, "{name} once in {head}");
    found[0].to_owned()
}

#[test]
fn a_request_id_is_taken_from_trusted_proxies_only() {
    for (trusted, header, kept) in [
        (false, "X-Request-ID: theirs\n", false),
        (true, "X-Request-ID: theirs\n", true),
        (true, "X-Request-ID: has space\n", false),
        (true, "", false),
    ] {
        let mut fixture = Fixture::new(&format!("GET / HTTP/1.1\nHost: a.example\n{header}"));
        fixture.client.trusted = trusted;
        let mut exchange = fixture.exchange();
        through(&RequestId, &mut exchange, &answer("HTTP/1.1 200 OK\nX-Request-ID: service\n"));
        let to_service = id_in(&lines(&exchange.to_service, exchange.head), "X-Request-ID");
        assert_eq!(to_service == "theirs", kept, "{trusted} {header}");
        assert!(kept || to_service.len() == 36, "{to_service}");
        let response = answer("HTTP/1.1 200 OK\nX-Request-ID: service\n");
        assert_eq!(id_in(&lines(&exchange.to_client, response.view()), "X-Request-ID"), to_service);
    }
}

#[test]
fn a_correlation_id_is_the_clients_if_it_is_visible_ascii() {
    let longest = "x".repeat(128);
    let too_long = "x".repeat(129);
    for (value, kept) in [
        ("order-7", true),
        ("", false),
        ("two words", false),
        (longest.as_str(), true),
        (too_long.as_str(), false),
    ] {
        let fixture = Fixture::new(&format!("GET / HTTP/1.1\nHost: a.example\nx-correlation-id: {value}\n"));
        let mut exchange = fixture.exchange();
        let response = answer("HTTP/1.1 200 OK\n");
        through(&RequestId, &mut exchange, &response);
        let to_service = id_in(
            &lines(&exchange.to_service, exchange.head).replace("x-corr", "X-Corr"),
            "X-Correlation-ID",
        );
        assert_eq!(to_service == value, kept, "{value}");
        assert_eq!(id_in(&lines(&exchange.to_client, response.view()), "X-Correlation-ID"), to_service);
    }
}

#[test]
fn an_answer_to_a_request_that_never_entered_has_ids() {
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a.example\n");
    let mut exchange = fixture.exchange();
    let response = answer("HTTP/1.1 400 Bad Request\n");
    RequestId.leave(
        (),
        &mut exchange,
        &Response { head: response.view(), from: sekisho_exchange::Answerer::Gateway },
    );
    let sent = lines(&exchange.to_client, response.view());
    assert_eq!(id_in(&sent, "X-Request-ID"), exchange.ids.as_ref().unwrap().request.as_str());
    assert_eq!(id_in(&sent, "X-Correlation-ID").len(), 36);
}
