//! Reloads under load: nothing may be lost, no tunnel cut, no memory kept; and how long a large one takes.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::cpu::resident_kib;
use super::super::http::{self, Connection};
use super::super::load::generator::until_told;
use super::super::load::{Ask, Body, Messages, Report, Requests, Task, generation};
use super::super::report::{Goal, Section, median, megabytes, spread};
use super::super::scenarios::{RELOAD_HELD, RELOAD_MEMORY, RELOAD_MILLISECONDS, RELOAD_STALL, Scenario};
use super::super::targets::{Site, Stage, Subject, Target};
use super::super::wrk::route_path;

const ROUTES: usize = 1_000;
const MANY_ROUTES: usize = 10_000;
/// Reloads before memory is first read: by then whatever is kept for good is there.
const WARM_UP: u64 = 50;
const RELOADS: u64 = 1_000;
/// Reloads of the large site, each with a pause behind it so that the steady client recovers.
const LARGE_RELOADS: u64 = 10;
const PAUSE: Duration = Duration::from_millis(500);
const CONNECTIONS: usize = 64;
const TUNNELS: usize = 20;
/// Messages a second over all tunnels.
const MESSAGES: u64 = 200;
/// Requests a second of the steady client.
const STEADY: u64 = 200;
const STEADY_CONNECTIONS: usize = 4;
/// The metric of what holds workers.
const HELD: &str = "gateway_worker_longest_stall_seconds";
/// Different routes that the load asks for.
const ASKED: usize = 20;

/// Measures both.
pub(super) fn measure(stage: &Stage, scenario: &'static Scenario) -> Result<Section, String> {
    let columns = [
        "routes",
        "reloads",
        "ms each",
        "min–max",
        "MB before",
        "MB after",
        "requests",
        "messages",
        "longest wait ms",
    ];
    let mut section = Section::new(scenario, &columns);
    // What fails in one does not take the figures of the other along.
    for part in [often, large] {
        if let Err(error) = part(stage, &mut section) {
            section.problems.push(error);
        }
    }
    section.notes.push(
        "a reload is timed from the POST to its answer; gateway, its reload and nothing else share one core"
            .to_owned(),
    );
    Ok(section)
}

/// A thousand reloads under load with tunnels open.
fn often(stage: &Stage, section: &mut Section) -> Result<(), String> {
    let mut echo = stage.echo()?;
    let mut target = stage.start(Subject::Sekisho(Site::Reload(ROUTES)))?;
    let mut requests = stage.generator("requests", &until_told(requests_to(&target)))?;
    let mut messages = stage.generator("messages", &until_told(messages_to(&target)))?;
    for number in 1..=WARM_UP {
        reload(stage, &target, number)?;
    }
    let before = least_memory(&target);
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for number in WARM_UP + 1..=WARM_UP + RELOADS {
        times.push(reload(stage, &target, number)?);
        target.process.running()?;
        if number % 100 == 0 {
            let resident = resident_kib(target.process.id());
            eprintln!(
                "    {number} reloads, {:.1} ms each, {:.1} MB",
                median(times.clone()),
                megabytes(resident)
            );
            memory.push(resident);
        }
    }
    by_signal(stage, &target, WARM_UP + RELOADS + 1)?;
    let after = least_memory(&target);
    for running in [&mut requests, &mut messages, &mut echo] {
        running.running()?;
    }
    let (requests, messages) = (requests.finish()?, messages.finish()?);
    section.problems.extend(requests.problems("requests"));
    section.problems.extend(messages.problems("tunnels"));
    section.problems.extend(reopened(&requests, CONNECTIONS));
    let kept = after as f64 / before.max(1) as f64;
    section.goals.push(Goal::at_most("memory after 1,000 reloads, times before", kept, RELOAD_MEMORY));
    section.rows.push(vec![
        ROUTES.to_string(),
        RELOADS.to_string(),
        format!("{:.1}", median(times.clone())),
        spread(&times),
        format!("{:.1}", megabytes(before)),
        format!("{:.1}", megabytes(after)),
        requests.answered.to_string(),
        messages.answered.to_string(),
        format!("{:.1}", longest(&[&requests, &messages])),
    ]);
    section.rounds.push(json!({
        "routes": ROUTES, "ms": times, "rss_kib_before": before, "rss_kib_after": after,
        "rss_kib_between": memory, "requests": requests, "messages": messages,
    }));
    Ok(())
}

