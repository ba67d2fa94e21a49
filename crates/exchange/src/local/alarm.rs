//! Deadlines of connections: one alarm each, kept by a sweep instead of a timer each.
//!
//! A request moves its connection's deadline several times (head, first byte, idle…) and nearly none is ever reached.
//! So setting one only stores a number, and one task a worker wakes at the earliest deadline it knows, looks at all of
//! them, and wakes the connections whose time has come. An alarm rings at its time or up to [`GRAIN`] later.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use sekisho_units::{Clock, Tick};
use slab::Slab;
use tokio::sync::Notify;

/// The sweep looks no oftener than this.
const GRAIN: Duration = Duration::from_millis(10);
/// What an alarm has heard that must be polled.
const UNHEARD: u64 = u64::MAX;
/// A due time that never comes.
const NEVER: Tick = Tick::from_nanos(u64::MAX);

/// All alarms of one worker.
pub struct Alarms {
    entries: RefCell<Slab<Entry>>,
    /// When the sweep looks next.
    next: Cell<Tick>,
    /// Wakes the sweep because an alarm was set to ring before `next`.
    earlier: Notify,
    /// Which alarms ring from now on, however they are set.
    all: Cell<Ringing>,
    /// How often some alarm has rung or woken somebody.
    rung: Cell<u64>,
    clock: Clock,
}

/// Which alarms ring because everything is to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ringing {
    None,
    /// All but those that stand apart.
    Common,
    Every,
}

struct Entry {
    due: Tick,
    /// Whether it is spared when the others are rung.
    apart: bool,
    rings: bool,
    waker: Option<Waker>,
    /// Since when nothing but the client's next bytes is waited for; `NEVER` while an exchange is under way.
    waits: Tick,
    /// Whether the connection is to make room for another.
    shed: bool,
}

impl Alarms {
    /// No alarms yet; [`Alarms::sweep`] must run for any to ring.
    pub fn new(clock: Clock) -> Rc<Self> {
        Rc::new(Self {
            entries: RefCell::default(),
            next: Cell::new(NEVER),
            earlier: Notify::new(),
            all: Cell::new(Ringing::None),
            rung: Cell::new(0),
            clock,
        })
    }

    /// A new alarm, not set.
    pub fn alarm(self: &Rc<Self>) -> Alarm {
        self.insert(false)
    }

    /// A new alarm that [`Alarms::ring_all`] spares.
    pub fn alarm_apart(self: &Rc<Self>) -> Alarm {
        self.insert(true)
    }

    fn insert(self: &Rc<Self>, apart: bool) -> Alarm {
        let key = self.entries.borrow_mut().insert(Entry {
            due: NEVER,
            apart,
            rings: false,
            waker: None,
            waits: NEVER,
            shed: false,
        });
        Alarm { key, heard: Cell::new(UNHEARD), alarms: Rc::clone(self) }
    }

    /// Rings alarms as they come due; runs as long as the worker does.
    pub async fn sweep(self: Rc<Self>) {
        loop {
            let next = self.next.get();
            if next == NEVER {
                self.earlier.notified().await;
            } else {
                let wait = next.since(self.clock.now());
                // Woken early or not, the look that follows is right.
                let _ = tokio::time::timeout(wait, self.earlier.notified()).await;
            }
            self.look(self.clock.now());
        }
    }

    /// Wakes every connection without ringing, so that each looks again at what it waits for.
    pub fn wake_all(&self) {
        self.ringing();
        for (_, entry) in self.entries.borrow_mut().iter_mut() {
            if let Some(waker) = entry.waker.take() {
                waker.wake();
            }
        }
    }

    /// Rings all alarms but those that stand apart, due or not, from now on.
    pub fn ring_all(&self) {
        self.ring(Ringing::Common);
    }

    /// Rings every alarm, due or not, from now on.
    pub fn ring_every(&self) {
        self.ring(Ringing::Every);
    }

    fn ring(&self, which: Ringing) {
        self.all.set(which);
        for (_, entry) in self.entries.borrow_mut().iter_mut() {
            entry.rings |= which.rings(entry.apart);
        }
        self.wake_all();
    }

