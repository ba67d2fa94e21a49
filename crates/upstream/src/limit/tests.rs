//! The limit as a whole, in front of a model of a service: it does so many requests at once in a constant time, and more of them
//! proportionally slower.

use std::collections::HashSet;

use sekisho_units::{Place as At, Problems};

use super::*;

/// What is wrong with a limit as written.
fn problems(text: &str) -> String {
    let mut problems = Problems::new();
    let node = sekisho_yaml::parse("s.yaml", text).unwrap();
    if let Some(config) = sekisho_yaml::read::<LimitConfig>(&node, "s.limit", &mut problems) {
        config.0.check(&At::default(), "s", &mut problems);
    }
    problems.to_string()
}

fn limit(text: &str) -> Limit {
    let node = sekisho_yaml::parse("s.yaml", text).unwrap();
    let config = sekisho_yaml::read::<LimitConfig>(&node, "s.limit", &mut Problems::new()).unwrap();
    Limit::new(&config.0, Arc::default())
}

/// The model, and its requests.
struct Model {
    limit: Limit,
    /// Milliseconds that one takes, and up to how many at once.
    base: f64,
    knee: f64,
    /// How much one differs from another: the standard deviation of the logarithm of what there is to do.
    spread: f64,
    millis: u64,
    due: f64,
    jobs: Vec<(u64, f64, Place)>,
    lots: fastrand::Rng,
}

/// What came of a time.
#[derive(Debug, Default)]
struct Came {
    done: f64,
    shed: f64,
    /// Milliseconds, on average.
    took: f64,
    limits: HashSet<u32>,
}

impl Model {
    fn new(limit: &str, base: f64, knee: f64) -> Self {
        let lots = fastrand::Rng::with_seed(7);
        Self {
            limit: self::limit(limit),
            base,
            knee,
            spread: 0.2,
            millis: 0,
            due: 0.0,
            jobs: Vec::new(),
            lots,
        }
    }

    /// What the service can do in a second.
    fn capacity(&self) -> f64 {
        1_000.0 / self.base * self.knee
    }

    fn bound(&self) -> f64 {
        f64::from(self.limit.look().limit)
    }

    /// Lets so many seconds pass, with so many requests in each.
    fn run(&mut self, seconds: u64, rate: f64) -> Came {
        let mut came = Came::default();
        for _ in 0..seconds * 1_000 {
            self.millis += 1;
            // Neither evenly nor all at once.
            self.due += rate / 1_000.0 * 2.0 * self.lots.f64();
            while self.due >= 1.0 {
                self.due -= 1.0;
                let normal = (0..12).map(|_| self.lots.f64()).sum::<f64>() - 6.0;
                match self.limit.enter() {
                    Some(place) => {
                        self.jobs.push((self.millis, self.base * (normal * self.spread).exp(), place));
                    }
                    None => came.shed += 1.0,
                }
            }
            let share = (self.knee / self.jobs.len().max(1) as f64).min(1.0);
            let now = Tick::from_nanos(self.millis * 1_000_000);
            for (_, left, _) in &mut self.jobs {
                *left -= share;
            }
            while let Some(at) = self.jobs.iter().position(|(_, left, _)| *left <= 0.0) {
                let (began, _, place) = self.jobs.swap_remove(at);
                let took = self.millis - began;
                self.limit.heard(Ok(200), Some(Duration::from_millis(took)), now);
                drop(place);
                came.done += 1.0;
                came.took += took as f64;
            }
            came.limits.insert(self.limit.look().limit);
        }
        came.took /= came.done.max(1.0);
        came
    }
}

const GRADIENT: &str = "{ adaptive: gradient, queue: 0 }";

#[track_caller]
fn assert_near(model: &Model) {
    let near = model.knee * 0.8..model.knee * 2.5;
    assert!(near.contains(&model.bound()), "{} with a knee at {}", model.bound(), model.knee);
}

