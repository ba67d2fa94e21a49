//! What it costs to look after a service: circuit breaker, balancing over three endpoints and health, in nanoseconds a request.
//!
//! The same chain runs with all of that and with none of it, in turn. What is wanted is a small difference of large numbers; so
//! there are many short rounds, and which of both comes first changes from round to round.

use serde_json::json;

use super::super::cpu::Usage;
use super::super::report::{Goal, Section, median};
use super::super::scenarios::{CARE_NANOSECONDS, Scenario};
use super::super::targets::{Site, Stage, Subject, Target};
use super::super::wrk::{self, Asks, Load, Scheme};
use super::super::{Options, http};

/// Rounds for each that the command line asks for.
const ROUNDS: u64 = 4;
const SECONDS: u64 = 2;
const CONNECTIONS: u32 = 64;

/// One load of one target: nanoseconds of CPU a request.
fn cost(stage: &Stage, target: &mut Target, load: &Load, seconds: u64) -> Result<f64, String> {
    target.process.running()?;
    let before = Usage::of(target.process.id());
    let counts = wrk::run(&stage.folder, target.port, load, seconds)?;
    let spent = Usage::of(target.process.id()).since(&before);
    if counts.requests == 0 || counts.refused + counts.failed > 0 {
        return Err(format!(
            "{}: {} of {} failed",
            target.name(),
            counts.refused + counts.failed,
            counts.requests
        ));
    }
    Ok(spent.total.as_nanos() as f64 / counts.requests as f64)
}

/// Measures both in turn.
pub(super) fn measure(
    stage: &Stage,
    scenario: &'static Scenario,
    options: &Options,
) -> Result<Section, String> {
    let mut section = Section::new(scenario, &["target", "ns a request", "least", "most"]);
    let headers = vec![("Authorization".to_owned(), format!("Bearer {}", stage.token()?))];
    let load =
        Load { scheme: Scheme::Http, connections: CONNECTIONS, asks: Asks::Get { path: "/" }, headers };
    let seconds = options.seconds.unwrap_or(SECONDS);
    let mut targets = [Site::Careless, Site::Careful].map(|site| stage.start(Subject::Sekisho(site)));
    let mut costs = [const { Vec::new() }; 2];
    for target in &mut targets {
        let target = target.as_mut().map_err(|error| error.clone())?;
        cost(stage, target, &load, 1)?;
    }
    for round in 0..options.rounds * ROUNDS {
        for turn in 0..2 {
            let which = (turn + round as usize) % 2;
            let target = targets[which].as_mut().map_err(|error| error.clone())?;
            costs[which].push(cost(stage, target, &load, seconds)?);
        }
        let [without, with] = costs.each_ref().map(|costs| costs.last().copied().unwrap_or_default());
        eprintln!("    round {}: {without:.0} ns without, {with:.0} ns with", round + 1);
        section.rounds.push(json!({"round": round + 1, "without_ns": without, "with_ns": with}));
    }
    let [without, with] = &costs;
    let differences: Vec<f64> = without.iter().zip(with).map(|(without, with)| with - without).collect();
    for (name, numbers) in [("without", without), ("with", with), ("difference", &differences)] {
        let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let cells = [median(numbers.clone()), least, most].map(|number| format!("{number:.0}"));
        section.rows.push([name.to_owned()].into_iter().chain(cells).collect());
    }
    section.goals.push(Goal::at_most("ns a request that care adds", median(differences), CARE_NANOSECONDS));
    if let Ok(target) = &targets[1] {
        section.problems.extend(idle(target)?);
    }
    Ok(section)
}

/// What has not worked at all costs nothing.
fn idle(target: &Target) -> Result<Vec<String>, String> {
    let text = http::get(target.admin, "/metrics", &[])?.body;
    let text = String::from_utf8_lossy(&text);
    let signs =
        ["gateway_circuit_breaker_window{", "gateway_health_checks_total{", "gateway_endpoint_health{"];
    let dead = |sign: &&str| !text.lines().any(|line| line.starts_with(sign) && !line.ends_with(" 0"));
    Ok(signs.iter().filter(|sign| dead(sign)).map(|sign| format!("`{sign}` shows nothing")).collect())
}
