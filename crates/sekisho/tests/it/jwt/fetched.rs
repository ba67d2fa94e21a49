//! Keys that an issuer publishes: fetched once for all, renewed, and kept when it fails.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use super::signer::{Signer, set};
use super::{ask, config, gateway, refused};
use crate::access::assert_problem;
use crate::harness::certificates::Authority;
use crate::harness::{Client, Conn, Gateway, Service, TlsService, ok, temp_dir, tls_config, until};

/// What the issuer does with whoever asks for its keys.
#[derive(Clone)]
enum Does {
    Tell(String),
    Answer(&'static str),
    HangUp,
    /// Goes on and on.
    Flood,
    /// Says nothing until it does something else.
    Hold,
}

/// An issuer that publishes its keys.
struct Issuer {
    service: Service,
    does: Arc<(Mutex<Does>, Condvar)>,
    flooded: Arc<AtomicUsize>,
}

impl Issuer {
    fn new(does: Does) -> Self {
        let does = Arc::new((Mutex::new(does), Condvar::new()));
        let flooded = Arc::new(AtomicUsize::new(0));
        let (acts, counts) = (Arc::clone(&does), Arc::clone(&flooded));
        let service = Service::raw(move |conn| serve(conn, &acts, &counts));
        Self { service, does, flooded }
    }

    fn telling(signers: &[&Signer]) -> Self {
        Self::new(Does::Tell(set(signers)))
    }

    fn now(&self, does: Does) {
        *self.does.0.lock().unwrap() = does;
        self.does.1.notify_all();
    }