    /// Rings the alarms of up to `count` connections that wait for their client and nothing else, those that have waited
    /// longest first. Gives how many there were.
    pub fn shed(&self, count: usize) -> usize {
        let mut entries = self.entries.borrow_mut();
        let mut waiting: Vec<(Tick, usize)> = entries
            .iter()
            .filter(|(_, entry)| entry.waits != NEVER && !entry.shed)
            .map(|(key, entry)| (entry.waits, key))
            .collect();
        let count = count.min(waiting.len());
        if count > 0 && count < waiting.len() {
            waiting.select_nth_unstable(count - 1);
        }
        if count > 0 {
            self.ringing();
        }
        for (_, key) in &waiting[..count] {
            let entry = &mut entries[*key];
            entry.shed = true;
            entry.rings = true;
            if let Some(waker) = entry.waker.take() {
                waker.wake();
            }
        }
        count
    }

    /// Rings what is due at `now` and finds when to look next.
    fn look(&self, now: Tick) {
        let mut earliest = NEVER;
        let mut rings = false;
        for (_, entry) in self.entries.borrow_mut().iter_mut() {
            if entry.due <= now {
                rings = true;
                entry.due = NEVER;
                entry.rings = true;
                if let Some(waker) = entry.waker.take() {
                    waker.wake();
                }
            } else if entry.due < earliest {
                earliest = entry.due;
            }
        }
        self.next.set(if earliest == NEVER { NEVER } else { earliest.max(now + GRAIN) });
        if rings {
            self.ringing();
        }
    }

    /// Some alarm rings, or wakes somebody: who polls one from now on must look at it.
    fn ringing(&self) {
        self.rung.set(self.rung.get() + 1);
    }
}

impl Ringing {
    fn rings(self, apart: bool) -> bool {
        self == Self::Every || self == Self::Common && !apart
    }
}

/// One connection's deadline. Dropping it takes it out.
pub struct Alarm {
    key: usize,
    /// The rings of all alarms up to the last time that it was polled in vain.
    heard: Cell<u64>,
    alarms: Rc<Alarms>,
}

impl Alarm {
    /// Rings at `due`; an earlier setting, rung or not, is forgotten.
    pub fn set(&self, due: Tick) {
        self.put(due, NEVER);
    }

    /// Rings `after` from `since`, from when on nothing but the client is waited for: until it is set in another way, the
    /// connection may have to make room for another ([`Alarms::shed`]), and then the alarm rings early.
    pub fn set_waiting(&self, since: Tick, after: Duration) {
        self.put(since + after, since);
    }

    fn put(&self, due: Tick, waits: Tick) {
        self.heard.set(UNHEARD);
        {
            let mut entries = self.alarms.entries.borrow_mut();
            let entry = &mut entries[self.key];
            entry.due = due;
            entry.waits = waits;
            // Whoever waits must make room when told to; whoever has begun an exchange meanwhile need not.
            entry.shed &= waits != NEVER;
            entry.rings = self.alarms.all.get().rings(entry.apart) || entry.shed;
        }
        if due < self.alarms.next.get() {
            // The sweep will look again and find the exact time; until then nobody need kick it once more.
            self.alarms.next.set(due);
            self.alarms.earlier.notify_one();
        }
    }

    /// Rings `after` from `now`.
    pub fn set_after(&self, now: Tick, after: Duration) {
        self.set(now + after);
    }

    /// Never rings.
    pub fn clear(&self) {
        self.set(NEVER);
    }