/// As much load as there is room for.
fn requests_to(target: &Target) -> Task {
    let (authority, rate) = (None, None);
    let asks = asks(ROUTES);
    Task::Requests(Requests { authority, rate, ..Requests::to(target.port, CONNECTIONS, asks) })
}

/// Tunnels, none of them ever quiet for long.
fn messages_to(target: &Target) -> Task {
    let (authority, rate) = (None, Some(MESSAGES));
    Task::Messages(Messages { port: target.port, authority, connections: TUNNELS, bytes: 1024, rate })
}

/// A few reloads of a large site beside a steady client, which has the same time without them first.
fn large(stage: &Stage, section: &mut Section) -> Result<(), String> {
    let target = stage.start(Subject::Sekisho(Site::Reload(MANY_ROUTES)))?;
    reload(stage, &target, 1)?;
    let steady = || {
        let load = Requests::to(target.port, STEADY_CONNECTIONS, asks(MANY_ROUTES));
        stage.generator("steady", &until_told(Task::Requests(Requests { rate: Some(STEADY), ..load })))
    };
    let calm = steady()?;
    std::thread::sleep(PAUSE * LARGE_RELOADS as u32);
    let calm = calm.finish()?;
    let calm_held = held(&target)?;
    let client = steady()?;
    let mut times = Vec::new();
    for number in 2..2 + LARGE_RELOADS {
        times.push(reload(stage, &target, number)?);
        std::thread::sleep(PAUSE);
    }
    let memory = least_memory(&target);
    let client = client.finish()?;
    let held = held(&target)?;
    section.problems.extend(calm.problems("steady client without reloads"));
    section.problems.extend(client.problems("steady client"));
    section.problems.extend(reopened(&client, STEADY_CONNECTIONS));
    let (time, stall) = (median(times.clone()), longest(&[&client]));
    section.goals.push(Goal::at_most("ms a reload of 10,000 routes", time, RELOAD_MILLISECONDS));
    section.goals.push(Goal::at_most("longest that it held a worker, ms", held, RELOAD_HELD));
    section.goals.push(Goal::at_most("longest wait during one, ms", stall, RELOAD_STALL));
    section.notes.push(format!(
        "by its own processor time a worker was held by one piece of work for {calm_held:.2} ms at most up to the first of \
         these reloads, {held:.2} ms up to the last (what is shorter than 0.25 ms counts as nothing)"
    ));
    section.notes.push(format!(
        "the steady client of {STEADY} requests a second waited {:.1} ms at most without reloads, {:.1} ms for one in a \
         thousand with them",
        longest(&[&calm]),
        client.p999_us as f64 / 1e3
    ));
    section.rows.push(vec![
        MANY_ROUTES.to_string(),
        LARGE_RELOADS.to_string(),
        format!("{time:.1}"),
        spread(&times),
        String::new(),
        format!("{:.1}", megabytes(memory)),
        client.answered.to_string(),
        String::new(),
        format!("{stall:.1}"),
    ]);
    section.rounds.push(json!({
        "routes": MANY_ROUTES, "ms": times, "rss_kib_after": memory, "requests": client, "requests_calm": calm,
        "held_ms": held, "held_ms_calm": calm_held,
    }));
    Ok(())
}

/// Milliseconds of processor time for which one piece of work has held a worker at most since the start.
fn held(target: &Target) -> Result<f64, String> {
    let metrics = http::get(target.admin, "/metrics", &[])?;
    held_in(&String::from_utf8_lossy(&metrics.body)).ok_or_else(|| format!("the metrics have no {HELD}"))
}

