//! A fleet over its life.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use sekisho_exchange::{Errand, Errands, Event, Events, Local};
use sekisho_units::{Clock, Problems, Tick};
use sekisho_wire::Limits;

use super::*;
use crate::balance::mixed;
use crate::carry::Carry;
use crate::failure::Failure;
use crate::prepare::{Files, prepare};
use crate::service::Service;

fn fleet_in(text: &str, carry: &Carry) -> Arc<Fleet> {
    let mut problems = Problems::new();
    let node = sekisho_yaml::parse("test.yaml", text).unwrap();
    let config =
        sekisho_yaml::read::<Config>(&node, "", &mut problems).unwrap_or_else(|| panic!("{problems}"));
    let secured = prepare(&config, "", Files::none(), &mut problems).unwrap();
    Service::new("up", &config, secured, carry, Limits::default()).fleet
}

fn fleet(text: &str) -> Arc<Fleet> {
    fleet_in(text, &Carry::default())
}

fn at(millis: u64) -> Tick {
    Tick::from_nanos(millis * 1_000_000)
}

fn asked(now: Tick) -> Asked {
    Asked { now, ..Asked::default() }
}

fn members(names: &[&str]) -> Vec<Member> {
    let config = |name: &&str| EndpointConfig::at(format!("http://{name}")).unwrap();
    names.iter().map(|name| Member { config: config(name), tls: None }).collect()
}

/// How many of 1,000 requests each gets.
fn spread(fleet: &Fleet, now: Tick) -> HashMap<String, u32> {
    let mut got = HashMap::new();
    for turn in 0..1_000 {
        let asked = Asked { random: mixed(turn), ..asked(now) };
        *got.entry(fleet.pick(&asked).unwrap().authority.to_string()).or_default() += 1;
    }
    got
}

fn who(fleet: &Fleet, now: Tick) -> Vec<String> {
    let mut who: Vec<_> = spread(fleet, now).into_keys().collect();
    who.sort();
    who
}

fn endpoint(fleet: &Fleet, name: &str) -> Arc<Endpoint> {
    fleet.endpoints().into_iter().find(|endpoint| *endpoint.authority == *name).unwrap()
}

#[test]
fn endpoints_that_stay_keep_what_they_have_and_those_that_go_retire() {
    let fleet = fleet("endpoints: [http://a, http://b]");
    let (a, b) = (endpoint(&fleet, "a"), endpoint(&fleet, "b"));
    let flight = Flight::begin(Arc::clone(&b));
    let changed = fleet.replace(members(&["b", "c"]), false, at(1)).unwrap();
    assert_eq!(changed, Replaced { added: 1, removed: 1 });
    assert_eq!(who(&fleet, at(1)), ["b", "c"]);
    let now = endpoint(&fleet, "b");
    assert_eq!((now.slot(), now.load().in_flight()), (b.slot(), 1));
    assert!(a.kept.is_retired() && !b.kept.is_retired());
    drop(flight);
    assert_eq!(now.load().in_flight(), 0, "it ended on the endpoint that it had");
    fleet.replace(members(&["a"]), false, at(2)).unwrap();
    assert!(!a.kept.is_retired() && b.kept.is_retired(), "one that comes back is in force again");
}

#[test]
fn an_empty_answer_leaves_those_who_work_unless_it_is_meant() {
    let fleet = fleet("endpoints: [http://a]");
    assert_eq!(fleet.replace(Vec::new(), false, at(1)), Err(Empty));
    assert_eq!(who(&fleet, at(1)), ["a"]);
    assert_eq!(fleet.replace(Vec::new(), true, at(1)), Ok(Replaced { added: 0, removed: 1 }));
    assert!(fleet.pick(&asked(at(1))).is_none() && fleet.pick_other(&asked(at(1)), &[0]).is_none());
}

