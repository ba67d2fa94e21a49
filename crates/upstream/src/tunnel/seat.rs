//! How many tunnels a service has, may have and had.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::TunnelsConfig;

/// How tunnels end, in the words of log and metrics.
pub const TUNNEL_ENDINGS: [&str; 6] =
    ["ok", "client_gone", "upstream_broke", "tunnel_idle", "tunnel_lifetime", "gateway_stopping"];

/// The bounds of a service's tunnels.
pub struct Tunnels {
    /// Longest silence in both directions.
    pub idle: Duration,
    /// Longest life, if limited.
    pub lifetime: Option<Duration>,
    /// Counts them.
    pub meter: Arc<TunnelMeter>,
    max: usize,
}

/// Counts of one service's tunnels over all workers; outlives a configuration, as tunnels do.
#[derive(Default)]
pub struct TunnelMeter {
    /// Seats taken: by open tunnels, and by requests for one.
    taken: AtomicUsize,
    open: AtomicU64,
    ended: [AtomicU64; TUNNEL_ENDINGS.len()],
    /// Bytes, one share a worker that has had a tunnel.
    shares: Mutex<Vec<Arc<Share>>>,
}

/// Bytes of one worker's tunnels. It alone writes, so a count is a load and a store.
#[derive(Default)]
#[repr(align(128))]
struct Share {
    to_service: AtomicU64,
    to_client: AtomicU64,
}

/// One tunnel's place among those that a service may have.
pub struct Seat {
    meter: Arc<TunnelMeter>,
    share: Arc<Share>,
    is_open: bool,
}

impl Tunnels {
    pub(crate) fn new(config: &TunnelsConfig, meter: Arc<TunnelMeter>) -> Self {
        Self {
            idle: config.idle.as_duration(),
            lifetime: config.lifetime.map(sekisho_units::Span::as_duration),
            max: config.max as usize,
            meter,
        }
    }

    /// A seat for a tunnel of this worker, if one is free.
    pub fn enter(&self, worker: usize) -> Option<Seat> {
        let free = |taken| (taken < self.max).then_some(taken + 1);
        self.meter.taken.fetch_update(Relaxed, Relaxed, free).ok()?;
        let (meter, share) = (Arc::clone(&self.meter), self.meter.share(worker));
        Some(Seat { meter, share, is_open: false })
    }
}

impl TunnelMeter {
    /// Tunnels open now.
    pub fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }

    /// Tunnels that have ended so far, by the words of [`TUNNEL_ENDINGS`].
    pub fn ended(&self) -> impl Iterator<Item = (&'static str, u64)> {
        TUNNEL_ENDINGS.into_iter().zip(self.ended.iter().map(|count| count.load(Relaxed)))
    }

    /// Bytes so far, to the service and to clients.
    pub fn bytes(&self) -> (u64, u64) {
        self.shares().iter().fold((0, 0), |sum, share| {
            (sum.0 + share.to_service.load(Relaxed), sum.1 + share.to_client.load(Relaxed))
        })
    }

    fn share(&self, worker: usize) -> Arc<Share> {
        let mut shares = self.shares();
        let known = shares.len().max(worker + 1);
        shares.resize_with(known, Arc::default);
        Arc::clone(&shares[worker])
    }

    fn shares(&self) -> MutexGuard<'_, Vec<Arc<Share>>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Counts the tunnel as open, until the seat is dropped.
    pub fn open(&mut self) {
        self.is_open = true;
        self.meter.open.fetch_add(1, Relaxed);
    }

    /// Counts bytes; only on the worker that the seat was made for.
    #[inline]
    pub fn moved(&self, to_service: u64, to_client: u64) {
        for (count, bytes) in [(&self.share.to_service, to_service), (&self.share.to_client, to_client)] {
            count.store(count.load(Relaxed).wrapping_add(bytes), Relaxed);
        }
    }

    /// Counts the tunnel's end by a word of [`TUNNEL_ENDINGS`].
    pub fn ended(&self, ending: &str) {
        if let Some(index) = TUNNEL_ENDINGS.iter().position(|known| *known == ending) {
            self.meter.ended[index].fetch_add(1, Relaxed);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.meter.taken.fetch_sub(1, Relaxed);
        if self.is_open {
            self.meter.open.fetch_sub(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_seats_and_each_is_given_back() {
        let config = TunnelsConfig { max: 2, ..TunnelsConfig::default() };
        let tunnels = Tunnels::new(&config, Arc::default());
        let (mut first, second) = (tunnels.enter(0).unwrap(), tunnels.enter(2).unwrap());
        assert!(tunnels.enter(0).is_none());
        assert_eq!(tunnels.meter.open(), 0, "a request for a tunnel is none yet");
        first.open();
        assert_eq!(tunnels.meter.open(), 1);
        first.moved(3, 3);
        second.moved(0, 1);
        first.ended("client_gone");
        drop(first);
        assert_eq!((tunnels.meter.open(), tunnels.meter.bytes()), (0, (3, 4)));
        assert_eq!(
            tunnels.meter.ended().filter(|(_, count)| *count > 0).collect::<Vec<_>>(),
            [("client_gone", 1)]
        );
        assert!(tunnels.enter(0).is_some());
    }
}
