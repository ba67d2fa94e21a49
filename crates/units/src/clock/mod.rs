//! [`Clock`]: the one place where time is read.
//!
//! Everything that depends on time takes a [`Tick`] or a [`Wall`] as an argument, or holds a clock that its
//! tests set by hand. On the request path a tick is one read of the processor's counter.

mod rfc3339;
mod wall;

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use wall::{Stamp, Wall};

/// A source of time: the system's, or one that a test moves by hand. Clones show the same time.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System { counter: quanta::Clock, start: u64 },
    Manual(Arc<Hands>),
}

/// Where a manual clock stands.
struct Hands {
    nanos: AtomicU64,
    wall: AtomicU64,
}

/// A moment that never goes back: nanoseconds since an arbitrary start, good for differences within one
/// process only. Arithmetic stays within the range instead of overflowing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Clock {
    /// The system's time. All system clocks of a process share one start, so their ticks compare.
    pub fn system() -> Self {
        // The first clock of a process calibrates its counter, which takes a few milliseconds.
        static START: OnceLock<(quanta::Clock, u64)> = OnceLock::new();
        let (counter, start) = START.get_or_init(|| {
            let counter = quanta::Clock::new();
            let start = counter.raw();
            (counter, start)
        });
        Self(Source::System { counter: counter.clone(), start: *start })
    }

    /// A clock that stands still until [`Clock::advance`] or [`Clock::set_wall`] moves it. It begins at
    /// tick 0 and 2026-01-01T00:00:00.000Z.
    pub fn manual() -> Self {
        let wall = Wall::from_millis(1_767_225_600_000);
        Self(Source::Manual(Arc::new(Hands { nanos: AtomicU64::new(0), wall: wall.as_millis().into() })))
    }

    /// The monotonic time.
    #[inline]
    pub fn now(&self) -> Tick {
        match &self.0 {
            Source::System { counter, start } => Tick(counter.delta_as_nanos(*start, counter.raw())),
            Source::Manual(hands) => Tick(hands.nanos.load(Ordering::Relaxed)),
        }
    }

    /// The time of day, in UTC; it may jump when the system's clock is set.
    #[inline]
    #[expect(clippy::disallowed_methods, reason = "this is the clock through which all others read time")]
    pub fn wall(&self) -> Wall {
        match &self.0 {
            Source::System { .. } => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Wall::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
            }
            Source::Manual(hands) => Wall::from_millis(hands.wall.load(Ordering::Relaxed)),
        }
    }

    /// Moves a manual clock forward, its time of day as well (by whole milliseconds, counted from where
    /// its monotonic time stands, so that many small steps lose nothing).
    ///
    /// # Panics
    /// On the system clock, which nobody can move.
    pub fn advance(&self, by: Duration) {
        let hands = self.hands();
        let before = hands.nanos.load(Ordering::Relaxed);
        let after = before.saturating_add(nanos(by));
        hands.nanos.store(after, Ordering::Relaxed);
        hands.wall.fetch_add(after / 1_000_000 - before / 1_000_000, Ordering::Relaxed);
    }

    /// Sets a manual clock's time of day and leaves its monotonic time alone, as when an operator sets the
    /// system's clock.
    ///
    /// # Panics
    /// On the system clock.
    pub fn set_wall(&self, wall: Wall) {
        self.hands().wall.store(wall.as_millis(), Ordering::Relaxed);
    }

    fn hands(&self) -> &Hands {
        match &self.0 {
            Source::Manual(hands) => hands,
            Source::System { .. } => {
                panic!("only a manual clock can be moved; make one with Clock::manual()")
            }
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System { .. } => "Clock::system",
            Source::Manual(_) => "Clock::manual",
        })
    }
}

impl Tick {
    /// The clock's start.
    pub const ZERO: Self = Self(0);

    /// The moment so many nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Tick {
    type Output = Self;
    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(nanos(later)))
    }
}

impl AddAssign<Duration> for Tick {
    fn add_assign(&mut self, later: Duration) {
        *self = *self + later;
    }
}

impl Sub<Duration> for Tick {
    type Output = Self;
    fn sub(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(earlier)))
    }
}

impl Sub for Tick {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = Clock::manual();
        let seen = clock.clone();
        assert_eq!((seen.now(), seen.wall().to_string().as_str()), (Tick::ZERO, "2026-01-01T00:00:00.000Z"));
        clock.advance(Duration::from_millis(1_500));
        assert_eq!(seen.now() - Tick::ZERO, Duration::from_millis(1_500));
        assert_eq!(seen.wall().to_string(), "2026-01-01T00:00:01.500Z");
        for _ in 0..4 {
            clock.advance(Duration::from_micros(250));
        }
        assert_eq!(seen.wall().to_string(), "2026-01-01T00:00:01.501Z");
        clock.set_wall(Wall::from_millis(0));
        assert_eq!(seen.wall().to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(seen.now() - Tick::ZERO, Duration::from_millis(1_501));
    }

    #[test]
    fn system_ticks_never_go_back_and_clocks_share_them() {
        let (a, b) = (Clock::system(), Clock::system());
        let mut last = a.now();
        for _ in 0..1_000 {
            let (one, two) = (a.now(), b.now());
            assert!(last <= one && one <= two);
            last = two;
        }
        assert!(a.wall() > Wall::from_millis(1_767_225_600_000 - 366 * 86_400_000));
    }

    #[test]
    fn arithmetic_stays_in_range() {
        let second = Duration::from_secs(1);
        assert_eq!(Tick::ZERO - second, Tick::ZERO);
        assert_eq!(Tick::from_nanos(u64::MAX) + second, Tick::from_nanos(u64::MAX));
        assert_eq!(Tick::ZERO - Tick::from_nanos(5), Duration::ZERO);
        assert_eq!((Tick::ZERO + second) - Tick::ZERO, second);
    }

    #[test]
    #[should_panic(expected = "only a manual clock can be moved")]
    fn nobody_moves_the_system_clock() {
        Clock::system().advance(Duration::from_secs(1));
    }
}
