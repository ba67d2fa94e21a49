//! The small tasks of one worker, run inside one task of the runtime.
//!
//! A task of the runtime may be woken, joined and ended from any thread, and pays for that with several atomic operations each
//! time that it is polled; so does whoever wakes it. Connections and tunnels are woken on their worker's thread nearly always,
//! a few at a time, by the runtime's look at the sockets. Here such a wake puts a number in line, and the runtime learns of
//! the first of them only. A wake from another thread takes a way of its own.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use pin_project_lite::pin_project;
use slab::Slab;
use tokio::task::coop::has_budget_remaining;

/// Tasks polled before the runtime has its turn: about as many as it polls itself between two looks at the sockets.
const TURN: usize = 64;
/// Of them so many are polled between two looks at whether the runtime's budget is spent.
const STEP: usize = 4;

/// The tasks of one worker. They live as long as [`Nest::run`] does.
pub struct Nest {
    tasks: RefCell<Slab<Slot>>,
    /// Set once nothing runs any more.
    ended: Cell<bool>,
    here: Rc<Here>,
    outside: Arc<Outside>,
}

/// A task, or the place of one that is being polled.
type Slot = Option<Pin<Box<dyn Future<Output = ()>>>>;

/// What becomes of a task.
pub struct Nested<T>(Rc<Outcome<T>>);

struct Outcome<T> {
    result: RefCell<Option<std::thread::Result<T>>>,
    waiting: RefCell<Option<Waker>>,
}

pin_project! {
    // A task: its future, and whom the end is told.
    struct Run<F: Future> {
        #[pin]
        future: F,
        told: Rc<Outcome<F::Output>>,
    }
}

/// What is known of wakes on the nest's own thread.
struct Here {
    nest: usize,
    line: RefCell<Line>,
    /// Whether [`Nest::run`] is to look anyway.
    awake: Cell<bool>,
    runner: RefCell<Option<Waker>>,
}

/// Who is to be polled, in this order.
#[derive(Default)]
struct Line {
    keys: VecDeque<usize>,
    /// By key: who is in line.
    listed: Vec<bool>,
}

/// Who was woken from other threads.
#[derive(Default)]
struct Outside {
    any: AtomicBool,
    woken: Mutex<Woken>,
}

#[derive(Default)]
struct Woken {
    keys: Vec<usize>,
    runner: Option<Waker>,
}

thread_local! {
    /// This thread's nest.
    static HERE: RefCell<Option<Rc<Here>>> = const { RefCell::new(None) };
}

/// All nests, for who wakes from elsewhere, and the number of the next one.
static NESTS: Mutex<(BTreeMap<usize, Arc<Outside>>, usize)> = Mutex::new((BTreeMap::new(), 0));

impl Nest {
    /// The nest of this thread, still empty; spawn [`Nest::run`] on the thread's runtime.
    pub fn new() -> Rc<Self> {
        let outside = Arc::<Outside>::default();
        let mut nests = lock(&NESTS);
        let nest = nests.1;
        nests.1 += 1;
        nests.0.insert(nest, Arc::clone(&outside));
        drop(nests);
        let here = Rc::new(Here {
            nest,
            line: RefCell::default(),
            awake: Cell::new(false),
            runner: RefCell::default(),
        });
        HERE.set(Some(Rc::clone(&here)));
        Rc::new(Self { tasks: RefCell::default(), ended: Cell::new(false), here, outside })
    }

    /// Runs `future` beside the others. It goes on if nobody waits for what is given back.
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Nested<T> {
        let outcome = Rc::new(Outcome { result: RefCell::default(), waiting: RefCell::default() });
        if self.ended.get() {
            return Nested(outcome);
        }
        let task = Box::pin(Run { future, told: Rc::clone(&outcome) });
        let key = self.tasks.borrow_mut().insert(Some(task));
        self.here.line.borrow_mut().make_room(key);
        self.here.ring(key);
        Nested(outcome)
    }

