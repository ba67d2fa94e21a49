//! How requests are spread over the endpoints that can be asked: one algorithm a file.
//!
//! An algorithm is laid out once for a set of shares, and then only read: a pick takes no lock, whatever the workers are.
//! It is pure: time, chance and the request's key are arguments ([`Asked`]), and so is what endpoints have to do ([`Loads`]).

mod config;
mod ewma;
mod key;
mod least_requests;
mod maglev;
mod random;
mod ring_hash;
mod round_robin;
#[cfg(test)]
mod tests;

use std::hash::Hasher;

use sekisho_units::Tick;
use siphasher::sip::SipHasher13;

pub use self::config::{Algorithm, BalanceConfig};
use self::ewma::Ewma;
pub use self::key::Key;
use self::least_requests::LeastRequests;
use self::maglev::Maglev;
use self::random::Random;
use self::ring_hash::RingHash;
use self::round_robin::RoundRobin;
use crate::fleet::Decay;

/// What a pick depends on beside who can be picked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    /// Now.
    pub now: Tick,
    /// Bits by chance, where the algorithm wants some.
    pub random: u64,
    /// The hash of what requests that belong together have in common, if the algorithm asks for it and the request has it.
    pub key: Option<u64>,
    /// The endpoint that the client's cookie names.
    pub token: Option<u64>,
}

impl Asked {
    /// As if asked for the `time`th time: by other chance, and by a key that depends on the first.
    pub(crate) fn again(self, time: u64) -> Self {
        let other = |bits: u64| mixed(bits ^ mixed(time));
        Self { random: other(self.random), key: self.key.map(other), token: None, ..self }
    }
}

/// One who can be picked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Share {
    /// The same for the same endpoint, whoever reckons it.
    pub(crate) id: u64,
    /// In hundredths; 1 at least.
    pub(crate) weight: u64,
}

/// What those who can be picked have to do, by their place among the shares.
pub(crate) trait Loads {
    /// Requests that one has.
    fn in_flight(&self, index: usize) -> u32;
    /// Microseconds that its answers take, as far as they are remembered; 0 if nothing is known.
    fn latency(&self, index: usize, now: Tick, decay: Decay) -> f32;
}

/// An algorithm, laid out for the shares it was given. There must be one at least.
pub(crate) trait Pick {
    /// The place of the one to ask among the shares.
    fn pick<L: Loads + ?Sized>(&self, asked: &Asked, loads: &L) -> usize;
}

/// Any of the algorithms. An enum, so that a pick is a jump and not a call by pointer.
pub(crate) enum Picker {
    /// There is no choice.
    Only,
    RoundRobin(RoundRobin),
    LeastRequests(LeastRequests),
    Ewma(Ewma),
    Random(Random),
    RingHash(RingHash),
    Maglev(Maglev),
}

/// All that are known, whether they can be picked or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Known {
    pub(crate) count: usize,
    /// The sum of their weights, in hundredths.
    pub(crate) weight: u64,
}

impl Pick for Picker {
    #[inline]
    fn pick<L: Loads + ?Sized>(&self, asked: &Asked, loads: &L) -> usize {
        match self {
            Self::Only => 0,
            Self::RoundRobin(picker) => picker.pick(asked, loads),
            Self::LeastRequests(picker) => picker.pick(asked, loads),
            Self::Ewma(picker) => picker.pick(asked, loads),
            Self::Random(picker) => picker.pick(asked, loads),
            Self::RingHash(picker) => picker.pick(asked, loads),
            Self::Maglev(picker) => picker.pick(asked, loads),
        }
    }
}

impl Picker {
    /// Lays out an algorithm for one share at least. `first` is how many turns have been taken before.
    pub(crate) fn new(balance: &BalanceConfig, shares: &[Share], known: Known, first: usize) -> Self {
        if shares.len() == 1 {
            return Self::Only;
        }
        match balance.algorithm {
            Algorithm::WeightedRoundRobin => Self::RoundRobin(RoundRobin::new(shares, first)),
            Algorithm::LeastRequests => Self::LeastRequests(LeastRequests::new(shares)),
            Algorithm::Ewma => Self::Ewma(Ewma::new(shares, Decay::new(balance.decay()))),
            Algorithm::Random => Self::Random(Random::new(shares)),
            Algorithm::RingHash => Self::RingHash(RingHash::new(shares, known)),
            Algorithm::Maglev => Self::Maglev(Maglev::new(shares, known.count)),
        }
    }

    /// As [`Pick::pick`] the `ahead`th time from now, but that takes nobody's turn.
    pub(crate) fn peek<L: Loads + ?Sized>(&self, ahead: usize, asked: &Asked, loads: &L) -> usize {
        match self {
            Self::RoundRobin(picker) => picker.peek(ahead),
            _ => self.pick(&asked.again(ahead as u64 + 1), loads),
        }
    }

    /// Turns that have been taken, where turns are taken.
    pub(crate) fn taken(&self) -> usize {
        match self {
            Self::RoundRobin(picker) => picker.taken(),
            _ => 0,
        }
    }
}

/// Whether it takes longer to lay out another algorithm for so many than a worker should do anything else but serve: 0.2 ms and
/// more. `now` is the one that there is.
pub(crate) fn is_heavy(balance: &BalanceConfig, count: usize, now: Option<&Picker>) -> bool {
    match (balance.algorithm, now) {
        (Algorithm::RingHash | Algorithm::Maglev, _) => count > 1,
        (_, Some(Picker::RoundRobin(picker))) => picker.steps() > 100_000,
        _ => count > 3_000,
    }
}

/// A hash that is the same in every gateway and at every start.
pub(crate) fn hashed(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(bytes);
    hasher.finish()
}

/// Bits that look like chance: the finalizer of SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number
/// Generators", 2014).
#[inline]
pub(crate) fn mixed(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
