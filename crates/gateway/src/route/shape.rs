//! The routes of one pattern: those that take the same paths.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use sekisho_units::{HostPattern, Segment};

use super::Entry;

/// The routes of one pattern, by host, each list in the order in which they are tried.
#[derive(Debug)]
pub(super) struct Shape {
    /// By a host's name in lower case, or by `.` and the suffix of a wildcard.
    pub(super) hosts: HashMap<Box<str>, Box<[u32]>, RandomState>,
    /// The routes that take every host.
    pub(super) any: Box<[u32]>,
    /// Which parts of a path, split at its slashes, are the parameters; the part before the first slash counts.
    pub(super) params: Box<[u16]>,
}

/// No plan, where a plan's number is expected.
pub(super) const NONE: u32 = u32::MAX;

impl Shape {
    pub(super) fn new(entries: &[Entry], mut members: Vec<usize>) -> Self {
        members.sort_by_cached_key(|index| entries[*index].order());
        let mut hosts: HashMap<&str, Vec<u32>, RandomState> = HashMap::default();
        let mut any = Vec::new();
        for index in &members {
            let number = u32::try_from(*index).expect("a document's size bounds the routes in it");
            for name in entries[*index].hosts.iter().map(HostPattern::name) {
                hosts.entry(name).or_default().push(number);
            }
            if entries[*index].hosts.is_empty() {
                any.push(number);
            }
        }
        let segments = members.first().map_or(&[][..], |index| entries[*index].pattern.segments());
        let params = segments.iter().enumerate().filter(|(_, segment)| matches!(segment, Segment::Param(_)));
        Self {
            hosts: hosts.into_iter().map(|(name, list)| (name.into(), list.into())).collect(),
            any: any.into(),
            params: params.map(|(index, _)| index as u16 + 1).collect(),
        }
    }

    /// The plan of the pattern's only route, if that takes every request that matches it; else [`NONE`].
    pub(super) fn only(&self, entries: &[Entry]) -> u32 {
        match &*self.any {
            [only] if self.hosts.is_empty() && entries[*only as usize].takes_all() => {
                u32::try_from(entries[*only as usize].plan).unwrap_or(NONE)
            }
            _ => NONE,
        }
    }
}