    /// Settings of `jwt` that fetch from it.
    fn jwt(&self, more: &str) -> String {
        format!("jwks: '{}/keys?secret=s3cret', algorithms: [RS256, ES256, EdDSA]{more}", self.service.url())
    }
}

fn serve(mut conn: Conn, does: &(Mutex<Does>, Condvar), flooded: &AtomicUsize) {
    while conn.next_head().is_some() {
        let held = does.1.wait_while(does.0.lock().unwrap(), |does| matches!(does, Does::Hold)).unwrap();
        let now = held.clone();
        drop(held);
        match now {
            Does::Tell(text) => conn.write(ok("application/json", text)),
            Does::Answer(text) => conn.write(text),
            Does::HangUp | Does::Hold => return,
            Does::Flood => {
                conn.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                let piece = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
                let pieces = (0..1_600).take_while(|_| conn.write(&piece)).count();
                flooded.fetch_max(pieces * 0x1_0000, SeqCst);
                return;
            }
        };
    }
}

fn fetches(gateway: &Gateway, result: &str) -> f64 {
    gateway.metric_where("gateway_jwks_fetches_total", &[("result", result)])
}

/// The refusal of whoever cannot be verified since there are no keys.
#[track_caller]
fn assert_keyless(answer: &crate::harness::Answer) {
    let row = (503, "DEPENDENCY_UNAVAILABLE", "A service that this request needs is unavailable");
    let problem = answer.json();
    let problem = assert_problem(answer, (row.0, row.1, problem["error"].as_str().unwrap()), &["dependency"]);
    assert_eq!(problem["dependency"], "jwks");
}

#[test]
fn a_new_key_is_fetched_when_a_token_names_it_and_an_old_one_is_forgotten() {
    let service = Service::echo();
    let (old, new) = (Signer::ec("old"), Signer::ed("new"));
    let issuer = Issuer::telling(&[&old]);
    let gateway = gateway(&service, &issuer.jwt(""));
    let token = old.token(&json!({}));
    assert_eq!((ask(&gateway, &token).status, ask(&gateway, &token).status), (200, 200));
    assert_eq!(issuer.service.requests(), 1, "{:?} {:?}", issuer.service.seen(), gateway.stderr.all());
    until("the keys to be counted", || (gateway.metric("gateway_jwks_keys{") == 1.0).then_some(()));
    issuer.now(Does::Tell(set(&[&new])));
    assert_eq!(ask(&gateway, &token).status, 200, "nobody has said yet that the old one is gone");
    assert_eq!(ask(&gateway, &new.token(&json!({}))).status, 200);
    assert_eq!(issuer.service.requests(), 2);
    let gone = ask(&gateway, &token);
    assert_eq!(refused(&gateway, &gone), "unknown_key", "remembered or not");
    // Whoever makes up key ids does not make us fetch for each.
    let strangers = ["x", "y", "z"].map(|kid| ask(&gateway, &Signer::ec(kid).token(&json!({}))));
    for stranger in &strangers {
        assert_eq!(refused(&gateway, stranger), "unknown_key");
    }
    assert_eq!(issuer.service.requests(), 2);
    assert!(!gateway.admin_get("/metrics").text().contains("s3cret"), "a URL's query may be a secret");
}

#[test]
fn however_many_wait_for_the_first_keys_there_is_one_fetch() {
    let service = Service::echo();
    let signer = Signer::ec("k");
    let issuer = Issuer::new(Does::Hold);
    let gateway = Gateway::start(&format!("workers: 2\n{}", config(&service, &issuer.jwt(""))));
    let token = signer.token(&json!({}));
    let mut clients: Vec<_> = (0..20)
        .map(|_| {
            let mut client = Client::connect(gateway.addr);
            client.send(super::request(&format!("Authorization: Bearer {token}\r\n")));
            client
        })
        .collect();
    gateway.wait_metric("http_server_active_requests", &[], 20.0);
    assert_eq!(service.requests(), 0);
    issuer.now(Does::Tell(set(&[&signer])));
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!((issuer.service.requests(), service.requests()), (1, 20));
}

#[test]
fn with_the_issuer_down_at_the_start_nobody_passes_until_it_is_back() {
    let service = Service::echo();
    let signer = Signer::ec("k");
    for down in
        [Does::HangUp, Does::Answer("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), Does::Tell("{}".into())]
    {
        let issuer = Issuer::new(down);
        let gateway = gateway(&service, &issuer.jwt(""));
        let token = signer.token(&json!({}));
        until("a fetch to fail", || (fetches(&gateway, "failed") > 0.0).then_some(()));
        assert_keyless(&ask(&gateway, &token));
        issuer.now(Does::Tell(set(&[&signer])));
        until("the keys to come by themselves", || (ask(&gateway, &token).status == 200).then_some(()));
        // A line is written beside what it tells of: the keys may be here first.
        for words in ["jwks_failed: no keys from `http://", "jwks_fetched: 1 keys"] {
            let told = gateway.stderr.find(|line| line.contains(words).then_some(()));
            assert!(told.is_some(), "{words}: {:?}", gateway.stderr.all());
        }
        let told = gateway.stderr.all().join("\n");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn with_the_issuer_down_or_mad_later_the_last_good_keys_stay() {
    let service = Service::echo();
    let signer = Signer::rsa("k");
    let issuer = Issuer::telling(&[&signer]);
    let gateway = gateway(&service, &issuer.jwt(", refresh: 50ms, timeout: 1s, remember: off"));
    let token = signer.token(&json!({}));
    assert_eq!(ask(&gateway, &token).status, 200);
    let secret = r#"{"keys":[{"kty":"oct","kid":"k","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U"}]}"#;
    for mad in [
        Does::HangUp,
        Does::Answer("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
        Does::Answer("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
        Does::Answer("nonsense\r\n\r\n"),
        Does::Tell("<html>sign in</html>".into()),
        Does::Tell(r#"{"keys":[]}"#.into()),
        Does::Tell(r#"{"keys":[{"kty":"RSA","kid":"k","n":"AQ","e":"Aw"}]}"#.into()),
        Does::Tell(secret.into()),
        Does::Flood,
    ] {
        let failed = fetches(&gateway, "failed");
        issuer.now(mad);
        until("it to fail", || (fetches(&gateway, "failed") > failed + 1.0).then_some(()));
        assert_eq!(ask(&gateway, &token).status, 200);
    }
    assert!(issuer.flooded.load(SeqCst) < 16_000_000, "whoever sends 100 MB is not read to the end");
    assert!(gateway.peak_kb() < 100_000, "{} KiB", gateway.peak_kb());
    let next = Signer::ec("next");
    issuer.now(Does::Tell(set(&[&next])));
    until("the next keys", || (ask(&gateway, &next.token(&json!({}))).status == 200).then_some(()));
    assert_eq!(refused(&gateway, &ask(&gateway, &token)), "unknown_key");
}

#[test]
fn an_issuer_that_never_answers_holds_a_request_for_no_longer_than_the_timeout() {
    let service = Service::echo();
    let issuer = Issuer::new(Does::Hold);
    let gateway = gateway(&service, &issuer.jwt(", timeout: 300ms"));
    assert_keyless(&ask(&gateway, &Signer::ec("k").token(&json!({}))));
    issuer.now(Does::HangUp);
}

#[test]
fn metadata_tells_where_the_keys_are() {
    let service = Service::echo();
    let signer = Signer::ec("k");
    let keys = Issuer::telling(&[&signer]);
    let metadata = Issuer::new(Does::Hold);
    let url = metadata.service.url();
    let tell = |issuer: &str| {
        Does::Tell(json!({"issuer": issuer, "jwks_uri": format!("{}/k", keys.service.url())}).to_string())
    };
    let gateway = gateway(&service, &format!("discovery: '{url}', algorithms: [ES256]"));
    let claims = |issuer: &str| -> Value { json!({"iss": issuer}) };
    metadata.now(tell("https://other.test"));
    until("a fetch to fail", || (fetches(&gateway, "failed") > 0.0).then_some(()));
    assert_keyless(&ask(&gateway, &signer.token(&claims(&url))));
    assert_eq!(keys.service.requests(), 0, "nobody is asked whom another issuer names");
    metadata.now(tell(&url));
    until("the keys", || (ask(&gateway, &signer.token(&claims(&url))).status == 200).then_some(()));
    assert_eq!(metadata.service.last().target, "/.well-known/openid-configuration");
    assert_eq!(refused(&gateway, &ask(&gateway, &signer.token(&claims("https://other.test")))), "issuer");
}

#[test]
fn keys_come_over_tls_from_an_issuer_whose_certificate_the_system_trusts_and_from_no_other() {
    let service = Service::echo();
    let (signer, authority, dir) = (Signer::ec("k"), Authority::new("the system's authority"), temp_dir());
    let keys = ok("application/json", set(&[&signer]));
    let own = tls_config(&authority.certify(&["127.0.0.1"]), rustls::ALL_VERSIONS, None);
    let issuer = TlsService::with(own, move |mut conn| {
        while conn.next_head().is_some() {
            conn.write(&keys);
        }
    });
    let url = format!("https://{}/keys?v=1", issuer.addr);
    for (trusted, good) in [(&authority, true), (&Authority::new("the system's authority"), false)] {
        let file = dir.join("trusted.pem");
        std::fs::write(&file, trusted.pem()).unwrap();
        let env = [("SSL_CERT_FILE", file.to_str().unwrap()), ("SSL_CERT_DIR", "")];
        let text = config(&service, &format!("jwks: '{url}', algorithms: [ES256]"));
        let gateway = Gateway::start_with(&text, &env, &[]);
        let result = if good { "good" } else { "failed" };
        until("a fetch to end", || (fetches(&gateway, result) > 0.0).then_some(()));
        let answer = ask(&gateway, &signer.token(&json!({})));
        if good {
            assert_eq!((answer.status, service.last().header("x-user-id")), (200, Some("u-1")));
            let asked = &issuer.seen()[0];
            let host = issuer.addr.to_string();
            assert_eq!((asked.target.as_str(), asked.header("host")), ("/keys?v=1", Some(host.as_str())));
        } else {
            assert_keyless(&answer);
            assert_eq!(fetches(&gateway, "good"), 0.0);
        }
    }
    assert_eq!(issuer.seen().len(), 1, "who is not trusted is not asked");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn an_issuer_is_not_taken_for_one_that_differs_by_a_slash() {
    let service = Service::echo();
    let signer = Signer::ec("k");
    let keys = Issuer::telling(&[&signer]);
    let metadata = Issuer::new(Does::Hold);
    let url = metadata.service.url();
    let document = json!({"issuer": url, "jwks_uri": format!("{}/k", keys.service.url())});
    metadata.now(Does::Tell(document.to_string()));
    let issuers =
        format!("issuers: [{{ discovery: '{url}' }}, {{ discovery: '{url}/' }}], algorithms: [ES256]");
    let gateway = gateway(&service, &issuers);
    let token = |issuer: &str| signer.token(&json!({"iss": issuer}));
    assert_eq!(ask(&gateway, &token(&url)).status, 200);
    until("a fetch to fail", || (fetches(&gateway, "failed") > 0.0).then_some(()));
    assert_keyless(&ask(&gateway, &token(&format!("{url}/"))));
}

#[test]
fn a_reload_keeps_the_keys_and_one_without_them_stops_fetching() {
    let service = Service::echo();
    let signer = Signer::ec("k");
    let issuer = Issuer::telling(&[&signer]);
    let gateway = gateway(&service, &issuer.jwt(", refresh: 20ms"));
    assert_eq!(ask(&gateway, &signer.token(&json!({}))).status, 200);
    let good = until("it to be counted", || Some(fetches(&gateway, "good")).filter(|good| *good >= 1.0));
    gateway.reconfigure(&config(&service, &issuer.jwt(", refresh: 20ms, audience: shop")));
    assert!(fetches(&gateway, "good") >= good, "it is still the same source");
    let before = issuer.service.requests();
    until("it to be fetched again", || (issuer.service.requests() > before + 1).then_some(()));
    gateway.reconfigure(&config(&service, super::HS256));
    until("nobody to have a use for the keys", || {
        (gateway.metric("gateway_jwks_fetches_total") == 0.0).then_some(())
    });
    until("the last fetch to be over", || {
        let seen = issuer.service.requests();
        // Other requests go by meanwhile: more time than the keys would have been good for.
        for _ in 0..100 {
            assert_eq!(gateway.get("/").status, 401);
        }
        (issuer.service.requests() == seen).then_some(())
    });
}
