//! A share of a route's requests goes to another service as well, so that it can be watched under real load. Nobody waits for its
//! answers, and nobody sees them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use sekisho_exchange::{Ask, BodyCopy, Exchange, Local, Turns};
use sekisho_units::Percent;
use sekisho_wire::{Framing, Method};

use super::{Lines, TOO_LARGE, asked};
use crate::carry::Carry;
use crate::compose::lines;
use crate::pool::Pools;
use crate::service::Service;

/// Most copies of one service's under way at once, over all workers: what is slow there must not fill the memory here.
const MOST: usize = 256;
/// Bytes of an answer that are read, so that its connection can be used again; of a longer one the rest is left.
const ANSWER: usize = 64 * 1024;

/// A service that is shown a share of the requests.
pub struct Mirror {
    service: Arc<Service>,
    share: Percent,
    /// Most bytes of a body that are copied.
    body: usize,
    timeout: Duration,
    turns: Turns,
    meter: Arc<MirrorMeter>,
}

/// What became of copies. It outlives a configuration.
#[derive(Default)]
pub(crate) struct MirrorMeter {
    under_way: AtomicUsize,
    answered: AtomicU64,
    failed: AtomicU64,
    left_out: AtomicU64,
}

impl MirrorMeter {
    /// Results and their counts.
    fn counts(&self) -> [(&'static str, u64); 3] {
        let read = |count: &AtomicU64| count.load(Relaxed);
        [
            ("answered", read(&self.answered)),
            ("failed", read(&self.failed)),
            ("left_out", read(&self.left_out)),
        ]
    }
}

impl Mirror {
    /// Shows `share` of the requests to `service`.
    pub fn new(
        service: Arc<Service>,
        (share, body, timeout): (Percent, usize, Duration),
        carry: &Carry,
    ) -> Self {
        let meter = carry.mirror(&service.name);
        Self { service, share, body, timeout, turns: Turns::default(), meter }
    }

    /// Who is shown them.
    pub fn service(&self) -> &str {
        &self.service.name
    }

    /// How many.
    pub fn share(&self) -> Percent {
        self.share
    }

    /// What became of all that its service was shown.
    pub fn counts(&self) -> [(&'static str, u64); 3] {
        self.meter.counts()
    }

    /// Shows a request that is about to be sent, as the service sees it: once its body is whole, if it has one.
    pub fn show(self: &Arc<Self>, exchange: &mut Exchange<'_>) {
        if !self.is_its_turn() || !exchange.to_offer.is_empty() {
            return;
        }
        let (Some(ask), Some(place)) = (self.copy(exchange), Place::take(&self.meter)) else {
            self.meter.left_out.fetch_add(1, Relaxed);
            return;
        };
        let service = Arc::clone(&self.service);
        match exchange.body {
            Framing::None | Framing::Length(0) => place.ask(service, exchange.local, ask),
            _ => {
                exchange.copy = Some(BodyCopy::new(self.body, move |body, local| {
                    place.ask(service, local, Ask { body, ..ask });
                }));
            }
        }
    }

    fn is_its_turn(&self) -> bool {
        let share = u64::from(self.share.basis_points());
        ((self.turns.next() >> 32) * 10_000) >> 32 < share
    }

    fn copy(&self, exchange: &Exchange<'_>) -> Option<Ask> {
        if exchange.method == Method::Other {
            return None;
        }
        let to = &exchange.to_ask;
        let target = match &to.query {
            Some(query) => format!("{}?{query}", to.path),
            None => to.path.to_string(),
        };
        Some(Ask {
            method: exchange.method.as_str(),
            target,
            headers: lines(exchange),
            body: Vec::new(),
            timeout: self.timeout,
            max: ANSWER,
        })
    }
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mirror({} {})", self.service.name, self.share)
    }
}

/// A place among the copies under way. Given up without an answer, its copy was left out.
struct Place {
    meter: Arc<MirrorMeter>,
    told: bool,
}

impl Place {
    fn take(meter: &Arc<MirrorMeter>) -> Option<Self> {
        let place = Self { meter: Arc::clone(meter), told: false };
        if meter.under_way.fetch_add(1, Relaxed) < MOST {
            return Some(place);
        }
        // It is counted by whoever asked for a place.
        let mut place = place;
        place.told = true;
        None
    }

    fn ask(mut self, service: Arc<Service>, local: &Local, ask: Ask) {
        let Some(pools) = local.lent::<Pools>() else { return };
        tokio::task::spawn_local(async move {
            let count = match asked(&service, ask, Lines::Whole, &pools).await {
                Ok(_) | Err(TOO_LARGE) => &self.meter.answered,
                Err(_) => &self.meter.failed,
            };
            count.fetch_add(1, Relaxed);
            // Otherwise it would count as left out as well.
            self.told = true;
            drop(self);
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.meter.under_way.fetch_sub(1, Relaxed);
        if !self.told {
            self.meter.left_out.fetch_add(1, Relaxed);
        }
    }
}
