//! Two workers beside one: at the same moderate rate, and at all they can carry, where two get twice the clients of one.
//!
//! The loads are TLS handshakes, which cost the gateway more than the load, and requests over kept connections. Where load and
//! workers must share a core, throughput says nothing: what a second worker brings then shows by what its work costs. Sharing a
//! core with the load costs something by itself, whoever does it; so there one worker is measured on either core, and two
//! workers are compared with the mean of both.
//!
//! Work also costs less the more there is of it, since a worker that is busy need not be woken. So what is claimed, that two
//! carry nearly twice as much, is judged by workers that have equally much to do: N clients for one, 2 N for two. By handshakes
//! they are kept as busy as they can be. By requests they cannot, where the load costs more than the gateway and there is one core
//! for it; there one worker has half the rate of two.

use serde_json::json;

use super::super::Options;
use super::super::cpu::{Usage, threads};
use super::super::load::generator::lasting;
use super::super::load::{Ask, Body, Handshakes, Report, Requests, Resumption, Task};
use super::super::processes::Cores;
use super::super::report::{Goal, Section, median, spread};
use super::super::scenarios::{Scenario, WORKERS_CARRY, WORKERS_COST, WORKERS_SHARE, WORKERS_WAIT};
use super::super::targets::{Site, Stage, Subject, Target};

/// Connections under way at once, over all makers of load, for each worker that is to have its fill.
const CONNECTIONS: usize = 32;
/// Most workers of a side.
const MOST_WORKERS: usize = 2;
/// The moderate rate of handshakes, of what one worker carries with nothing else to do.
const MODERATE: f64 = 0.4;
/// The moderate rate of requests: load and service together leave half of their core free.
const REQUESTS: u64 = 6_000;
/// How Sekisho's worker threads are called; the kernel keeps 15 bytes.
const THREADS: &str = "sekisho-worker";

/// What is asked of the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Force {
    Handshakes,
    Requests,
}

const FORCES: [Force; 2] = [Force::Handshakes, Force::Requests];

/// How much of the load one side gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The moderate rate, over the connections of two workers.
    Whole,
    /// Half of the rate, over half of the connections: what each of two workers has.
    Half,
    /// All that it carries, over as many connections as its workers are to have.
    Full,
}

/// One load of one side.
#[derive(Debug, Clone)]
struct Round {
    force: Force,
    part: Part,
    /// Microseconds of CPU a handshake or request.
    cost: f64,
    p50_us: u64,
    p99_us: u64,
    /// What the busiest worker did of all workers' work.
    share: f64,
    /// So many a second without a limit, where it says something.
    carried: Option<f64>,
}

struct Side {
    name: &'static str,
    workers: usize,
    target: Target,
    rounds: Vec<Round>,
}

/// The sides: one worker, on either core if two workers must share one with the load, and two.
fn sides(enough: bool) -> Vec<(&'static str, usize, Site)> {
    let mut sides = vec![("1", 1, Site::Tls(1)), ("2", 2, Site::Tls(2))];
    if !enough {
        sides.insert(1, ("1, on the load's core", 1, Site::TlsAtLoad));
    }
    sides
}

