//! Everything at once for as long as one likes, and every request and message accounted for.
//!
//! Good clients send at a steady rate over HTTP, HTTPS and WebSocket while the configuration is reloaded ten times a second.
//! Slices in which the gateway is attacked, slices in which the same process of attackers runs but connects to nobody, and slices in
//! which it is at the service behind take turns. The first are compared with the second; the third only show what attackers cost by
//! being on the load's core. They get no time there that good clients want. At the end what was sent must have been answered
//! rightly, counted in the metrics and written to the access log, and as many reloads must be counted as were asked for: exactly.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Options;
use super::super::cpu::resident_kib;
use super::super::load::generator::{Generator, lasting, until_told};
use super::super::load::{Ask, Attack, Body, Messages, Report, Requests, Task};
use super::super::report::{Goal, Section, median, megabytes, spread};
use super::super::scenarios::{SOAK_WAIT, Scenario};
use super::super::targets::{Site, Stage, Subject, Target};
use super::proof;
use super::reload::reload;

const SECONDS: u64 = 60;
/// One slice of each kind.
const KINDS: [Attacked; 3] = [Attacked::Nobody, Attacked::Service, Attacked::Gateway];
/// A turn of all kinds takes about this long, so that what disturbs the machine disturbs few of them;
const TURN_SECONDS: u64 = 6;
/// but there are no more turns than this, however long the whole, nor fewer than that.
const MOST_TURNS: u64 = 40;
const FEWEST_TURNS: u64 = 2;
const SHORTEST_SLICE: u64 = 2;
const BETWEEN_RELOADS: Duration = Duration::from_millis(100);
/// Attackers need a moment until all of them are at it.
const GATHERING: Duration = Duration::from_millis(1_500);
/// At the start of a slice, until the clients over TLS have shaken hands.
const SETTLING: Duration = Duration::from_millis(300);
/// Of each kind of good client.
const CONNECTIONS: usize = 32;
/// Requests a second, of HTTP and of HTTPS.
const RATE: u64 = 2_000;
/// Messages a second, over either kind of tunnel.
const MESSAGES: u64 = 200;

/// Paths of good clients; the routes are called the same.
const GOOD: [&str; 2] = ["/good", "/generation"];
const TUNNEL: &str = "/echo";

/// Whom attackers are at in a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attacked {
    Nobody,
    Service,
    Gateway,
}

impl Attacked {
    fn name(self) -> &'static str {
        match self {
            Attacked::Nobody => "with attackers idle",
            Attacked::Service => "with attackers at the service",
            Attacked::Gateway => "with attackers",
        }
    }
}

/// Of a slice, what was seen over one scheme.
type Seen = fn(&Slice) -> &Report;
const SCHEMES: [(&str, Seen); 2] = [("http", |slice| &slice.http), ("https", |slice| &slice.https)];

/// One slice of time: its requests over HTTP and over HTTPS.
struct Slice {
    attacked: Attacked,
    http: Report,
    https: Report,
}

/// Runs the whole and accounts for it.
pub(super) fn measure(
    stage: &Stage,
    scenario: &'static Scenario,
    options: &Options,
) -> Result<Section, String> {
    let (turns, length) = slices(options.seconds.unwrap_or(SECONDS));
    let _echo = stage.echo()?;
    let target = stage.start(Subject::Sekisho(Site::Soak))?;
    let over = AtomicBool::new(false);
    let (outcome, reloads) = std::thread::scope(|scope| {
        let reloader = scope.spawn(|| keep_reloading(stage, &target, &over));
        let outcome = traffic(stage, &target, (turns, length));
        over.store(true, Relaxed);
        (outcome, reloader.join())
    });
    let reloads = reloads.map_err(|_| "the thread that reloads broke down")?;
    let traffic = outcome?;
    let mut section = Section::new(
        scenario,
        &["slices", "scheme", "requests", "wrong", "lost", "p50 ms", "p99 ms", "longest ms"],
    );
    traffic.tell(&mut section);
    let times = reloads.unwrap_or_else(|error| {
        section.problems.push(error);
        Vec::new()
    });
    let (count, each) = (times.len(), median(times.clone()));
    section.notes.push(format!("{count} reloads, {each:.1} ms each ({})", spread(&times)));
    section.notes.push(format!(
        "memory was {:.1} MB before the first attackers and {:.1} MB after the last",
        megabytes(traffic.memory.0),
        megabytes(traffic.memory.1)
    ));
    account(&target, &traffic, times.len() as u64, &mut section)?;
    section.notes.push(format!(
        "{turns} slices of {length} s of each kind; times are of all requests of a kind of slice together. The attackers' own work \
         on the load's core is part of it: with the same attackers at the service behind, the p99s were {:.2} (HTTP) and {:.2} \
         (HTTPS) times those with them idle",
        traffic.times(Attacked::Service, |slice| &slice.http),
        traffic.times(Attacked::Service, |slice| &slice.https)
    ));
    Ok(section)
}

