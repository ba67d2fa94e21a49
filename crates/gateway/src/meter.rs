//! What is counted of requests and steps: one share a worker, merged when read.
//!
//! A worker is the only writer of its share, so a count is a load and a store, without a lock on the bus; who reads sees
//! each number whole, though not all of them at the same instant.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sekisho_exchange::Scheme;
use sekisho_wire::Method;

use crate::stall::StallMeter;

/// Upper bounds of the duration histogram, in seconds: OpenTelemetry's advice for HTTP, and two finer ones below.
pub const BOUNDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const BOUNDS_NS: [u64; 16] = {
    let mut ns = [0; 16];
    let mut i = 0;
    while i < 16 {
        ns[i] = (BOUNDS[i] * 1e9) as u64;
        i += 1;
    }
    ns
};

/// Kinds of answer (method and status) that one route counts apart, beside its first; further ones are counted together.
const KINDS: usize = 31;
/// The key of "any other".
const OTHER: u32 = u32::MAX;

/// Counts of one route.
///
/// Among thousands of routes each request finds other counts, far from the processor: so what the usual request touches lies
/// one step away, in one cache line.
#[derive(Clone)]
pub struct RouteMeter(Arc<[Share]>);

#[derive(Default)]
struct Share {
    /// The kind of answer that came first, which most often is that of nearly all.
    first: Kind,
    others: OnceLock<Box<Others>>,
}

struct Others {
    /// The keys of `kinds`, 0 while free; the last one is for all that have no place.
    keys: [AtomicU32; KINDS],
    kinds: [OnceLock<Box<Kind>>; KINDS],
}

#[derive(Default)]
#[repr(C, align(64))]
struct Kind {
    /// [`key`] of the method and status, or 0 while free.
    key: AtomicU32,
    nanoseconds: AtomicU64,
    request_bytes: AtomicU64,
    response_bytes: AtomicU64,
    buckets: [AtomicU64; 17],
}

/// What was counted of one kind of answer of one route.
#[derive(Clone, PartialEq, Debug)]
pub struct Cell {
    /// The method, or `None` for the answers that are counted together.
    pub method: Option<Method>,
    /// The status, or 0 for the answers that are counted together.
    pub status: u16,
    /// By which scheme the client asked; `http` for the answers that are counted together.
    pub scheme: Scheme,
    /// Requests by duration: at most `BOUNDS[i]` but more than the bound before; the last is above all bounds.
    pub buckets: [u64; 17],
    /// Sum of the durations in seconds.
    pub seconds: f64,
    /// Sum of the requests' body bytes.
    pub request_bytes: u64,
    /// Sum of the answers' body bytes.
    pub response_bytes: u64,
}

impl Cell {
    /// How many requests it counts.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// The index of the bucket that counts so many nanoseconds.
#[inline]
pub(crate) fn bucket(nanoseconds: u64) -> usize {
    BOUNDS_NS.iter().position(|bound| nanoseconds <= *bound).unwrap_or(BOUNDS.len())
}

/// Adds to a number that only this thread writes.
#[inline]
pub(crate) fn add(to: &AtomicU64, amount: u64) {
    to.store(to.load(Relaxed).wrapping_add(amount), Relaxed);
}

impl RouteMeter {
    /// Nothing counted yet, by `workers` workers.
    pub fn new(workers: usize) -> Self {
        Self((0..workers).map(|_| Share::default()).collect())
    }

    /// Asks for the worker's share without waiting for it.
    #[inline]
    pub(crate) fn warm(&self, worker: usize) {
        if let Some(share) = self.0.get(worker) {
            std::hint::black_box(share.first.key.load(Relaxed));
        }
    }

    /// Counts one request, answered by worker `worker`. `bytes` are those of the request's and the answer's body.
    #[inline]
    pub fn record(
        &self,
        worker: usize,
        (method, status, scheme): (Method, u16, Scheme),
        duration: Duration,
        bytes: (u64, u64),
    ) {
        let Some(share) = self.0.get(worker) else {
            return;
        };
        let kind = share.kind(key(method, status, scheme));
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        add(&kind.buckets[bucket(nanoseconds)], 1);
        add(&kind.nanoseconds, nanoseconds);
        add(&kind.request_bytes, bytes.0);
        add(&kind.response_bytes, bytes.1);
    }

    /// What was counted so far, by method and status, over all workers.
    pub fn read(&self) -> Vec<Cell> {
        let mut merged: Vec<(u32, Cell)> = Vec::new();
        for (key, kind) in self.0.iter().flat_map(Share::kinds) {
            let at = merged.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                merged.push((key, Cell::empty(key)));
                merged.len() - 1
            });
            merged[at].1.take(kind);
        }
        merged.into_iter().map(|(_, cell)| cell).collect()
    }
}

/// A kind of answer as one number, never 0.
fn key(method: Method, status: u16, scheme: Scheme) -> u32 {
    (method as u32 + 1) << 16 | u32::from(scheme == Scheme::Https) << 15 | u32::from(status)
}