/// Measures all sides in turn.
pub(super) fn measure(
    stage: &Stage,
    scenario: &'static Scenario,
    options: &Options,
) -> Result<Section, String> {
    let seconds = options.load_seconds();
    let mut measured = Vec::new();
    for (name, workers, site) in sides(Cores::enough()) {
        let target = stage.start(Subject::Sekisho(site))?;
        measured.push(Side { name, workers, target, rounds: Vec::new() });
    }
    let warm: Vec<Report> = measured
        .iter()
        .map(|side| load(stage, &side.target, Force::Handshakes, (CONNECTIONS, None), seconds))
        .collect::<Result<_, _>>()?;
    let handshakes = (rate_of(&warm[0]) * MODERATE) as u64;
    let mut problems = Vec::new();
    for number in 1..=options.rounds {
        for (force, rate) in FORCES.into_iter().zip([handshakes, REQUESTS]) {
            let turns: Vec<_> = (0..measured.len())
                .flat_map(|side| measured[side].parts(force).into_iter().map(move |part| (side, part)))
                .collect();
            for (side, part) in turns {
                let side = &mut measured[side];
                let (round, what) = side.round(stage, (force, part), rate, seconds)?;
                eprintln!(
                    "    round {number} workers {}, {part:?}: {:.1} µs a {}, busiest {:.2}, p99 {} µs",
                    side.name,
                    round.cost,
                    force.unit(),
                    round.share,
                    round.p99_us
                );
                let name = side.name;
                problems
                    .extend(what.into_iter().map(|what| format!("round {number}, workers {name}: {what}")));
                side.rounds.push(round);
            }
        }
    }
    let mut section = section(scenario, &measured);
    section.problems = problems;
    section
        .notes
        .push(format!("the moderate rates are {handshakes} handshakes and {REQUESTS} requests a second"));
    section.notes.push(caution(Cores::enough()));
    Ok(section)
}

/// What can be concluded on this machine.
fn caution(enough: bool) -> String {
    let text = if enough {
        "workers and load have two cores each, so throughput and waiting may be compared"
    } else {
        "the second worker shares its core with load and upstream: cost is compared with the mean of one worker on its own \
         core and one on the load's, waiting with the worse of both; how much two workers carry in one second cannot be told \
         here (what is shown they carry beside the load, on two cores for all), but follows from the cost: twice what one carries, \
         divided by the ratio"
    };
    text.to_owned()
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Whole => "moderate",
            Part::Half => "half of it",
            Part::Full => "at the most",
        }
    }

    /// Connections, and the rate, of a side with so many workers.
    fn amount(self, rate: u64, workers: usize) -> (usize, Option<u64>) {
        match self {
            Part::Whole => (CONNECTIONS * MOST_WORKERS, Some(rate)),
            Part::Half => (CONNECTIONS, Some(rate / 2)),
            Part::Full => (CONNECTIONS * workers, None),
        }
    }
}

impl Force {
    /// Whether a load of this kind can fill workers: where it has but one core, only one that costs the gateway more than itself.
    fn fills(self, enough: bool) -> bool {
        enough || self == Force::Handshakes
    }

    fn unit(self) -> &'static str {
        match self {
            Force::Handshakes => "handshake",
            Force::Requests => "request",
        }
    }

    /// The work for one of several makers of load.
    fn task(self, stage: &Stage, target: &Target, connections: usize, rate: Option<u64>) -> Task {
        match self {
            Force::Handshakes => Task::Handshakes(Handshakes {
                port: target.tls,
                authority: stage.authority(),
                connections,
                rate,
                resumption: Resumption::Never,
            }),
            Force::Requests => {
                let asks = vec![Ask { path: "/".to_owned(), body: Body::Service }];
                Task::Requests(Requests { rate, ..Requests::to(target.port, connections, asks) })
            }
        }
    }
}

impl Side {
    /// What it is loaded with: one worker also with what each of two has.
    fn parts(&self, force: Force) -> Vec<Part> {
        let mut parts = vec![Part::Whole];
        if self.workers == 1 {
            parts.push(Part::Half);
        }
        if force.fills(Cores::enough()) {
            parts.push(Part::Full);
        }
        parts
    }

    fn round(
        &self,
        stage: &Stage,
        (force, part): (Force, Part),
        rate: u64,
        seconds: u64,
    ) -> Result<(Round, Vec<String>), String> {
        let amount = part.amount(rate, self.workers);
        let id = self.target.process.id();
        let (before, threads_before) = (Usage::of(id), threads(id, THREADS));
        let report = load(stage, &self.target, force, amount, seconds)?;
        let spent = Usage::of(id).since(&before).total;
        let busy: Vec<u64> = threads(id, THREADS)
            .into_iter()
            .map(|(thread, now)| now.saturating_sub(threads_before.get(&thread).copied().unwrap_or_default()))
            .collect();
        let mut problems = report.problems("the load");
        if busy.len() != self.workers {
            problems.push(format!("{} threads are called {THREADS}, not {}", busy.len(), self.workers));
        }
        let carried = (part == Part::Full).then(|| rate_of(&report));
        let cost = spent.as_secs_f64() * 1e6 / report.answered.max(1) as f64;
        let share = busiest(&busy);
        Ok((
            Round { force, part, cost, p50_us: report.p50_us, p99_us: report.p99_us, share, carried },
            problems,
        ))
    }

