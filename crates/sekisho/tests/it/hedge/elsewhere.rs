//! Races over TLS, and ones that a reload falls into.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::{Held, wait_done, wait_outcome};
use crate::harness::certificates::Authority;
use crate::harness::{Ends, Gateway, TlsService, ok, tls_config, until};

#[test]
fn over_tls_the_quicker_of_two_endpoints_answers_as_well() {
    let authority = Authority::new("the services' authority");
    let config = || tls_config(&authority.certify(&["127.0.0.1"]), rustls::ALL_VERSIONS, None);
    let over = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&over);
    let slow = TlsService::with(config(), move |mut conn| {
        if conn.next_head().is_some() {
            until("the end of the test", || ends.load(SeqCst).then_some(()));
            conn.write(ok("text/plain", "slow"));
        }
    });
    let good = TlsService::with(config(), |mut conn| {
        while conn.next_head().is_some() {
            conn.write(ok("text/plain", "good"));
        }
    });
    let _ends = Ends(&over);
    let gateway = Gateway::start_with(
        &format!(
            "workers: 1\nservices:\n  s:\n    endpoints: ['https://{}', 'https://{}']\n    outlier: off\n    retry: off\n    \
             tls: {{ ca: ca.pem }}\n    hedge: {{ after: 20ms, budget: 100% }}\n\
             routes: [{{ path: /*, service: s, public: true }}]",
            slow.addr, good.addr
        ),
        &[],
        &[("ca.pem", &authority.pem())],
    );
    let mut won = 0;
    // The good one is the first every other time.
    while slow.seen().len() < 3 {
        let before = slow.seen().len();
        assert_eq!(gateway.get("/").text(), "good");
        won += slow.seen().len() - before;
    }
    wait_outcome(&gateway, "won", won);
    let labels = [("service", "s"), ("endpoint", &*slow.addr.to_string())];
    gateway.wait_metric("gateway_endpoint_requests_in_flight", &labels, 0.0);
}

#[test]
fn a_race_goes_on_across_a_reload_that_knows_neither_of_the_two() {
    let (slow, other) = (Held::answering("slow"), Held::answering("other"));
    let config = |endpoints: &str, hedge: &str| {
        format!(
            "workers: 1\nservices:\n  s: {{ endpoints: [{endpoints}], outlier: off, retry: off, hedge: {hedge} }}\n\
             routes: [{{ path: /*, service: s, public: true }}]"
        )
    };
    let both = format!("{}, {}", slow.service.url(), other.service.url());
    let gateway = Gateway::start(&config(&both, "{ after: 20ms }"));
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    slow.service.wait_seen(1);
    other.service.wait_seen(1);
    let third = super::quick("third");
    gateway.reconfigure(&config(&third.url(), "{ after: 30s }"));
    assert_eq!(gateway.get("/").text(), "third");
    other.let_go();
    let answer = client.answer();
    assert_eq!((answer.status, answer.text().as_str()), (200, "other"));
    assert_eq!(gateway.wait_log_of(&answer)["attempts"], 2);
    slow.wait_left(1);
    wait_outcome(&gateway, "won", 1);
    // Whoever is asked again has nothing left to do.
    gateway.reconfigure(&config(&both, "{ after: 30s }"));
    wait_done(&gateway, &slow.service);
    wait_done(&gateway, &other.service);
}
