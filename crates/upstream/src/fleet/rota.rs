//! Who can be picked, as it stands at one moment: laid out once, then only read, and replaced as a whole.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use sekisho_units::Tick;

use super::FAR;
use super::endpoint::Endpoint;
use super::load::Decay;
use crate::balance::{Asked, BalanceConfig, Loads, Pick, Picker, Share, is_heavy};

/// All endpoints of a service, and an algorithm over those of them that can be picked.
pub(crate) struct Rota {
    /// Everybody, in the order told.
    pub(crate) all: Box<[Arc<Endpoint>]>,
    /// Those that can be picked.
    on: Box<[Arc<Endpoint>]>,
    /// `None` if there is nobody.
    picker: Option<Picker>,
    /// Those that a client may come back to, by their tokens.
    tokens: Box<[(u64, Arc<Endpoint>)]>,
    /// Whether so few are available that all are used.
    pub(crate) panics: bool,
    /// When it must be laid out anew, as somebody's share has grown or somebody is back.
    pub(crate) due: Tick,
    /// When a worker is to do that: then as well, or never, where it would hold up its requests.
    pub(super) due_here: Tick,
}

/// How an endpoint stands when a rota is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stand {
    pub(super) priority: u32,
    /// Whether it may be asked.
    pub(super) available: bool,
    /// Whether it is in the zone that is preferred.
    pub(super) near: bool,
    /// How its circuit breaker stands.
    pub(super) circuit: Circuit,
}

/// How the circuit breaker of an endpoint stands when a rota is laid out; where it is not closed, the endpoint is not available.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Circuit {
    /// It is closed, or there is none.
    Closed,
    /// Nobody is let through, not even for want of others.
    Open,
    /// Probes are, and nothing else is wrong.
    OnTrial,
}

/// Who is on, by place, and whether that is for want of enough that are available.
///
/// Whoever serves, those on trial are on beside them that would be asked before them or with them if they were available: each has
/// its turns, of which it takes as many as it gets probes.
pub(super) fn on(stands: &[Stand], threshold: Option<u32>) -> (Vec<usize>, bool) {
    let (mut on, panics) = serving(stands, threshold);
    let priority = on.first().map_or(u32::MAX, |index| stands[*index].priority);
    let near = on.iter().any(|index| stands[*index].near);
    let tried = |stand: &Stand| {
        stand.circuit == Circuit::OnTrial
            && (stand.priority < priority || stand.priority == priority && (stand.near || !near))
    };
    on.extend((0..stands.len()).filter(|index| tried(&stands[*index])));
    on.sort_unstable();
    (on, panics)
}

/// Who serves.
///
/// Of the groups of one priority the first serves in which at least `threshold` percent, and one at least, are available. If
/// there is none, all of the group serve of which the largest part is available; with a `threshold` of 0 nobody does. Where it
/// is not told it is half, and all serve only if nobody is available: before that, those of the best group who are.
fn serving(stands: &[Stand], threshold: Option<u32>) -> (Vec<usize>, bool) {
    let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (index, stand) in stands.iter().enumerate() {
        groups.entry(stand.priority).or_default().push(index);
    }
    let available = |group: &[usize]| group.iter().filter(|index| stands[**index].available).count() as u64;
    let enough = |group: &[usize]| {
        let up = available(group);
        up > 0 && up * 100 >= group.len() as u64 * u64::from(threshold.unwrap_or(HALF))
    };
    if let Some(group) = groups.values().find(|group| enough(group)) {
        return (up(stands, group), false);
    }
    if threshold == Some(0) {
        return (Vec::new(), false);
    }
    // Rather one that fails its checks than one that is known to fail.
    groups.values_mut().for_each(|group| group.retain(|index| stands[*index].circuit == Circuit::Closed));
    groups.retain(|_, group| !group.is_empty());
    // The first of the best, as `max_by` would give the last.
    let best = groups.into_values().rev().max_by(|a, b| {
        let (a, b) = ((available(a), a.len() as u64), (available(b), b.len() as u64));
        (a.0 * b.1).cmp(&(b.0 * a.1))
    });
    match best {
        Some(group) if threshold.is_none() && available(&group) > 0 => (up(stands, &group), false),
        Some(group) => (group, true),
        None => (Vec::new(), false),
    }
}

const HALF: u32 = 50;

