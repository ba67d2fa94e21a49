//! One of three endpoints hangs: how long until 99 of a hundred clients are as well off as before?
//!
//! The process is held, so that its system goes on taking connections and requests for it, and nobody answers. Only time tells that.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::super::super::load::{Each, Manner, micros_of_day};
use super::super::super::report::{Goal, Section};
use super::super::super::scenarios::{HANGING_SECONDS, Scenario};
use super::super::super::targets::Stage;
use super::{CALM, Scene, calm_problems, slices, summary};

/// How long the load goes on.
const AFTER: Duration = Duration::from_secs(8);
/// Fine enough to tell when it is over, and long enough for a p99: 500 requests.
const SLICE: u64 = 250_000;
/// Calm is what is no worse than so many times the worst slice while all was well,
const TIMES: f64 = 1.5;
/// or than that by so many milliseconds.
const MORE: f64 = 2.0;

/// A hundred times what an answer takes is enough, and for a connection as well: once the queue of one that hangs is full, no
/// connection to it is made any more.
const ROWS: [&str; 3] = [
    "timeouts: { connect: 500ms, first_byte: 500ms }, balance: least_requests",
    "timeouts: { connect: 500ms, first_byte: 500ms }, retry: { on: [connect, reset, timeout] }",
    "timeouts: { connect: 500ms, first_byte: 500ms }",
];

/// Seconds after the first of these slices until all that follow are calm; the calm ones before tell what that is.
fn seconds_until_calm(calm: &[f64], after: &[f64]) -> f64 {
    let worst = calm.iter().copied().fold(0.0, f64::max);
    let limit = (worst * TIMES).max(worst + MORE);
    let bad = after.iter().rposition(|p99| *p99 > limit).map_or(0, |place| place + 1);
    if bad == after.len() { f64::INFINITY } else { bad as f64 * SLICE as f64 / 1e6 }
}

pub(super) fn measure(stage: &Stage, scenario: &'static Scenario) -> Result<Section, String> {
    let columns = [
        "settings",
        "requests",
        "failed",
        "p99 before, ms",
        "worst p99 after, ms",
        "normal after s",
        "left alone after ms",
    ];
    let mut section = Section::new(scenario, &columns);
    for settings in ROWS {
        let scene = Scene::set(stage, settings, [Manner::Well; 3])?;
        scene.calm();
        let at = micros_of_day();
        scene.endpoints[0].strike(Signal::STOP)?;
        let found = scene.found_out(AFTER)?.map_or(f64::NAN, |found| (found - at) as f64 / 1e3);
        std::thread::sleep(AFTER.saturating_sub(Duration::from_micros(micros_of_day() - at)));
        // It is let go of first, so that it ends when it is told to.
        let last = micros_of_day() - SLICE;
        scene.endpoints[0].strike(Signal::CONT)?;
        let (each, report, _scenery) = scene.end_load()?;
        section.problems.extend(calm_problems(&each, at, settings));
        // The first second is the gateway's first as well.
        let from = at - CALM.as_micros() as u64 * 3 / 4;
        let by = |moment: fn(&Each) -> u64| {
            [(from, at), (at, last)].map(|(from, to)| slices(&each, moment, (from, to), SLICE))
        };
        let [calm, due] = by(|one| one.due);
        let [_, ended] = by(|one| one.due + one.took);
        let seconds = seconds_until_calm(&calm, &due).max(seconds_until_calm(&calm, &ended));
        section.goals.push(Goal::at_most(format!("s until normal, {settings}"), seconds, HANGING_SECONDS));
        let worst = |slices: &[f64]| slices.iter().copied().fold(0.0, f64::max);
        let failed = each.iter().filter(|one| one.status != 200).count();
        section.rows.push(vec![
            settings.to_owned(),
            each.len().to_string(),
            failed.to_string(),
            format!("{:.1}", worst(&calm)),
            format!("{:.1}", worst(&due).max(worst(&ended))),
            format!("{seconds:.2}"),
            format!("{found:.0}"),
        ]);
        let mut round = summary(settings, &report);
        round["p99_ms_calm"] = json!(calm);
        round["p99_ms_due_after"] = json!(due);
        round["p99_ms_ended_after"] = json!(ended);
        section.rounds.push(round);
    }
    section.notes.push(format!(
        "normal: the p99 of each quarter of a second, of those that were due in it and of those that ended in it, is at most {TIMES} \
         times the worst before, or that and {MORE} ms; from then on to the end of the run"
    ));
    Ok(section)
}

#[cfg(test)]
mod tests {
    use super::seconds_until_calm;

    #[test]
    fn it_is_over_once_nothing_bad_follows() {
        for (after, want) in [
            (&[7.0, 7.0][..], 0.0),
            (&[900.0, 7.0, 8.9], 0.25),
            (&[900.0, 7.0, 11.0, 7.0], 0.75),
            (&[7.0, 900.0], f64::INFINITY),
        ] {
            assert_eq!(seconds_until_calm(&[5.0, 6.0], after), want, "{after:?}");
        }
    }
}
