//! CPU time a request, as a ratio to a reference.
//!
//! All targets are started once and warmed; then they are loaded in turn, round after round (A B A B …), and each
//! round gives one ratio. What disturbs the machine for a second disturbs both sides of one round, not the median.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::cpu::{Spent, Usage, resident_kib};
use super::super::load::generator::lasting;
use super::super::load::{Handshakes, Messages, Report, Task};
use super::super::report::{Goal, Section, median, megabytes, spread};
use super::super::scenarios::{BODY, BROWSER, Drive, FILE, ORIGIN, Origin, Plan, Scenario};
use super::super::targets::{Peer, Site, Stage, Subject, Target};
use super::super::wrk::{self, Asks, Counts, Load, Scheme};
use super::super::{Headers, Options, http};
use super::{cached, proof, tls};

/// Long enough for pools and caches to fill.
const WARM_UP_SECONDS: u64 = 1;

/// Lets what the load left behind (closing connections) be counted with it.
const AFTERMATH: Duration = Duration::from_millis(50);

/// One load of one target.
#[derive(Debug)]
struct Round {
    counts: Counts,
    spent: Spent,
    resident_kib: u64,
}

impl Round {
    fn microseconds(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.counts.requests.max(1) as f64
    }

    fn cost(&self) -> f64 {
        self.microseconds(self.spent.total)
    }

    fn rate(&self) -> f64 {
        self.counts.requests as f64 / self.counts.took.as_secs_f64().max(1e-9)
    }
}

/// A target with its load and what came of it.
struct Contender {
    target: Target,
    force: Force,
    rounds: Vec<Round>,
    /// Requests of all loads, the warm-up included.
    requests: u64,
}

/// What loads one target.
enum Force {
    Wrk(Load),
    Own(Task),
}

/// Measures one scenario under load.
pub(super) fn measure(
    stage: &Stage,
    scenario: &'static Scenario,
    plan: &Plan,
    options: &Options,
) -> Result<Section, String> {
    let _echo = if let Drive::Messages(_) = plan.drive { Some(stage.echo()?) } else { None };
    let mut contenders = Vec::new();
    for subject in subjects(stage, plan, options) {
        let target = stage.start(subject)?;
        let force = force(stage, plan, &target, options.headers)?;
        contenders.push(Contender { target, force, rounds: Vec::new(), requests: 0 });
    }
    let (mut notes, mut problems) = (Vec::new(), Vec::new());
    if plan.drive.speaks_tls() {
        compare(stage, &contenders, &mut notes, &mut problems)?;
    }
    for contender in &mut contenders {
        contender.probe()?;
        contender.run(stage, WARM_UP_SECONDS)?;
    }
    let asked = cached::asked(stage)?;
    let unit = plan.drive.unit();
    for number in 1..=options.rounds {
        for contender in &mut contenders {
            let (round, what) = contender.run(stage, options.load_seconds())?;
            let name = contender.target.name();
            eprintln!("    round {number} {name}: {:.2} µs a {unit}, {:.0}/s", round.cost(), round.rate());
            problems.extend(what.into_iter().map(|what| format!("round {number}, {name}: {what}")));
            contender.rounds.push(round);
        }
    }
    if plan.reference == Subject::NginxCache {
        // One of them is this question.
        let asked = cached::asked(stage)? - asked - 1;
        notes.push(format!("the service was asked {asked} times in all rounds together"));
        if asked > 0 {
            problems.push("not every answer was a kept one".to_owned());
        }
    }
    for contender in &contenders {
        let Force::Wrk(load) = &contender.force else { continue };
        let proof = match contender.target.subject {
            Subject::Sekisho(Site::Policies) => {
                proof::policies(&contender.target, &load.headers, contender.requests)?
            }
            Subject::Sekisho(Site::Full(_)) => {
                proof::full(&contender.target, &load.headers, contender.requests)?
            }
            _ => continue,
        };
        notes.push(proof.note);
        problems.extend(proof.problems);
    }
    Ok(section(scenario, plan, &contenders, notes, problems))
}

