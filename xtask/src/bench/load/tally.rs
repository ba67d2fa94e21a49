//! What became of every request or message, and how long each took.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::open::Each;

/// Complaints beyond these say nothing new.
const MOST_COMPLAINTS: usize = 5;

/// The accounts of one generator, shared by its clients.
#[derive(Clone)]
pub(super) struct Tally(Rc<RefCell<Accounts>>);

struct Accounts {
    begun: Instant,
    report: Report,
}

/// What a generator prints when it ends.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::bench) struct Report {
    /// Requests or messages that were begun.
    pub(in crate::bench) sent: u64,
    /// Those whose answer was whole and right.
    pub(in crate::bench) answered: u64,
    /// Those with a whole answer that was wrong.
    pub(in crate::bench) refused: u64,
    /// Those without a whole answer.
    pub(in crate::bench) lost: u64,
    /// Bytes of the answers' bodies.
    pub(in crate::bench) bytes: u64,
    /// Connections that were opened.
    pub(in crate::bench) connections: u64,
    pub(in crate::bench) seconds: f64,
    pub(in crate::bench) p50_us: u64,
    pub(in crate::bench) p99_us: u64,
    pub(in crate::bench) p999_us: u64,
    pub(in crate::bench) most_us: u64,
    /// The first few things that went wrong.
    pub(in crate::bench) complaints: Vec<String>,
    /// What else was counted, by kind: what attackers did, which answers were hits.
    pub(in crate::bench) counts: BTreeMap<String, u64>,
    /// Each request by itself, of those who are asked for that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::bench) each: Vec<Each>,
    /// How long they took; too long for the results that are kept.
    #[serde(skip)]
    pub(in crate::bench) latencies: Latencies,
}

/// A report on its way to who started the generator.
#[derive(Serialize, Deserialize)]
pub(super) struct Told {
    #[serde(flatten)]
    pub(super) report: Report,
    pub(super) latencies: Latencies,
}

impl Report {
    /// What several generators counted: sums, the longest of all, and the quantiles of all their requests.
    /// What else they counted by kind is left out.
    pub(in crate::bench) fn of_all<'r>(reports: impl IntoIterator<Item = &'r Report>) -> Report {
        let mut all = Report::default();
        for report in reports {
            all.sent += report.sent;
            all.answered += report.answered;
            all.refused += report.refused;
            all.lost += report.lost;
            all.bytes += report.bytes;
            all.connections += report.connections;
            all.seconds = all.seconds.max(report.seconds);
            all.complaints.extend(report.complaints.iter().cloned());
            all.latencies.add(&report.latencies);
        }
        all.with_quantiles()
    }

    /// One of answers that took so many microseconds.
    #[cfg(test)]
    pub(in crate::bench) fn of_times(times: impl IntoIterator<Item = u64>) -> Report {
        let tally = Tally::new();
        for took in times {
            tally.sent();
            tally.answered(0, Duration::from_micros(took));
        }
        tally.report()
    }

    fn with_quantiles(mut self) -> Report {
        let at = |per_mille| self.latencies.quantile(per_mille);
        (self.p50_us, self.p99_us, self.p999_us) = (at(500), at(990), at(999));
        self.most_us = self.latencies.most;
        self
    }

    /// Whatever was not sent and answered rightly.
    pub(in crate::bench) fn problems(&self, who: &str) -> Vec<String> {
        let mut found = Vec::new();
        if self.answered == 0 {
            found.push(format!("{who}: nothing was answered"));
        }
        if self.refused > 0 {
            found.push(format!("{who}: {} of {} answers were wrong", self.refused, self.sent));
        }
        if self.lost > 0 {
            found.push(format!("{who}: {} of {} were lost", self.lost, self.sent));
        }
        if self.sent != self.answered + self.refused + self.lost {
            found.push(format!("{who}: {} were sent but {} accounted for", self.sent, self.answered));
        }
        found.extend(self.complaints.iter().map(|complaint| format!("{who}: {complaint}")));
        found
    }
}

impl Tally {
    pub(super) fn new() -> Tally {
        Tally(Rc::new(RefCell::new(Accounts { begun: Instant::now(), report: Report::default() })))
    }

    pub(super) fn connected(&self) {
        self.0.borrow_mut().report.connections += 1;
    }

    pub(super) fn sent(&self) {
        self.0.borrow_mut().report.sent += 1;
    }

    /// An answer as it should be, `bytes` long, and how long after it was due, if that is of interest.
    pub(super) fn answered(&self, bytes: usize, took: impl Into<Option<Duration>>) {
        let mut accounts = self.0.borrow_mut();
        accounts.report.answered += 1;
        accounts.report.bytes += bytes as u64;
        if let Some(took) = took.into() {
            accounts.report.latencies.record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
    }

    pub(super) fn refused(&self, what: String) {
        self.0.borrow_mut().report.refused += 1;
        self.complain(what);
    }

    pub(super) fn lost(&self, what: String) {
        self.0.borrow_mut().report.lost += 1;
        self.complain(what);
    }

    /// Something is wrong with the load as a whole.
    pub(super) fn complain(&self, what: String) {
        let complaints = &mut self.0.borrow_mut().report.complaints;
        if complaints.len() < MOST_COMPLAINTS {
            complaints.push(what);
        }
    }

    pub(super) fn each(&self, one: Each) {
        self.0.borrow_mut().report.each.push(one);
    }

    pub(super) fn counted(&self, kind: &str) {
        *self.0.borrow_mut().report.counts.entry(kind.to_owned()).or_default() += 1;
    }

    pub(super) fn report(&self) -> Report {
        let accounts = self.0.borrow();
        Report { seconds: accounts.begun.elapsed().as_secs_f64(), ..accounts.report.clone() }.with_quantiles()
    }
}

/// A histogram of microseconds: exact below 128, within 1.6 % above, however long the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::bench) struct Latencies {
    /// By place in the histogram; most places are empty.
    counts: BTreeMap<usize, u64>,
    total: u64,
    most: u64,
}

