//! What operators see of alerts, and what nobody does.

use super::{Receiver, config, order, said, wait_count, wait_said, well};
use crate::harness::{Client, Gateway, binary};

#[test]
fn a_test_goes_to_everybody_and_shows_in_the_list() {
    let (service, receiver) = (well(), Receiver::new());
    let entries = format!(
        "  - {{ name: ops, webhook: '{}', on: [store_back] }}\n  - {{ name: log, command: ['true'] }}",
        receiver.url()
    );
    let gateway = Gateway::start(&config(&service, &entries));
    let answer = gateway.admin_post("/api/alerts/test");
    assert_eq!(answer.status, 202, "{}", answer.text());
    let told = receiver.told(1);
    assert_eq!((&told[0]["event"], &told[0]["severity"]), (&"test".into(), &"info".into()));
    assert_eq!(answer.json()["alerts"][0]["id"], told[0]["id"]);
    assert_eq!(answer.json()["alerts"][1]["channel"], "log");
    wait_count(&gateway, "sent", 2.0);
    let document = gateway.admin_get("/api/alerts").json();
    assert_eq!(document["alerts"].as_array().unwrap().len(), 2);
    assert_eq!(document["channels"][0]["on"], serde_json::json!(["store_back"]));
    assert_eq!(gateway.admin_get("/api/alerts/test").status, 405);
    let mut client = Client::connect(gateway.admin);
    client.send("POST /api/alerts/test HTTP/1.1\r\nHost: a\r\nOrigin: http://elsewhere.test\r\n\r\n");
    assert_eq!(client.answer().status, 403, "a page of another site may not");
}

#[test]
fn secrets_show_nowhere() {
    let service = well();
    let receiver = Receiver::saying(&[500, 500]);
    let entries = format!(
        "  - {{ webhook: '{}/s3cret-path?token=s3cret-query', secret: '${{SECRET}}', headers: {{ Authorization: 'Bearer s3cret-header' }}, \
         retries: 1, backoff: 1ms }}\n  - {{ command: ['false', s3cret-word] }}",
        receiver.service.url()
    );
    let gateway = Gateway::start_with(&config(&service, &entries), &[("SECRET", "s3cret-key")], &[]);
    order(&gateway, "open");
    wait_count(&gateway, "failed", 2.0);
    let heard = receiver.heard(2);
    assert_eq!(heard[0].target, "/s3cret-path?token=s3cret-query");
    assert_eq!(heard[0].header("authorization"), Some("Bearer s3cret-header"));
    wait_said(&gateway, "alert_failed");
    gateway.configure(&config(&service, &entries.replace("retries: 1", "retries: 99")));
    let (status, report) = gateway.reload();
    assert_eq!(status, 422, "{report:#}");
    let pages =
        ["/api/alerts", "/metrics", "/api/plan", "/api/reload"].map(|path| gateway.admin_get(path).text());
    let output =
        binary().args(["check", "-c"]).arg(gateway.config()).env("SECRET", "s3cret-key").output().unwrap();
    let texts = [
        pages.concat(),
        gateway.stderr.all().join("\n"),
        report.to_string(),
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
    ];
    for text in &texts {
        assert!(!text.contains("s3cret"), "{text}");
    }
    assert!(
        texts[3].contains("retries: later alerts would wait for this one for hours; write 0 to 20"),
        "{}",
        texts[3]
    );
    assert_eq!(said(&gateway, "panicked").len(), 0);
}