/// Whether all targets do the same work in TLS: the same for the same client, and resumption for all.
fn compare(
    stage: &Stage,
    contenders: &[Contender],
    notes: &mut Vec<String>,
    problems: &mut Vec<String>,
) -> Result<(), String> {
    let probe = |one: &Contender| tls::probe(&one.target.name(), one.target.tls, &stage.authority());
    let reference = probe(&contenders[0])?;
    problems.extend(reference.problems.iter().cloned());
    for contender in &contenders[1..] {
        let own = probe(contender)?;
        problems.extend(tls::differences(&contender.target.name(), &reference, &own));
        problems.extend(own.problems);
    }
    let negotiated = reference.negotiated.join("; ");
    notes.push(format!(
        "clients that offer much, TLS 1.3 only and TLS 1.2 only settle on: {negotiated}; each may resume"
    ));
    Ok(())
}

impl Contender {
    /// One load, with what the target spent on it and what makes the round worthless.
    fn run(&mut self, stage: &Stage, seconds: u64) -> Result<(Round, Vec<String>), String> {
        self.target.process.running()?;
        let id = self.target.process.id();
        let before = Usage::of(id);
        let (counts, problems) = match &self.force {
            Force::Wrk(load) => {
                let counts = wrk::run(&stage.folder, port(load, &self.target), load, seconds)?;
                let problems = complaints(&counts, answer_bytes(load.asks));
                (counts, problems)
            }
            Force::Own(task) => {
                let report =
                    stage.generator(&self.target.name(), &lasting(task.clone(), seconds))?.finish()?;
                let problems = report.problems("the load");
                (counts(&report), problems)
            }
        };
        std::thread::sleep(AFTERMATH);
        let spent = Usage::of(id).since(&before);
        self.target.process.running()?;
        self.requests += counts.requests;
        Ok((Round { counts, spent, resident_kib: resident_kib(id) }, problems))
    }

    /// Tries one request by hand: load that is answered by something else than the upstream measures nothing.
    ///
    /// Our own load checks every answer by itself, and TLS was tried before.
    fn probe(&self) -> Result<(), String> {
        let Force::Wrk(load) = &self.force else { return Ok(()) };
        let path = wrk::sample_path(load.asks);
        let answer = http::get(self.target.port, &path, &load.headers)?;
        let expected = answer_bytes(load.asks);
        if answer.status == 200 && answer.body.len() == expected {
            return Ok(());
        }
        let (name, got) = (self.target.name(), answer.body.len());
        Err(format!(
            "{name} answers GET {path} with {} and {got} bytes, not 200 and {expected}",
            answer.status
        ))
    }

    fn median_of(&self, value: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(value).collect())
    }
}

/// The reference first, then the peers, then Sekisho.
fn subjects(stage: &Stage, plan: &Plan, options: &Options) -> Vec<Subject> {
    let mut subjects = vec![plan.reference];
    if plan.reference == Subject::Nginx {
        // HAProxy is set up for plain requests only.
        let plain = matches!(plan.drive, Drive::Wrk(..)) && !plan.drive.speaks_tls();
        let peers = options.peers.iter().filter(|peer| plain || **peer != Peer::Haproxy);
        subjects.extend(peers.map(|peer| peer.subject()));
    }
    if plan.reference == Subject::NginxCache {
        subjects.push(Subject::NginxCacheOpen);
    }
    if stage.has_sekisho() {
        subjects.push(Subject::Sekisho(plan.site));
    }
    subjects
}

