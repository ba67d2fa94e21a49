//! Counts in the process: exact at any parallelism, and not forgotten by a reload.

use super::{config, crowd, gateway};
use crate::harness::{Service, until};

#[test]
fn of_200_requests_at_once_exactly_100_pass() {
    let service = Service::echo();
    for algorithm in ["sliding_window", "token_bucket", "fixed_window"] {
        let policies = format!("rate_limit: {{ rate: 100/h, algorithm: {algorithm} }}");
        // A bucket leaks one in 36 seconds, which no crowd takes.
        let gateway = gateway(&service, &policies, "workers: 2");
        assert_eq!(crowd(&[&gateway], 200), 100, "{algorithm}");
    }
}

#[test]
fn counts_go_on_over_reloads() {
    let service = Service::echo();
    let limit =
        |rate: &str, more: &str| config(&service, &format!("rate_limit: {{ rate: {rate}{more} }}"), "");
    let gateway = gateway(&service, "rate_limit: { rate: 3/h, algorithm: fixed_window }", "");
    let left = || {
        let answer = gateway.get("/");
        (answer.status, answer.header("ratelimit-remaining").unwrap_or_default().to_owned())
    };
    assert_eq!([left(), left()], [(200, "2".to_owned()), (200, "1".to_owned())]);
    gateway.reconfigure(&limit("3/h", ", algorithm: fixed_window, headers: draft6"));
    assert_eq!([left(), left()], [(200, "0".to_owned()), (429, "0".to_owned())]);
    gateway.reconfigure(&limit("5/h", ", algorithm: fixed_window"));
    assert_eq!(left(), (200, "1".to_owned()), "three of five are used");
    gateway.reconfigure(&config(&service, "", ""));
    assert_eq!(gateway.get("/").header("ratelimit-limit"), None);
    gateway.reconfigure(&limit("5/h", ", algorithm: fixed_window"));
    assert_eq!(left(), (200, "0".to_owned()), "the store outlives a policy that is taken away for a while");
    gateway.wait_metric("gateway_store_entries", &[], 1.0);
}

#[test]
fn a_window_that_is_over_lets_requests_pass_again_when_it_was_said() {
    let service = Service::echo();
    let gateway = gateway(&service, "rate_limit: { rate: 1/s, algorithm: fixed_window }", "");
    let began = std::time::Instant::now();
    assert_eq!(gateway.get("/").status, 200);
    until("a second request to pass", || {
        let answer = gateway.get("/");
        if answer.status == 429 {
            assert_eq!(
                (answer.header("retry-after"), &answer.json()["retryAfter"]),
                (Some("1"), &"1 second".into())
            );
        }
        (answer.status == 200).then_some(())
    });
    assert!(began.elapsed().as_millis() >= 990, "{:?}", began.elapsed());
}