#[test]
fn under_too_much_load_the_limit_is_near_the_knee_wherever_that_is() {
    for (base, knee) in [(20.0, 20.0), (20.0, 60.0), (100.0, 30.0), (50.0, 300.0)] {
        let mut model = Model::new(GRADIENT, base, knee);
        // It has been seen with little to do, and then gets twice what it can do.
        model.run(5, model.capacity() * 0.1);
        model.run(20, model.capacity() * 2.0);
        assert_near(&model);
        let came = model.run(120, model.capacity() * 2.0);
        assert_near(&model);
        let share = came.done / 120.0 / model.capacity();
        assert!(share > 0.95, "{share} of what the service can do, at {base} {knee}");
        assert!(came.took < base * 2.5, "{} ms instead of {base}", came.took);
    }
}

#[test]
fn a_service_that_has_too_much_to_do_from_the_first_moment_is_found_out() {
    for (base, knee) in [(20.0, 12.0), (10.0, 40.0)] {
        let mut model = Model::new(GRADIENT, base, knee);
        model.run(30, model.capacity() * 3.0);
        let came = model.run(90, model.capacity() * 3.0);
        assert_near(&model);
        assert!(came.took < base * 2.8, "{} ms instead of {base}", came.took);
    }
}

#[test]
fn a_service_that_does_what_it_gets_loses_nothing() {
    for spread in [0.1, 0.5, 1.0] {
        let mut model = Model::new("{ adaptive: { initial: 200 }, queue: 0 }", 20.0, 100.0);
        model.spread = spread;
        // Half of what it can do at most, as requests differ much.
        let came = model.run(300, model.capacity() * 0.4 / (spread * spread / 2.0).exp());
        assert!(came.shed / came.done < 0.000_1, "{spread}: {} of {}", came.shed, came.done);
    }
}

#[test]
fn a_slow_phase_lowers_the_limit_and_after_it_the_limit_grows_again() {
    let mut model = Model::new(GRADIENT, 10.0, 100.0);
    model.run(10, 4_000.0);
    let before = model.bound();
    // So slow that what comes is more than it can do.
    model.base = 100.0;
    let came = model.run(10, 4_000.0);
    assert!(model.bound() < 40.0, "{}", model.bound());
    assert!(came.shed > came.done);
    model.base = 10.0;
    model.run(5, 4_000.0);
    let came = model.run(10, 4_000.0);
    assert!(model.bound() >= before * 0.8, "{} of {before}", model.bound());
    assert_eq!(came.shed, 0.0);
}

#[test]
fn a_service_that_stays_slow_is_measured_anew() {
    let mut model = Model::new("{ adaptive: { remeasure: 5s }, queue: 0 }", 10.0, 100.0);
    model.run(5, 2_000.0);
    let known = |model: &Model| model.limit.look().adaptive.unwrap().2.unwrap().as_secs_f64() * 1e3;
    assert!((8.0..13.0).contains(&known(&model)), "{}", known(&model));
    // At once, or little by little.
    model.base = 30.0;
    model.run(20, 2_000.0);
    assert!((24.0..40.0).contains(&known(&model)), "{}", known(&model));
    for base in 30..90 {
        model.base = base.into();
        model.run(2, 800.0);
    }
    model.run(10, 800.0);
    assert!((60.0..120.0).contains(&known(&model)), "{}", known(&model));
    assert_eq!(model.run(10, 800.0).shed, 0.0);
}

#[test]
fn load_that_grows_little_by_little_does_not_pass_for_the_usual() {
    let mut model = Model::new(GRADIENT, 20.0, 50.0);
    for tenths in 2..30 {
        model.run(20, model.capacity() * f64::from(tenths) / 10.0);
    }
    model.run(60, model.capacity() * 3.0);
    assert_near(&model);
}

#[test]
fn by_a_written_latency_the_limit_is_where_answers_take_that_long() {
    let mut model = Model::new("{ adaptive: { algorithm: aimd, latency: 60ms }, queue: 0 }", 20.0, 50.0);
    model.run(60, model.capacity() * 2.0);
    let came = model.run(60, model.capacity() * 2.0);
    assert!((20.0..75.0).contains(&came.took), "{}", came.took);
    assert!(came.done / 60.0 / model.capacity() > 0.95, "{}", came.done);
    model.base = 200.0;
    model.run(20, 1_000.0);
    assert_eq!(model.bound(), 10.0);
    model.base = 20.0;
    model.run(20, 1_000.0);
    assert!(model.bound() >= 40.0);
}

