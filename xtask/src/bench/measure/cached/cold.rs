//! A thousand clients ask for one cold key at once: how many of them ask the service?

use serde_json::json;

use super::super::super::load::generator::{lasting, until_told};
use super::super::super::load::{Cold, Endpoint, Manner, Task};
use super::super::super::processes::free_ports;
use super::super::super::report::{Goal, Section};
use super::super::super::scenarios::{COLD_REQUESTS, Scenario};
use super::super::super::targets::{Site, Stage, Subject};

const CLIENTS: usize = 1_000;
const KEYS: usize = 20;
/// How long the service takes for an answer: longer than all clients together for their questions.
const THINK_MS: u64 = 200;
/// The load ends by itself, long before that.
const LIMIT: u64 = 60;

pub(super) fn measure(stage: &Stage, scenario: &'static Scenario) -> Result<Section, String> {
    let columns = ["target", "keys", "answers", "requests to the service", "a key", "p50 ms", "p99 ms"];
    let mut section = Section::new(scenario, &columns);
    let mut subjects = vec![Subject::NginxCache];
    if stage.has_sekisho() {
        subjects.push(Subject::Sekisho(Site::Cache));
    }
    for subject in subjects {
        let [port] = free_ports()?;
        let order = Endpoint { port, think_ms: THINK_MS, manner: Manner::Kept };
        let mut service = stage.generator("counting", &until_told(Task::Endpoint(order)))?;
        service.wait_for(port)?;
        let target = stage.start_with(subject, vec![("upstream", port.to_string())])?;
        let order = Cold { port: target.port, clients: CLIENTS, keys: KEYS };
        let report = stage.generator("cold", &lasting(Task::Cold(order), LIMIT))?.finish()?;
        drop(target);
        let seen = service.finish()?.sent;
        let each = seen as f64 / KEYS as f64;
        section.problems.extend(report.problems(&subject.name()));
        if seen < KEYS as u64 {
            section.problems.push(format!("{}: {seen} requests for {KEYS} keys", subject.name()));
        }
        if let Subject::Sekisho(_) = subject {
            section.goals.push(Goal::at_most("requests for a cold key", each, COLD_REQUESTS));
        }
        section.rows.push(vec![
            subject.name(),
            KEYS.to_string(),
            report.answered.to_string(),
            seen.to_string(),
            format!("{each:.2}"),
            format!("{:.0}", report.p50_us as f64 / 1e3),
            format!("{:.0}", report.p99_us as f64 / 1e3),
        ]);
        section.rounds.push(json!({"target": subject.name(), "requests": seen, "load": report}));
    }
    section.notes.push(format!(
        "the service takes {THINK_MS} ms for an answer; nginx has `proxy_cache_lock`, and lets those who wait look twice a second"
    ));
    Ok(section)
}