#[test]
fn who_has_a_fault_is_not_picked_until_all_are_lifted_or_too_few_are_left() {
    let fleet = fleet("{ panic_threshold: 50, endpoints: [http://a, http://b, http://c] }");
    let (a, b) = (endpoint(&fleet, "a"), endpoint(&fleet, "b"));
    assert!(fleet.mark(&a, Fault::Unhealthy, Some("timeout"), at(1)));
    assert!(!fleet.mark(&a, Fault::Ejected, Some("five failures"), at(1)));
    assert_eq!(who(&fleet, at(1)), ["b", "c"]);
    assert!(!fleet.mark(&a, Fault::Unhealthy, None, at(2)));
    assert_eq!(who(&fleet, at(2)), ["b", "c"]);
    let seen = fleet.look(at(2));
    assert_eq!(seen[0].fault, Some((Fault::Ejected, "five failures".into())));
    assert_eq!(seen.iter().map(|seen| seen.picked).collect::<Vec<_>>(), [false, true, true]);
    fleet.mark(&b, Fault::Unhealthy, Some("timeout"), at(3));
    assert!(fleet.panics());
    assert_eq!(who(&fleet, at(3)), ["a", "b", "c"], "one of three is fewer than half");
    fleet.mark(&a, Fault::Ejected, None, at(4));
    assert!(!fleet.panics());
    assert_eq!(who(&fleet, at(4)), ["a", "c"]);
}

#[test]
fn without_a_panic_threshold_nobody_is_asked_who_is_not_available() {
    let fleet = fleet("{ endpoints: [http://a], panic_threshold: 0 }");
    fleet.mark(&endpoint(&fleet, "a"), Fault::Unhealthy, Some("timeout"), at(1));
    assert!(fleet.pick(&asked(at(1))).is_none());
    fleet.mark(&endpoint(&fleet, "a"), Fault::Unhealthy, None, at(1));
    assert_eq!(who(&fleet, at(1)), ["a"]);
}

#[test]
fn one_that_goes_with_a_configuration_and_is_found_again_does_not_retire() {
    let carry = Carry::default();
    let old = fleet_in("endpoints: [http://a, http://b]", &carry);
    old.settle();
    let new = fleet_in("endpoints: [http://a]", &carry);
    new.settle();
    new.succeed(&old);
    let (a, b) = (endpoint(&old, "a"), endpoint(&old, "b"));
    assert!(!a.kept.is_retired() && b.kept.is_retired());
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Relaxed) {
                new.succeed(&old);
            }
        });
        for turn in 0..2_000 {
            new.replace(members(&["a", "b"]), false, at(turn)).unwrap();
            let kept = (0..20).all(|_| !b.kept.is_retired() && !a.kept.is_retired());
            new.replace(members(&["a"]), false, at(turn)).unwrap();
            if !kept {
                over.store(true, Relaxed);
                panic!("it serves, and keeps no connection");
            }
        }
        over.store(true, Relaxed);
    });
}

#[test]
fn health_outlives_a_configuration() {
    let carry = Carry::default();
    let old = fleet_in("endpoints: [http://a, http://b]", &carry);
    let new = fleet_in("endpoints: [http://b, http://a]", &carry);
    old.mark(&endpoint(&old, "a"), Fault::Unhealthy, Some("timeout"), at(1));
    new.settle();
    assert_eq!(who(&new, at(1)), ["b"], "what has happened since it was made counts");
}

#[test]
fn another_try_goes_to_another_endpoint_as_long_as_there_is_one() {
    for balance in ["weighted_round_robin", "random", "least_requests", "{ algorithm: maglev, key: ip }"] {
        let fleet = fleet(&format!(
            "{{ balance: {balance}, endpoints: [{{ url: 'http://a', weight: 1000 }}, http://b, http://c, \
             {{ url: 'http://d', priority: 1 }}] }}"
        ));
        for turn in 0..200 {
            let asked = Asked { random: mixed(turn), key: Some(mixed(!turn)), ..asked(at(1)) };
            let mut tried = vec![fleet.pick(&asked).unwrap().slot()];
            for _ in 0..3 {
                tried.push(fleet.pick_other(&asked, &tried).unwrap().slot());
            }
            assert_eq!(tried.iter().collect::<HashSet<_>>().len(), 4, "{balance}: {tried:?}");
            assert_eq!(tried[3], endpoint(&fleet, "d").slot(), "the next priority comes last");
            assert!(fleet.pick_other(&asked, &tried).is_some(), "rather the same than nobody");
        }
    }
}

#[test]
fn the_share_of_one_that_is_new_or_back_grows_to_its_whole() {
    let fleet = fleet("{ slow_start: 10s, endpoints: [http://a, http://b] }");
    assert_eq!(spread(&fleet, at(0))["b"], 500, "at the start all are new");
    fleet.replace(members(&["a", "b", "c"]), false, at(1_000)).unwrap();
    let mut before = 0;
    for (millis, want) in [(1_000, 48), (6_000, 200), (10_000, 310), (11_000, 333), (90_000, 333)] {
        let got = spread(&fleet, at(millis))["c"];
        assert!((want - 6..=want + 6).contains(&got) && got >= before, "{got} for {want} at {millis}");
        before = got;
    }
    let c = endpoint(&fleet, "c");
    fleet.mark(&c, Fault::Ejected, Some("five failures"), at(100_000));
    fleet.mark(&c, Fault::Ejected, None, at(200_000));
    let got = spread(&fleet, at(200_000))["c"];
    assert!((44..=52).contains(&got), "{got}");
    assert_eq!(fleet.look(at(205_000))[2].share, 50);
}

