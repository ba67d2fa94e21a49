//! What clients notice when one of three endpoints, or all of them, get into trouble.
//!
//! Each endpoint is a process of its own. Requests come when they are due, 2,000 a second, whether or not others are answered. First
//! all is well for a while; then something happens at a known moment; and what came of each request tells the rest.

mod failing;
mod hanging;
mod killed;
mod storm;

use std::time::Duration;

use serde_json::{Value, json};

use super::super::http;
use super::super::load::generator::Generator;
use super::super::load::generator::until_told;
use super::super::load::{Each, Endpoint, Manner, Open, Report, Task, micros_of_day};
use super::super::processes::free_ports;
use super::super::report::Section;
use super::super::scenarios::{Scenario, Trouble};
use super::super::targets::{Site, Stage, Subject, Target};

/// Requests a second.
const RATE: u64 = 2_000;
/// How long an answer takes, so that there are always some under way.
const THINK_MS: u64 = 5;
/// How long all is well first.
const CALM: Duration = Duration::from_secs(4);
const ENDPOINTS: usize = 3;

/// Measures one kind of trouble.
pub(super) fn measure(
    stage: &Stage,
    scenario: &'static Scenario,
    trouble: Trouble,
) -> Result<Section, String> {
    match trouble {
        Trouble::Killed => killed::measure(stage, scenario),
        Trouble::Hanging => hanging::measure(stage, scenario),
        Trouble::Failing => failing::measure(stage, scenario),
        Trouble::Storm => storm::measure(stage, scenario),
    }
}

/// All that takes part in one run.
struct Scene {
    endpoints: Vec<Generator>,
    target: Target,
    load: Generator,
}

impl Scene {
    /// Starts endpoints of these manners, the gateway with these settings of its service, and the load.
    fn set(stage: &Stage, settings: &str, manners: [Manner; ENDPOINTS]) -> Result<Scene, String> {
        let ports = free_ports::<ENDPOINTS>()?;
        let subject = Subject::Sekisho(Site::Trouble);
        // What the gateway of the run before wrote is no part of this one.
        let _ = std::fs::remove_file(stage.access_log(subject));
        let mut endpoints = Vec::new();
        for (number, (port, manner)) in ports.into_iter().zip(manners).enumerate() {
            let order = Endpoint { port, think_ms: THINK_MS, manner };
            let name = format!("endpoint-{number}");
            let mut endpoint = stage.generator(&name, &until_told(Task::Endpoint(order)))?;
            endpoint.wait_for(port)?;
            endpoints.push(endpoint);
        }
        let urls = ports.map(|port| format!("\"http://127.0.0.1:{port}\"")).join(", ");
        let further = vec![("endpoints", urls), ("settings", settings.to_owned())];
        let target = stage.start_with(subject, further)?;
        let load = Open { port: target.port, rate: RATE };
        let load = stage.generator("open", &until_told(Task::Open(load)))?;
        Ok(Scene { endpoints, target, load })
    }

    /// Lets all be well for a while.
    fn calm(&self) {
        std::thread::sleep(CALM);
    }

    /// The sum of a metric over all its labels.
    fn metric(&self, name: &str) -> Result<f64, String> {
        let text = http::get(self.target.admin, "/metrics", &[])?.body;
        Ok(sum_of(&String::from_utf8_lossy(&text), name))
    }

