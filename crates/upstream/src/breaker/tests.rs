//! The breaker by itself, under a clock of its own and beside a simple model.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn settings() -> Settings {
    Settings { above: 50, reset: 30_000, step: 1_000, buckets: 10, volume: 10, probes: 1 }
}

fn breaker(settings: Settings) -> Breaker {
    Breaker::new(settings, Arc::new(BreakerState::new(&settings)))
}

fn at(millis: u64) -> Tick {
    Tick::from_nanos(millis * 1_000_000)
}

/// One request that goes as it says. Gives what it changed, or `Err` if it was refused.
fn ask(breaker: &Breaker, now: u64, fails: bool) -> Result<Vec<Change>, Duration> {
    let (ticket, admitted) = breaker.admit(at(now)).map_err(|open| open.after)?;
    let ended = if fails { breaker.failed(ticket, at(now)) } else { breaker.succeeded(ticket, at(now)) };
    Ok(admitted.into_iter().chain(ended).collect())
}

#[test]
fn opens_when_more_than_its_share_of_enough_requests_fails() {
    let breaker = breaker(settings());
    for n in 0..9 {
        assert_eq!(ask(&breaker, n, true), Ok(vec![]), "too few to judge");
    }
    assert_eq!(ask(&breaker, 9, true), Ok(vec![Change::Opened]));
    assert_eq!(ask(&breaker, 10, true), Err(Duration::from_millis(29_999)), "the time that is left");

    let half = self::breaker(settings());
    for n in 0..20 {
        assert_eq!(ask(&half, n, n % 2 == 1), Ok(vec![]), "just half is not more than half");
    }
    assert_eq!(ask(&half, 20, true), Ok(vec![Change::Opened]));
}

#[test]
fn what_left_the_window_counts_no_more() {
    let breaker = breaker(settings());
    for n in 0..9 {
        assert_eq!(ask(&breaker, n, true), Ok(vec![]));
    }
    for n in 0..9 {
        assert_eq!(ask(&breaker, 10_000 + n, true), Ok(vec![]), "the first nine are gone");
    }
    assert_eq!(ask(&breaker, 10_009, true), Ok(vec![Change::Opened]));
}

#[test]
fn after_its_time_one_probe_decides() {
    let breaker = breaker(Settings { volume: 1, ..settings() });
    assert_eq!(ask(&breaker, 0, true), Ok(vec![Change::Opened]));
    assert_eq!(breaker.standing(at(29_999)), Standing::Open);
    assert_eq!(breaker.standing(at(30_000)), Standing::HalfOpen);
    assert_eq!(ask(&breaker, 30_000, true), Ok(vec![Change::HalfOpened, Change::Opened]));
    assert_eq!(ask(&breaker, 59_999, true), Err(Duration::from_millis(1)));
    assert_eq!(ask(&breaker, 60_000, false), Ok(vec![Change::HalfOpened, Change::Closed]));
    assert_eq!(ask(&breaker, 60_001, false), Ok(vec![]));
    assert_eq!(
        breaker.state().changes().collect::<Vec<_>>(),
        [("opened", 2), ("half_opened", 2), ("closed", 1)]
    );
    assert_eq!(breaker.state().refused(), 1);
}

#[test]
fn one_probe_is_out_at_a_time_and_one_that_is_given_up_makes_room() {
    let breaker = breaker(Settings { volume: 1, ..settings() });
    assert_eq!(ask(&breaker, 0, true), Ok(vec![Change::Opened]));
    let (probe, change) = breaker.admit(at(30_000)).ok().unwrap();
    assert_eq!(change, Some(Change::HalfOpened));
    assert_eq!(ask(&breaker, 30_001, false), Err(TRIAL));
    drop(probe);
    assert_eq!(ask(&breaker, 30_002, false), Ok(vec![Change::Closed]));
}

#[test]
fn all_probes_must_succeed() {
    let breaker = breaker(Settings { volume: 1, probes: 3, ..settings() });
    assert_eq!(ask(&breaker, 0, true), Ok(vec![Change::Opened]));
    let probes: Vec<_> = (0..3).map(|_| breaker.admit(at(30_000)).ok().unwrap().0).collect();
    assert!(breaker.admit(at(30_000)).is_err());
    let changes: Vec<_> = probes.into_iter().map(|probe| breaker.succeeded(probe, at(30_001))).collect();
    assert_eq!(changes, [None, None, Some(Change::Closed)]);

    assert_eq!(ask(&breaker, 30_002, true), Ok(vec![Change::Opened]));
    let probes: Vec<_> = (0..3).map(|_| breaker.admit(at(60_002)).ok().unwrap().0).collect();
    let mut probes = probes.into_iter();
    assert_eq!(breaker.succeeded(probes.next().unwrap(), at(60_003)), None);
    assert_eq!(breaker.failed(probes.next().unwrap(), at(60_003)), Some(Change::Opened));
    assert_eq!(breaker.succeeded(probes.next().unwrap(), at(60_003)), None, "its trial is over");
    assert_eq!(breaker.standing(at(60_003)), Standing::Open);
}

