//! What passes, what is folded, and that nothing is lost: by tables, and against simple truths over any sequence of events.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn sieve(dedupe: u64, rate: (usize, u64)) -> Sieve {
    Sieve::new(Rules { dedupe: Duration::from_secs(dedupe), rate: (rate.0, Duration::from_secs(rate.1)) })
}

fn at(seconds: u64) -> Tick {
    Tick::ZERO + Duration::from_secs(seconds)
}

fn event(service: usize, name: EventName) -> Event {
    let service = format!("s{service}").into();
    match name {
        EventName::CircuitBreakerOpened => Event::CircuitBreakerOpened { service, endpoint: None },
        EventName::CircuitBreakerHalfOpened => Event::CircuitBreakerHalfOpened { service, endpoint: None },
        _ => Event::CircuitBreakerClosed { service, endpoint: None },
    }
}

use EventName::{
    CircuitBreakerClosed as CLOSED, CircuitBreakerHalfOpened as HALF, CircuitBreakerOpened as OPENED,
};

/// What comes of events at these seconds, and of the time after them: second, name and count.
fn told(sieve: &mut Sieve, events: &[(u64, EventName)]) -> Vec<(u64, &'static str, u64)> {
    let mut told = Vec::new();
    let mut note = |second: u64, alerts: Vec<Alert>| {
        told.extend(alerts.iter().map(|alert| (second, alert.name(), alert.count)));
    };
    let mut events = events.iter().peekable();
    for second in 0..1_000 {
        note(second, sieve.turn(at(second)));
        while let Some((_, name)) = events.next_if(|(when, _)| *when == second) {
            note(second, sieve.take(&event(0, *name), Wall::from_secs(second), at(second)));
        }
    }
    told
}

#[test]
fn equal_events_are_told_at_once_and_then_once_a_window() {
    let events = [(0, OPENED), (1, OPENED), (59, OPENED), (61, OPENED), (200, OPENED)];
    let want = [
        (0, "circuit_breaker_opened", 1),
        (60, "circuit_breaker_opened", 2),
        (120, "circuit_breaker_opened", 1),
        (200, "circuit_breaker_opened", 1),
    ];
    assert_eq!(told(&mut sieve(60, (60, 60)), &events), want);
}

#[test]
fn the_latest_state_is_never_hidden() {
    let (opened, closed) = ("circuit_breaker_opened", "circuit_breaker_closed");
    // It ends open: that is told as soon as it may be.
    let open = [(0, OPENED), (1, CLOSED), (2, OPENED)];
    assert_eq!(told(&mut sieve(60, (60, 60)), &open), [(0, opened, 1), (1, closed, 1), (60, opened, 1)]);
    // It ends closed, and nobody is told at 60 that it were open.
    let shut = [(0, OPENED), (50, CLOSED), (51, OPENED), (52, CLOSED)];
    assert_eq!(told(&mut sieve(60, (60, 60)), &shut), [(0, opened, 1), (50, closed, 1), (110, closed, 2)]);
    // What is held back gives way to what passes, which stands for it as well.
    let gives_way = [(0, OPENED), (10, OPENED), (20, CLOSED)];
    assert_eq!(told(&mut sieve(60, (60, 60)), &gives_way), [(0, opened, 1), (20, closed, 2)]);
}

#[test]
fn off_tells_each() {
    let events = [(0, OPENED), (0, OPENED), (1, OPENED)];
    assert_eq!(told(&mut sieve(0, (60, 60)), &events).len(), 3);
}

#[test]
fn other_things_are_told_apart() {
    let mut sieve = sieve(60, (60, 60));
    let endpoint = |endpoint: &str| Event::EndpointDown {
        service: "a".into(),
        endpoint: endpoint.into(),
        reason: "refused".into(),
    };
    for event in [endpoint("1"), endpoint("2"), Event::NoHealthyEndpoint { service: "a".into() }] {
        assert_eq!(sieve.take(&event, Wall::from_secs(0), at(0)).len(), 1, "{event}");
        assert_eq!(sieve.take(&event, Wall::from_secs(0), at(0)), [], "{event}");
    }
}

#[test]
fn what_is_too_much_is_told_in_one_when_there_is_room() {
    let mut sieve = sieve(0, (2, 60));
    let events = [(0, OPENED), (10, CLOSED), (20, OPENED), (21, HALF), (22, CLOSED)];
    let want =
        [(0, "circuit_breaker_opened", 1), (10, "circuit_breaker_closed", 1), (60, "alerts_suppressed", 3)];
    assert_eq!(told(&mut sieve, &events), want);
    assert_eq!(sieve.suppressed, 3);
}

