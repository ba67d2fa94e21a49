//! One worker: a thread with its own runtime, and everything that its connections share.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arc_swap::{ArcSwap, Cache};
use sekisho_exchange::Local;
use sekisho_units::{Clock, Tick};
use sekisho_upstream::Pools;
use sekisho_wire::{Edits, Head, HeadBuf};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use crate::meter::WorkerMeter;
use crate::nest::Nest;
use crate::site::Site;

/// Of so many exchanges the steps of one are timed: a clock read a step is dear beside what most steps cost.
const TIMED: u32 = 32;
/// Kits kept for reuse.
const KITS: usize = 64;

/// One worker's things.
pub struct Worker {
    /// Clock, alarms, buffers.
    pub local: Rc<Local>,
    /// Connections to services.
    pub pools: Rc<Pools>,
    /// The tasks of its connections.
    pub nest: Rc<Nest>,
    /// What is counted of the worker itself.
    pub meter: Arc<WorkerMeter>,
    /// What the configuration decides; replaced as a whole.
    pub site: Arc<ArcSwap<Site>>,
    current: RefCell<Current>,
    /// Since when connections are to end.
    draining: Cell<Option<Tick>>,
    over: Cell<bool>,
    emptied: Notify,
    turn: Cell<u32>,
    #[allow(clippy::vec_box, reason = "a kit is handed over by its pointer, not copied")]
    kits: RefCell<Vec<Box<Kit>>>,
}

/// The configuration last seen. An exchange holds it by a counter that no other worker touches.
struct Current {
    cache: Cache<Arc<ArcSwap<Site>>, Arc<Site>>,
    held: Rc<Held>,
}

/// A configuration that exchanges of this worker hold.
pub(crate) struct Held(Arc<Site>);

impl Deref for Held {
    type Target = Site;
    fn deref(&self) -> &Site {
        &self.0
    }
}

/// What an exchange needs beside its read buffer; reused, so that an exchange allocates nothing of its own.
#[derive(Default)]
pub(crate) struct Kit {
    pub(crate) head: Head,
    pub(crate) path: String,
    pub(crate) out: Vec<u8>,
    pub(crate) to_service: Edits,
    pub(crate) to_client: Edits,
    pub(crate) reply: HeadBuf,
    /// Stands in for a head that could not be read.
    pub(crate) stand_in: HeadBuf,
}

impl Worker {
    /// Worker number `index`. Must be made on the thread that runs it.
    pub fn new(index: usize, clock: Clock, site: Arc<ArcSwap<Site>>, meter: Arc<WorkerMeter>) -> Rc<Self> {
        let local = Local::new(index, clock);
        Rc::new(Self {
            pools: Pools::new(Rc::clone(&local)),
            local,
            nest: Nest::new(),
            meter,
            current: RefCell::new(Current {
                held: Rc::new(Held(site.load_full())),
                cache: Cache::new(Arc::clone(&site)),
            }),
            site,
            draining: Cell::new(None),
            over: Cell::new(false),
            emptied: Notify::new(),
            turn: Cell::new(0),
            kits: RefCell::default(),
        })
    }

    /// Starts the worker's own tasks on the runtime of this thread.
    pub fn start(&self) {
        tokio::task::spawn_local(Rc::clone(&self.local.alarms).sweep());
        tokio::task::spawn_local(Rc::clone(&self.pools).sweep());
        tokio::task::spawn_local(Rc::clone(&self.nest).run());
    }

    /// Raises the meter's beat once in this time, for as long as this thread runs its tasks. Nothing does so unasked: an idle
    /// worker sleeps.
    pub fn beat(&self, every: Duration) {
        let meter = Arc::clone(&self.meter);
        tokio::task::spawn_local(async move {
            let mut beats = tokio::time::interval(every);
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                beats.tick().await;
                WorkerMeter::up(&meter.beat);
            }
        });
    }

    /// From now on connections end after the exchange they are in, and idle ones at once.
    pub fn drain(&self) {
        if self.draining.get().is_none() {
            self.draining.set(Some(self.local.clock.now()));
        }
        self.local.alarms.wake_all();
    }

    /// Ends every exchange now: those that wait for a service's answer are told so, those in the middle of one are cut. All
    /// are still logged and counted. Tunnels go on as long as their own grace lets them.
    pub fn cut(&self) {
        self.drain();
        self.local.cut.set(true);
        self.local.alarms.ring_all();
    }

    /// Ends every connection now, tunnels as well.
    pub fn end(&self) {
        self.over.set(true);
        self.cut();
        self.local.alarms.ring_every();
    }

    /// Whether connections are to end.
    pub fn is_draining(&self) -> bool {
        self.draining.get().is_some()
    }

    /// Since when connections are to end, if they are.
    pub(crate) fn draining_since(&self) -> Option<Tick> {
        self.draining.get()
    }

    /// Whether everything must end at once.
    pub(crate) fn is_over(&self) -> bool {
        self.over.get()
    }

    /// Notes that one piece of work is done, so that it shows how long each holds the others.
    #[inline]
    pub fn turn(&self) {
        self.meter.stalls.turn(self.local.clock.now());
    }

    /// Lets go of a configuration that is no longer in force, even if no request comes.
    pub fn renew(&self) {
        drop(self.site());
    }

    /// The configuration in force. One atomic load, unless it was replaced.
    pub(crate) fn site(&self) -> Rc<Held> {
        let Current { cache, held } = &mut *self.current.borrow_mut();
        let latest = cache.load();
        if !Arc::ptr_eq(latest, &held.0) {
            *held = Rc::new(Held(Arc::clone(latest)));
        }
        Rc::clone(held)
    }

    /// Client connections open on this worker.
    pub fn open(&self) -> usize {
        usize::try_from(self.meter.connections.load(Relaxed)).unwrap_or(usize::MAX)
    }

    /// Returns once no client connection is open; for a worker that drains.
    pub async fn closed(&self) {
        while self.open() > 0 {
            self.emptied.notified().await;
        }
    }

    /// Notes that a client connection has ended.
    pub(crate) fn left(&self) {
        WorkerMeter::down(&self.meter.connections);
        if self.is_draining() && self.open() == 0 {
            self.emptied.notify_one();
        }
    }

    /// Whether the steps of the exchange that begins now are timed.
    pub(crate) fn times_this_one(&self) -> bool {
        let turn = self.turn.get();
        self.turn.set(if turn + 1 == TIMED { 0 } else { turn + 1 });
        turn == 0
    }

    pub(crate) fn kit(&self) -> Box<Kit> {
        self.kits.borrow_mut().pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&self, mut kit: Box<Kit>) {
        kit.out.clear();
        kit.to_service.clear();
        kit.to_client.clear();
        let mut kits = self.kits.borrow_mut();
        if kits.len() < KITS && kit.out.capacity() <= 64 * 1024 {
            kits.push(kit);
        }
    }
}
