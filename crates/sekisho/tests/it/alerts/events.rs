//! What happens, and what a receiver hears of it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sekisho_units::Clock;
use serde_json::json;
use sha2::Sha256;

use super::{Receiver, about, config, document, order, said, wait_count, wait_said, well};
use crate::breaker::Moody;
use crate::harness::certificates::Authority;
use crate::harness::{Gateway, Request, Service, TlsService, ok, tls_config, until};
use crate::redis_server::RedisServer;

/// What a receiver does: computes the signature anew, and looks whether it is of now.
#[track_caller]
fn verify(request: &Request, secret: &str) {
    let header = request.header("x-sekisho-signature").expect("it is signed");
    let (time, signature) = header.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let now = Clock::system().wall().as_secs();
    assert!(now.abs_diff(time.parse().unwrap()) < 60, "{header}");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(&request.body);
    let want: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signature, want);
}

#[test]
fn a_breaker_that_opens_and_closes_is_told_twice_and_signed() {
    let (moody, receiver) = (Moody::new(0), Receiver::new());
    let entry =
        format!("  - {{ webhook: '{}', secret: '${{SECRET}}', headers: {{ X-Team: ops }} }}", receiver.url());
    let gateway = Gateway::start_with(&config(&moody.service, &entry), &[("SECRET", "between us")], &[]);
    for _ in 0..4 {
        assert_eq!(gateway.get("/").code(), "BAD_GATEWAY");
    }
    receiver.heard(1);
    moody.turns(200);
    until("it to close", || (gateway.get("/").status == 200).then_some(()));
    let heard = receiver.heard(2);
    for request in &heard {
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/hook"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("x-team"), Some("ops"));
        verify(request, "between us");
    }
    let told: Vec<_> = heard.iter().map(document).collect();
    assert_eq!(about(&told[0]), ("circuit_breaker_opened", "up"));
    assert_eq!(about(&told[1]), ("circuit_breaker_closed", "up"));
    let (opened, closed) = (&told[0], &told[1]);
    assert_eq!((&opened["severity"], &closed["severity"]), (&json!("critical"), &json!("info")));
    assert_eq!((&opened["count"], &opened["message"]), (&json!(1), &json!("`up` is not asked any more")));
    assert_ne!(opened["id"], closed["id"]);
    assert_eq!(opened["id"].as_str().unwrap().len(), 36);
    assert_eq!(opened["timestamp"].as_str().unwrap().len(), "2026-01-01T00:00:00.000Z".len());
    let text = opened["text"].as_str().unwrap();
    assert!(text.ends_with("] circuit_breaker_opened: `up` is not asked any more"), "{text}");
    assert!(!opened["gateway"].as_str().unwrap().is_empty());
    wait_said(&gateway, "sekisho: circuit_breaker_opened: `up` is not asked any more");
    wait_said(&gateway, "sekisho: circuit_breaker_half_opened: `up` is tried again");
    wait_said(&gateway, "sekisho: circuit_breaker_closed: `up` is asked again");
    wait_count(&gateway, "sent", 2.0);
}

#[test]
fn a_channel_is_told_only_what_it_asks_for() {
    let (service, all, closed) = (well(), Receiver::new(), Receiver::new());
    let entries = format!(
        "  - webhook: {}\n  - webhook: {}\n    on: [circuit_breaker_closed]",
        all.url(),
        closed.url()
    );
    let gateway = Gateway::start(&config(&service, &entries));
    order(&gateway, "open");
    order(&gateway, "close");
    assert_eq!(
        all.told(2).iter().map(about).map(|(event, _)| event).collect::<Vec<_>>(),
        ["circuit_breaker_opened", "circuit_breaker_closed"]
    );
    assert_eq!(about(&closed.told(1)[0]).0, "circuit_breaker_closed");
}

#[test]
fn a_room_is_told_in_one_text() {
    let (service, receiver) = (well(), Receiver::new());
    let gateway =
        Gateway::start(&config(&service, &format!("  - {{ webhook: '{}', format: slack }}", receiver.url())));
    order(&gateway, "open");
    let told = receiver.told(1);
    let (members, text) = (told[0].as_object().unwrap().len(), told[0]["text"].as_str().unwrap());
    assert!(members == 1 && text.ends_with("circuit_breaker_opened: `up` is not asked any more"), "{told:?}");
    assert_eq!(receiver.heard(1)[0].header("x-sekisho-signature"), None);
}

#[test]
fn a_store_that_is_killed_and_started_again_is_told() {
    let (service, receiver, mut server) = (Service::echo(), Receiver::new(), RedisServer::start());
    let gateway = Gateway::start(&format!(
        "store: {{ url: '{}', timeout: 5s }}\nalerts: [{{ webhook: '{}' }}]\nservices: {{ a: {{ endpoints: [{}] }} }}\n\
         routes: [{{ path: /*, service: a, public: true, policies: {{ rate_limit: {{ rate: 100000/h }} }} }}]",
        server.url(),
        receiver.url(),
        service.url()
    ));
    let by_server = || gateway.metric_where("gateway_store_decisions_total", &[("by", "shared")]) > 0.0;
    until("a decision of the server", || (gateway.get("/").status == 200 && by_server()).then_some(()));
    server.kill();
    until("it to be noticed", || {
        gateway.get("/");
        (!said(&gateway, "store_away").is_empty()).then_some(())
    });
    let told = receiver.told(1);
    assert_eq!((about(&told[0]).0, &told[0]["severity"]), ("store_away", &json!("warning")));
    assert_eq!(told[0]["store"], server.url());
    server.restart();
    until("it to be there again", || {
        gateway.get("/");
        (!said(&gateway, "store_back").is_empty()).then_some(())
    });
    assert_eq!(about(&receiver.told(2)[1]).0, "store_back");
}

