//! Places for requests, over all workers, and the line of those who wait for one.
//!
//! How many are taken, how many wait and how many there may be stand in one word, so that each change is one exchange of it: a
//! place is taken and given back without a lock as long as nobody waits. The line itself is behind a lock, which only they take
//! who wait, who make room for them, or who leave it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The most places that there can be, and the most that can wait.
pub(crate) const MOST: u32 = (1 << FIELD) - 1;

/// Bits of the bound and of the count of those who wait; what is left is of places taken, which may be more than the bound after
/// that was lowered.
const FIELD: u32 = 20;
const WAITING: u32 = 64 - 2 * FIELD;
const BOUND: u32 = 64 - FIELD;

/// Places, none of them until [`Places::rebound`].
#[derive(Default)]
pub(crate) struct Places {
    word: Word,
    line: Mutex<Line>,
}

/// On a cache line of its own (two, since processors fetch them in pairs): every request writes to it.
#[derive(Default)]
#[repr(align(128))]
struct Word(AtomicU64);

/// Those who wait, in the order in which they came.
#[derive(Default)]
struct Line {
    /// Numbers given out.
    given: u64,
    waiting: VecDeque<(u64, oneshot::Sender<Place>)>,
}

/// One place; dropping it gives it to who has waited longest.
pub(crate) struct Place(Arc<Places>);

/// A place, or one in the line.
pub(crate) enum Turn {
    /// It is free.
    Now(Place),
    /// It will come, if one waits for it.
    Later(Waiting),
}

/// A place in the line; dropping it leaves the line.
pub(crate) struct Waiting {
    of: Arc<Places>,
    number: u64,
    turn: oneshot::Receiver<Place>,
}

/// What the word says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Look {
    /// Places taken.
    pub(crate) taken: u32,
    /// Requests that wait for one.
    pub(crate) waiting: u32,
    /// How many places there are; 0 before that was ever said.
    pub(crate) bound: u32,
}

impl Look {
    #[inline]
    fn of(word: u64) -> Self {
        Self {
            taken: (word & ((1 << WAITING) - 1)) as u32,
            waiting: (word >> WAITING) as u32 & MOST,
            bound: (word >> BOUND) as u32,
        }
    }

    #[inline]
    fn is_free(self) -> bool {
        self.taken < self.bound
    }

    /// Whether there is neither a place nor one in a line of so many.
    fn is_full(self, queue: u32) -> bool {
        self.waiting >= queue && (self.waiting > 0 || !self.is_free())
    }
}

const ONE_WAITS: u64 = 1 << WAITING;

impl Places {
    /// How it stands.
    #[inline]
    pub(crate) fn look(&self) -> Look {
        Look::of(self.word.0.load(Relaxed))
    }

    /// A place, if one is free and nobody waits for it.
    #[inline]
    pub(crate) fn take(self: &Arc<Self>) -> Option<Place> {
        let free = |word| {
            let look = Look::of(word);
            (look.waiting == 0 && look.is_free()).then_some(word + 1)
        };
        self.word.0.fetch_update(Relaxed, Relaxed, free).ok()?;
        Some(Place(Arc::clone(self)))
    }

    /// A place, or one in the line if that is shorter than `queue`.
    #[cold]
    pub(crate) fn line_up(self: &Arc<Self>, queue: u32) -> Option<Turn> {
        let queue = queue.min(MOST);
        if self.look().is_full(queue) {
            // Under too much load this is what most get, so it takes no lock.
            return None;
        }
        let mut line = self.line();
        // Whoever gives a place back either does so before this and leaves it free, or sees that somebody waits.
        let mut word = self.word.0.load(Relaxed);
        loop {
            let look = Look::of(word);
            if look.is_full(queue) {
                return None;
            }
            let now = look.waiting == 0 && look.is_free();
            let next = if now { word + 1 } else { word + ONE_WAITS };
            match self.word.0.compare_exchange_weak(word, next, Relaxed, Relaxed) {
                Ok(_) if now => return Some(Turn::Now(Place(Arc::clone(self)))),
                Ok(_) => break,
                Err(other) => word = other,
            }
        }
        let (sender, turn) = oneshot::channel();
        let number = line.given;
        line.given += 1;
        line.waiting.push_back((number, sender));
        Some(Turn::Later(Waiting { of: Arc::clone(self), number, turn }))
    }

    /// Moves the bound, to 1 at least. Places taken beyond a lower one stay until they are given back.
    pub(crate) fn rebound(self: &Arc<Self>, bound: u32) {
        let bound = u64::from(bound.clamp(1, MOST));
        let moved = |word: u64| Some(word & ((1 << BOUND) - 1) | bound << BOUND);
        let before = self.word.0.fetch_update(Relaxed, Relaxed, moved).unwrap_or_default();
        if Look::of(before).waiting > 0 {
            self.admit();
        }
    }

    /// Gives what is free to those who wait.
    #[cold]
    fn admit(self: &Arc<Self>) {
        while let Some(turn) = self.next() {
            // Outside the lock: if whoever waited is leaving, the place comes back and is given to the next.
            let _ = turn.send(Place(Arc::clone(self)));
        }
    }