/// Turns of all kinds of slice, and seconds of each slice.
fn slices(seconds: u64) -> (u64, u64) {
    let turns = (seconds / TURN_SECONDS).clamp(FEWEST_TURNS, MOST_TURNS);
    (turns, (seconds / (turns * KINDS.len() as u64)).max(SHORTEST_SLICE))
}

/// The kinds of one turn: every other one backwards, so that no order is favoured.
fn order(turn: u64) -> impl Iterator<Item = Attacked> {
    let last = KINDS.len() - 1;
    (0..=last).map(move |number| KINDS[if turn.is_multiple_of(2) { number } else { last - number }])
}

/// Reloads until `over`; milliseconds of each.
///
/// It asks for `/generation` after each, as good clients do, which is counted with theirs.
fn keep_reloading(stage: &Stage, target: &Target, over: &AtomicBool) -> Result<Vec<f64>, String> {
    let mut times = Vec::new();
    while !over.load(Relaxed) {
        times.push(reload(stage, target, times.len() as u64 + 1)?);
        std::thread::sleep(BETWEEN_RELOADS);
    }
    Ok(times)
}

/// What all good clients did, and how many attackers there were.
struct Traffic {
    slices: Vec<Slice>,
    tunnels: [Report; 2],
    attacks: Vec<Report>,
    /// KiB before the first attackers and after the last.
    memory: (u64, u64),
}

fn traffic(stage: &Stage, target: &Target, (turns, length): (u64, u64)) -> Result<Traffic, String> {
    let tunnels = [None, Some(stage.authority())].map(|authority| {
        let (port, name) = if authority.is_some() { (target.tls, "wss") } else { (target.port, "ws") };
        let rate = Some(MESSAGES);
        let messages = Messages { port, authority, connections: CONNECTIONS, bytes: 1024, rate };
        stage.generator(name, &until_told(Task::Messages(messages)))
    });
    let (mut slices, mut attacks) = (Vec::new(), Vec::new());
    let mut before = 0;
    for attacked in (0..turns).flat_map(order) {
        if before == 0 && attacked == Attacked::Gateway {
            before = resident_kib(target.process.id());
        }
        let attackers = attackers(
            stage,
            match attacked {
                Attacked::Nobody => Attack::Nobody,
                Attacked::Service => Attack::At { port: stage.upstream_port, tls: stage.upstream_port },
                Attacked::Gateway => Attack::At { port: target.port, tls: target.tls },
            },
        )?;
        let slice = slice(stage, target, attacked, length)?;
        eprintln!(
            "    {}: p99 {:.2} ms, over TLS {:.2} ms",
            attacked.name(),
            slice.http.p99_us as f64 / 1e3,
            slice.https.p99_us as f64 / 1e3
        );
        slices.push(slice);
        let attack = attackers.finish()?;
        attacks.extend(Some(attack).filter(|_| attacked == Attacked::Gateway));
    }
    let after = resident_kib(target.process.id());
    let [plain, secure] = tunnels.map(|tunnel| tunnel.and_then(Generator::finish));
    Ok(Traffic { slices, tunnels: [plain?, secure?], attacks, memory: (before, after) })
}

fn attackers(stage: &Stage, attack: Attack) -> Result<Generator, String> {
    let mut attackers = stage.generator("attackers", &until_told(Task::Attack(attack)))?;
    std::thread::sleep(GATHERING);
    attackers.running()?;
    Ok(attackers)
}

fn slice(stage: &Stage, target: &Target, attacked: Attacked, length: u64) -> Result<Slice, String> {
    let asks: Vec<Ask> = [(GOOD[0], Body::Service), (GOOD[1], Body::Generation)]
        .map(|(path, body)| Ask { path: path.to_owned(), body })
        .into();
    let start = |name, port, authority| {
        let rate = Some(RATE);
        let load = Requests::to(port, CONNECTIONS, asks.clone());
        let requests = Requests { authority, rate, settling: SETTLING, ..load };
        stage.generator(name, &lasting(Task::Requests(requests), length))
    };
    let http = start("http", target.port, None)?;
    let https = start("https", target.tls, Some(stage.authority()))?;
    Ok(Slice { attacked, http: http.finish()?, https: https.finish()? })
}