/// Those of a group who are available: the near ones, if there are any.
fn up(stands: &[Stand], group: &[usize]) -> Vec<usize> {
    let up: Vec<_> = group.iter().copied().filter(|index| stands[*index].available).collect();
    let near: Vec<_> = up.iter().copied().filter(|index| stands[*index].near).collect();
    if near.is_empty() { up } else { near }
}

/// When a rota must be laid out anew, and by whom.
#[derive(Clone, Copy)]
pub(super) struct Due {
    pub(super) at: Tick,
    /// Whether that is too much work for a worker.
    pub(super) is_heavy: bool,
}

impl Rota {
    pub(super) fn new(
        all: Box<[Arc<Endpoint>]>,
        on: Box<[Arc<Endpoint>]>,
        picker: Option<Picker>,
        mut tokens: Vec<(u64, Arc<Endpoint>)>,
        panics: bool,
        due: Due,
    ) -> Self {
        tokens.sort_unstable_by_key(|(token, _)| *token);
        tokens.dedup_by_key(|(token, _)| *token);
        let due_here = if due.is_heavy { FAR } else { due.at };
        Self { all, on, picker, tokens: tokens.into(), panics, due: due.at, due_here }
    }

    /// The endpoint to ask.
    #[inline]
    pub(super) fn pick(&self, asked: &Asked) -> Option<&Arc<Endpoint>> {
        if let Some(token) = asked.token
            && let Some(endpoint) = self.of_token(token)
        {
            return Some(endpoint);
        }
        let index = self.picker.as_ref()?.pick(asked, &*self.on);
        Some(&self.on[index])
    }

    /// One to ask whose slot is not among `tried`, if there is one.
    #[cold]
    pub(super) fn pick_other(&self, asked: &Asked, tried: &[usize]) -> Option<&Arc<Endpoint>> {
        let fresh = |endpoint: &&Arc<Endpoint>| !tried.contains(&endpoint.slot());
        self.others(asked, tried.len()).find(fresh).or_else(|| self.pick(asked))
    }

    /// Everybody who can be asked by a request that has tried so many: first whom the algorithm would choose, at last those of
    /// other priorities. Some come more than once.
    pub(super) fn others(&self, asked: &Asked, tried: usize) -> impl Iterator<Item = &Arc<Endpoint>> {
        /// Picks by the algorithm before all are looked at.
        const PICKS: usize = 4;
        // Turns are not taken: else every request of one client would begin with the endpoint that fails.
        let ahead = (0..PICKS).map(move |time| tried.saturating_sub(1) * PICKS + time);
        let (picker, asked) = (self.picker.as_ref(), *asked);
        let picks = ahead.filter_map(move |ahead| Some(&self.on[picker?.peek(ahead, &asked, &*self.on)]));
        let last = std::iter::once_with(|| {
            let mut up: Vec<_> = self.all.iter().filter(|endpoint| endpoint.is_available()).collect();
            up.sort_by_key(|endpoint| endpoint.priority);
            up
        });
        picks.chain(around(&self.on, asked.random)).chain(last.flatten())
    }

    fn of_token(&self, token: u64) -> Option<&Arc<Endpoint>> {
        let index = self.tokens.binary_search_by_key(&token, |(token, _)| *token).ok()?;
        Some(&self.tokens[index].1)
    }

    /// Whether it is too much work for a worker to lay out another.
    pub(super) fn is_heavy(&self, balance: &BalanceConfig) -> bool {
        is_heavy(balance, self.all.len(), self.picker.as_ref())
    }

    /// Turns that have been taken, where turns are taken.
    pub(super) fn taken(&self) -> usize {
        self.picker.as_ref().map_or(0, Picker::taken)
    }

    /// The slots of those that can be picked.
    pub(super) fn on(&self) -> HashSet<usize> {
        self.on.iter().map(|endpoint| endpoint.slot()).collect()
    }
}

/// All of them, from one by chance on.
fn around(on: &[Arc<Endpoint>], random: u64) -> impl Iterator<Item = &Arc<Endpoint>> {
    let first = if on.is_empty() { 0 } else { random as usize % on.len() };
    on[first..].iter().chain(&on[..first])
}

impl Loads for [Arc<Endpoint>] {
    #[inline]
    fn in_flight(&self, index: usize) -> u32 {
        self[index].load().in_flight()
    }

    #[inline]
    fn latency(&self, index: usize, now: Tick, decay: Decay) -> f32 {
        self[index].load().latency(now, decay)
    }
}