#[test]
fn keys_that_cannot_be_fetched_are_told_where_that_is_asked_for() {
    let (service, receiver) = (well(), Receiver::new());
    let issuer = Service::fixed("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    let gateway = Gateway::start(&format!(
        "alerts: [{{ webhook: '{}', on: [jwks_failed] }}]\nservices: {{ a: {{ endpoints: [{}] }} }}\n\
         routes: [{{ path: /*, service: a, policies: {{ jwt: {{ jwks: '{}/keys?token=s3cret', algorithms: [ES256] }} }} }}]",
        receiver.url(),
        service.url(),
        issuer.url()
    ));
    let told = receiver.told(1);
    assert_eq!(about(&told[0]).0, "jwks_failed");
    assert_eq!(told[0]["dependency"], format!("{}/keys", issuer.url()));
    assert!(!told[0].to_string().contains("s3cret"), "{}", told[0]);
    wait_said(&gateway, "jwks_failed: no keys from");
}

#[test]
fn a_receiver_with_an_authority_of_its_own_is_told_where_that_is_named_and_is_shown_our_certificate() {
    let (authority, clients) = (Authority::new("the receiver's authority"), Authority::new("the gateways'"));
    let (other, ours) = (Authority::new("the receiver's authority"), clients.certify(&["gateway.test"]));
    let own = tls_config(&authority.certify(&["127.0.0.1"]), rustls::ALL_VERSIONS, Some(&clients));
    let receiver = TlsService::with(own, |mut conn| {
        while conn.next_head().is_some() {
            conn.read_body();
            conn.write(ok("text/plain", "heard"));
        }
    });
    let (right, wrong) = (authority.pem(), other.pem());
    let files: [(&str, &str); 5] = [
        ("ca.pem", &right),
        ("other.pem", &wrong),
        ("empty.pem", ""),
        ("own.pem", &ours.certificate),
        ("own.key", &ours.key),
    ];
    let entry = |ca: &str, more: &str| {
        format!("  - {{ webhook: https://{}/hook, retries: 0, tls: {{ ca: {ca}{more} }} }}", receiver.addr)
    };
    let (service, pair) = (well(), ", certificate: own.pem, key: own.key");
    let gateway = Gateway::start_with(&config(&service, &entry("other.pem", pair)), &[], &files);
    order(&gateway, "open");
    wait_count(&gateway, "failed", 1.0);
    wait_said(&gateway, "alert_failed");
    assert!(receiver.seen().is_empty(), "a stranger is told nothing");
    // Another file, and another channel.
    gateway.reconfigure(&config(&service, &entry("ca.pem", pair)));
    order(&gateway, "close");
    wait_count(&gateway, "sent", 1.0);
    assert_eq!(about(&document(&receiver.seen()[0])).0, "circuit_breaker_closed");
    let greeting = (0..).map(|number| receiver.wait_greeting(number)).find(|one| one.error.is_none());
    assert!(greeting.unwrap().certified);
    gateway.reconfigure(&config(&service, &entry("ca.pem", "")));
    order(&gateway, "open");
    until("a second failure", || (said(&gateway, "alert_failed").len() == 2).then_some(()));
    assert_eq!(receiver.seen().len(), 1);
    gateway.configure(&config(&service, &entry("empty.pem", ", key: own.key")));
    let (status, report) = gateway.reload();
    assert_eq!(status, 422);
    for want in ["alerts[0].tls.ca: ", "alerts[0].tls.key: there is no certificate for it"] {
        assert!(report.to_string().contains(want), "{want}: {report:#}");
    }
    let report =
        gateway.reconfigure(&config(&service, "  - { webhook: 'http://127.0.0.1:1/', tls: { ca: ca.pem } }"));
    let warning = "alerts[0].tls: the webhook is not told over TLS";
    assert!(report.to_string().contains(warning), "{report:#}");
}

#[test]
fn a_receiver_is_told_over_tls() {
    let authority = Authority::new("the receiver's authority");
    let receiver = TlsService::echo(&authority.certify(&["127.0.0.1"]));
    let service = well();
    let dir = crate::harness::temp_dir();
    let file = dir.join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let env = [("SSL_CERT_FILE", file.to_str().unwrap()), ("SSL_CERT_DIR", "")];
    let entry = format!("  - webhook: https://{}/hook", receiver.addr);
    let gateway = Gateway::start_with(&config(&service, &entry), &env, &[]);
    order(&gateway, "open");
    wait_count(&gateway, "sent", 1.0);
    std::fs::remove_dir_all(&dir).unwrap();
}