impl Traffic {
    /// Rows, goals and problems of the good clients.
    fn tell(&self, section: &mut Section) {
        for slice in &self.slices {
            let name = slice.attacked.name();
            for (scheme, of) in SCHEMES {
                let report = of(slice);
                section.problems.extend(report.problems(&format!("{scheme} {name}")));
                section.rounds.push(json!({"slice": name, "scheme": scheme, "requests": report}));
            }
        }
        for attacked in KINDS {
            for (scheme, of) in SCHEMES {
                section.rows.push(row(attacked.name(), scheme, &self.all(attacked, of)));
            }
        }
        for (scheme, report) in ["ws", "wss"].into_iter().zip(&self.tunnels) {
            section.rows.push(row("all the time", scheme, report));
            section.problems.extend(report.problems(&format!("{scheme} tunnels")));
            section.rounds.push(json!({"slice": "all", "scheme": scheme, "messages": report}));
        }
        for (scheme, of) in SCHEMES {
            let what = format!("p99 over {scheme} with attackers, times with them idle");
            section.goals.push(Goal::at_most(what, self.times(Attacked::Gateway, of), SOAK_WAIT));
        }
        let attacks: Vec<Value> = self.attacks.iter().map(|report| json!(report.counts)).collect();
        section.rounds.push(json!({"attacks": attacks}));
        if let Some(last) = self.attacks.last() {
            let kinds: Vec<String> =
                last.counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            section.notes.push(format!("attackers of the last slice opened: {}", kinds.join(", ")));
        }
    }

    /// What good clients saw in all slices of one kind.
    fn all(&self, attacked: Attacked, of: Seen) -> Report {
        Report::of_all(self.slices.iter().filter(|slice| slice.attacked == attacked).map(of))
    }

    /// The p99 in all slices of this kind, divided by that with idle attackers.
    fn times(&self, attacked: Attacked, of: Seen) -> f64 {
        self.all(attacked, of).p99_us as f64 / self.all(Attacked::Nobody, of).p99_us as f64
    }

    /// Requests that good clients saw answered.
    fn answered(&self) -> u64 {
        self.slices.iter().map(|slice| slice.http.answered + slice.https.answered).sum()
    }
}

fn row(slices: &str, scheme: &str, report: &Report) -> Vec<String> {
    let milliseconds = |microseconds: u64| format!("{:.2}", microseconds as f64 / 1e3);
    vec![
        slices.to_owned(),
        scheme.to_owned(),
        report.answered.to_string(),
        report.refused.to_string(),
        report.lost.to_string(),
        milliseconds(report.p50_us),
        milliseconds(report.p99_us),
        milliseconds(report.most_us),
    ]
}

/// Compares what good clients counted with the gateway's own counts, by the names of their routes.
fn account(target: &Target, traffic: &Traffic, reloads: u64, section: &mut Section) -> Result<(), String> {
    let requests = traffic.answered() + reloads;
    let tunnels: u64 = traffic.tunnels.iter().map(|report| report.connections).sum();
    for (what, routes, wanted) in [("requests", &GOOD[..], requests), ("tunnels", &[TUNNEL], tunnels)] {
        let found = proof::exactly(target, routes, wanted)?;
        section.notes.push(format!("{what}: {}", found.note));
        section.problems.extend(found.problems.iter().map(|problem| format!("{what}: {problem}")));
    }
    let (applied, refused) = proof::reloads(target)?;
    section
        .notes
        .push(format!("reloads: {reloads} changed an answer, and the gateway counted {applied} as applied"));
    if (applied, refused) != (reloads, 0) {
        section
            .problems
            .push(format!("{reloads} reloads were asked for, {applied} were applied and {refused} refused"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Attacked, KINDS, Report, Slice, Traffic, order, row, slices};

    fn slice(attacked: Attacked, took: u64) -> Slice {
        let report = Report::of_times([1, took]);
        Slice { attacked, http: report.clone(), https: report }
    }

    #[test]
    fn all_requests_with_attackers_are_compared_with_all_without() {
        let times = [10, 15, 20, 40, 20, 10, 30, 30, 40];
        let kinds = (0..3).flat_map(order);
        let traffic = Traffic {
            slices: kinds.zip(times).map(|(attacked, took)| slice(attacked, took)).collect(),
            tunnels: [Report::default(), Report::default()],
            attacks: Vec::new(),
            memory: (0, 0),
        };
        // The longest with nobody there was 30, at the service 30, at the gateway 40.
        assert!((traffic.times(Attacked::Gateway, |slice| &slice.http) - 40.0 / 30.0).abs() < 1e-9);
        assert!((traffic.times(Attacked::Service, |slice| &slice.http) - 1.0).abs() < 1e-9);
        assert_eq!(traffic.answered(), 36);
        let all = traffic.all(Attacked::Nobody, |slice| &slice.http);
        assert_eq!(row("all", "http", &all)[2..], ["6", "0", "0", "0.00", "0.03", "0.03"]);
    }

    #[test]
    fn there_are_many_short_slices_and_each_turn_has_one_of_each_kind() {
        assert_eq!((slices(60), slices(1), slices(3600)), ((10, 2), (2, 2), (40, 30)));
        assert!((0..4).all(|turn| KINDS.iter().all(|kind| order(turn).any(|one| one == *kind))));
        assert_eq!(order(0).next(), Some(Attacked::Nobody));
        assert_eq!(order(1).next(), Some(Attacked::Gateway));
    }
}
