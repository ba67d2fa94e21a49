//! The page about services, whole: whatever it says, its head, its body to the byte, and what the log says of it.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier};

use super::assert_head_with;
use crate::faults::before_head::nobody;
use crate::harness::{Answer, Gateway, Service, ok, until};

/// A gateway with these services and this page.
fn start(services: &[(&str, String)], page: &str) -> Gateway {
    let list: Vec<_> =
        services.iter().map(|(name, url)| format!("  {name}: {{ endpoints: ['{url}'] }}\n")).collect();
    Gateway::start(&format!(
        "policies: {{ security_headers: {{}} }}\nhealth: {page}\nservices:\n{}\
         routes: [{{ path: /x, service: {}, public: true }}]",
        list.concat(),
        services[0].0
    ))
}

/// Asserts the whole answer: `services` is that list in JSON.
#[track_caller]
fn assert_page(gateway: &Gateway, answer: &Answer, status: u16, services: &str) {
    let word = if status == 200 { "healthy" } else { "unhealthy" };
    let time = answer.json()["timestamp"].as_str().unwrap_or_default().to_owned();
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z");
    let want = format!(r#"{{"status":"{word}","services":{services},"timestamp":"{time}"}}"#);
    assert_eq!((answer.status, answer.text()), (status, want));
    assert_head_with(answer, word, &[("content-type", "application/json"), ("cache-control", "no-store")]);
    let line = gateway.wait_log_of(answer);
    let said = ["route", "decided_by", "reason", "path"].map(|name| line[name].as_str().unwrap_or_default());
    assert_eq!(said, ["/health", "route", word, "/health"]);
    assert_eq!(line["statusCode"], status);
}

/// As GET is answered, so is HEAD, without the body.
#[track_caller]
fn assert_pages(gateway: &Gateway, status: u16, services: &str) {
    let answer = gateway.get("/health");
    assert_page(gateway, &answer, status, services);
    let head = gateway.request("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((head.status, super::names(&head)), (status, super::names(&answer)));
    assert_eq!(head.header("content-length"), answer.header("content-length"));
}

fn ill() -> Service {
    Service::fixed("HTTP/1.1 418 No\r\nContent-Length: 0\r\n\r\n")
}

#[test]
fn all_are_well() {
    let (one, two) = (Service::echo(), Service::echo());
    let services = [("one", one.url()), ("two", two.url())];
    let rows = r#"[{"name":"one","healthy":true},{"name":"two","healthy":true}]"#;
    assert_pages(&start(&services, "{}"), 200, rows);
    let (one, two) = (one.url(), two.url());
    let rows = format!(
        r#"[{{"name":"two","healthy":true,"url":"{two}"}},{{"name":"one","healthy":true,"url":"{one}"}}]"#
    );
    assert_pages(&start(&services, "{ services: [two, one], expose: true }"), 200, &rows);
}

#[test]
fn some_are_not_well() {
    let (well, ill, (gone, _held)) = (Service::echo(), ill(), nobody());
    let mute = Service::raw(|mut conn| {
        conn.next_head();
        conn.wait_closed();
    });
    let urls = [well.url(), ill.url(), format!("http://{gone}"), mute.url()];
    let names = ["well", "ill", "gone", "mute"];
    let services: Vec<_> = names.into_iter().zip(urls.clone()).collect();
    let rows = names.map(|name| format!(r#"{{"name":"{name}","healthy":{}}}"#, name == "well")).join(",");
    let quiet = start(&services, "{ timeout: 500ms }");
    assert_pages(&quiet, 503, &format!("[{rows}]"));
    let errors = ["", "health_check_status_418", "connection_refused", "timeout"];
    let rows: Vec<_> = (0..4)
        .map(|index| {
            let error = match errors[index] {
                "" => String::new(),
                error => format!(r#","error":"{error}""#),
            };
            let (name, url) = (names[index], &urls[index]);
            format!(r#"{{"name":"{name}","healthy":{},"url":"{url}"{error}}}"#, error.is_empty())
        })
        .collect();
    assert_pages(
        &start(&services, "{ timeout: 500ms, expose: true }"),
        503,
        &format!("[{}]", rows.join(",")),
    );
}

#[test]
fn callers_at_the_same_time_share_the_body_and_each_has_ids_of_its_own() {
    let may = Arc::new(AtomicBool::new(false));
    let goes = Arc::clone(&may);
    let service = Service::answering(move |_| {
        until("the answer to be wanted", || goes.load(SeqCst).then_some(()));
        ok("text/plain", "well")
    });
    let gateway = start(&[("one", service.url())], "{ timeout: 1h }");
    let begin = Barrier::new(9);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let ask = |index: usize| {
            let (gateway, begin) = (&gateway, &begin);
            scope.spawn(move || {
                begin.wait();
                match index % 2 {
                    0 => gateway.get("/health"),
                    _ => gateway.request("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n"),
                }
            })
        };
        let callers: Vec<_> = (0..8).map(ask).collect();
        begin.wait();
        gateway.wait_metric("http_server_active_requests", &[], 8.0);
        gateway.each_worker_answers();
        may.store(true, SeqCst);
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert_eq!(service.requests(), 1);
    for answer in answers.iter().step_by(2) {
        assert_page(&gateway, answer, 200, r#"[{"name":"one","healthy":true}]"#);
        assert_eq!(answer.body, answers[0].body);
    }
    let mut ids: Vec<_> = answers.iter().map(|answer| answer.header("x-request-id").unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}
