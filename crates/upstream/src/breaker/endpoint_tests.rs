//! Breakers of endpoints: who is asked, who is not, and who is tried, over time.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use sekisho_exchange::{Event, Events, Local};
use sekisho_units::{Clock, Problems, Tick};
use sekisho_wire::Limits;

use super::Ticket;
use crate::balance::mixed;
use crate::carry::Carry;
use crate::config::Config;
use crate::failure::Failure;
use crate::fleet::tests::Later;
use crate::fleet::{Asked, Endpoint};
use crate::prepare::{Files, prepare};
use crate::service::Service;

/// What was told, in order.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Events for Told {
    fn tell(&self, event: Event) {
        let endpoint = event.endpoint().unwrap_or_default();
        self.0.lock().unwrap().push(format!("{endpoint} {}", event.name()).trim().to_owned());
    }
}

fn made(words: &str, carry: &Carry) -> Service {
    let text = format!("{{ outlier: off, {words} }}");
    let mut problems = Problems::new();
    let node = sekisho_yaml::parse("test.yaml", &text).unwrap();
    let config =
        sekisho_yaml::read::<Config>(&node, "", &mut problems).unwrap_or_else(|| panic!("{problems}"));
    config.check(&node.place, "", &mut problems);
    assert!(!problems.has_errors(), "{problems}");
    let prepared = prepare(&config, "", Files::none(), &mut problems).unwrap();
    Service::new("up", &config, prepared, carry, Limits::default())
}

fn at(millis: u64) -> Tick {
    Tick::from_nanos(millis * 1_000_000)
}

/// Endpoints `a`, `b` and `c`, of which each opens at its first failure and is tried after a second.
const THREE: &str = "endpoints: [http://a, http://b, http://c], \
                     breaker: { per: endpoint, volume: 1, error_percentage: 0, reset: 1s }";

type Asks = Result<(Arc<Endpoint>, Option<Ticket>), Failure>;

fn asks(service: &Service, now: u64, random: u64) -> Asks {
    let asked = Asked { now: at(now), random: mixed(random), ..Asked::default() };
    service.fleet.admitted(service.fleet.pick(&asked), &asked, &[], at(now))
}

/// Asks until this endpoint is the one, and has it fail.
fn fails(service: &Service, name: &str, now: u64) {
    let found = (0..1_000).find_map(|random| {
        let (endpoint, ticket) = asks(service, now, random).ok()?;
        (*endpoint.authority == *name).then_some((endpoint, ticket))
    });
    let (endpoint, ticket) = found.unwrap_or_else(|| panic!("{name} is not asked"));
    service.fleet.judge(&endpoint, ticket.unwrap(), Err(&Failure::Broke), at(now));
}

/// Whom requests reach that all go well.
fn who(service: &Service, now: u64) -> String {
    let asked = (0..50).filter_map(|random| asks(service, now, random).ok());
    let mut who: Vec<_> = asked
        .map(|(endpoint, ticket)| {
            service.fleet.judge(&endpoint, ticket.unwrap(), Ok(200), at(now));
            endpoint.authority.to_string()
        })
        .collect();
    who.sort();
    who.dedup();
    who.concat()
}

/// For how many milliseconds there is no leave.
fn closed_for(asked: Asks) -> u128 {
    match asked {
        Err(Failure::CircuitOpen(after)) => after.as_millis(),
        Err(failure) => panic!("{failure:?}"),
        Ok((endpoint, _)) => panic!("{} was asked", endpoint.authority),
    }
}

#[test]
fn one_that_is_open_is_passed_over_and_tried_when_its_time_has_come() {
    for algorithm in ["weighted_round_robin", "least_requests", "ewma", "random"] {
        let told = Arc::new(Told::default());
        let carry = Carry::telling(Arc::clone(&told) as Arc<dyn Events>);
        let service = made(&format!("{THREE}, balance: {algorithm}"), &carry);
        assert_eq!(who(&service, 0), "abc");
        fails(&service, "b", 100);
        assert_eq!(who(&service, 1_099), "ac", "{algorithm}");
        assert_eq!(who(&service, 1_100), "abc", "{algorithm}");
        assert_eq!(
            *told.0.lock().unwrap(),
            [
                "b circuit_breaker_opened",
                "b endpoint_down",
                "b circuit_breaker_half_opened",
                "b circuit_breaker_closed",
                "b endpoint_up"
            ],
            "{algorithm}"
        );
    }
}