    /// Runs the tasks for as long as it is polled. With it they end.
    pub async fn run(self: Rc<Self>) {
        let nest = End(self);
        loop {
            poll_fn(|cx| nest.0.wait(cx)).await;
            if nest.0.turn() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Ready once somebody was woken.
    fn wait(&self, cx: &mut Context<'_>) -> Poll<()> {
        let runner = &mut *self.here.runner.borrow_mut();
        if !runner.as_ref().is_some_and(|runner| runner.will_wake(cx.waker())) {
            *runner = Some(cx.waker().clone());
            lock(&self.outside.woken).runner = Some(cx.waker().clone());
        }
        let line = &mut *self.here.line.borrow_mut();
        if self.outside.any.load(Acquire) {
            let mut woken = lock(&self.outside.woken);
            self.outside.any.store(false, Release);
            woken.keys.drain(..).for_each(|key| line.enlist(key));
        }
        let any = !line.keys.is_empty();
        self.here.awake.set(any);
        if any { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Polls those in line, up to so many. Whether there are more.
    fn turn(&self) -> bool {
        // The runtime's budget is that of all together; who found none left would be polled in vain.
        for _ in 0..TURN / STEP {
            if !has_budget_remaining() {
                return true;
            }
            for _ in 0..STEP {
                let next = self.here.line.borrow_mut().next();
                let Some(key) = next else { return false };
                self.poll(key);
            }
        }
        true
    }

    #[inline]
    fn poll(&self, key: usize) {
        // Taken out meanwhile, since it may add others. Who has ended may still be woken.
        let Some(mut task) = self.tasks.borrow_mut().get_mut(key).and_then(Option::take) else { return };
        let waker = waker(self.here.nest, key);
        let poll = task.as_mut().poll(&mut Context::from_waker(&waker));
        let tasks = &mut *self.tasks.borrow_mut();
        if poll.is_ready() {
            tasks.try_remove(key);
        } else if let Some(slot) = tasks.get_mut(key) {
            *slot = Some(task);
        }
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        // One that never ran is forgotten as well.
        lock(&NESTS).0.remove(&self.here.nest);
    }
}

/// Ends what is left when nothing runs any longer.
struct End(Rc<Nest>);

impl Drop for End {
    fn drop(&mut self) {
        let nest = &self.0;
        nest.ended.set(true);
        nest.here.runner.take();
        lock(&nest.outside.woken).runner = None;
        lock(&NESTS).0.remove(&nest.here.nest);
        // Taken out first: a task that ends may look at the nest.
        drop(nest.tasks.take());
    }
}

impl Line {
    /// Makes room for the task `key`, which is not in line.
    fn make_room(&mut self, key: usize) {
        if self.listed.len() <= key {
            self.listed.resize(key + 1, false);
        }
    }

    /// Puts the task `key` in line, unless it is.
    #[inline]
    fn enlist(&mut self, key: usize) {
        if let Some(listed @ false) = self.listed.get_mut(key) {
            *listed = true;
            self.keys.push_back(key);
        }
    }

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let key = self.keys.pop_front()?;
        self.listed[key] = false;
        Some(key)
    }
}

impl Here {
    #[inline]
    fn ring(&self, key: usize) {
        self.line.borrow_mut().enlist(key);
        if !self.awake.replace(true)
            && let Some(runner) = &*self.runner.borrow()
        {
            runner.wake_by_ref();
        }
    }
}

impl Outside {
    fn ring(&self, key: usize) {
        let mut woken = lock(&self.woken);
        woken.keys.push(key);
        self.any.store(true, Release);
        let runner = woken.runner.clone();
        drop(woken);
        if let Some(runner) = runner {
            runner.wake();
        }
    }
}

/// What wakes the task `key` of a nest: the numbers of both, in place of a pointer to something that would have to be counted.
#[inline]
fn waker(nest: usize, key: usize) -> Waker {
    let numbers = nest << HALF | key;
    #[allow(unsafe_code, reason = "there is no other way to a waker without a counter")]
    // SAFETY: the functions of the table may be called with any number from any thread, and own nothing.
    unsafe {
        Waker::new(std::ptr::without_provenance(numbers), &TABLE)
    }
}

/// Bits of each of the two numbers: room for more connections than there are ports, and more nests than a machine has processors.
const HALF: u32 = usize::BITS / 2;
static TABLE: RawWakerVTable =
    RawWakerVTable::new(|numbers| RawWaker::new(numbers, &TABLE), ring, ring, |_| {});

fn ring(numbers: *const ()) {
    let numbers = numbers.addr();
    let (nest, key) = (numbers >> HALF, numbers & ((1 << HALF) - 1));
    // At the thread's end nothing of it can be reached any more.
    let here = HERE.try_with(|here| match &*here.borrow() {
        Some(here) if here.nest == nest => {
            here.ring(key);
            true
        }
        _ => false,
    });
    if here != Ok(true) {
        ring_from_elsewhere(nest, key);
    }
}

#[cold]
fn ring_from_elsewhere(nest: usize, key: usize) {
    let outside = lock(&NESTS).0.get(&nest).map(Arc::clone);
    if let Some(outside) = outside {
        outside.ring(key);
    }
}

/// What is behind these locks is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<F: Future> Future for Run<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let run = self.project();
        // One that panics takes nobody with it, as with a task of the runtime.
        let result = match catch_unwind(AssertUnwindSafe(|| run.future.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(panic) => Err(panic),
        };
        run.told.tell(result);
        Poll::Ready(())
    }
}

impl<T> Outcome<T> {
    fn tell(&self, result: std::thread::Result<T>) {
        self.result.replace(Some(result));
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }
}

impl<T> Future for Nested<T> {
    type Output = std::thread::Result<T>;

    /// Ready at the task's end: its result, or what it panicked with. Never, if it ends with the nest.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                self.0.waiting.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Weak;
    use std::time::Duration;

    use tokio::sync::{Notify, oneshot};

    use super::*;

    /// Runs `work` on a runtime of its own, beside the tasks of a nest.
    fn with<T>(work: impl AsyncFnOnce(Rc<Nest>) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(Default::default())
            .unwrap();
        runtime.block_on(async {
            let nest = Nest::new();
            tokio::task::spawn_local(Rc::clone(&nest).run());
            tokio::time::timeout(Duration::from_secs(30), work(nest)).await.expect("somebody was not woken")
        })
    }

    #[test]
    fn tasks_wake_each_other_and_are_waited_for() {
        let sum = with(async |nest| {
            let bell = Rc::new(Notify::new());
            let (waits, rings) = (Rc::clone(&bell), Rc::clone(&bell));
            let first = nest.spawn(async move {
                waits.notified().await;
                20
            });
            let second = nest.spawn(async move {
                tokio::task::yield_now().await;
                rings.notify_one();
                22
            });
            first.await.unwrap() + second.await.unwrap()
        });
        assert_eq!(sum, 42);
    }

    #[test]
    fn one_is_woken_from_another_thread() {
        for _ in 0..100 {
            let (says, told) = oneshot::channel();
            let text = with(async |nest| {
                let nested = nest.spawn(async move { told.await.unwrap() });
                let thread = std::thread::spawn(move || says.send("from outside").unwrap());
                let text = nested.await.unwrap();
                thread.join().unwrap();
                text
            });
            assert_eq!(text, "from outside");
        }
    }

    #[test]
    fn one_of_a_nest_whose_thread_has_another_is_woken_as_well() {
        with(async |nest| {
            let (says, told) = oneshot::channel();
            let nested = nest.spawn(async move { told.await.unwrap() });
            tokio::task::yield_now().await;
            let other = Nest::new();
            let saying = other.spawn(async move { says.send(7).unwrap() });
            tokio::task::spawn_local(other.run());
            saying.await.unwrap();
            assert_eq!(nested.await.unwrap(), 7);
        });
    }

    #[test]
    fn one_that_always_has_something_lets_others_have_their_turn() {
        with(async |nest| {
            let busy = nest.spawn(async {
                loop {
                    tokio::task::yield_now().await;
                }
            });
            let (says, told) = oneshot::channel();
            let thread = std::thread::spawn(move || says.send(()).unwrap());
            nest.spawn(told).await.unwrap().unwrap();
            tokio::task::spawn_local(async {}).await.unwrap();
            thread.join().unwrap();
            drop(busy);
        });
    }

    #[test]
    fn one_that_panics_takes_nobody_with_it() {
        with(async |nest| {
            let panics = nest.spawn(async { panic!("expected in this test") });
            let other = nest.spawn(async { 1 });
            assert!(panics.await.is_err());
            assert_eq!(other.await.unwrap(), 1);
        });
    }

    #[test]
    fn what_is_left_at_the_end_is_dropped_though_it_holds_the_nest() {
        let (nest, held) = with(async |nest| {
            let held = Rc::new(());
            let (inner, mine) = (Rc::clone(&nest), Rc::clone(&held));
            drop(nest.spawn(async move {
                std::future::pending::<()>().await;
                drop((inner, mine));
            }));
            tokio::task::yield_now().await;
            (Rc::downgrade(&nest), Rc::downgrade(&held))
        });
        assert_eq!((Weak::strong_count(&nest), Weak::strong_count(&held)), (0, 0));
    }
}