    /// Whose turn it is, if a place is free; it is taken then.
    fn next(&self) -> Option<oneshot::Sender<Place>> {
        let mut line = self.line();
        let turn = |word| {
            let look = Look::of(word);
            (look.waiting > 0 && look.is_free()).then(|| word + 1 - ONE_WAITS)
        };
        self.word.0.fetch_update(Relaxed, Relaxed, turn).ok()?;
        line.waiting.pop_front().map(|(_, sender)| sender)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    #[inline]
    fn drop(&mut self) {
        let before = self.0.word.0.fetch_sub(1, Relaxed);
        if Look::of(before).waiting > 0 {
            self.0.admit();
        }
    }
}

impl Waiting {
    /// The place, once it is this one's turn.
    pub(crate) async fn turn(&mut self) -> Place {
        (&mut self.turn).await.expect("nobody in the line is forgotten")
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut line = self.of.line();
        // Numbers only grow. If it is not there any more its turn has come, and the place with it goes on to the next.
        if let Ok(at) = line.waiting.binary_search_by_key(&self.number, |(number, _)| *number) {
            line.waiting.remove(at);
            self.of.word.0.fetch_sub(ONE_WAITS, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering::SeqCst;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn places(bound: u32) -> Arc<Places> {
        let places = Arc::new(Places::default());
        places.rebound(bound);
        places
    }

    #[track_caller]
    fn later(places: &Arc<Places>, queue: u32) -> Waiting {
        match places.line_up(queue) {
            Some(Turn::Later(waiting)) => waiting,
            Some(Turn::Now(_)) => panic!("a place was free"),
            None => panic!("the line was full"),
        }
    }

    fn turn(waiting: &mut Waiting) -> Option<Place> {
        let mut turn = std::pin::pin!(waiting.turn());
        match turn.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => Some(place),
            Poll::Pending => None,
        }
    }

    fn stands(places: &Places) -> (u32, u32, u32) {
        let look = places.look();
        (look.taken, look.waiting, look.bound)
    }

    #[test]
    fn who_came_first_is_served_first_and_the_line_is_bounded() {
        let places = places(1);
        let first = places.take().unwrap();
        let (mut second, mut third) = (later(&places, 2), later(&places, 2));
        assert!(places.line_up(2).is_none(), "two may wait");
        assert_eq!(stands(&places), (1, 2, 1));
        drop(first);
        assert!(turn(&mut third).is_none());
        let place = turn(&mut second).unwrap();
        assert!(places.take().is_none());
        assert_eq!(stands(&places), (1, 1, 1));
        drop(place);
        drop(turn(&mut third).unwrap());
        assert_eq!(stands(&places), (0, 0, 1));
        assert!(places.take().is_some());
    }

    #[test]
    fn nobody_overtakes_those_who_wait() {
        let places = places(1);
        let first = places.take().unwrap();
        let mut second = later(&places, 9);
        drop(first);
        assert!(places.take().is_none(), "the free place is the second's already");
        let _third = later(&places, 9);
        assert!(turn(&mut second).is_some());
    }

    #[test]
    fn who_leaves_the_line_is_passed_over() {
        let places = places(1);
        let first = places.take().unwrap();
        let (second, mut third) = (later(&places, 2), later(&places, 2));
        drop(second);
        let mut fourth = later(&places, 2);
        drop(first);
        assert!(turn(&mut fourth).is_none());
        // Its turn has come, and it leaves without taking it.
        drop(third);
        third = later(&places, 2);
        drop(turn(&mut fourth).unwrap());
        assert!(turn(&mut third).is_some());
        drop(third);
        assert_eq!(stands(&places), (0, 0, 1));
    }

    #[test]
    fn a_moved_bound_holds_at_once_or_as_places_come_back() {
        let places = places(2);
        let (first, second) = (places.take().unwrap(), places.take().unwrap());
        let (mut third, mut fourth) = (later(&places, 9), later(&places, 9));
        places.rebound(1);
        drop(first);
        assert!(turn(&mut third).is_none(), "one is taken, and there is only one");
        drop(second);
        let third = turn(&mut third).unwrap();
        assert!(turn(&mut fourth).is_none());
        places.rebound(3);
        let fourth = turn(&mut fourth).unwrap();
        let fifth = places.take().unwrap();
        assert!(places.take().is_none());
        drop((third, fourth, fifth));
        assert_eq!(stands(&places), (0, 0, 3));
    }

    #[test]
    fn bounds_fit_into_the_word() {
        let places = places(u32::MAX);
        let _taken: Vec<_> = (0..3).map(|_| places.take().unwrap()).collect();
        assert_eq!(stands(&places), (3, 0, MOST));
        places.rebound(0);
        assert_eq!(stands(&places), (3, 0, 1));
        let _waits = later(&places, u32::MAX);
        assert_eq!(stands(&places), (3, 1, 1));
    }

    #[test]
    fn never_more_than_the_bound_are_in_and_nobody_is_forgotten_at_any_parallelism() {
        let (all, here, most) = (places(3), AtomicU32::new(0), AtomicU32::new(0));
        let (waited, left) = (AtomicU32::new(0), AtomicU32::new(0));
        let inside = |place: Place| {
            most.fetch_max(here.fetch_add(1, SeqCst) + 1, SeqCst);
            std::thread::yield_now();
            here.fetch_sub(1, SeqCst);
            drop(place);
        };
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (all, inside, waited, left) = (&all, &inside, &waited, &left);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    for round in 0..1_000 {
                        if let Some(place) = all.take() {
                            inside(place);
                            continue;
                        }
                        match all.line_up(6) {
                            None => {}
                            Some(Turn::Now(place)) => inside(place),
                            // Some leave, with or without their turn.
                            Some(Turn::Later(waiting)) if (round + thread) % 3 == 0 => {
                                std::thread::yield_now();
                                drop(waiting);
                                left.fetch_add(1, SeqCst);
                            }
                            Some(Turn::Later(mut waiting)) => {
                                waited.fetch_add(1, SeqCst);
                                inside(runtime.block_on(waiting.turn()));
                            }
                        }
                        if thread == 0 {
                            all.rebound(2 + round % 2);
                        }
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.into_inner()));
        assert_eq!((all.look().taken, all.look().waiting), (0, 0));
        assert!(waited.into_inner() > 0 && left.into_inner() > 0);
    }
}