#[test]
fn at_the_end_all_that_is_held_back_is_told() {
    let mut sieve = sieve(60, (2, 60));
    for second in 0..3 {
        for service in 0..4 {
            sieve.take(&event(service, OPENED), Wall::from_secs(second), at(second));
        }
    }
    let mut counts: Vec<_> = sieve.flush(at(3)).iter().map(|alert| (alert.name(), alert.count)).collect();
    counts.sort_unstable();
    let opened = ("circuit_breaker_opened", 2);
    assert_eq!(counts, [("alerts_suppressed", 2), opened, opened, opened, opened]);
    assert_eq!((sieve.flush(at(3)), sieve.due()), (vec![], None));
}

#[test]
fn a_flood_of_things_takes_no_more_memory_than_so_much() {
    let mut sieve = sieve(60, (1, 60));
    for service in 0..3 * MOST {
        sieve.take(&event(service, OPENED), Wall::from_secs(0), at(0));
    }
    assert_eq!((sieve.seen.len(), sieve.passed.len()), (MOST, 1));
    sieve.take(&event(0, CLOSED), Wall::from_secs(90), at(90));
    assert_eq!(sieve.seen.len(), 1, "what is over makes room");
}

/// Alerts with the moments at which they went on.
type Told = Vec<(Tick, Alert)>;

/// Runs events, each so many milliseconds after the one before, and then the clock until nothing is due any more. The clock
/// stops whenever the sieve asks for it.
fn run(sieve: &mut Sieve, events: &[(u64, Event)]) -> (Told, Tick) {
    let (mut told, mut now) = (Told::new(), Tick::ZERO);
    let until = |sieve: &mut Sieve, end: Option<Tick>, told: &mut Told| {
        while let Some(due) = sieve.due().filter(|due| end.is_none_or(|end| *due <= end)) {
            told.extend(sieve.turn(due).into_iter().map(|alert| (due, alert)));
            assert!(sieve.due().is_none_or(|next| next > due), "it would turn for ever");
        }
    };
    for (index, (wait, event)) in events.iter().enumerate() {
        now += Duration::from_millis(*wait);
        until(sieve, Some(now), &mut told);
        let alerts = sieve.take(event, Wall::from_millis(index as u64), now);
        told.extend(alerts.into_iter().map(|alert| (now, alert)));
    }
    until(sieve, None, &mut told);
    (told, now)
}

fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let name = prop_oneof![Just(OPENED), Just(HALF), Just(CLOSED)];
    let one =
        (0_u64..40_000, 0_usize..3, name).prop_map(|(wait, service, name)| (wait, event(service, name)));
    prop::collection::vec(one, 1..60)
}

proptest! {
    #[test]
    fn each_event_is_told_or_folded_into_one_that_is(events in events()) {
        let (told, _) = run(&mut sieve(60, (1_000, 60)), &events);
        prop_assert_eq!(told.iter().map(|(_, alert)| alert.count).sum::<u64>(), events.len() as u64);
    }

    #[test]
    fn whatever_happens_the_last_that_is_told_is_how_it_stands(events in events()) {
        let (told, end) = run(&mut sieve(60, (1_000, 60)), &events);
        let last = |all: Vec<Event>| {
            all.into_iter().map(|event| (event.service().unwrap().to_owned(), event.name())).collect::<HashMap<_, _>>()
        };
        let tells = |(_, alert): &(Tick, Alert)| match &alert.content {
            Content::Event(event) => Some(event.clone()),
            _ => None,
        };
        let heard = last(told.iter().filter_map(tells).collect());
        prop_assert_eq!(heard, last(events.iter().map(|(_, event)| event.clone()).collect()));
        prop_assert!(told.iter().all(|(when, _)| *when <= end + MINUTE), "no later than a window after it");
    }

    #[test]
    fn equal_alerts_keep_their_distance(events in events()) {
        let (told, _) = run(&mut sieve(60, (1_000, 60)), &events);
        let mut before = HashMap::new();
        for (when, alert) in &told {
            if let Some(last) = before.insert(alert.line(), *when) {
                prop_assert!(when.since(last) >= MINUTE, "{} came again after {:?}", alert.line(), when.since(last));
            }
        }
    }

    #[test]
    fn no_more_than_the_rate_passes_and_the_rest_is_counted(events in events(), most in 1_usize..4) {
        let mut sieve = sieve(0, (most, 60));
        let (told, _) = run(&mut sieve, &events);
        for (index, (when, _)) in told.iter().enumerate() {
            let within = told[..=index].iter().filter(|(other, _)| *other + MINUTE > *when).count();
            prop_assert!(within <= most, "{} of {} at {:?}", within, most, when);
        }
        // Events that passed, and those that the summaries stand for.
        prop_assert_eq!(told.iter().map(|(_, alert)| alert.count).sum::<u64>(), events.len() as u64);
    }
}