fn force(stage: &Stage, plan: &Plan, target: &Target, headers: Headers) -> Result<Force, String> {
    let connections = plan.connections as usize;
    Ok(match plan.drive {
        Drive::Wrk(scheme, asks) => {
            let mut load = Load { scheme, ..load(plan, asks, target.subject, headers) };
            if let Site::Full(_) = plan.site {
                // The same for those who do not look at it.
                load.headers.retain(|(name, _)| name != "Authorization");
                load.headers.push(("Authorization".to_owned(), format!("Bearer {}", stage.token()?)));
            }
            if plan.site == Site::Cache {
                // With them a browser asks for what no cache may answer.
                load.headers.retain(|(name, _)| name != "Authorization" && name != "Cache-Control");
            }
            Force::Wrk(load)
        }
        Drive::Handshakes(resumption) => Force::Own(Task::Handshakes(Handshakes {
            port: target.tls,
            authority: stage.authority(),
            connections,
            rate: None,
            resumption,
        })),
        Drive::Messages(bytes) => Force::Own(Task::Messages(Messages {
            port: target.port,
            authority: None,
            connections,
            bytes,
            rate: None,
        })),
    })
}

fn load(plan: &Plan, asks: Asks, subject: Subject, headers: Headers) -> Load {
    let asks = match subject {
        Subject::Sekisho(Site::Routes(routes)) => Asks::Spread { routes },
        _ => asks,
    };
    let mut pairs: Vec<(&str, &str)> =
        if headers == Headers::Browser { BROWSER.to_vec() } else { Vec::new() };
    if plan.origin == Origin::Sent && !pairs.iter().any(|(name, _)| *name == "Origin") {
        pairs.push(("Origin", ORIGIN));
    }
    let headers = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Load { scheme: Scheme::Http, connections: plan.connections, asks, headers }
}

/// The figures that our own load has in common with wrk.
fn counts(report: &Report) -> Counts {
    Counts {
        requests: report.answered,
        bytes: report.bytes,
        took: Duration::from_secs_f64(report.seconds),
        refused: report.refused,
        failed: report.lost,
        p50: Duration::from_micros(report.p50_us),
        p99: Duration::from_micros(report.p99_us),
    }
}

fn port(load: &Load, target: &Target) -> u16 {
    match load.scheme {
        Scheme::Http => target.port,
        Scheme::Https => target.tls,
    }
}

fn answer_bytes(asks: Asks) -> usize {
    if matches!(asks, Asks::Get { path: "/1m" | "/kept/1m" }) { FILE } else { BODY }
}

/// Whatever makes a round worthless.
fn complaints(counts: &Counts, answer: usize) -> Vec<String> {
    let mut found = Vec::new();
    if counts.requests == 0 {
        found.push("no request was answered".to_owned());
    }
    if counts.refused > 0 {
        found.push(format!("{} answers were errors", counts.refused));
    }
    if counts.failed > 0 {
        found.push(format!("{} requests failed", counts.failed));
    }
    if counts.bytes < counts.requests * answer as u64 {
        found.push(format!("{} bytes are too few for {} answers", counts.bytes, counts.requests));
    }
    found
}

