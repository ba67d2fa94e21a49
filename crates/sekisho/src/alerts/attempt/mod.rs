//! One attempt to tell somebody: what can come of it, and when to try again.

pub(super) mod command;
mod signature;
pub(super) mod webhook;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sekisho_units::Wall;

/// The longest wait before an attempt: a receiver may say when, but not hold up all that comes behind.
const LONGEST: Duration = Duration::from_secs(300);

/// What came of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// It was taken.
    Delivered,
    /// It was not, and will not be.
    Refused(String),
    /// It was not this time. The receiver may have said how long to wait.
    Failed(String, Option<Duration>),
}

/// What an answer means.
pub(super) fn of_status(status: u16, retry_after: Option<&str>, now: Wall) -> Outcome {
    match status {
        200..=299 => Outcome::Delivered,
        408 | 429 | 500..=599 => {
            Outcome::Failed(format!("status_{status}"), retry_after.and_then(|text| wait_said(text, now)))
        }
        // A redirection as well: whoever moves must tell the operator, not the gateway.
        _ => Outcome::Refused(format!("status_{status}")),
    }
}

/// What `Retry-After` says (RFC 9110 §10.2.3): seconds, or a date.
fn wait_said(text: &str, now: Wall) -> Option<Duration> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let date: SystemTime = httpdate::parse_http_date(text).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    Some(Wall::from_secs(since.as_secs()).since(now))
}

/// The wait after so many failures, at least 1: twice as long each time, a quarter more or less by `chance` (0 to 1), and not shorter
/// than the receiver has said.
pub(super) fn wait(first: Duration, failures: u32, said: Option<Duration>, chance: f64) -> Duration {
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(LONGEST);
    doubled.mul_f64(0.75 + chance / 2.0).max(said.unwrap_or_default()).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_different_next_time_is_tried_again() {
        let now = Wall::from_secs(784_111_777);
        let failed = |status: u16, seconds: Option<u64>| {
            Outcome::Failed(format!("status_{status}"), seconds.map(Duration::from_secs))
        };
        for (status, after, want) in [
            (200, None, Outcome::Delivered),
            (204, None, Outcome::Delivered),
            (301, None, Outcome::Refused("status_301".into())),
            (400, None, Outcome::Refused("status_400".into())),
            (404, Some("5"), Outcome::Refused("status_404".into())),
            (408, None, failed(408, None)),
            (429, Some("7"), failed(429, Some(7))),
            (500, None, failed(500, None)),
            (503, Some("Sun, 06 Nov 1994 08:49:47 GMT"), failed(503, Some(10))),
            (503, Some("Sun, 06 Nov 1994 08:49:27 GMT"), failed(503, Some(0))),
            (503, Some("soon"), failed(503, None)),
            (503, Some("99999999999999999999"), failed(503, None)),
        ] {
            assert_eq!(of_status(status, after, now), want, "{status} {after:?}");
        }
    }

    #[test]
    fn waits_grow_vary_and_have_an_end() {
        let second = Duration::from_secs(1);
        let middle: Vec<_> = (1..=5).map(|failures| wait(second, failures, None, 0.5).as_secs()).collect();
        assert_eq!(middle, [1, 2, 4, 8, 16]);
        assert_eq!(wait(second, 1, None, 0.0), Duration::from_millis(750));
        assert_eq!(wait(second, 1, None, 1.0), Duration::from_millis(1_250));
        assert_eq!(wait(second, 1, Some(60 * second), 0.5), 60 * second);
        assert_eq!(wait(second, u32::MAX, Some(Duration::MAX), 1.0), LONGEST);
        assert_eq!(wait(Duration::ZERO, 3, None, 0.5), Duration::ZERO);
    }
}