#[test]
fn what_comes_back_late_decides_nothing() {
    let breaker = breaker(Settings { volume: 1, ..settings() });
    let (late, _) = breaker.admit(at(0)).ok().unwrap();
    let (later, _) = breaker.admit(at(0)).ok().unwrap();
    assert_eq!(ask(&breaker, 0, true), Ok(vec![Change::Opened]));
    assert_eq!(breaker.failed(late, at(1)), None);
    let (_probe, _) = breaker.admit(at(30_000)).ok().unwrap();
    assert_eq!(breaker.failed(later, at(30_001)), None, "it was no probe");
    assert_eq!(breaker.standing(at(30_001)), Standing::HalfOpen);
}

#[test]
fn what_failed_before_it_closed_does_not_open_it_again() {
    let breaker = breaker(Settings { reset: 100, ..settings() });
    for n in 0..10 {
        let _ = ask(&breaker, n, true);
    }
    assert_eq!(ask(&breaker, 200, false), Ok(vec![Change::HalfOpened, Change::Closed]));
    assert_eq!(ask(&breaker, 201, true), Ok(vec![]));
}

#[test]
fn an_operators_word_holds() {
    let breaker = breaker(settings());
    assert_eq!(breaker.hold_open(), Some(Change::Opened));
    assert_eq!(breaker.hold_open(), None);
    assert!(ask(&breaker, 1_000_000, false).is_err(), "however long it lasts");
    assert_eq!(breaker.close(), Some(Change::Closed));
    assert_eq!(breaker.close(), None);
    assert_eq!(ask(&breaker, 1_000_001, false), Ok(vec![]));
}

#[test]
fn any_parallelism_lets_through_the_probes_and_no_more() {
    for round in 0..50 {
        let breaker = breaker(Settings { volume: 1, probes: 2, ..settings() });
        assert_eq!(ask(&breaker, round, true), Ok(vec![Change::Opened]));
        let admitted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let tickets: Vec<_> =
                            (0..10).filter_map(|_| breaker.admit(at(40_000)).ok()).collect();
                        let count = tickets.len();
                        // Nobody has come back yet.
                        std::mem::forget(tickets);
                        count
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(admitted, 2);
    }
}

/// A breaker written for its meaning alone.
struct Model {
    settings: Settings,
    ended: VecDeque<(u64, bool)>,
    open_until: Option<u64>,
    half: bool,
}

impl Model {
    fn ask(&mut self, now: u64, fails: bool) -> bool {
        match self.open_until {
            Some(until) if now < until => return false,
            Some(_) => self.half = true,
            None => {}
        }
        let step = now / self.settings.step;
        self.ended.push_back((step, fails));
        self.ended.retain(|(ended, _)| ended + self.settings.buckets as u64 > step);
        let failed = self.ended.iter().filter(|(_, failed)| *failed).count() as u32;
        let total = self.ended.len() as u32;
        if self.half {
            self.half = false;
            self.open_until = fails.then_some(now + self.settings.reset);
            if !fails {
                self.ended.clear();
            }
        } else if fails
            && total >= self.settings.volume
            && f64::from(failed) / f64::from(total) * 100.0 > f64::from(self.settings.above)
        {
            self.open_until = Some(now + self.settings.reset);
        }
        true
    }
}

proptest! {
    #[test]
    fn it_does_what_a_simple_model_does(
        requests in proptest::collection::vec((0_u64..700, any::<bool>()), 1..300),
        above in 0_u32..100,
        volume in 1_u32..20,
    ) {
        let settings = Settings { above, volume, reset: 1_500, step: 100, buckets: 10, probes: 1 };
        let breaker = breaker(settings);
        let mut model = Model { settings, ended: VecDeque::new(), open_until: None, half: false };
        let mut now = 0;
        for (later, fails) in requests {
            now += later;
            prop_assert_eq!(ask(&breaker, now, fails).is_ok(), model.ask(now, fails), "at {}", now);
        }
    }
}
