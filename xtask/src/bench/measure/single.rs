//! What needs no rounds: memory with idle connections, and the time until a start is done.

use std::time::Duration;

use serde_json::json;

use super::super::Options;
use super::super::cpu::resident_kib;
use super::super::http::Connection;
use super::super::report::{Goal, Section, median, megabytes};
use super::super::scenarios::{IDLE_KILOBYTES, IDLE_MEGABYTES, START_MILLISECONDS, Scenario};
use super::super::targets::{Site, Stage, Subject, Target};
use super::super::wrk::{self, Asks, Load, Scheme};

/// Connections held open when memory is read.
const HELD: [usize; 3] = [64, 1_064, 5_064];

const STARTS: usize = 5;
const START_ROUTES: usize = 1_000;

/// Memory after load at 64 connections, and of further idle ones, of every target in turn.
pub(super) fn idle(stage: &Stage, scenario: &'static Scenario, options: &Options) -> Result<Section, String> {
    let mut section = Section::new(
        scenario,
        &[
            "target",
            "MB at 64",
            "MB at 1,064",
            "MB at 5,064",
            "KB a connection to 1,064",
            "KB a connection to 5,064",
        ],
    );
    let mut subjects = vec![Subject::Nginx];
    subjects.extend(options.peers.iter().map(|peer| peer.subject()));
    if stage.has_sekisho() {
        subjects.push(Subject::Sekisho(Site::Plain));
    }
    for subject in subjects {
        let mut target = stage.start(subject)?;
        let load = Load {
            scheme: Scheme::Http,
            connections: 64,
            asks: Asks::Get { path: "/" },
            headers: Vec::new(),
        };
        let counts = wrk::run(&stage.folder, target.port, &load, options.load_seconds())?;
        if counts.refused + counts.failed > 0 {
            let bad = counts.refused + counts.failed;
            section.problems.push(format!("{}: {bad} requests failed under load", target.name()));
        }
        let resident = hold(&mut target)?;
        let further = |from: usize, to: usize| {
            let gained = resident[to] as f64 - resident[from] as f64;
            gained * 1.024 / (HELD[to] - HELD[from]) as f64
        };
        if let Subject::Sekisho(_) = subject {
            let megabytes = megabytes(resident[0]);
            section.goals.push(Goal::at_most("MB at 64 connections", megabytes, IDLE_MEGABYTES));
            let worst = further(0, 1).max(further(0, 2));
            section.goals.push(Goal::at_most("KB a further idle connection", worst, IDLE_KILOBYTES));
        }
        let mut row = vec![target.name()];
        row.extend(resident.iter().map(|kib| format!("{:.1}", megabytes(*kib))));
        row.extend([further(0, 1), further(0, 2)].map(|kilobytes| format!("{kilobytes:.2}")));
        section.rows.push(row);
        section.rounds.push(json!({"target": target.name(), "connections": HELD, "rss_kib": resident}));
    }
    section.notes.push(
        "memory is resident memory of all the target's processes, socket buffers not included".to_owned(),
    );
    Ok(section)
}

/// Opens connections, one request on each, and reads the target's memory at each count of `HELD`.
fn hold(target: &mut Target) -> Result<[u64; HELD.len()], String> {
    let mut open = Vec::new();
    let mut resident = [0; HELD.len()];
    for (count, kib) in HELD.into_iter().zip(&mut resident) {
        while open.len() < count {
            let at = |e: String| format!("connection {}: {e}", open.len() + 1);
            let mut connection = Connection::open(target.port).map_err(at)?;
            let answer = connection.get("/", &[]).map_err(at)?;
            if answer.status != 200 {
                return Err(at(format!("status {}", answer.status)));
            }
            open.push(connection);
        }
        *kib = settled(target)?;
    }
    Ok(resident)
}

/// The memory once it has not changed for a second; buffers are given back a little after a connection falls idle.
fn settled(target: &mut Target) -> Result<u64, String> {
    const PAUSE: Duration = Duration::from_millis(250);
    const STEADY: usize = 4;
    const MOST: usize = 40;
    let (mut last, mut steady) = (0, 0);
    for _ in 0..MOST {
        std::thread::sleep(PAUSE);
        target.process.running()?;
        let now = resident_kib(target.process.id());
        steady = if now == last { steady + 1 } else { 0 };
        last = now;
        if steady == STEADY {
            break;
        }
    }
    Ok(last)
}

/// Milliseconds from exec until `/readyz` answers 200, with 1,000 routes; median of five starts.
pub(super) fn start(stage: &Stage, scenario: &'static Scenario) -> Result<Section, String> {
    let mut section = Section::new(scenario, &["start", "ms"]);
    let mut times = Vec::new();
    for number in 1..=STARTS {
        let mut target = stage.launch(Subject::Sekisho(Site::Routes(START_ROUTES)))?;
        target.wait_until_ready()?;
        let milliseconds = target.process.age().as_secs_f64() * 1e3;
        section.rows.push(vec![number.to_string(), format!("{milliseconds:.1}")]);
        section.rounds.push(json!({"round": number, "ms": milliseconds}));
        times.push(milliseconds);
    }
    let measured = median(times);
    section.goals.push(Goal::at_most("ms until ready (median)", measured, START_MILLISECONDS));
    section
        .notes
        .push("the time includes that of the two programs that pin the gateway to its core".to_owned());
    Ok(section)
}