fn section(
    scenario: &'static Scenario,
    plan: &Plan,
    contenders: &[Contender],
    notes: Vec<String>,
    problems: Vec<String>,
) -> Section {
    let reference: Vec<f64> = contenders[0].rounds.iter().map(Round::cost).collect();
    let mut section = Section::new(
        scenario,
        &[
            "target",
            &format!("µs/{}", plan.drive.unit()),
            "user",
            "system",
            "ratio",
            "min–max",
            &format!("{}s/s", plan.drive.unit()),
            "p50 ms",
            "p99 ms",
            "RSS MB",
        ],
    );
    for contender in contenders {
        let ratios: Vec<f64> =
            contender.rounds.iter().zip(&reference).map(|(round, base)| round.cost() / base).collect();
        let ratio = median(ratios.clone());
        if contender.target.subject == Subject::Sekisho(plan.site) {
            section.goals.push(Goal::at_most("ratio", ratio, plan.target));
        }
        let milliseconds = |time: fn(&Counts) -> Duration| {
            contender.median_of(|round| time(&round.counts).as_secs_f64() * 1e3)
        };
        section.rows.push(vec![
            contender.target.name(),
            format!("{:.2}", contender.median_of(Round::cost)),
            format!("{:.1}", contender.median_of(|round| round.microseconds(round.spent.user))),
            format!("{:.1}", contender.median_of(|round| round.microseconds(round.spent.system))),
            format!("{ratio:.3}"),
            spread(&ratios),
            format!("{:.0}", contender.median_of(Round::rate)),
            format!("{:.2}", milliseconds(|counts| counts.p50)),
            format!("{:.2}", milliseconds(|counts| counts.p99)),
            format!("{:.1}", contender.median_of(|round| megabytes(round.resident_kib))),
        ]);
        section.rounds.extend(
            contender
                .rounds
                .iter()
                .zip(ratios)
                .enumerate()
                .map(|(index, (round, ratio))| record(index + 1, &contender.target.name(), round, ratio)),
        );
    }
    section.notes = notes;
    section.problems = problems;
    section
}

fn record(number: usize, target: &str, round: &Round, ratio: f64) -> Value {
    let counts = &round.counts;
    json!({
        "round": number,
        "target": target,
        "ratio": ratio,
        "us_per_request": round.cost(),
        "user_us_per_request": round.microseconds(round.spent.user),
        "system_us_per_request": round.microseconds(round.spent.system),
        "requests": counts.requests,
        "seconds": counts.took.as_secs_f64(),
        "bytes": counts.bytes,
        "error_answers": counts.refused,
        "failed": counts.failed,
        "p50_us": counts.p50.as_micros() as u64,
        "p99_us": counts.p99.as_micros() as u64,
        "rss_kib": round.resident_kib,
    })
}

#[cfg(test)]
mod tests {
    use super::{BODY, Counts, Headers, Load, complaints, load};
    use crate::bench::scenarios::{Drive, Kind, named};
    use crate::bench::targets::{Site, Subject};
    use crate::bench::wrk::Asks;
    use std::time::Duration;

    fn counts(requests: u64, bytes: u64, refused: u64, failed: u64) -> Counts {
        let (took, p50, p99) = (Duration::from_secs(1), Duration::ZERO, Duration::ZERO);
        Counts { requests, bytes, took, refused, failed, p50, p99 }
    }

    #[test]
    fn a_round_with_errors_is_worthless() {
        for (round, complaints_wanted) in [
            (counts(10, 20_000, 0, 0), 0),
            (counts(0, 0, 0, 0), 1),
            (counts(10, 20_000, 1, 0), 1),
            (counts(10, 20_000, 1, 2), 2),
            (counts(10, 9_000, 0, 0), 1),
        ] {
            assert_eq!(complaints(&round, BODY).len(), complaints_wanted, "{round:?}");
        }
    }

    fn load_of(scenario: &str, subject: Subject, headers: Headers) -> Load {
        let Kind::Ratio(plan) = &named(scenario).unwrap().kind else { panic!("not a ratio") };
        let Drive::Wrk(_, asks) = plan.drive else { panic!("not by wrk") };
        load(plan, asks, subject, headers)
    }

    #[test]
    fn each_site_is_asked_for_its_own_routes() {
        let load = load_of("routes", Subject::Sekisho(Site::Routes(10)), Headers::Few);
        assert_eq!(load.asks, Asks::Spread { routes: 10 });
    }

    #[test]
    fn the_origin_is_sent_once_where_it_matters() {
        let origins = |scenario: &str, headers| {
            let load = load_of(scenario, Subject::Nginx, headers);
            load.headers.iter().filter(|(name, _)| name == "Origin").count()
        };
        assert_eq!(origins("policies", Headers::Few), 1);
        assert_eq!(origins("policies", Headers::Browser), 1);
        assert_eq!(origins("get1k", Headers::Few), 0);
    }
}
