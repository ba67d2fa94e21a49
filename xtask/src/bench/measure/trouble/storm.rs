//! Everything is down, or answers 503: how much more are services asked than clients ask?
//!
//! Without a circuit breaker, which would ask them next to nothing: what is measured is that trying again makes no storm.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::super::super::load::{Manner, micros_of_day};
use super::super::super::report::{Goal, Section};
use super::super::super::scenarios::{STORM_ATTEMPTS, Scenario};
use super::super::super::targets::Stage;
use super::{CALM, Scene, calm_problems, summary};

/// How long the storm lasts.
const STORM: Duration = Duration::from_secs(10);

/// Lines are written within a second; more than this is a defect.
const PATIENCE: Duration = Duration::from_secs(10);

const BUSY: &str = "retry: { on: [connect, reset, 503] }";

/// What happens, the settings, and whether the processes are killed, rather than busy.
const ROWS: [(&str, &str, bool); 4] = [
    ("all are killed", "", true),
    ("all answer 503", BUSY, false),
    ("all are killed", "breaker: {}", true),
    ("all answer 503", "breaker: { count_5xx: true }, retry: { on: [connect, reset, 503] }", false),
];

/// Requests that failed, and the attempts that were made for them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Attempts {
    requests: u64,
    attempts: u64,
}

impl Attempts {
    /// By the access log.
    fn of(log: impl BufRead) -> Result<Attempts, String> {
        let mut found = Attempts::default();
        for line in log.lines() {
            let line = line.map_err(|e| e.to_string())?;
            let line: Value = serde_json::from_str(&line).map_err(|e| format!("{e} in {line}"))?;
            if line["statusCode"] != 200 {
                found.requests += 1;
                found.attempts += line["attempts"].as_u64().unwrap_or(0);
            }
        }
        Ok(found)
    }

    /// Once so many are there.
    fn wait(log: &Path, requests: u64) -> Result<Attempts, String> {
        let last = micros_of_day() + PATIENCE.as_micros() as u64;
        loop {
            let file = File::open(log).map_err(|e| format!("{}: {e}", log.display()))?;
            match Self::of(BufReader::new(file)) {
                Ok(found) if found.requests >= requests => return Ok(found),
                other if micros_of_day() > last => return other,
                // A line may be half written.
                _ => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }
}

pub(super) fn measure(stage: &Stage, scenario: &'static Scenario) -> Result<Section, String> {
    let columns =
        ["what happens", "settings", "requests then", "attempts", "attempts a request", "retries in all"];
    let mut section = Section::new(scenario, &columns);
    for (what, settings, killed) in ROWS {
        let moment = micros_of_day() + (CALM + Duration::from_secs(2)).as_micros() as u64;
        let manner = if killed { Manner::Well } else { Manner::BusyFrom(moment) };
        let scene = Scene::set(stage, settings, [manner; 3])?;
        let mut at = moment;
        if killed {
            scene.calm();
            at = micros_of_day();
            scene.endpoints.iter().try_for_each(|endpoint| endpoint.strike(Signal::KILL))?;
        }
        std::thread::sleep(Duration::from_micros(
            (at + STORM.as_micros() as u64).saturating_sub(micros_of_day()),
        ));
        let retries = scene.metric("gateway_upstream_retries_total{service=\"up\",result=\"made\"}")?;
        let (each, report, scenery) = scene.end_load()?;
        let settings = if settings.is_empty() { "as by default" } else { settings };
        let who = format!("{what}, {settings}");
        section.problems.extend(calm_problems(&each, at, &who));
        let failed = each.iter().filter(|one| one.status != 200).count() as u64;
        if report.lost > 0 {
            section.problems.push(format!("{who}: {} got no answer: {:?}", report.lost, report.complaints));
        }
        let found = Attempts::wait(&scenery.target.access_log, failed)?;
        if found.requests != failed {
            section.problems.push(format!("{who}: {failed} failed, but {} were logged", found.requests));
        }
        let seen = if killed { found.attempts } else { scenery.failed()? };
        if seen != found.attempts {
            section
                .problems
                .push(format!("{who}: {} attempts, but the endpoints saw {seen}", found.attempts));
        }
        let ratio = found.attempts as f64 / found.requests as f64;
        section.goals.push(Goal::at_most(format!("attempts a request, {who}"), ratio, STORM_ATTEMPTS));
        section.rows.push(vec![
            what.to_owned(),
            settings.to_owned(),
            found.requests.to_string(),
            found.attempts.to_string(),
            format!("{ratio:.3}"),
            format!("{retries}"),
        ]);
        let mut round = summary(&who, &report);
        round["attempts"] = json!(found.attempts);
        section.rounds.push(round);
    }
    Ok(section)
}

#[cfg(test)]
mod tests {
    use super::Attempts;

    #[test]
    fn attempts_of_what_failed_are_summed() {
        let log = "{\"statusCode\":200,\"attempts\":2}\n{\"statusCode\":503,\"attempts\":2}\n{\"statusCode\":503}\n";
        assert_eq!(Attempts::of(log.as_bytes()).unwrap(), Attempts { requests: 2, attempts: 2 });
        assert!(Attempts::of(&b"{\"sta"[..]).is_err());
    }
}