fn held_in(metrics: &str) -> Option<f64> {
    let values = metrics.lines().filter_map(|line| {
        line.strip_prefix(HELD)?.strip_prefix('{')?.rsplit_once(' ')?.1.parse::<f64>().ok()
    });
    values.reduce(f64::max).map(|seconds| seconds * 1e3)
}

/// The paths of the load: the number of the configuration, and a few of the routes.
fn asks(routes: usize) -> Vec<Ask> {
    let spread = (0..routes)
        .step_by(routes.div_ceil(ASKED).max(1))
        .map(|route| Ask { path: route_path(route), body: Body::Service });
    [Ask { path: "/generation".to_owned(), body: Body::Generation }].into_iter().chain(spread).collect()
}

/// Writes the file anew, has it loaded, and makes sure that it rules; milliseconds from the POST to its answer.
pub(super) fn reload(stage: &Stage, target: &Target, number: u64) -> Result<f64, String> {
    stage.rewrite(target, number)?;
    let mut admin = Connection::open(target.admin)?;
    let begun = Instant::now();
    let answer = admin.post("/api/reload")?;
    let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
    if answer.status != 200 {
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        return Err(format!("reload {number} was answered {}: {said}", answer.status));
    }
    match ruling(target)? {
        found if found == generation(number) => Ok(milliseconds),
        found => Err(format!("after reload {number} the answer is {found}")),
    }
}

/// As `reload`, by the signal HUP, which answers nothing: so it is waited for.
fn by_signal(stage: &Stage, target: &Target, number: u64) -> Result<(), String> {
    stage.rewrite(target, number)?;
    target.process.signal("HUP");
    let deadline = Instant::now() + Duration::from_secs(10);
    while ruling(target)? != generation(number) {
        if Instant::now() > deadline {
            return Err("HUP did not load the configuration within 10 s".to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Which configuration answers.
fn ruling(target: &Target) -> Result<String, String> {
    let answer = http::get(target.port, "/generation", &[])?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

/// The least of what was resident within two seconds, in KiB: under load it goes up and down.
fn least_memory(target: &Target) -> u64 {
    let read = |_| {
        std::thread::sleep(Duration::from_millis(100));
        resident_kib(target.process.id())
    };
    (0..20).map(read).min().unwrap_or_default()
}

/// A reload closes no connection, so none may have been opened anew.
fn reopened(report: &Report, connections: usize) -> Option<String> {
    let opened = report.connections;
    (opened != connections as u64)
        .then(|| format!("{opened} connections were opened for {connections} clients"))
}

fn longest(reports: &[&Report]) -> f64 {
    reports.iter().map(|report| report.most_us).max().unwrap_or_default() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::{Body, Report, asks, held_in, reopened};

    #[test]
    fn the_worker_that_was_held_longest_counts() {
        let text = "# TYPE gateway_worker_longest_stall_seconds gauge\n\
                    gateway_worker_longest_stall_seconds{worker=\"0\"} 0.0005\n\
                    gateway_worker_longest_stall_seconds{worker=\"1\"} 0.002\n";
        assert_eq!(held_in(text), Some(2.0));
        assert_eq!(held_in("gateway_other 1\n"), None);
    }

    #[test]
    fn the_load_asks_for_the_number_and_some_routes() {
        let asks = asks(1_000);
        assert_eq!(asks.len(), 21);
        assert_eq!((asks[0].path.as_str(), asks[0].body), ("/generation", Body::Generation));
        assert_eq!((asks[20].path.as_str(), asks[20].body), ("/area-50/thing-950/42", Body::Service));
    }

    #[test]
    fn connections_opened_anew_are_told() {
        let report = Report { connections: 65, ..Report::default() };
        assert_eq!(reopened(&report, 65), None);
        assert_eq!(reopened(&report, 64).unwrap(), "65 connections were opened for 64 clients");
    }
}
