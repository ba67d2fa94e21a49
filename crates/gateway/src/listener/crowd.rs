//! How many connections each client address has, so that no one takes all places.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

/// Shares of the counts, so that threads seldom meet.
const SHARES: usize = 16;

/// Connections by client address, over all threads.
pub struct Crowd {
    most: AtomicUsize,
    shares: [Mutex<HashMap<IpAddr, usize, RandomState>>; SHARES],
}

/// One connection of an address; dropping it takes it out of the count.
pub struct Place {
    address: IpAddr,
    crowd: Arc<Crowd>,
}

impl Crowd {
    /// At most `most` connections an address.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: AtomicUsize::new(most), shares: Default::default() })
    }

    /// Moves the bound; connections that are there stay.
    pub fn rebound(&self, most: usize) {
        self.most.store(most, Relaxed);
    }

    /// Counts a connection of `address`, unless it has as many as it may.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = subscriber(address);
        let mut share = self.share(address);
        let count = share.entry(address).or_insert(0);
        if *count >= self.most.load(Relaxed) {
            return None;
        }
        *count += 1;
        Some(Place { address, crowd: Arc::clone(self) })
    }

    fn share(&self, address: IpAddr) -> MutexGuard<'_, HashMap<IpAddr, usize, RandomState>> {
        let last = match address {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(ip) => ip.octets()[7],
        };
        self.shares[usize::from(last) % SHARES].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut share = self.crowd.share(self.address);
        if let Some(count) = share.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                share.remove(&self.address);
            }
        }
    }
}

/// Who an address stands for: with IPv6 one subscriber has a whole /64 (RFC 6177).
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_a_64_counts_as_one() {
        let crowd = Crowd::new(2);
        let enter = |text: &str| crowd.enter(text.parse().unwrap());
        for (first, second, third, other) in [
            ("192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::2", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ] {
            let (one, two) = (enter(first), enter(second));
            assert!(one.is_some() && two.is_some() && enter(third).is_none(), "{first}");
            assert!(enter(other).is_some(), "{other}");
            drop(one);
            assert!(enter(third).is_some(), "{third}");
        }
        assert!(crowd.shares.iter().all(|share| share.lock().unwrap().is_empty()), "nothing is left behind");
    }

    #[test]
    fn a_lower_bound_counts_those_who_are_there() {
        let crowd = Crowd::new(3);
        let ip = "192.0.2.1".parse().unwrap();
        let held: Vec<_> = (0..3).map(|_| crowd.enter(ip).unwrap()).collect();
        crowd.rebound(1);
        drop(held);
        let _one = crowd.enter(ip).unwrap();
        assert!(crowd.enter(ip).is_none());
    }
}