    /// The moment at which an endpoint was left alone, if it is within `limit`.
    fn found_out(&self, limit: Duration) -> Result<Option<u64>, String> {
        let last = micros_of_day() + limit.as_micros() as u64;
        while micros_of_day() < last {
            if self.metric("gateway_endpoint_ejections_total")? > 0.0 {
                return Ok(Some(micros_of_day()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(None)
    }

    /// Ends the load; each request in the order in which they were due.
    fn end_load(self) -> Result<(Vec<Each>, Report, Scenery), String> {
        let mut report = self.load.finish()?;
        let mut each = std::mem::take(&mut report.each);
        each.sort_by_key(|one| one.due);
        Ok((each, report, Scenery { endpoints: self.endpoints, target: self.target }))
    }
}

/// What is left when the load has ended.
struct Scenery {
    endpoints: Vec<Generator>,
    target: Target,
}

impl Scenery {
    /// Requests that the endpoints have answered by a failure.
    fn failed(self) -> Result<u64, String> {
        self.endpoints.into_iter().map(|endpoint| Ok(endpoint.finish()?.refused)).sum()
    }
}

fn sum_of(metrics: &str, name: &str) -> f64 {
    let samples = metrics.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
    });
    samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// What makes a run worthless: a load that was not there, or failures while all was well.
fn calm_problems(each: &[Each], trouble: u64, who: &str) -> Vec<String> {
    let calm: Vec<_> = each.iter().filter(|one| one.due + one.took < trouble).collect();
    let failed = calm.iter().filter(|one| one.status != 200).count();
    let wanted = RATE as f64 * CALM.as_secs_f64() * 0.9;
    let mut problems = Vec::new();
    if (calm.len() as f64) < wanted {
        problems.push(format!("{who}: {} requests before the trouble, not {wanted}", calm.len()));
    }
    if failed > 0 {
        problems.push(format!("{who}: {failed} failed while all was well"));
    }
    problems
}

/// The time that 99 of a hundred did not exceed, in milliseconds; those that failed count with the time they took.
fn p99(each: &[&Each]) -> f64 {
    let mut times: Vec<_> = each.iter().map(|one| one.took).collect();
    times.sort_unstable();
    let place = (times.len() * 99).div_ceil(100).max(1) - 1;
    times.get(place).map_or(f64::NAN, |micros| *micros as f64 / 1e3)
}

/// The p99 of those whose moment lies in each slice of `length` microseconds, in milliseconds; what is left over is no slice.
fn slices(each: &[Each], moment: impl Fn(&Each) -> u64, (from, to): (u64, u64), length: u64) -> Vec<f64> {
    let mut slices = vec![Vec::new(); (to.saturating_sub(from) / length) as usize];
    for one in each {
        let place = moment(one).checked_sub(from).map(|since| (since / length) as usize);
        if let Some(slice) = place.and_then(|place| slices.get_mut(place)) {
            slice.push(one);
        }
    }
    slices.iter().map(|slice| p99(slice)).collect()
}

/// What came of a load, without each request.
fn summary(settings: &str, report: &Report) -> Value {
    json!({"settings": settings, "load": report})
}

#[cfg(test)]
mod tests {
    use super::{Each, calm_problems, p99, slices, sum_of};

    fn each(due: u64, took: u64, status: u16) -> Each {
        Each { due, took, status }
    }

    #[test]
    fn a_slice_has_those_that_were_due_in_it() {
        let load: Vec<_> =
            (0..1_000).map(|n| each(n * 500, if n >= 500 { 9_000 } else { 1_000 }, 200)).collect();
        let due = |one: &Each| one.due;
        assert_eq!(slices(&load, due, (0, 400_000), 100_000), [1.0, 1.0, 9.0, 9.0]);
        assert_eq!(slices(&load, due, (250_000, 499_999), 100_000), [9.0, 9.0]);
        let ended = |one: &Each| one.due + one.took;
        assert_eq!(slices(&load, ended, (250_000, 259_000), 9_000), [1.0]);
        assert!(slices(&[], due, (0, 100), 100)[0].is_nan());
    }

    #[test]
    fn of_a_hundred_the_worst_does_not_count() {
        let load: Vec<_> = (0..100).map(|n| each(n, n * 1_000, 200)).collect();
        assert!((p99(&load.iter().collect::<Vec<_>>()) - 98.0).abs() < 1e-9);
        assert!(p99(&[]).is_nan());
    }

    #[test]
    fn failures_before_the_trouble_are_a_problem() {
        let mut load: Vec<_> = (0..8_000).map(|n| each(n * 500, 1_000, 200)).collect();
        assert!(calm_problems(&load, 4_000_000, "x").is_empty());
        load[5].status = 502;
        assert_eq!(calm_problems(&load, 4_000_000, "x"), ["x: 1 failed while all was well"]);
        assert_eq!(calm_problems(&load[6..2_000], 4_000_000, "x").len(), 1);
    }

    #[test]
    fn a_metric_is_summed_over_its_labels() {
        let text = "# TYPE a counter\na{b=\"1\"} 2\na{b=\"2\"} 3\nab 7\na 1\n";
        assert_eq!(sum_of(text, "a"), 6.0);
    }
}
