//! One of three endpoints is killed: who notices?
//!
//! Whoever was in flight at that instant may, where requests that were sent are not sent again. What was never sent, since the
//! connection was refused, can go to another endpoint without anybody seeing it twice: `retry: { on: [connect] }` says so.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::super::super::load::{Each, Manner, micros_of_day};
use super::super::super::report::{Goal, Section};
use super::super::super::scenarios::Scenario;
use super::super::super::targets::Stage;
use super::{Scene, calm_problems, summary};

/// How long the load goes on.
const AFTER: Duration = Duration::from_secs(5);

/// How much is done, and what should come of it.
const ROWS: [(&str, Want); 3] =
    [("retry: { on: [connect] }", Want::OnlyInFlight), ("", Want::None), ("retry: off", Want::Shown)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    /// Nobody fails but those in flight.
    OnlyInFlight,
    /// Nobody fails.
    None,
    /// It is shown, and not judged.
    Shown,
}

/// What an instant did to a load.
#[derive(Debug, PartialEq, Eq)]
struct Harm {
    in_flight: usize,
    failed: usize,
    /// Of them those that were not in flight.
    beyond: usize,
}

/// The kill lay between `before` and `after`: who was under way at any moment of that time was in flight.
fn harm(each: &[Each], before: u64, after: u64) -> Harm {
    let in_flight = |one: &&Each| one.due <= after && one.due + one.took >= before;
    let failed: Vec<_> = each.iter().filter(|one| one.status != 200).collect();
    Harm {
        in_flight: each.iter().filter(in_flight).count(),
        failed: failed.len(),
        beyond: failed.iter().filter(|one| !in_flight(one)).count(),
    }
}

pub(super) fn measure(stage: &Stage, scenario: &'static Scenario) -> Result<Section, String> {
    let columns = [
        "settings",
        "requests",
        "in flight at that instant",
        "failed",
        "of them not in flight",
        "left alone after ms",
    ];
    let mut section = Section::new(scenario, &columns);
    for (settings, want) in ROWS {
        let scene = Scene::set(stage, settings, [Manner::Well; 3])?;
        scene.calm();
        let before = micros_of_day();
        scene.endpoints[0].strike(Signal::KILL)?;
        let after = micros_of_day();
        let found = scene.found_out(AFTER)?.map_or(f64::NAN, |at| (at - after) as f64 / 1e3);
        std::thread::sleep(AFTER);
        let (each, report, _scenery) = scene.end_load()?;
        let name = if settings.is_empty() { "retry, as by default" } else { settings };
        section.problems.extend(calm_problems(&each, before, name));
        let harm = harm(&each, before, after);
        match want {
            Want::OnlyInFlight => {
                let what = "failed that were not in flight, nothing sent again";
                section.goals.push(Goal::at_most(what, harm.beyond as f64, 0.0));
            }
            Want::None => section.goals.push(Goal::at_most("failed, with retries", harm.failed as f64, 0.0)),
            Want::Shown => {}
        }
        let cells = [each.len(), harm.in_flight, harm.failed, harm.beyond].map(|count| count.to_string());
        let mut row = vec![name.to_owned()];
        row.extend(cells);
        row.push(format!("{found:.0}"));
        section.rows.push(row);
        let mut round = summary(name, &report);
        round["killing_took_us"] = json!(after - before);
        section.rounds.push(round);
    }
    section.notes.push(
        "in flight are all requests under way in the microseconds that the kill took, at whichever endpoint; a GET on a kept \
         connection that ends without a word is sent once more whatever `retry` says"
            .to_owned(),
    );
    Ok(section)
}

#[cfg(test)]
mod tests {
    use super::{Each, Harm, harm};

    #[test]
    fn who_is_in_flight_is_told_from_who_comes_later() {
        let each = |due, took, status| Each { due, took, status };
        let load =
            [each(0, 50, 200), each(60, 45, 502), each(90, 30, 200), each(105, 9, 503), each(120, 3, 0)];
        assert_eq!(harm(&load, 100, 105), Harm { in_flight: 3, failed: 3, beyond: 1 });
    }
}
