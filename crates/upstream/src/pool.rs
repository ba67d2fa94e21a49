//! A worker's unused connections, by endpoint, and the wait for one.
//!
//! A connection lives and dies on one worker; what workers share is the number of connections that an endpoint may have
//! at once (a semaphore) and the number of requests waiting for one. As soon as anybody waits, workers let go of unused
//! connections that nobody of their own wants, so that no worker starves beside another's spare ones. Of those that its own
//! requests want as well, a worker lets go every now and then; whoever has waited longest then makes a new one. Each time would
//! cost a connection for every request.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use sekisho_exchange::{Alarm, Downstream, Local, Permit};
use sekisho_units::Tick;
use sekisho_wire::Head;
use tokio::sync::Notify;

use crate::conn::Conn;
use crate::failure::Failure;
use crate::fleet::Endpoint;
use crate::service::Service;

/// How often unused connections are looked at.
const SWEEP: Duration = Duration::from_secs(1);
/// How many answers of its own a worker takes from connections that others wait for, before it lets go of one,
const TURNS: u32 = 8;
/// and for how long.
const TURNS_TIME: Duration = Duration::from_millis(25);
/// Call kits kept for reuse.
const KITS: usize = 64;

/// Tells every worker's sweep that somewhere a request waits for a connection.
static WANTED: Notify = Notify::const_new();

/// One worker's connections to all endpoints.
pub struct Pools {
    pub(crate) local: Rc<Local>,
    pools: RefCell<Vec<Rc<Pool>>>,
    #[allow(clippy::vec_box, reason = "a kit is handed over by its pointer, not copied")]
    kits: RefCell<Vec<Box<Kit>>>,
}

#[derive(Default)]
struct Pool {
    /// Unused connections, the one used last at the end.
    #[allow(clippy::vec_box, reason = "a connection is handed over by its pointer, not copied")]
    idle: RefCell<Vec<Box<Conn>>>,
    /// Requests of this worker that wait for one.
    waiting: Cell<usize>,
    /// Tells one of them that a connection came back.
    returned: Notify,
    /// Since when others have waited as well, and how many connections came back and stayed since then.
    shared: Cell<Option<(Tick, u32)>>,
}

/// What a call needs beside its connection; reused, so that a call allocates nothing but itself.
#[derive(Default)]
pub(crate) struct Kit {
    pub(crate) out: Vec<u8>,
    pub(crate) head: Head,
}

impl Pools {
    /// Without connections yet; spawn [`Pools::sweep`] on the worker's runtime. From now on policies of this worker can ask
    /// services by them.
    pub fn new(local: Rc<Local>) -> Rc<Self> {
        let pools = Rc::new(Self { local, pools: RefCell::default(), kits: RefCell::default() });
        pools.local.lend(&pools);
        pools
    }

    /// Drops connections that the service closed or that were unused for too long, and those that requests of other workers
    /// wait for; runs as long as the worker does.
    pub async fn sweep(self: Rc<Self>) {
        let mut tick = tokio::time::interval(SWEEP);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let mut wanted = pin!(WANTED.notified());
            // From here on no call is missed, not even one that comes while this worker looks.
            wanted.as_mut().enable();
            self.let_go();
            tokio::select! {
                () = wanted => {}
                _ = tick.tick() => self.drop_old(),
            }
        }
    }

    /// Of each endpoint's unused connections drops as many as requests of other workers wait for, the oldest first.
    fn let_go(&self) {
        for pool in self.pools.borrow().iter() {
            let mut idle = pool.idle.borrow_mut();
            let Some(conn) = idle.first() else { continue };
            let wanted = conn.endpoint.kept.waiting.load(Relaxed).saturating_sub(pool.waiting.get());
            let count = wanted.min(idle.len());
            idle.drain(..count);
        }
    }

    fn drop_old(&self) {
        let now = self.local.clock.now();
        for pool in self.pools.borrow().iter() {
            pool.idle.borrow_mut().retain_mut(|conn| {
                !conn.endpoint.kept.is_retired()
                    && now.since(conn.since) < conn.endpoint.limits.idle
                    && conn.is_fresh()
            });
        }
    }

    fn pool(&self, slot: usize) -> Rc<Pool> {
        let mut pools = self.pools.borrow_mut();
        if pools.len() <= slot {
            pools.resize_with(slot + 1, Rc::default);
        }
        Rc::clone(&pools[slot])
    }

    /// An unused connection to `endpoint` that is still good, if there is one.
    pub(crate) fn take(&self, endpoint: &Endpoint) -> Option<Box<Conn>> {
        self.pools.borrow().get(endpoint.kept.slot)?.take()
    }

    /// Makes or awaits a connection to `endpoint`; gives up when the client leaves.
    pub(crate) async fn connect<D: Downstream>(
        &self,
        service: &Service,
        endpoint: &Arc<Endpoint>,
        deadline: Option<Tick>,
        down: &mut D,
        alarm: &Alarm,
    ) -> Result<Box<Conn>, Failure> {
        let clock = &self.local.clock;
        let within = |wait: Duration| {
            let due = clock.now() + wait;
            alarm.set(deadline.map_or(due, |deadline| deadline.min(due)));
        };
        let late = |failure: Failure| {
            if self.local.cut.get() {
                return Failure::Stopping;
            }
            let expired = deadline.is_some_and(|deadline| deadline <= clock.now());
            if expired { Failure::Expired } else { failure }
        };
        let permit = match endpoint.kept.permits.try_take() {
            Some(permit) => permit,
            None => {
                let pool = self.pool(endpoint.kept.slot);
                let _waiting = Waiting::enter(endpoint, &pool)?;
                within(endpoint.limits.wait);
                let turn = pool.turn(endpoint);
                match guarded(turn, down, alarm, || late(Failure::Overloaded("connection_wait"))).await? {
                    Turn::Returned(conn) => return Ok(conn),
                    Turn::Permit(permit) => permit,
                }
            }
        };
        within(service.timeouts.connect);
        let opening = Conn::open(Arc::clone(endpoint), permit);
        guarded(opening, down, alarm, || late(Failure::Unreachable("connect_timeout"))).await?
    }

    /// Takes a connection back whose answer has wholly ended. One with bytes left is dropped: nobody asked for them.
    pub(crate) fn give_back(&self, mut conn: Box<Conn>) {
        let left = !conn.input.is_empty();
        self.local.stash.give_back(std::mem::take(&mut conn.input));
        if left {
            return;
        }
        let endpoint = Arc::clone(&conn.endpoint);
        let pool = self.pool(endpoint.kept.slot);
        let waiting_here = pool.waiting.get();
        let waiting = endpoint.kept.waiting.load(Relaxed);
        if waiting_here == 0 && waiting > 0 || endpoint.kept.is_retired() {
            return;
        }
        conn.used = true;
        conn.since = self.local.clock.now();
        if waiting > waiting_here && pool.is_others_turn(conn.since) {
            return;
        }
        let most = endpoint.limits.keep.max(waiting_here);
        if most == 0 {
            return;
        }
        {
            let mut idle = pool.idle.borrow_mut();
            if idle.len() >= most {
                idle.remove(0);
            }
            idle.push(conn);
        }
        if waiting_here > 0 {
            pool.returned.notify_one();
        }
    }

    /// A kit for a call; it comes back when it is dropped.
    pub(crate) fn kit(self: &Rc<Self>) -> Lent {
        let kit = self.kits.borrow_mut().pop().unwrap_or_default();
        Lent { kit: Some(kit), pools: Rc::clone(self) }
    }
}

