//! A check as it is made.

use std::time::Duration;

use super::config::{CheckKind, HealthConfig};
use super::statuses::Statuses;
use super::tally::Thresholds;

/// What is asked of an endpoint, how often, and what is expected.
#[derive(Clone, PartialEq)]
pub struct Check {
    pub(super) kind: CheckKind,
    /// Path and query.
    pub(super) target: Box<str>,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    /// The part by which an interval may be longer or shorter.
    pub(super) jitter: f64,
    pub(super) thresholds: Thresholds,
    pub(super) statuses: Statuses,
    pub(super) body: Option<Box<[u8]>>,
    pub(super) method: &'static str,
    pub(super) host: Option<Box<str>>,
    /// Further header lines.
    pub(super) lines: Vec<(Box<str>, Box<[u8]>)>,
    pub(super) port: Option<u16>,
}

impl Default for Check {
    fn default() -> Self {
        HealthConfig::default().compile()
    }
}

impl Check {
    /// From the beginning of the check of this number to the next, where `chance` is from 0 to 1.
    pub(super) fn pause(&self, number: u64, chance: f64) -> Duration {
        // Endpoints that came together part here.
        let part = if number == 0 { chance } else { 1.0 + self.jitter * (2.0 * chance - 1.0) };
        self.interval.mul_f64(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_check_comes_by_chance_and_the_others_about_as_often_as_said() {
        let check = Check::default();
        let seconds = |number, chance| check.pause(number, chance).as_secs_f64().round();
        assert_eq!([0.0, 0.5, 1.0].map(|chance| seconds(0, chance)), [0.0, 15.0, 30.0]);
        assert_eq!([0.0, 0.5, 1.0].map(|chance| seconds(1, chance)), [27.0, 30.0, 33.0]);
    }
}