/// Keeps errands until they are run.
#[derive(Default)]
pub(crate) struct Later(pub(crate) Mutex<Vec<Errand>>);

impl Events for Later {
    fn tell(&self, _: Event) {}
}

impl Errands for Later {
    fn send(&self, errand: Errand) {
        self.0.lock().unwrap().push(errand);
    }
}

#[test]
fn what_takes_long_to_lay_out_no_request_lays_out() {
    let later = Arc::new(Later::default());
    let errands: Arc<dyn Errands> = Arc::<Later>::clone(&later);
    for balance in ["{ algorithm: ring_hash, key: ip }", "{ algorithm: maglev, key: ip }"] {
        let carry = Carry::default().running(Arc::clone(&errands));
        let text = format!("{{ balance: {balance}, slow_start: 10s, endpoints: [http://a, http://b] }}");
        let fleet = fleet_in(&text, &carry);
        fleet.settle();
        fleet.replace(members(&["a", "b", "c"]), false, at(1_000)).unwrap();
        let few = spread(&fleet, at(1_000))["c"];
        assert_eq!(spread(&fleet, at(90_000))["c"], few, "no pick sees to it that its share grows");
        assert!(fleet.tend(at(90_000)).is_none());
        assert!(few < 100 && spread(&fleet, at(90_000))["c"] > 250);

        let (a, failure) = (endpoint(&fleet, "a"), Failure::Unreachable("connection_refused"));
        (0..5).for_each(|_| fleet.heard(&a, Err(&failure), at(90_000)));
        assert_eq!(who(&fleet, at(90_000)), ["a", "b", "c"], "nor that nobody goes there any more");
        let errand = later.0.lock().unwrap().pop().expect("that is left for others");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(errand(Local::new(0, Clock::system())));
        assert_eq!(who(&fleet, at(90_000)), ["b", "c"]);
        assert!(later.0.lock().unwrap().is_empty());
    }
}

#[test]
fn a_client_comes_back_to_the_endpoint_that_its_cookie_names() {
    let fleet =
        fleet("{ sticky: { cookie: at }, endpoints: [http://a, http://b, { url: 'http://c', weight: 0 }] }");
    let to = |name: &str| {
        let asked = Asked { token: Some(endpoint(&fleet, name).token), ..asked(at(1)) };
        fleet.pick(&asked).unwrap().authority.to_string()
    };
    for name in ["a", "b", "c", "b"] {
        assert_eq!(to(name), name, "even to one that gets nobody else any more");
    }
    let b = endpoint(&fleet, "b");
    fleet.mark(&b, Fault::Unhealthy, Some("timeout"), at(1));
    assert_eq!(to("b"), "a");
    assert!(fleet.pick(&Asked { token: Some(7), ..asked(at(1)) }).is_some());
}

#[test]
fn picks_go_on_while_everything_changes() {
    let fleet = fleet("{ slow_start: 100ms, balance: least_requests, endpoints: [http://a, http://b] }");
    let (fleet, over) = (&fleet, &AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 0..300_u64 {
                let now = at(turn * 20);
                fleet
                    .replace(members(&[["a", "b"], ["b", "c"], ["c", "a"]][turn as usize % 3]), false, now)
                    .unwrap();
                let first = &fleet.endpoints()[0];
                fleet.mark(first, Fault::Ejected, Some("test"), now);
                fleet.mark(first, Fault::Ejected, None, now);
            }
            over.store(true, Relaxed);
        });
        for _ in 0..2 {
            scope.spawn(move || {
                let mut turn = 0;
                while !over.load(Relaxed) {
                    turn += 1;
                    let asked = Asked { random: mixed(turn), ..asked(at(turn)) };
                    drop(Flight::begin(fleet.pick(&asked).expect("there is always somebody")));
                }
            });
        }
    });
    assert!(fleet.endpoints().iter().all(|endpoint| endpoint.load().in_flight() == 0));
}
