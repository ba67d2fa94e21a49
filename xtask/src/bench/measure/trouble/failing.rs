//! One of three endpoints answers every other request by 500.

use std::time::Duration;

use serde_json::json;

use super::super::super::load::{Each, Manner, micros_of_day};
use super::super::super::report::{Goal, Section};
use super::super::super::scenarios::{FAILING_SUCCESS, Scenario};
use super::super::super::targets::Stage;
use super::{Scene, summary};

/// How long the load goes on once the endpoint is left alone, or should be.
const AFTER: Duration = Duration::from_secs(15);
/// It must be noticed by then.
const LIMIT: Duration = Duration::from_secs(15);

/// The last has it come back every few seconds, to show what that costs.
const ROWS: [&str; 3] = [
    "outlier: { success_rate: {} }",
    "outlier: { success_rate: {} }, retry: { on: [connect, reset, 5xx] }",
    "outlier: { success_rate: {}, base_ejection: 2s, max_ejection: 2s }, retry: { on: [connect, reset, 5xx] }",
];

/// The percentage of those due from a moment on that were answered well.
fn success(each: &[Each], from: u64) -> f64 {
    let all: Vec<_> = each.iter().filter(|one| one.due >= from).collect();
    let well = all.iter().filter(|one| one.status == 200).count();
    well as f64 * 100.0 / all.len() as f64
}

pub(super) fn measure(stage: &Stage, scenario: &'static Scenario) -> Result<Section, String> {
    let columns = [
        "settings",
        "requests",
        "failed",
        "left alone after ms",
        "% well before",
        "% well after",
        "times left alone",
    ];
    let mut section = Section::new(scenario, &columns);
    for settings in ROWS {
        let began = micros_of_day();
        let scene = Scene::set(stage, settings, [Manner::Half, Manner::Well, Manner::Well])?;
        let Some(found) = scene.found_out(LIMIT)? else {
            section.problems.push(format!("{settings}: the endpoint was never left alone"));
            continue;
        };
        std::thread::sleep(AFTER);
        let times = scene.metric("gateway_endpoint_ejections_total")?;
        let (each, report, _scenery) = scene.end_load()?;
        let first = each.first().map_or(began, |one| one.due);
        // A request that was under way when it was found out was there before.
        let before: Vec<_> = each.iter().filter(|one| one.due < found).copied().collect();
        let after = success(&each, found);
        section.goals.push(Goal::at_least(format!("% well after that, {settings}"), after, FAILING_SUCCESS));
        section.rows.push(vec![
            settings.to_owned(),
            each.len().to_string(),
            each.iter().filter(|one| one.status != 200).count().to_string(),
            format!("{:.0}", (found - first) as f64 / 1e3),
            format!("{:.3}", success(&before, 0)),
            format!("{after:.3}"),
            format!("{times}"),
        ]);
        let mut round = summary(settings, &report);
        round["found_out_ms"] = json!((found - first) / 1_000);
        section.rounds.push(round);
    }
    Ok(section)
}

#[cfg(test)]
mod tests {
    use super::{Each, success};

    #[test]
    fn a_share_is_of_those_due_from_then_on() {
        let load: Vec<_> =
            (0..10).map(|due| Each { due, took: 1, status: if due % 5 == 0 { 500 } else { 200 } }).collect();
        assert_eq!((success(&load, 0), success(&load, 6)), (80.0, 100.0));
    }
}