    /// Ready once it rings, until it is set anew.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut entries = self.alarms.entries.borrow_mut();
        let entry = &mut entries[self.key];
        if entry.rings {
            return Poll::Ready(());
        }
        match &mut entry.waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            waker => *waker = Some(cx.waker().clone()),
        }
        self.heard.set(self.alarms.rung.get());
        Poll::Pending
    }

    /// Whether no alarm at all has rung or woken anybody since this one was polled in vain. Then the same task need not poll it
    /// again, and does not touch what other alarms share with it.
    #[inline]
    pub fn is_silent(&self) -> bool {
        self.heard.get() == self.alarms.rung.get()
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.alarms.entries.borrow_mut().remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(alarm: &Alarm) -> bool {
        alarm.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn rings_when_due_and_not_before() {
        let clock = Clock::manual();
        let alarms = Alarms::new(clock.clone());
        let (soon, later) = (alarms.alarm(), alarms.alarm());
        let start = clock.now();
        soon.set_after(start, Duration::from_secs(1));
        later.set_after(start, Duration::from_secs(10));
        assert_eq!(alarms.next.get(), start + Duration::from_secs(1));
        alarms.look(start + Duration::from_millis(999));
        assert!(!poll(&soon));
        alarms.look(start + Duration::from_secs(1));
        assert!(poll(&soon) && !poll(&later));
        assert_eq!(alarms.next.get(), start + Duration::from_secs(10));
    }

    #[test]
    fn setting_anew_forgets_the_ring() {
        let clock = Clock::manual();
        let alarms = Alarms::new(clock.clone());
        let alarm = alarms.alarm();
        let start = clock.now();
        alarm.set(start);
        alarms.look(start);
        assert!(poll(&alarm));
        alarm.clear();
        assert!(!poll(&alarm));
        alarms.look(start + Duration::from_secs(3600));
        assert!(!poll(&alarm));
    }

    #[test]
    fn those_who_have_waited_longest_make_room_first() {
        let clock = Clock::manual();
        let alarms = Alarms::new(clock.clone());
        let [old, busy, young] = [(); 3].map(|()| alarms.alarm());
        let (start, hour) = (clock.now(), Duration::from_secs(3600));
        old.set_waiting(start, hour);
        busy.set_waiting(start, hour);
        busy.set(start + hour);
        young.set_waiting(start + Duration::from_secs(1), hour);
        assert_eq!(alarms.shed(1), 1);
        assert_eq!([&old, &busy, &young].map(poll), [true, false, false]);
        assert_eq!(alarms.shed(5), 1, "who was told once is not told again, and who is busy is not told");
        assert_eq!([&old, &busy, &young].map(poll), [true, false, true]);
        young.set_waiting(start, hour);
        assert!(poll(&young), "waiting anew is no way out");
        young.set(start + hour);
        assert!(!poll(&young), "an exchange that has begun is");
        assert_eq!(alarms.shed(5), 0);
    }

    #[test]
    fn an_alarm_is_silent_until_it_is_set_or_any_rings() {
        let clock = Clock::manual();
        let alarms = Alarms::new(clock.clone());
        let (one, other) = (alarms.alarm(), alarms.alarm());
        let start = clock.now();
        assert!(!one.is_silent(), "nobody has polled it");
        let again = || assert!(!poll(&one) && one.is_silent());
        again();
        one.set_after(start, Duration::from_secs(10));
        assert!(!one.is_silent());
        again();
        alarms.look(start + Duration::from_secs(1));
        assert!(one.is_silent(), "a look at which nothing is due");
        other.set(start);
        alarms.look(start + Duration::from_secs(1));
        assert!(!one.is_silent());
        again();
        other.set_waiting(start, Duration::from_secs(5));
        let ways: [fn(&Alarms); 3] =
            [Alarms::wake_all, |alarms| assert_eq!(alarms.shed(1), 1), Alarms::ring_all];
        for wakes in ways {
            wakes(&alarms);
            assert!(!one.is_silent());
            let _ = poll(&one);
        }
        assert!(poll(&one) && !one.is_silent(), "one that rings is never silent");
    }

    #[test]
    fn one_that_stands_apart_rings_with_every_other_only_when_all_must() {
        let clock = Clock::manual();
        let alarms = Alarms::new(clock.clone());
        let (common, apart) = (alarms.alarm(), alarms.alarm_apart());
        alarms.ring_all();
        assert_eq!([&common, &apart].map(poll), [true, false]);
        let hour = Duration::from_secs(3600);
        [&common, &apart].into_iter().for_each(|alarm| alarm.set_after(clock.now(), hour));
        assert_eq!([&common, &apart].map(poll), [true, false], "however they are set");
        alarms.look(clock.now() + hour);
        assert!(poll(&apart), "its own time comes all the same");
        apart.set_after(clock.now(), hour * 3);
        alarms.ring_every();
        assert_eq!([&common, &apart].map(poll), [true, true]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_sweep_wakes_for_an_alarm_set_while_it_waits() {
        let alarms = Alarms::new(Clock::system());
        let (long, short) = (alarms.alarm(), alarms.alarm());
        long.set_after(alarms.clock.now(), Duration::from_secs(3600));
        let ring = async {
            tokio::task::yield_now().await;
            short.set_after(alarms.clock.now(), Duration::from_millis(20));
            std::future::poll_fn(|cx| short.poll(cx)).await;
        };
        tokio::select! {
            () = Rc::clone(&alarms).sweep() => {}
            () = ring => {}
        }
        assert!(!poll(&long));
    }
}