    fn all(&self, force: Force, part: Part) -> impl Iterator<Item = &Round> {
        self.rounds.iter().filter(move |round| (round.force, round.part) == (force, part))
    }

    fn median_of(&self, force: Force, part: Part, value: impl Fn(&Round) -> f64) -> f64 {
        median(self.all(force, part).map(value).collect())
    }
}

/// The largest part of the whole; NaN of nothing.
fn busiest(busy: &[u64]) -> f64 {
    busy.iter().copied().max().unwrap_or_default() as f64 / busy.iter().sum::<u64>() as f64
}

fn rate_of(report: &Report) -> f64 {
    report.answered as f64 / report.seconds.max(1e-9)
}

/// One load, by as many makers as have cores of their own.
fn load(
    stage: &Stage,
    target: &Target,
    force: Force,
    (connections, rate): (usize, Option<u64>),
    seconds: u64,
) -> Result<Report, String> {
    let makers = if Cores::enough() { &[Cores::Load, Cores::MoreLoad][..] } else { &[Cores::Load] };
    let count = makers.len();
    let rate = rate.map(|rate| (rate / count as u64).max(1));
    let work = lasting(force.task(stage, target, connections / count, rate), seconds);
    let mut running = Vec::new();
    for (number, cores) in makers.iter().enumerate() {
        running.push(stage.generator_on(*cores, &format!("{}-{number}", target.name()), &work)?);
    }
    let mut reports = Vec::new();
    for generator in running {
        reports.push(generator.finish()?);
    }
    Ok(Report::of_all(&reports))
}

/// Two workers with one part of the load against one with another, round by round: `one` makes one number of those of the sides
/// with one worker.
fn ratios(
    sides: &[Side],
    (force, of_two, part): (Force, Part, Part),
    value: impl Fn(&Round) -> f64 + Copy,
    one: impl Fn(&[f64]) -> f64,
) -> Vec<f64> {
    let Some((two, ones)) = sides.split_last() else { return Vec::new() };
    let rounds = two.all(force, of_two).enumerate();
    let of_one = |number| ones.iter().filter_map(move |side| side.all(force, part).nth(number)).map(value);
    rounds.map(|(number, round)| value(round) / one(&of_one(number).collect::<Vec<_>>())).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn worst(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::max)
}

fn section(scenario: &'static Scenario, sides: &[Side]) -> Section {
    let columns =
        ["load", "workers", "µs each", "min–max", "busiest worker", "p50 ms", "p99 ms", "at most a second"];
    let mut section = Section::new(scenario, &columns);
    for force in FORCES {
        for (side, part) in
            sides.iter().flat_map(|side| side.parts(force).into_iter().map(move |part| (side, part)))
        {
            section.rows.push(row(side, force, part));
            section.rounds.extend(side.all(force, part).zip(1..).map(|(round, number)| {
                json!({
                    "round": number, "load": force.unit(), "part": part.name(), "workers": side.name,
                    "us_each": round.cost, "busiest": round.share, "p50_us": round.p50_us, "p99_us": round.p99_us,
                    "per_second": round.carried,
                })
            }));
        }
        section.goals.extend(goals(sides, force));
        let cost = |part| median(ratios(sides, (force, Part::Whole, part), |round| round.cost, mean));
        section.notes.push(format!(
            "at the moderate rate a {} costs two workers {:.2} times what it costs one with the same load, and {:.2} times what it \
             costs one with half of it",
            force.unit(),
            cost(Part::Whole),
            cost(Part::Half)
        ));
    }
    section
}