impl Default for Others {
    fn default() -> Self {
        Self { keys: [const { AtomicU32::new(0) }; KINDS], kinds: [const { OnceLock::new() }; KINDS] }
    }
}

impl Share {
    #[inline]
    fn kind(&self, key: u32) -> &Kind {
        match self.first.key.load(Relaxed) {
            0 => self.first.key.store(key, Relaxed),
            found if found != key => return self.others.get_or_init(Box::default).kind(key),
            _ => {}
        }
        &self.first
    }

    fn kinds(&self) -> impl Iterator<Item = (u32, &Kind)> {
        let first = Some((self.first.key.load(Relaxed), &self.first)).filter(|(key, _)| *key != 0);
        let others = self.others.get().into_iter();
        let others = others.flat_map(|others| others.keys.iter().zip(&others.kinds));
        first.into_iter().chain(others.filter_map(|(key, kind)| Some((key.load(Relaxed), &**kind.get()?))))
    }
}

impl Others {
    fn kind(&self, key: u32) -> &Kind {
        let place =
            self.keys.iter().position(|known| matches!(known.load(Relaxed), 0) || known.load(Relaxed) == key);
        let place = place.unwrap_or(KINDS - 1);
        if self.keys[place].load(Relaxed) == 0 {
            self.keys[place].store(if place == KINDS - 1 { OTHER } else { key }, Relaxed);
        }
        self.kinds[place].get_or_init(Box::default)
    }
}

impl Cell {
    fn empty(key: u32) -> Self {
        let method = (key != OTHER)
            .then(|| METHODS.into_iter().find(|method| *method as u32 + 1 == key >> 16))
            .flatten();
        let (status, scheme) = match key {
            OTHER => (0, Scheme::Http),
            key if key & 1 << 15 != 0 => (key as u16 & !(1 << 15), Scheme::Https),
            key => (key as u16, Scheme::Http),
        };
        Self { method, status, scheme, buckets: [0; 17], seconds: 0.0, request_bytes: 0, response_bytes: 0 }
    }

    fn take(&mut self, counts: &Kind) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&counts.buckets) {
            *sum += bucket.load(Relaxed);
        }
        self.seconds += counts.nanoseconds.load(Relaxed) as f64 / 1e9;
        self.request_bytes += counts.request_bytes.load(Relaxed);
        self.response_bytes += counts.response_bytes.load(Relaxed);
    }
}

const METHODS: [Method; 10] = [
    Method::Get,
    Method::Head,
    Method::Post,
    Method::Put,
    Method::Delete,
    Method::Patch,
    Method::Options,
    Method::Trace,
    Method::Connect,
    Method::Other,
];

/// Counts of one step of one plan.
#[derive(Clone)]
pub struct StepMeter(Arc<[StepShare]>);

#[derive(Default)]
#[repr(align(64))]
struct StepShare {
    proceeded: AtomicU64,
    answered: AtomicU64,
    shadowed: AtomicU64,
    timed: AtomicU64,
    nanoseconds: AtomicU64,
}

/// What a step decided so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Verdicts {
    /// Requests that it let go on.
    pub proceeded: u64,
    /// Requests that it answered.
    pub answered: u64,
    /// Requests that it would have answered, in shadow.
    pub shadowed: u64,
    /// Requests of which its time was taken: a sample of all.
    pub timed: u64,
    /// The time it took for those, in nanoseconds.
    pub nanoseconds: u64,
}

impl StepMeter {
    /// Nothing counted yet, by `workers` workers.
    pub fn new(workers: usize) -> Self {
        Self((0..workers).map(|_| StepShare::default()).collect())
    }

    /// Asks for the worker's share without waiting for it.
    #[inline]
    pub(crate) fn warm(&self, worker: usize) {
        std::hint::black_box(self.0[worker].proceeded.load(Relaxed));
    }

    /// Counts a request that went on.
    #[inline]
    pub fn proceeded(&self, worker: usize) {
        add(&self.0[worker].proceeded, 1);
    }

    /// Counts a request that the step answered.
    #[inline]
    pub fn answered(&self, worker: usize) {
        add(&self.0[worker].answered, 1);
    }

    /// Counts a request that the step would have answered.
    #[inline]
    pub fn shadowed(&self, worker: usize) {
        add(&self.0[worker].shadowed, 1);
    }

    /// Notes how long the step took for one request.
    #[inline]
    pub fn took(&self, worker: usize, time: Duration) {
        let share = &self.0[worker];
        add(&share.timed, 1);
        add(&share.nanoseconds, u64::try_from(time.as_nanos()).unwrap_or(0));
    }

    /// What was counted so far, over all workers.
    pub fn read(&self) -> Verdicts {
        self.0.iter().fold(Verdicts::default(), |sum, share| Verdicts {
            proceeded: sum.proceeded + share.proceeded.load(Relaxed),
            answered: sum.answered + share.answered.load(Relaxed),
            shadowed: sum.shadowed + share.shadowed.load(Relaxed),
            timed: sum.timed + share.timed.load(Relaxed),
            nanoseconds: sum.nanoseconds + share.nanoseconds.load(Relaxed),
        })
    }
}

