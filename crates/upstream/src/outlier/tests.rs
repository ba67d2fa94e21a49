//! A fleet whose endpoints fail, over time.

use std::sync::{Arc, Mutex};

use sekisho_exchange::{Event, Events};
use sekisho_units::{Problems, Tick};
use sekisho_wire::Limits;

use crate::carry::Carry;
use crate::config::Config;
use crate::failure::Failure;
use crate::fleet::{Asked, Endpoint, Fault};
use crate::prepare::{Files, prepare};
use crate::service::Service;

/// What was told, in order.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Events for Told {
    fn tell(&self, event: Event) {
        let (endpoint, reason) = (event.endpoint().unwrap_or_default(), event.reason().unwrap_or_default());
        self.0.lock().unwrap().push(match &event {
            Event::EndpointDown { .. } => format!("{endpoint} down: {reason}"),
            Event::EndpointUp { .. } => format!("{endpoint} up: {reason}"),
            Event::NoHealthyEndpoint { service } => format!("nobody of {service}"),
            _ => event.to_string(),
        });
    }
}

/// A service that can be told how its tries went.
struct Tried {
    service: Service,
    carry: Arc<Carry>,
    told: Arc<Told>,
}

fn made(text: &str, carry: &Carry) -> Service {
    let mut problems = Problems::new();
    let node = sekisho_yaml::parse("test.yaml", text).unwrap();
    let config =
        sekisho_yaml::read::<Config>(&node, "", &mut problems).unwrap_or_else(|| panic!("{problems}"));
    config.check(&node.place, "", &mut problems);
    assert!(!problems.has_errors(), "{problems}");
    let prepared = prepare(&config, "", Files::none(), &mut problems).unwrap();
    Service::new("up", &config, prepared, carry, Limits::default())
}

/// Endpoints `a`, `b` and so on, with these words.
fn tried(count: usize, words: &str) -> Tried {
    let told = Arc::new(Told::default());
    let carry = Arc::new(Carry::telling(Arc::clone(&told) as Arc<dyn Events>));
    Tried { service: made(&text(count, words), &carry), carry, told }
}

fn text(count: usize, words: &str) -> String {
    let urls: Vec<_> = (0..count).map(|index| format!("http://{}", name(index))).collect();
    format!("{{ endpoints: [{}], {words} }}", urls.join(", "))
}

fn name(index: usize) -> char {
    char::from(b'a' + index as u8)
}

fn at(millis: u64) -> Tick {
    Tick::from_nanos(millis * 1_000_000)
}

impl Tried {
    fn endpoint(&self, index: usize) -> Arc<Endpoint> {
        Arc::clone(&self.service.fleet.endpoints()[index])
    }

    fn fails(&self, index: usize, times: usize, now: u64) {
        let failure = Failure::Unreachable("connection_refused");
        (0..times).for_each(|_| self.service.fleet.heard(&self.endpoint(index), Err(&failure), at(now)));
    }

    fn answers(&self, index: usize, status: u16, times: usize, now: u64) {
        (0..times).for_each(|_| self.service.fleet.heard(&self.endpoint(index), Ok(status), at(now)));
    }

    /// Whom requests reach.
    fn who(&self, now: u64) -> String {
        let asked = |_| Asked { now: at(now), ..Asked::default() };
        let mut who: Vec<_> = (0..50)
            .map(asked)
            .filter_map(|asked| self.service.fleet.pick(&asked))
            .map(|one| one.authority.to_string())
            .collect();
        who.sort();
        who.dedup();
        who.concat()
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.0.lock().unwrap())
    }
}

#[test]
fn five_failures_in_a_row_eject_for_thirty_seconds_unless_said_otherwise() {
    let tried = tried(3, "");
    tried.fails(0, 4, 0);
    tried.answers(0, 503, 1, 0);
    tried.fails(0, 4, 0);
    assert_eq!(tried.who(0), "abc", "any answer ends a row");
    tried.fails(0, 1, 0);
    assert_eq!(tried.who(0), "bc");
    assert_eq!(tried.who(29_999), "bc");
    assert_eq!(tried.who(30_000), "abc");
    assert_eq!(tried.told(), ["a down: consecutive_failures", "a up: ejection_over"]);
    tried.fails(0, 5, 31_000);
    assert_eq!((tried.who(90_999), tried.who(91_000)), ("bc".to_owned(), "abc".to_owned()), "twice as long");
}

#[test]
fn a_failure_of_the_client_or_the_gateway_is_not_the_endpoints() {
    let tried = tried(2, "outlier: { consecutive_failures: 1 }");
    for failure in [Failure::ClientGone, Failure::Overloaded("queue"), Failure::Stopping, Failure::Stale] {
        tried.service.fleet.heard(&tried.endpoint(0), Err(&failure), at(0));
    }
    assert_eq!(tried.who(0), "ab");
    tried.service.fleet.heard(&tried.endpoint(0), Err(&Failure::Slow("first_byte_timeout")), at(0));
    assert_eq!(tried.who(0), "b");
}

