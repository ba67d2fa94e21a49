//! Two workers beside one, at the same moderate rate and, where cores are free, at all they can carry.
//!
//! TLS handshakes are the load, since they cost the gateway more than the load. Where load and workers must share a core,
//! throughput says nothing; what then remains is what a handshake costs and how evenly it is spread.

use serde_json::json;

use super::super::Options;
use super::super::cpu::{Usage, threads};
use super::super::load::generator::lasting;
use super::super::load::{Handshakes, Report, Resumption, Task};
use super::super::processes::Cores;
use super::super::report::{Goal, Section, median, spread};
use super::super::scenarios::{Scenario, WORKERS_CARRY, WORKERS_COST, WORKERS_SHARE, WORKERS_WAIT};
use super::super::targets::{Site, Stage, Subject, Target};

/// Connections under way at once, over all makers of load.
const CONNECTIONS: usize = 64;
/// The moderate rate, of what one worker carries with nothing else to do.
const MODERATE: f64 = 0.4;
/// How Sekisho's worker threads are called; the kernel keeps 15 bytes.
const THREADS: &str = "sekisho-worker";

/// One load of one side.
#[derive(Debug, Clone)]
struct Round {
    /// Microseconds of CPU a handshake.
    cost: f64,
    p50_us: u64,
    p99_us: u64,
    /// What the busiest worker did of all workers' work.
    share: f64,
    /// Handshakes a second without a limit, where it says something.
    carried: Option<f64>,
}

struct Side {
    target: Target,
    rounds: Vec<Round>,
}

/// Measures both sides in turn.
pub(super) fn measure(
    stage: &Stage,
    scenario: &'static Scenario,
    options: &Options,
) -> Result<Section, String> {
    let seconds = options.load_seconds();
    let mut sides = Vec::new();
    for workers in [1, 2] {
        let target = stage.start(Subject::Sekisho(Site::Tls(workers)))?;
        sides.push(Side { target, rounds: Vec::new() });
    }
    let mut problems = Vec::new();
    let warm: Vec<Report> =
        sides.iter().map(|side| load(stage, &side.target, None, seconds)).collect::<Result<_, _>>()?;
    let rate = (rate_of(&warm[0]) * MODERATE) as u64;
    for number in 1..=options.rounds {
        for (side, workers) in sides.iter_mut().zip(1..) {
            let (round, what) = side.round(stage, rate, seconds, workers)?;
            eprintln!(
                "    round {number} workers {workers}: {:.1} µs a handshake, busiest {:.2}, p99 {} µs",
                round.cost, round.share, round.p99_us
            );
            problems
                .extend(what.into_iter().map(|what| format!("round {number}, workers {workers}: {what}")));
            side.rounds.push(round);
        }
    }
    let mut section = section(scenario, &sides);
    section.problems = problems;
    section.notes.push(format!("the moderate rate is {rate} handshakes a second"));
    section.notes.push(caution(Cores::enough()));
    Ok(section)
}

/// What can be concluded on this machine.
fn caution(enough: bool) -> String {
    let text = if enough {
        "workers and load have two cores each, so throughput and waiting may be compared"
    } else {
        "the second worker shares its core with load and upstream: how much two workers carry cannot be told here, nor \
         whether they answer sooner; what a handshake costs and how evenly the work is spread can"
    };
    text.to_owned()
}

impl Side {
    fn round(
        &self,
        stage: &Stage,
        rate: u64,
        seconds: u64,
        workers: usize,
    ) -> Result<(Round, Vec<String>), String> {
        let id = self.target.process.id();
        let (before, threads_before) = (Usage::of(id), threads(id, THREADS));
        let report = load(stage, &self.target, Some(rate), seconds)?;
        let spent = Usage::of(id).since(&before).total;
        let busy: Vec<u64> = threads(id, THREADS)
            .into_iter()
            .map(|(thread, now)| now.saturating_sub(threads_before.get(&thread).copied().unwrap_or_default()))
            .collect();
        let mut problems = report.problems("the load");
        if busy.len() != workers {
            problems.push(format!("{} threads are called {THREADS}, not {workers}", busy.len()));
        }
        let mut carried = None;
        if Cores::enough() {
            let most = load(stage, &self.target, None, seconds)?;
            problems.extend(most.problems("the load without a limit"));
            carried = Some(rate_of(&most));
        }
        let cost = spent.as_secs_f64() * 1e6 / report.answered.max(1) as f64;
        let round =
            Round { cost, p50_us: report.p50_us, p99_us: report.p99_us, share: busiest(&busy), carried };
        Ok((round, problems))
    }