#[test]
fn with_all_of_them_open_the_first_probe_to_come_is_told() {
    let told = Arc::new(Told::default());
    let service = made(THREE, &Carry::telling(Arc::clone(&told) as Arc<dyn Events>));
    for (name, now) in [("a", 0), ("b", 100), ("c", 200)] {
        fails(&service, name, now);
    }
    assert_eq!(told.0.lock().unwrap().last().unwrap(), "no_healthy_endpoint");
    assert_eq!(closed_for(asks(&service, 300, 0)), 700);
    let refused = |index: usize| {
        let endpoints = service.fleet.endpoints();
        endpoints[index].breaker.as_ref().unwrap().breaker.state().refused()
    };
    assert_eq!([refused(0), refused(1), refused(2)], [1, 0, 0]);
    // The probe is out, and nobody else is asked.
    let (endpoint, ticket) = asks(&service, 1_000, 0).ok().unwrap();
    assert_eq!(&*endpoint.authority, "a");
    assert_eq!(closed_for(asks(&service, 1_050, 1)), 50, "b is next");
    service.fleet.judge(&endpoint, ticket.unwrap(), Err(&Failure::Broke), at(1_060));
    assert_eq!(closed_for(asks(&service, 1_060, 2)), 40);
    assert_eq!(who(&service, 1_100), "b");
    assert_eq!(who(&service, 1_250), "bc");
    assert_eq!(who(&service, 2_060), "abc");
}