#[test]
fn the_limit_never_leaves_its_bounds() {
    for algorithm in ["gradient", "aimd, latency: 30ms"] {
        let text =
            format!("{{ adaptive: {{ algorithm: {algorithm}, min: 5, max: 40, initial: 20 }}, queue: 0 }}");
        let mut model = Model::new(&text, 10.0, 10.0);
        let mut all = HashSet::new();
        for (base, rate) in [(10.0, 300.0), (10.0, 9_000.0), (500.0, 9_000.0), (1.0, 9_000.0)] {
            model.base = base;
            all.extend(model.run(20, rate).limits);
        }
        assert!(all.iter().all(|bound| (5..=40).contains(bound)), "{all:?}");
        assert!(all.contains(&5) && all.contains(&40), "{all:?}");
    }
}

fn failures(limit: &Limit, count: u64, result: Result<u16, &Failure>, served: u64) {
    for n in 0..count {
        let now = Tick::from_nanos(n * 10_000_000);
        let _place = limit.enter();
        limit.heard(result, Some(Duration::from_millis(served)), now);
    }
}

#[test]
fn failures_that_tell_of_load_lower_the_limit_and_others_do_not() {
    let slow = Failure::Slow("first_byte_timeout");
    for (result, falls) in [
        (Ok(503), true),
        (Ok(429), true),
        (Ok(504), true),
        (Err(&slow), true),
        (Err(&Failure::Broke), true),
        (Ok(500), false),
        (Ok(200), false),
        (Ok(404), false),
        (Err(&Failure::Overloaded("connection_queue")), false),
        (Err(&Failure::Stopping), false),
        (Err(&Failure::ClientGone), false),
    ] {
        for algorithm in ["gradient", "aimd"] {
            let limit = limit(&format!("{{ adaptive: {algorithm} }}"));
            failures(&limit, 200, result, 1);
            assert_eq!(limit.look().limit < 100, falls, "{result:?} {algorithm}");
        }
    }
}

#[test]
fn a_quick_error_is_no_quick_answer() {
    let limit = limit("{ adaptive: gradient }");
    failures(&limit, 100, Ok(200), 50);
    let known = limit.look().adaptive.unwrap().2;
    failures(&limit, 100, Ok(500), 0);
    failures(&limit, 100, Ok(503), 0);
    assert_eq!(limit.look().adaptive.unwrap().2, known);
}

#[test]
fn clients_that_leave_after_too_long_count_as_long_answers() {
    for algorithm in ["gradient", "aimd, latency: 200ms"] {
        let limit = limit(&format!("{{ adaptive: {{ algorithm: {algorithm} }} }}"));
        failures(&limit, 100, Ok(200), 50);
        assert_eq!(limit.look().limit, 100);
        // From here on the clock begins anew, so nothing is open before that.
        limit.state.window.open(Tick::ZERO, Duration::ZERO);
        failures(&limit, 500, Err(&Failure::ClientGone), 40);
        assert_eq!(limit.look().limit, 100, "they did not wait for long");
        failures(&limit, 500, Err(&Failure::ClientGone), 1_000);
        assert!(limit.look().limit < 100, "{algorithm}");
    }
}

#[test]
fn other_settings_come_into_force_and_what_was_learned_stays() {
    let state: Arc<LimitState> = Arc::default();
    let written = |text: &str| {
        let node = sekisho_yaml::parse("s.yaml", text).unwrap();
        let config = sekisho_yaml::read::<LimitConfig>(&node, "s.limit", &mut Problems::new()).unwrap();
        Limit::new(&config.0, Arc::clone(&state))
    };
    let first = written("{ adaptive: { initial: 50 } }");
    failures(&first, 100, Ok(503), 1);
    let learned = first.look().limit;
    assert!(learned < 50);
    let second = written("{ adaptive: { max: 500 } }");
    assert_eq!(second.look().limit, learned);
    second.settle();
    assert_eq!(second.look().limit, learned);
    let (_one, _two) = (first.enter(), first.enter());
    let third = written("1");
    assert_eq!(third.look().limit, learned, "not in force yet");
    third.settle();
    let look = third.look();
    assert_eq!((look.limit, look.in_flight, look.adaptive), (1, 2, None));
    failures(&first, 100, Ok(503), 1);
    assert_eq!(third.look().limit, 1, "what requests of before tell moves nothing");
}