    fn median_of(&self, value: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(value).collect())
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
fn load(stage: &Stage, target: &Target, rate: Option<u64>, seconds: u64) -> Result<Report, String> {
    let makers = if Cores::enough() { &[Cores::Load, Cores::MoreLoad][..] } else { &[Cores::Load] };
    let count = makers.len();
    let work = lasting(
        Task::Handshakes(Handshakes {
            port: target.tls,
            authority: stage.authority(),
            connections: CONNECTIONS / count,
            rate: rate.map(|rate| (rate / count as u64).max(1)),
            resumption: Resumption::Never,
        }),
        seconds,
    );
    let mut running = Vec::new();
    for (number, cores) in makers.iter().enumerate() {
        running.push(stage.generator_on(*cores, &format!("{}-{number}", target.name()), &work)?);
    }
    let mut reports = Vec::new();
    for generator in running {
        reports.push(generator.finish()?);
    }
    Ok(together(&reports))
}

/// Sums, and of times the worst.
fn together(reports: &[Report]) -> Report {
    let mut whole = Report::default();
    for report in reports {
        whole.sent += report.sent;
        whole.answered += report.answered;
        whole.refused += report.refused;
        whole.lost += report.lost;
        whole.seconds = whole.seconds.max(report.seconds);
        whole.p50_us = whole.p50_us.max(report.p50_us);
        whole.p99_us = whole.p99_us.max(report.p99_us);
        whole.complaints.extend(report.complaints.iter().cloned());
    }
    whole
}

fn section(scenario: &'static Scenario, sides: &[Side]) -> Section {
    let columns = [
        "workers",
        "µs/handshake",
        "ratio",
        "min–max",
        "busiest worker",
        "p50 ms",
        "p99 ms",
        "handshakes/s at most",
    ];
    let mut section = Section::new(scenario, &columns);
    let ratios = |value: fn(&Round) -> f64, side: &Side| -> Vec<f64> {
        side.rounds.iter().zip(&sides[0].rounds).map(|(own, one)| value(own) / value(one)).collect()
    };
    for (side, workers) in sides.iter().zip(1..) {
        let costs = ratios(|round| round.cost, side);
        let carried: Option<Vec<f64>> = side.rounds.iter().map(|round| round.carried).collect();
        section.rows.push(vec![
            workers.to_string(),
            format!("{:.2}", side.median_of(|round| round.cost)),
            format!("{:.3}", median(costs.clone())),
            spread(&costs),
            format!("{:.3}", side.median_of(|round| round.share)),
            format!("{:.2}", side.median_of(|round| round.p50_us as f64 / 1e3)),
            format!("{:.2}", side.median_of(|round| round.p99_us as f64 / 1e3)),
            carried.map_or("not measured".to_owned(), |carried| format!("{:.0}", median(carried))),
        ]);
        section.rounds.extend(side.rounds.iter().zip(1..).map(|(round, number)| {
            json!({
                "round": number, "workers": workers, "us_per_handshake": round.cost, "busiest": round.share,
                "p50_us": round.p50_us, "p99_us": round.p99_us, "handshakes_per_second": round.carried,
            })
        }));
    }
    let two = &sides[1];
    section.goals.push(Goal::at_most(
        "cost, times one worker",
        median(ratios(|r| r.cost, two)),
        WORKERS_COST,
    ));
    let share = two.median_of(|round| round.share);
    section.goals.push(Goal::at_most("part of the busier worker", share, WORKERS_SHARE));
    if Cores::enough() {
        let carried = median(ratios(|round| round.carried.unwrap_or(f64::NAN), two));
        section.goals.push(Goal::at_least("load carried, times one worker", carried, WORKERS_CARRY));
        let waiting = median(ratios(|round| round.p99_us as f64, two));
        section.goals.push(Goal::at_most("p99, times one worker", waiting, WORKERS_WAIT));
    }
    section
}

#[cfg(test)]
mod tests {
    use super::{Report, busiest, together};

    #[test]
    fn the_busiest_worker_is_told_by_its_part() {
        assert!((busiest(&[60, 40]) - 0.6).abs() < 1e-9);
        assert!((busiest(&[7]) - 1.0).abs() < 1e-9);
        assert!(busiest(&[]).is_nan());
    }

    #[test]
    fn makers_of_load_are_summed_and_the_slowest_counts() {
        let one = Report { sent: 3, answered: 2, lost: 1, p99_us: 5, seconds: 1.0, ..Report::default() };
        let two = Report { sent: 4, answered: 4, p99_us: 9, seconds: 2.0, ..Report::default() };
        let whole = together(&[one, two]);
        assert_eq!((whole.sent, whole.answered, whole.lost, whole.p99_us), (7, 6, 1, 9));
        assert!((whole.seconds - 2.0).abs() < 1e-9);
    }
}