/// Gauges and counts of one worker that belong to no route. Apart from those of others by two cache lines, which processors
/// fetch together.
#[derive(Default)]
#[repr(align(128))]
pub struct WorkerMeter {
    /// Client connections open.
    pub connections: AtomicU64,
    /// Client connections taken since the start.
    pub accepted: AtomicU64,
    /// Exchanges under way.
    pub active: AtomicU64,
    /// Tunnels open.
    pub tunnels: AtomicU64,
    /// Client connections refused for their PROXY header, or for its absence.
    pub proxy_refused: AtomicU64,
    /// TLS handshakes with clients, by how they ended.
    pub handshakes: [AtomicU64; Handshake::ALL.len()],
    /// Raised again and again while the worker's thread runs its tasks; only if somebody watches.
    pub beat: AtomicU64,
    /// What held the worker.
    pub stalls: StallMeter,
}

/// How a TLS handshake with a client ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handshake {
    /// A new session.
    Full,
    /// A session from before was taken up again.
    Resumed,
    /// The client spoke something else, most likely plain HTTP.
    PlainText,
    /// It took too long.
    Timeout,
    /// The client left in the middle.
    Left,
    /// Client and gateway have no version, cipher suite, group or signature in common.
    NothingInCommon,
    /// The client did not accept the certificate.
    CertificateRefused,
    /// Anything else.
    Failed,
}

impl Handshake {
    /// All of them, in the order of their counters.
    pub const ALL: [Self; 8] = [
        Self::Full,
        Self::Resumed,
        Self::PlainText,
        Self::Timeout,
        Self::Left,
        Self::NothingInCommon,
        Self::CertificateRefused,
        Self::Failed,
    ];

    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
            Self::PlainText => "plain_text",
            Self::Timeout => "timeout",
            Self::Left => "client_gone",
            Self::NothingInCommon => "nothing_in_common",
            Self::CertificateRefused => "certificate_refused",
            Self::Failed => "failed",
        }
    }
}

impl WorkerMeter {
    /// Adds one to a number that only this worker writes.
    pub fn up(number: &AtomicU64) {
        add(number, 1);
    }

    /// Counts a handshake; for this worker only.
    pub fn handshake(&self, ended: Handshake) {
        Self::up(&self.handshakes[ended as usize]);
    }

    /// Takes one from a number that only this worker writes.
    pub fn down(number: &AtomicU64) {
        number.store(number.load(Relaxed).saturating_sub(1), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_the_shares_of_all_workers() {
        let meter = RouteMeter::new(2);
        meter.record(0, (Method::Get, 200, Scheme::Http), Duration::from_micros(900), (0, 10));
        meter.record(1, (Method::Get, 200, Scheme::Http), Duration::from_millis(2), (5, 10));
        meter.record(1, (Method::Post, 503, Scheme::Http), Duration::from_secs(60), (0, 0));
        let mut cells = meter.read();
        cells.sort_by_key(|cell| cell.status);
        assert_eq!(cells.len(), 2);
        let get = &cells[0];
        assert_eq!((get.method, get.status, get.count()), (Some(Method::Get), 200, 2));
        assert_eq!((get.buckets[0], get.buckets[1]), (1, 1));
        assert_eq!((get.request_bytes, get.response_bytes), (5, 20));
        assert!((get.seconds - 0.0029).abs() < 1e-9);
        assert_eq!((cells[1].method, cells[1].buckets[16]), (Some(Method::Post), 1));
        meter.record(0, (Method::Get, 200, Scheme::Https), Duration::ZERO, (0, 0));
        let secure = meter.read().into_iter().find(|cell| cell.scheme == Scheme::Https).unwrap();
        assert_eq!((secure.method, secure.status, secure.count()), (Some(Method::Get), 200, 1));
    }

    #[test]
    fn many_kinds_of_answer_are_counted_together_in_bounded_memory() {
        let meter = RouteMeter::new(1);
        for status in 200..300 {
            meter.record(0, (Method::Get, status, Scheme::Http), Duration::ZERO, (0, 0));
        }
        let cells = meter.read();
        assert_eq!(cells.len(), KINDS + 1);
        assert_eq!(cells.iter().map(Cell::count).sum::<u64>(), 100);
        assert_eq!(cells.iter().filter(|cell| cell.method.is_none()).map(Cell::count).sum::<u64>(), 100 - 31);
    }

    #[test]
    fn a_step_counts_what_it_decided() {
        let meter = StepMeter::new(2);
        meter.proceeded(0);
        meter.proceeded(1);
        meter.shadowed(1);
        meter.took(0, Duration::from_nanos(70));
        let want = Verdicts { proceeded: 2, answered: 0, shadowed: 1, timed: 1, nanoseconds: 70 };
        assert_eq!(meter.read(), want);
    }
}