fn row(side: &Side, force: Force, part: Part) -> Vec<String> {
    let costs: Vec<f64> = side.all(force, part).map(|round| round.cost).collect();
    let carried: Option<Vec<f64>> = side.all(force, part).map(|round| round.carried).collect();
    let milliseconds = |value: fn(&Round) -> u64| {
        format!("{:.2}", side.median_of(force, part, |round| value(round) as f64 / 1e3))
    };
    vec![
        format!("{}s, {}", force.unit(), part.name()),
        side.name.to_owned(),
        format!("{:.2}", median(costs.clone())),
        spread(&costs),
        format!("{:.3}", side.median_of(force, part, |round| round.share)),
        milliseconds(|round| round.p50_us),
        milliseconds(|round| round.p99_us),
        carried.map_or("not measured".to_owned(), |carried| format!("{:.0}", median(carried))),
    ]
}

fn goals(sides: &[Side], force: Force) -> Vec<Goal> {
    let unit = force.unit();
    // Equally much for each worker: as much as it takes, or else half of what two get.
    let (fill, text) = match force.fills(Cores::enough()) {
        true => ((Part::Full, Part::Full), "CPU of a {} at the most, 2 N clients, times one worker with N"),
        false => {
            ((Part::Whole, Part::Half), "CPU of a {}, 2 N clients, times one worker with N and half the rate")
        }
    };
    let cost = median(ratios(sides, (force, fill.0, fill.1), |round| round.cost, mean));
    let whole = (force, Part::Whole, Part::Whole);
    let waiting = median(ratios(sides, whole, |round| round.p99_us as f64, worst));
    let share = sides.last().map_or(f64::NAN, |two| two.median_of(force, Part::Whole, |round| round.share));
    let mut goals = vec![
        Goal::at_most(text.replace("{}", unit), cost, WORKERS_COST),
        Goal::at_most(format!("part of the busier worker, {unit}s"), share, WORKERS_SHARE),
        Goal::at_most(format!("p99 of a {unit}, times one worker"), waiting, WORKERS_WAIT),
    ];
    if Cores::enough() {
        let full = (force, Part::Full, Part::Full);
        let carried = ratios(sides, full, |round| round.carried.unwrap_or(f64::NAN), mean);
        goals.push(Goal::at_least(
            format!("{unit}s carried, times one worker"),
            median(carried),
            WORKERS_CARRY,
        ));
    }
    goals
}

#[cfg(test)]
mod tests {
    use super::{CONNECTIONS, Force, Part, busiest, mean, sides, worst};

    #[test]
    fn the_busiest_worker_is_told_by_its_part() {
        assert!((busiest(&[60, 40]) - 0.6).abs() < 1e-9);
        assert!((busiest(&[7]) - 1.0).abs() < 1e-9);
        assert!(busiest(&[]).is_nan());
    }

    #[test]
    fn each_worker_gets_equally_much_where_the_claim_is_judged() {
        assert_eq!(Part::Full.amount(100, 1), (CONNECTIONS, None));
        assert_eq!(Part::Full.amount(100, 2), (2 * CONNECTIONS, None));
        assert_eq!(Part::Half.amount(100, 1), (CONNECTIONS, Some(50)));
        assert_eq!(Part::Whole.amount(100, 2), (2 * CONNECTIONS, Some(100)));
        let fills = |enough| [Force::Handshakes, Force::Requests].map(|force| force.fills(enough));
        assert_eq!((fills(false), fills(true)), ([true, false], [true, true]));
    }

    #[test]
    fn one_worker_is_measured_on_either_core_where_two_must_share_the_loads() {
        let names = |enough| sides(enough).into_iter().map(|(name, ..)| name).collect::<Vec<_>>();
        assert_eq!(names(true), ["1", "2"]);
        assert_eq!(names(false), ["1", "1, on the load's core", "2"]);
        assert!((mean(&[1.0, 2.0]) - 1.5).abs() < 1e-9 && (worst(&[1.0, 2.0]) - 2.0).abs() < 1e-9);
    }
}