/// Steps in each power of two.
const STEPS: usize = 64;
const STEPS_LOG2: u32 = STEPS.ilog2();

impl Latencies {
    fn record(&mut self, microseconds: u64) {
        *self.counts.entry(place(microseconds)).or_default() += 1;
        self.total += 1;
        self.most = self.most.max(microseconds);
    }

    /// Counts `others` as well.
    fn add(&mut self, others: &Latencies) {
        for (place, count) in &others.counts {
            *self.counts.entry(*place).or_default() += count;
        }
        self.total += others.total;
        self.most = self.most.max(others.most);
    }

    /// The time, in microseconds, that so many of a thousand did not exceed.
    fn quantile(&self, per_mille: u64) -> u64 {
        let wanted = (self.total * per_mille).div_ceil(1000).max(1);
        let mut passed = 0;
        for (place, count) in &self.counts {
            passed += count;
            if passed >= wanted {
                return longest(*place).min(self.most);
            }
        }
        self.most
    }
}

fn place(microseconds: u64) -> usize {
    let power = microseconds.max(1).ilog2();
    if power <= STEPS_LOG2 {
        return microseconds as usize;
    }
    let octave = (power - STEPS_LOG2) as usize;
    octave * STEPS + (microseconds >> (power - STEPS_LOG2)) as usize
}

/// The longest time that is counted at this place.
fn longest(place: usize) -> u64 {
    if place < 2 * STEPS {
        return place as u64;
    }
    let octave = place / STEPS - 1;
    let step = (place - octave * STEPS) as u64;
    ((step + 1) << octave) - 1
}

#[cfg(test)]
mod tests {
    use super::{Latencies, Report, Tally, Told, longest, place};
    use std::time::Duration;

    #[test]
    fn places_of_the_histogram_follow_one_another() {
        let mut last = 0;
        for microseconds in 0..100_000 {
            let place = place(microseconds);
            assert!(place == last || place == last + 1, "{microseconds}");
            assert!(longest(place) >= microseconds, "{microseconds}");
            assert!(longest(place) <= microseconds + microseconds / 64, "{microseconds}");
            last = place;
        }
        assert!(longest(place(u64::MAX >> 1)) >= u64::MAX >> 1);
    }

    #[test]
    fn quantiles_are_within_two_per_cent() {
        let mut latencies = Latencies::default();
        (1..=10_000).for_each(|microseconds| latencies.record(microseconds));
        for (per_mille, want) in [(500, 5_000), (990, 9_900), (999, 9_990), (1000, 10_000)] {
            let got = latencies.quantile(per_mille);
            assert!(got >= want && got <= want + want / 50, "{per_mille}: {got}");
        }
        assert_eq!(Latencies::default().quantile(990), 0);
    }

    #[test]
    fn whatever_was_not_answered_rightly_is_a_problem() {
        let tally = Tally::new();
        tally.sent();
        tally.answered(10, Duration::from_micros(7));
        let good = tally.report();
        assert_eq!(good.problems("x"), Vec::<String>::new());
        assert_eq!((good.bytes, good.most_us), (10, 7));
        tally.sent();
        assert_eq!(tally.report().problems("x"), ["x: 2 were sent but 1 accounted for"]);
        tally.lost("cut".to_owned());
        assert_eq!(tally.report().problems("x"), ["x: 1 of 2 were lost", "x: cut"]);
        assert_eq!(Report::default().problems("x"), ["x: nothing was answered"]);
    }

    #[test]
    fn the_report_survives_its_way_through_text() {
        let tally = Tally::new();
        tally.sent();
        tally.refused("status 503".to_owned());
        tally.counted("floods");
        let report = tally.report();
        let told = Told { latencies: report.latencies.clone(), report };
        let text = serde_json::to_string(&told).unwrap();
        let read: Told = serde_json::from_str(&text).unwrap();
        assert_eq!(Report { latencies: read.latencies, ..read.report }, told.report);
    }

    #[test]
    fn quantiles_of_several_are_those_of_all_requests_together() {
        let [quick, slow] =
            [(990, 10), (20, 70)].map(|(count, took)| Report::of_times(std::iter::repeat_n(took, count)));
        let slow = Report { lost: 1, seconds: 7.0, complaints: vec!["cut".to_owned()], ..slow };
        let all = Report::of_all([&quick, &slow]);
        assert_eq!((all.lost, all.seconds, all.complaints), (1, 7.0, vec!["cut".to_owned()]));
        assert_eq!((all.sent, all.answered), (1010, 1010));
        assert_eq!((all.p50_us, all.p99_us, all.most_us), (10, 70, 70));
    }
}