/// A kit that is lent to a call.
pub(crate) struct Lent {
    kit: Option<Box<Kit>>,
    pub(crate) pools: Rc<Pools>,
}

impl Deref for Lent {
    type Target = Kit;
    fn deref(&self) -> &Kit {
        self.kit.as_ref().expect("it is there until the drop")
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Kit {
        self.kit.as_mut().expect("it is there until the drop")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut kit) = self.kit.take() else { return };
        let mut kits = self.pools.kits.borrow_mut();
        if kits.len() < KITS && kit.out.capacity() <= 64 * 1024 {
            kit.out.clear();
            kits.push(kit);
        }
    }
}

enum Turn {
    Returned(Box<Conn>),
    Permit(Permit),
}

impl Pool {
    fn take(&self) -> Option<Box<Conn>> {
        let mut idle = self.idle.borrow_mut();
        while let Some(mut conn) = idle.pop() {
            if conn.is_fresh() {
                return Some(conn);
            }
        }
        None
    }

    /// Whether a connection that comes back at `now`, which requests here and elsewhere wait for, is for those elsewhere.
    #[cold]
    fn is_others_turn(&self, now: Tick) -> bool {
        let (since, turns) = self.shared.get().unwrap_or((now, 0));
        let theirs = turns + 1 >= TURNS || now.since(since) >= TURNS_TIME;
        self.shared.set(if theirs { None } else { Some((since, turns + 1)) });
        theirs
    }

    /// Waits until a connection comes back to this worker or a new one may be made.
    async fn turn(&self, endpoint: &Endpoint) -> Turn {
        let mut permit = pin!(Arc::clone(&endpoint.kept.permits).take());
        loop {
            if let Some(conn) = self.take() {
                return Turn::Returned(conn);
            }
            tokio::select! {
                biased;
                () = self.returned.notified() => {}
                permit = &mut permit => return Turn::Permit(permit),
            }
        }
    }
}

/// A place in an endpoint's queue.
struct Waiting<'a> {
    endpoint: &'a Endpoint,
    pool: &'a Pool,
}

impl<'a> Waiting<'a> {
    fn enter(endpoint: &'a Endpoint, pool: &'a Pool) -> Result<Self, Failure> {
        if endpoint.kept.waiting.fetch_add(1, Relaxed) >= endpoint.limits.queue {
            endpoint.kept.waiting.fetch_sub(1, Relaxed);
            return Err(Failure::Overloaded("connection_queue"));
        }
        pool.waiting.set(pool.waiting.get() + 1);
        WANTED.notify_waiters();
        Ok(Self { endpoint, pool })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.endpoint.kept.waiting.fetch_sub(1, Relaxed);
        self.pool.waiting.set(self.pool.waiting.get() - 1);
        // A connection that came back for this one must not lie unnoticed while others wait.
        if self.pool.waiting.get() > 0 && !self.pool.idle.borrow().is_empty() {
            self.pool.returned.notify_one();
        }
    }
}

/// Waits for `work`, but no longer than the client stays and the alarm keeps quiet.
pub(crate) async fn guarded<D: Downstream, F: Future>(
    work: F,
    down: &mut D,
    alarm: &Alarm,
    late: impl Fn() -> Failure,
) -> Result<F::Output, Failure> {
    let mut work = pin!(work);
    std::future::poll_fn(|cx: &mut Context<'_>| {
        if let Poll::Ready(output) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if down.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Failure::ClientGone));
        }
        alarm.poll(cx).map(|()| Err(late()))
    })
    .await
}