#[test]
fn any_parallelism_gives_each_its_probes_and_sends_the_rest_elsewhere() {
    for round in 0..20 {
        let service = made(
            "endpoints: [http://a, http://b, http://c], \
             breaker: { per: endpoint, volume: 1, reset: 1s, probes: 2 }",
            &Carry::default(),
        );
        fails(&service, "a", 0);
        fails(&service, "b", 0);
        let counts: Vec<[usize; 3]> = std::thread::scope(|scope| {
            let service = &service;
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    scope.spawn(move || {
                        let mut counts = [0; 3];
                        for number in 0..50 {
                            let random = round * 1_000 + thread * 50 + number;
                            let Ok((endpoint, ticket)) = asks(service, 1_000, random) else {
                                panic!("c is there")
                            };
                            // Nobody has come back yet.
                            std::mem::forget(ticket);
                            counts[usize::from(endpoint.authority.as_bytes()[0] - b'a')] += 1;
                        }
                        counts
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let sum = |index: usize| counts.iter().map(|counts| counts[index]).sum::<usize>();
        assert_eq!((sum(0), sum(1), sum(2)), (2, 2, 396));
    }
}

#[test]
fn where_it_stands_outlives_a_configuration_that_still_wants_it() {
    let carry = Carry::default();
    let before = made(THREE, &carry);
    before.settle();
    fails(&before, "a", 0);
    let after = made(&THREE.replace("reset: 1s", "reset: 9s"), &carry);
    after.settle();
    assert_eq!(who(&after, 500), "bc");
    // What a request of the older configuration finds is known here.
    fails(&before, "b", 600);
    assert_eq!(who(&after, 700), "c");
    assert_eq!(who(&after, 1_000), "ac", "as was said when it opened");
    let without = made("endpoints: [http://a, http://b, http://c]", &carry);
    assert!(without.fleet.pick(&Asked { now: at(1_000), ..Asked::default() }).is_some());
    without.settle();
    assert!(without.fleet.endpoints().iter().all(|endpoint| endpoint.is_available()));
}

#[test]
fn an_operators_word_holds_and_one_that_is_removed_comes_back_as_it_stands() {
    let carry = Carry::default();
    let service = made(THREE, &carry);
    service.settle();
    let a = Arc::clone(&service.fleet.endpoints()[0]);
    service.fleet.hold_open(&a, at(0));
    assert_eq!(who(&service, 1_000_000), "bc");
    let members = |names: &[&str]| -> Vec<_> {
        let config = |name: &&str| crate::fleet::EndpointConfig::at(format!("http://{name}")).unwrap();
        names.iter().map(|name| crate::fleet::Member { config: config(name), tls: None }).collect()
    };
    service.fleet.replace(members(&["b", "c"]), false, at(1_000_001)).unwrap();
    service.fleet.close(&a, at(1_000_002));
    service.fleet.replace(members(&["a", "b", "c"]), false, at(1_000_003)).unwrap();
    assert_eq!(who(&service, 1_000_004), "abc");
}

#[test]
fn where_another_rota_takes_long_to_lay_out_the_breaker_refuses_by_itself_until_that_is_done() {
    let later = Arc::new(Later::default());
    let carry = Carry::default().running(Arc::<Later>::clone(&later));
    let service = made(&format!("{THREE}, balance: {{ algorithm: maglev, key: ip }}"), &carry);
    service.settle();
    let picks_a = || {
        let asked = |random| Asked { now: at(1), random: mixed(random), ..Asked::default() };
        let picked = (0..50).filter_map(|random| service.fleet.pick(&asked(random)));
        picked.filter(|endpoint| &*endpoint.authority == "a").count() > 0
    };
    fails(&service, "a", 0);
    assert!(picks_a(), "the rota is as it was");
    assert_eq!(who(&service, 1), "bc");
    let errand = later.0.lock().unwrap().pop().expect("that is left for others");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(errand(Local::new(0, Clock::system())));
    assert!(!picks_a() && later.0.lock().unwrap().is_empty());
    assert_eq!(who(&service, 1), "bc");
}

proptest! {
    /// Whatever comes: who is open is not asked, probes out are never more than there are, and nobody is refused whom somebody
    /// that is closed could serve.
    #[test]
    fn nobody_is_asked_who_is_open_nor_refused_while_one_is_closed(
        steps in prop::collection::vec((0_u64..400, 0_u8..4, any::<u64>()), 1..300),
        probes in 1_usize..4,
    ) {
        let words = format!(
            "endpoints: [http://a, http://b, http://c], balance: random, \
             breaker: {{ per: endpoint, volume: 1, reset: 1s, error_percentage: 0, probes: {probes} }}"
        );
        let service = made(&words, &Carry::default());
        let mut now = 0;
        let mut under_way: Vec<(Arc<Endpoint>, Option<Ticket>, bool)> = Vec::new();
        for (later, kind, random) in steps {
            now += later;
            if kind < 2 || under_way.is_empty() {
                let closed = service.fleet.endpoints().iter().filter(|endpoint| endpoint.is_available()).count();
                let standing = |endpoint: &Endpoint| {
                    endpoint.breaker.as_ref().unwrap().breaker.standing(at(now))
                };
                let before: Vec<_> = service.fleet.endpoints().iter().map(|one| standing(one)).collect();
                match asks(&service, now, random) {
                    Ok((endpoint, ticket)) => {
                        let index = usize::from(endpoint.authority.as_bytes()[0] - b'a');
                        prop_assert_ne!(before[index], super::Standing::Open);
                        let probe = before[index] == super::Standing::HalfOpen;
                        under_way.push((endpoint, ticket, probe));
                    }
                    Err(Failure::CircuitOpen(after)) => {
                        prop_assert_eq!(closed, 0);
                        prop_assert!(!after.is_zero() && after.as_millis() <= 1_000);
                    }
                    Err(failure) => prop_assert!(false, "{:?}", failure),
                }
                for endpoint in service.fleet.endpoints() {
                    let out = under_way.iter().filter(|(one, ticket, _)| {
                        one.slot() == endpoint.slot()
                            && ticket.as_ref().is_some_and(Ticket::is_of_this_trial)
                    });
                    prop_assert!(out.count() <= probes);
                }
                continue;
            }
            let (endpoint, ticket, _) = under_way.swap_remove(random as usize % under_way.len());
            let result = if kind == 2 { Ok(200) } else { Err(&Failure::Broke) };
            service.fleet.judge(&endpoint, ticket.unwrap(), result, at(now));
        }
    }
}
