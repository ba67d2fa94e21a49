//! Deadlines that others tell the gateway: believed from trusted proxies where they shorten the time, and from nobody else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sekisho_units::Wall;

use crate::front::{assert_problem, gateway};
use crate::harness::{Answer, Gateway, Service};

const TRUSTING: &str = "trusted_proxies: [127.0.0.1/32]";

/// The time of day so far from now.
fn later(by: Duration) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Wall::from_millis((now + by).as_millis() as u64).to_string()
}

fn ask(gateway: &Gateway, headers: &str) -> Answer {
    let mut client = gateway.connect();
    client.send(format!("GET /a HTTP/1.1\r\nHost: a\r\n{headers}\r\n"));
    client.answer()
}

/// A service that reads and never answers.
fn hanging() -> Service {
    Service::raw(|mut conn| {
        if conn.next_head().is_some() {
            conn.wait_closed();
        }
    })
}

#[test]
fn a_trusted_proxys_deadline_ends_a_request() {
    let service = hanging();
    let gateway = gateway(service.addr, "timeouts: { first_byte: 1h }, retry: off", TRUSTING);
    let soon = Duration::from_millis(300);
    assert_problem(
        &ask(&gateway, &format!("X-Request-Deadline: {}\r\n", later(soon))),
        504,
        "UPSTREAM_TIMEOUT",
    );
    assert_problem(
        &ask(&gateway, "Content-Type: application/grpc\r\ngrpc-timeout: 300m\r\n"),
        504,
        "UPSTREAM_TIMEOUT",
    );
}

#[test]
fn the_service_is_told_what_the_proxy_has_said() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "", TRUSTING);
    let said = later(Duration::from_secs(60));
    let answer = ask(&gateway, &format!("x-request-deadline: {said}\r\n"));
    assert_eq!(answer.status, 200);
    let seen = service.last();
    let [told] = seen.headers_all("x-request-deadline")[..] else { panic!("{:?}", seen.headers) };
    let millis = |text: &str| Wall::parse_rfc3339(text.as_bytes()).unwrap().as_millis();
    // Clocks of the gateway are read at most a tenth of a second ago.
    assert!(millis(told).abs_diff(millis(&said)) <= 200, "{told} for {said}");
    let answer = ask(&gateway, "Content-Type: application/grpc\r\ngrpc-timeout: 5H\r\n");
    assert_eq!(answer.status, 200);
    let seen = service.last();
    let [left] = seen.headers_all("grpc-timeout")[..] else { panic!("{:?}", seen.headers) };
    let left: u64 = left.strip_suffix('m').unwrap().parse().unwrap();
    assert!((17_000_000..=18_000_000).contains(&left), "{left}");
}

#[test]
fn a_deadline_never_gives_more_time_than_the_gateway_does() {
    let service = hanging();
    let gateway = gateway(service.addr, "timeouts: { total: 300ms }", TRUSTING);
    let answer = ask(&gateway, &format!("X-Request-Deadline: {}\r\n", later(Duration::from_secs(3_600))));
    assert_problem(&answer, 504, "UPSTREAM_TIMEOUT");
    let told = service.last().header("x-request-deadline").unwrap().to_owned();
    assert!(told < later(Duration::from_secs(60)), "{told}");
}

#[test]
fn what_is_over_on_arrival_is_not_asked_of_the_service() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "", TRUSTING);
    for headers in [
        "X-Request-Deadline: 1999-01-01T00:00:00Z\r\n",
        "X-Request-Deadline: 1999-01-01T01:00:00+01:00\r\n",
        "Content-Type: application/grpc\r\ngrpc-timeout: 0m\r\n",
    ] {
        assert_problem(&ask(&gateway, headers), 504, "UPSTREAM_TIMEOUT");
    }
    assert_eq!(service.requests(), 0);
    assert_eq!(ask(&gateway, "").status, 200);
}

#[test]
fn what_others_say_counts_for_nothing_and_is_removed() {
    let service = Service::echo();
    let trusting_others = "trusted_proxies: [192.0.2.0/24]";
    for top in ["", trusting_others] {
        let gateway = gateway(service.addr, "", top);
        for headers in [
            "X-Request-Deadline: 1999-01-01T00:00:00Z\r\n",
            "x-request-deadline: 2999-01-01T00:00:00Z\r\n",
            "X_Request_Deadline: 2999-01-01T00:00:00Z\r\n",
            "Content-Type: application/grpc\r\ngrpc-timeout: 0m\r\n",
        ] {
            assert_eq!(ask(&gateway, headers).status, 200, "{headers}");
            let seen = service.last();
            let names = ["x-request-deadline", "x_request_deadline", "grpc-timeout"];
            assert!(names.iter().all(|name| seen.header(name).is_none()), "{:?}", seen.headers);
        }
    }
    let gateway = gateway(service.addr, "deadline_header: X-By", "");
    assert_eq!(ask(&gateway, "X-By: 1999-01-01T00:00:00Z\r\nX_By: 1999-01-01T00:00:00Z\r\n").status, 200);
    let seen = service.last();
    assert!(seen.header("x-by").is_none() && seen.header("x_by").is_none(), "{:?}", seen.headers);
}

#[test]
fn what_is_no_time_is_neither_believed_nor_passed_on() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "", TRUSTING);
    let twice = "X-Request-Deadline: 1999-01-01T00:00:00Z\r\nX-Request-Deadline: 2999-01-01T00:00:00Z\r\n";
    for headers in [
        "X-Request-Deadline: soon\r\n",
        "X-Request-Deadline: 0\r\n",
        "X-Request-Deadline: 1999-02-30T00:00:00Z\r\n",
        "X-Request-Deadline:\r\n",
        twice,
        "Content-Type: application/grpc\r\ngrpc-timeout: 1999\r\n",
    ] {
        assert_eq!(ask(&gateway, headers).status, 200, "{headers}");
        let seen = service.last();
        let names = ["x-request-deadline", "grpc-timeout"];
        assert!(names.iter().all(|name| seen.header(name).is_none()), "{:?}", seen.headers);
    }
}

#[test]
fn with_off_it_is_a_header_like_any_other() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "deadline_header: off", TRUSTING);
    assert_eq!(ask(&gateway, "X-Request-Deadline: 1999-01-01T00:00:00Z\r\n").status, 200);
    assert_eq!(service.last().header("x-request-deadline"), Some("1999-01-01T00:00:00Z"));
}
