//! [`View`]: what a gateway knows of the log of purges, so that it can tell which records are dead.
//!
//! A record says how far the log went when its answer was asked for. It is dead if the log has a later purge that means it, so
//! that no order of events lets an answer that was asked for before a purge be used after it, whoever stores it when.

use std::collections::HashMap;
use std::sync::Arc;

use sekisho_caching::Key;
use sekisho_units::Pattern;

use super::super::entry::Entry;
use super::super::purge::Purge;

/// Most purges that a log remembers. What was asked for before the oldest of them is dead.
pub(super) const MOST: usize = 8_192;
/// Most of them by pattern, which are gone through one by one.
const MOST_PATTERNS: usize = 1_024;

/// A time in the log: microseconds of the server's clock.
pub(super) type Moment = u64;

/// The first member of a log, and a purge of all.
pub(super) const FLOOR: &[u8] = b"floor";

/// The log as far as it was read.
#[derive(Clone, Default)]
pub(super) struct View {
    /// What was asked for before is dead.
    floor: Moment,
    /// How far it was read.
    top: Moment,
    keys: HashMap<Key, Moment>,
    tags: HashMap<Arc<str>, Moment>,
    /// By time.
    patterns: Vec<(Moment, Purge)>,
}

impl View {
    /// How far it was read.
    pub(super) const fn top(&self) -> Moment {
        self.top
    }

    /// Whether a record of an answer that was asked for at that time is not to be used.
    pub(super) fn is_dead(&self, since: Moment, key: &Key, entry: &Entry) -> bool {
        if since >= self.top {
            // A later one is of another log, or of an order of events that is too seldom to be told from that.
            return since > self.top;
        }
        let later = |moment: Option<&Moment>| moment.is_some_and(|moment| *moment > since);
        since < self.floor
            || later(self.keys.get(key))
            || entry.tags.iter().any(|tag| later(self.tags.get(&**tag)))
            || self
                .patterns
                .iter()
                .rev()
                .take_while(|(moment, _)| *moment > since)
                .any(|(_, purge)| purge.means_target(&entry.target))
    }

    /// Reads on: the floor, and members in their order, some of which may have been read before.
    pub(super) fn read(&mut self, floor: Moment, members: &[(Vec<u8>, Moment)]) {
        self.raise(floor);
        for (member, moment) in members {
            if *moment <= self.top {
                continue;
            }
            match purged(member) {
                Some(Purge::Key(key)) => _ = self.keys.insert(key, *moment),
                Some(Purge::Tag(tag)) => _ = self.tags.insert(tag.into(), *moment),
                Some(purge @ Purge::Path { .. }) => self.patterns.push((*moment, purge)),
                // All, or what only gateways to come can read.
                Some(Purge::All) | None => self.raise(*moment),
            }
            self.top = *moment;
        }
        self.top = self.top.max(self.floor);
        if self.patterns.len() > MOST_PATTERNS {
            let oldest = self.patterns.len() - MOST_PATTERNS * 3 / 4;
            self.raise(self.patterns[oldest - 1].0);
        }
    }

    /// Forgets what the floor says as well.
    fn raise(&mut self, floor: Moment) {
        if floor > self.floor {
            self.floor = floor;
            self.keys.retain(|_, moment| *moment > floor);
            self.tags.retain(|_, moment| *moment > floor);
            self.patterns.retain(|(moment, _)| *moment > floor);
        }
    }
}

/// A purge as a member of the log. A server need not know by which words it is read again.
pub(super) fn member(purge: &Purge) -> Vec<u8> {
    let hex;
    let parts: [&[u8]; 3] = match purge {
        Purge::Key(key) => {
            hex = key.hex();
            [b"k", &hex, b""]
        }
        Purge::Tag(tag) => [b"t", tag.as_bytes(), b""],
        Purge::Path { host, pattern } => {
            // No host has a slash, and every pattern begins with one.
            [b"p", host.as_deref().unwrap_or_default().as_bytes(), pattern.as_str().as_bytes()]
        }
        Purge::All => [FLOOR, b"", b""],
    };
    parts.concat()
}

/// Reads what [`member`] writes.
fn purged(member: &[u8]) -> Option<Purge> {
    if member == FLOOR {
        return Some(Purge::All);
    }
    let (kind, rest) = member.split_first()?;
    let text = || std::str::from_utf8(rest).ok();
    match kind {
        b'k' => Some(Purge::Key(Key::from_hex(rest)?)),
        b't' => Some(Purge::Tag(text()?.into())),
        b'p' => {
            let (host, _) = text()?.split_once('/')?;
            let pattern = Pattern::parse(&text()?[host.len()..]).ok()?;
            Some(Purge::Path { host: (!host.is_empty()).then(|| host.into()), pattern })
        }
        _ => None,
    }
}