#[test]
fn what_no_limit_can_be_is_refused_with_a_remedy() {
    for (text, want) in [
        ("500", ""),
        ("{ in_flight: 10, queue: 0, wait: 0s }", ""),
        ("{ adaptive: aimd }", ""),
        ("{ in_flight: 200, adaptive: { min: 200, initial: 200, max: 300 } }", ""),
        ("0", "s.limit.in_flight: no request could pass; write 1 or more"),
        ("-1", "s.limit: "),
        ("many", "s.limit: "),
        ("{}", "s.limit: it says no limit; write `in_flight: 500`, or `adaptive: gradient`"),
        ("{ adaptive: off }", "s.limit: it says no limit"),
        ("{ in_flight: 2000000 }", "s.limit.in_flight: more than a million cannot be counted"),
        ("{ in_flight: 1, queue: 2000000 }", "s.limit.queue: more than a million cannot wait"),
        ("{ in_flight: 1, wait: 0s }", "s.limit.wait: nobody would get a place by waiting"),
        ("{ adaptive: vegas }", "s.limit.adaptive"),
        ("{ adaptive: { min: 0 } }", "s.limit.adaptive.min: no request could pass"),
        ("{ adaptive: { min: 20, max: 10 } }", "s.limit.adaptive.min: the limit cannot grow beyond 10"),
        ("{ in_flight: 5, adaptive: gradient }", "s.limit.adaptive.min: the limit cannot grow beyond 5"),
        ("{ adaptive: { max: 2000000 } }", "s.limit.adaptive.max: more than a million"),
        ("{ adaptive: { initial: 5 } }", "s.limit.adaptive.initial: the limit is between 10 and 1000"),
        ("{ adaptive: { window: 1ms } }", "s.limit.adaptive.window: the limit would move by chance"),
        (
            "{ adaptive: { latency: 1s } }",
            "s.limit.adaptive.latency: only `aimd` goes by it; remove it, or write `algorithm: aimd`",
        ),
        (
            "{ adaptive: { algorithm: aimd, tolerance: 10% } }",
            "s.limit.adaptive.tolerance: only `gradient` goes by it",
        ),
        ("{ adaptive: { algorithm: aimd, remeasure: 10s } }", "s.limit.adaptive.remeasure: only `gradient`"),
        ("{ adaptive: { backoff: 50% } }", "s.limit.adaptive.backoff: only `aimd`"),
        (
            "{ adaptive: { tolerance: 0 } }",
            "s.limit.adaptive.tolerance: the limit would fall by the slightest delay",
        ),
        (
            "{ adaptive: { remeasure: 1ms } }",
            "s.limit.adaptive.remeasure: the service would be measured all the time",
        ),
        (
            "{ adaptive: { algorithm: aimd, latency: 0s } }",
            "s.limit.adaptive.latency: every answer would be too late",
        ),
        (
            "{ adaptive: { algorithm: aimd, backoff: 100% } }",
            "s.limit.adaptive.backoff: the limit would not fall",
        ),
    ] {
        let told = problems(text);
        assert!(told.contains(want) && told.is_empty() == want.is_empty(), "{text}: {told}");
    }
}

#[test]
fn who_is_turned_away_is_told_when_there_may_be_a_place() {
    let limit = limit("{ in_flight: 2, queue: 3 }");
    assert_eq!(limit.after(), 1, "nothing is known");
    let heard = |seconds: u64| limit.heard(Ok(200), Some(Duration::from_secs(seconds)), Tick::ZERO);
    let one = limit.enter().unwrap();
    heard(50);
    assert_eq!(limit.after(), 1, "with a place free nobody need know");
    let other = limit.enter().unwrap();
    heard(5);
    assert_eq!(limit.after(), 3, "two places, each for five seconds");
    let line: Vec<_> = (0..3).map(|_| limit.state.places.line_up(3).unwrap()).collect();
    assert_eq!(limit.after(), 10, "three come first");
    (0..100).for_each(|_| heard(600));
    assert_eq!(limit.after(), 30);
    (0..100).for_each(|_| limit.heard(Ok(200), Some(Duration::from_millis(20)), Tick::ZERO));
    assert_eq!(limit.after(), 1);
    drop((line, one, other));
}