#[test]
fn answers_of_500_count_only_where_it_is_said() {
    let without = tried(2, "");
    without.answers(0, 500, 100, 0);
    assert_eq!(without.who(0), "ab");
    let with = tried(2, "outlier: { consecutive_5xx: 3 }");
    with.answers(0, 500, 1, 0);
    with.fails(0, 1, 0);
    assert_eq!(with.who(0), "ab");
    with.answers(0, 502, 1, 0);
    assert_eq!(with.who(0), "b");
}

#[test]
fn neither_the_last_nor_more_than_the_share_is_ejected() {
    let alone = tried(1, "");
    alone.fails(0, 50, 0);
    assert_eq!(alone.who(0), "a");
    let two = tried(2, "outlier: { max_ejected: 100% }");
    two.fails(0, 5, 0);
    two.fails(1, 50, 0);
    assert_eq!(two.who(0), "b", "the last one stays");
    let five = tried(5, "");
    (0..5).for_each(|index| five.fails(index, 5, 0));
    assert_eq!(five.who(0), "cde", "half of five are two");
    let unhealthy = tried(3, "outlier: { max_ejected: 100% }");
    unhealthy.service.fleet.mark(&unhealthy.endpoint(1), Fault::Unhealthy, Some("timeout"), at(0));
    unhealthy.service.fleet.mark(&unhealthy.endpoint(2), Fault::Unhealthy, Some("timeout"), at(0));
    unhealthy.fails(0, 50, 0);
    assert_eq!(unhealthy.who(0), "a", "those that fail their checks are not left either");
}

#[test]
fn an_endpoint_that_fails_half_of_its_tries_is_ejected_by_its_share() {
    let tried = tried(3, "outlier: { success_rate: { below: 85%, volume: 20, window: 10s } }");
    for millis in (0..5_000).step_by(100) {
        for index in 0..3 {
            tried.answers(index, 200, 1, millis);
        }
        tried.answers(0, 500, 1, millis);
        tried.service.fleet.tend(at(millis));
    }
    assert_eq!(tried.who(5_000), "bc");
    assert_eq!(tried.told(), ["a down: success_rate"]);
    for millis in (5_000..40_000).step_by(100) {
        tried.answers(1, 200, 1, millis);
        tried.service.fleet.tend(at(millis));
    }
    assert_eq!(tried.who(40_000), "abc");
    assert_eq!(tried.told(), ["a up: ejection_over"], "also without a request");
}

#[test]
fn an_endpoint_unlike_the_others_is_ejected() {
    let tried = tried(6, "outlier: { success_rate: { below: stdev } }");
    for millis in (0..3_000).step_by(100) {
        for index in 0..6 {
            tried.answers(index, 200, 2, millis);
        }
        tried.answers(3, 503, 1, millis);
        tried.service.fleet.tend(at(millis));
    }
    assert_eq!(tried.who(3_000), "abcef");
}

#[test]
fn what_a_request_of_an_older_configuration_finds_counts_in_the_one_in_force() {
    let tried = tried(2, "");
    let new = made(&text(2, "retry: off"), &tried.carry);
    new.settle();
    tried.fails(0, 5, 0);
    let picked = |now| {
        let mut all: Vec<_> = (0..10)
            .map(|_| {
                new.fleet.pick(&Asked { now: at(now), ..Asked::default() }).unwrap().authority.to_string()
            })
            .collect();
        all.sort();
        all.dedup();
        all
    };
    assert_eq!(picked(1), ["b"]);
    assert_eq!(picked(30_000), ["a", "b"]);
    tried.fails(0, 5, 40_000);
    let without = made(&text(2, "outlier: off"), &tried.carry);
    without.settle();
    tried.carry.places();
    assert!(without.fleet.pick(&Asked { now: at(40_001), ..Asked::default() }).is_some());
    assert!(
        without.fleet.endpoints().iter().all(|endpoint| endpoint.is_available()),
        "nobody is ejected any more"
    );
}

#[test]
fn operators_learn_when_the_last_one_is_gone() {
    let tried = tried(2, "");
    let fleet = &tried.service.fleet;
    fleet.mark(&tried.endpoint(0), Fault::Unhealthy, Some("timeout"), at(0));
    fleet.mark(&tried.endpoint(1), Fault::Unhealthy, Some("connection_refused"), at(0));
    fleet.mark(&tried.endpoint(1), Fault::Drained, Some("drained"), at(0));
    assert_eq!(tried.told(), ["a down: timeout", "b down: connection_refused", "nobody of up"]);
    assert!(fleet.panics());
    assert_eq!(tried.who(1), "ab", "then all are asked again");
    fleet.mark(&tried.endpoint(0), Fault::Unhealthy, None, at(2));
    assert_eq!((tried.told(), tried.who(2)), (vec!["a up: health_check".to_owned()], "a".to_owned()));
}
