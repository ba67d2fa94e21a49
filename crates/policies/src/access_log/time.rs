//! The time of day of a log line, from a moment that is known anyway.

use std::time::Duration;

use sekisho_units::{Clock, Stamp, Tick, Wall};

/// How long the time of day is reckoned from the last reading.
const FRESH: Duration = Duration::from_secs(1);

/// The last reading of the time of day, from which later moments are reckoned: reading the system's time costs more than
/// formatting a whole number. A clock that is set shows within a second.
#[derive(Default)]
pub(super) struct TimeOfDay {
    read: Option<(Tick, Wall)>,
    stamp: Stamp,
}

impl TimeOfDay {
    /// `now` as RFC 3339 with milliseconds; it is a moment of `clock` just past.
    #[inline]
    pub(super) fn rfc3339(&mut self, now: Tick, clock: &Clock) -> &str {
        let wall = self.wall(now, clock);
        self.stamp.rfc3339(wall)
    }

    /// `now` as an HTTP date.
    pub(super) fn http_date(&mut self, now: Tick, clock: &Clock) -> &str {
        let wall = self.wall(now, clock);
        self.stamp.http_date(wall)
    }

    #[inline]
    fn wall(&mut self, now: Tick, clock: &Clock) -> Wall {
        if let Some((tick, wall)) = self.read
            && now >= tick
            && now - tick < FRESH
        {
            return Wall::from_millis(wall.as_millis() + u64::from((now - tick).subsec_millis()));
        }
        let wall = clock.wall();
        // A moment long past, such as the start of a long request, says nothing of what comes after the reading.
        self.read = Some((clock.now(), wall));
        wall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reckons_for_a_second_and_then_reads_again() {
        let clock = Clock::manual();
        let mut time = TimeOfDay::default();
        let start = clock.now();
        assert_eq!(time.rfc3339(start, &clock), "2026-01-01T00:00:00.000Z");
        clock.set_wall(Wall::from_millis(0));
        clock.advance(Duration::from_millis(999));
        assert_eq!(time.rfc3339(clock.now(), &clock), "2026-01-01T00:00:00.999Z");
        clock.advance(Duration::from_millis(1));
        assert_eq!(time.rfc3339(clock.now(), &clock), "1970-01-01T00:00:01.000Z");
        assert_eq!(time.http_date(clock.now(), &clock), "Thu, 01 Jan 1970 00:00:01 GMT");
    }
}