/// The shares of those that are on, where `percent` is what each has grown to.
pub(super) fn shares(on: &[Arc<Endpoint>], percent: impl Fn(&Endpoint) -> u64) -> Vec<Share> {
    // Weights of 0 get nothing, unless nobody has another.
    let weight = |endpoint: &Endpoint| u64::from(endpoint.weight.max(1)) * percent(endpoint);
    on.iter().map(|endpoint| Share { id: endpoint.id, weight: weight(endpoint) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(text: &str) -> Vec<Stand> {
        let stand = |word: &str| Stand {
            priority: u32::from(word.as_bytes()[0] - b'0'),
            available: !word.contains(['-', 'o', 't']),
            near: word.contains('n'),
            circuit: match word.as_bytes().last() {
                Some(b'o') => Circuit::Open,
                Some(b't') => Circuit::OnTrial,
                _ => Circuit::Closed,
            },
        };
        text.split(' ').map(stand).collect()
    }

    #[test]
    fn the_first_priority_with_enough_available_serves() {
        for (text, threshold, want, panics) in [
            ("0 0 0", 50, &[0, 1, 2][..], false),
            ("0 0- 0", 50, &[0, 2], false),
            ("0 0-", 50, &[0], false),
            // Panic: of three one is too few, so all are used.
            ("0- 0- 0", 50, &[0, 1, 2], true),
            ("0- 0- 0", 33, &[2], false),
            ("0- 0- 0", 0, &[2], false),
            ("0-", 50, &[0], true),
            ("0-", 0, &[], false),
            // Fail-over.
            ("0- 1", 50, &[1], false),
            ("0- 0- 0 1 1", 50, &[3, 4], false),
            ("0- 0- 0 1 1", 30, &[2], false),
            ("0- 0- 0 1 1", 0, &[2], false),
            ("1 2 0-", 50, &[0], false),
            // Nobody is enough: the best of the bad.
            ("0- 0- 0 1- 1-", 50, &[0, 1, 2], true),
            ("0- 0- 1- 1- 1", 50, &[2, 3, 4], true),
            ("0- 1-", 50, &[0], true),
            // Zones count within a group only.
            ("0n 0 0n-", 50, &[0], false),
            ("0 0n-", 50, &[0], false),
            ("0 1n", 50, &[0], false),
            ("0n- 0-", 50, &[0, 1], true),
        ] {
            assert_eq!(on(&stands(text), Some(threshold)), (want.to_vec(), panics), "{text} at {threshold}");
        }
        assert_eq!(on(&[], Some(50)), (vec![], false));
    }

    #[test]
    fn who_has_an_open_breaker_is_never_on_and_who_is_on_trial_has_turns_beside_those_who_serve() {
        for (text, threshold, want, panics) in [
            ("0o 0 0", 50, &[1, 2][..], false),
            ("0o 0o", 50, &[], false),
            ("0o 0-", 50, &[1], true),
            ("0o 0- 1o", 0, &[], false),
            ("0o 1- 1-", 50, &[1, 2], true),
            ("0o 0o 1", 50, &[2], false),
            ("0t 0o 1", 50, &[0, 2], false),
            ("0t 0o", 50, &[0], false),
            ("0t 0- 0-", 50, &[0, 1, 2], true),
            ("0t 0t 1t", 50, &[0, 1, 2], false),
            ("0t 0t 1t", 0, &[0, 1, 2], false),
            // Who would not be asked if it were well is not tried.
            ("0 1t", 50, &[0], false),
            ("0n 0t", 50, &[0], false),
            ("0n 0nt", 50, &[0, 1], false),
        ] {
            assert_eq!(on(&stands(text), Some(threshold)), (want.to_vec(), panics), "{text} at {threshold}");
        }
        assert_eq!(on(&stands("0t 0o 0-"), None), (vec![0, 2], true));
    }

    #[test]
    fn all_serve_only_if_nobody_is_available_unless_it_is_said_otherwise() {
        for (text, want, panics) in [
            ("0- 0- 0", &[2][..], false),
            ("0- 0- 0n 0", &[2], false),
            ("0- 0- 0-", &[0, 1, 2], true),
            ("0-", &[0], true),
            ("0- 0- 0 1 1", &[3, 4], false),
            ("0- 0- 0 1- 1- 1", &[2], false),
            ("0- 0- 0- 1- 1- 1", &[5], false),
            ("0- 1-", &[0], true),
        ] {
            assert_eq!(on(&stands(text), None), (want.to_vec(), panics), "{text}");
        }
        assert_eq!(on(&[], None), (vec![], false));
    }
}
