//! Which events become alerts: few enough that somebody reads them, and always the latest.
//!
//! Events are told apart by name and by what they are about. The first of a kind passes at once. What comes again within
//! `dedupe` is folded: at the end of that time the last of it passes, with how many events it stands for. An event that
//! undoes another (`…_closed` after `…_opened`) takes the place of what is still held back about the same thing, so that an alert
//! never tells less than what is known when it goes out. Of what passes, no more than `rate` goes on; the rest is counted, and
//! told in one as soon as there is room.
//!
//! Time is an argument; nothing here waits.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use sekisho_exchange::{Event, EventName};
use sekisho_units::{Tick, Wall};

use super::alert::{Alert, Content};

/// Most things that events are remembered about. Further ones pass without being folded.
const MOST: usize = 4096;

/// What passes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The time in which equal events pass once; zero for each.
    pub(super) dedupe: Duration,
    /// Most alerts, and in which time.
    pub(super) rate: (usize, Duration),
}

/// What has passed lately, and what is held back.
pub(super) struct Sieve {
    rules: Rules,
    seen: HashMap<String, Seen>,
    /// When the alerts of the last period went on.
    passed: VecDeque<Tick>,
    surplus: Option<Surplus>,
    /// No later than the moment at which something that is held back may pass.
    next: Option<Tick>,
    /// Events that were folded, ever.
    pub(super) folded: u64,
    /// Alerts beyond the rate, ever.
    pub(super) suppressed: u64,
}

/// What was seen of one thing.
#[derive(Default)]
struct Seen {
    /// Until when events of a name are folded.
    windows: Vec<(EventName, Tick)>,
    /// The last event, if it was folded.
    held: Option<(Event, Wall)>,
    /// Events that no alert stands for yet.
    folded: u64,
}

/// Alerts beyond the rate that nobody was told of yet.
struct Surplus {
    count: u64,
    last: String,
    at: Wall,
}

impl Sieve {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            seen: HashMap::new(),
            passed: VecDeque::new(),
            surplus: None,
            next: None,
            folded: 0,
            suppressed: 0,
        }
    }

    /// An event: the alerts that come of it, and of what was due before.
    pub(super) fn take(&mut self, event: &Event, at: Wall, now: Tick) -> Vec<Alert> {
        let mut alerts = self.turn(now);
        let count = self.fold(event, at, now);
        if let Some(count) = count {
            alerts.extend(self.pass(Alert::new(Content::Event(event.clone()), at, count), now));
        }
        alerts
    }

    /// An alert that is not folded with others.
    pub(super) fn take_apart(&mut self, alert: Alert, now: Tick) -> Vec<Alert> {
        let mut alerts = self.turn(now);
        alerts.extend(self.pass(alert, now));
        alerts
    }

    /// Whether the event passes, and for how many it stands then.
    fn fold(&mut self, event: &Event, at: Wall, now: Tick) -> Option<u64> {
        if self.rules.dedupe.is_zero() {
            return Some(1);
        }
        let (name, thing) = (event.name(), thing(event));
        if self.seen.len() >= MOST && !self.seen.contains_key(&thing) {
            self.forget(now);
            if self.seen.len() >= MOST {
                return Some(1);
            }
        }
        let seen = self.seen.entry(thing).or_default();
        seen.windows.retain(|(_, until)| *until > now);
        if let Some((_, until)) = seen.windows.iter().find(|(known, _)| *known == name) {
            self.next = earlier(self.next, *until);
            seen.held = Some((event.clone(), at));
            seen.folded += 1;
            self.folded += 1;
            return None;
        }
        seen.windows.push((name, now + self.rules.dedupe));
        seen.held = None;
        Some(1 + std::mem::take(&mut seen.folded))
    }

    /// The alerts that were held back and may pass now.
    pub(super) fn turn(&mut self, now: Tick) -> Vec<Alert> {
        if self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        let mut alerts = Vec::new();
        // First what has waited longest; else it would wait for ever where there is always more than may pass.
        if self.has_room(now) {
            alerts.extend(self.surplus());
            if !alerts.is_empty() {
                self.passed.push_back(now);
            }
        }
        for alert in self.release(|seen, event| !seen.is_folding(event.name(), now), now) {
            alerts.extend(self.pass(alert, now));
        }
        self.forget(now);
        self.next = self.earliest();
        alerts
    }

    /// All that is held back, whatever the rules: there will be no later.
    pub(super) fn flush(&mut self, now: Tick) -> Vec<Alert> {
        let mut alerts = self.release(|_, _| true, now);
        alerts.extend(self.surplus());
        self.next = None;
        alerts
    }

    /// When to call [`Sieve::turn`] next, if nothing else happens.
    pub(super) fn due(&self) -> Option<Tick> {
        self.next
    }

    /// Lets go of what is held back and is `ready`, in the order in which it happened.
    fn release(&mut self, ready: impl Fn(&Seen, &Event) -> bool, now: Tick) -> Vec<Alert> {
        let until = now + self.rules.dedupe;
        let mut alerts = Vec::new();
        for seen in self.seen.values_mut() {
            let Some((event, at)) = seen.held.take() else { continue };
            if !ready(seen, &event) {
                seen.held = Some((event, at));
                continue;
            }
            seen.windows.retain(|(name, _)| *name != event.name());
            seen.windows.push((event.name(), until));
            alerts.push(Alert::new(Content::Event(event), at, std::mem::take(&mut seen.folded)));
        }
        alerts.sort_by_key(|alert| alert.at);
        alerts
    }

    /// The alert, unless there were too many before it.
    fn pass(&mut self, alert: Alert, now: Tick) -> Option<Alert> {
        if self.has_room(now) {
            self.passed.push_back(now);
            return Some(alert);
        }
        self.suppressed += 1;
        let count = self.surplus.as_ref().map_or(0, |surplus| surplus.count) + 1;
        self.surplus = Some(Surplus { count, last: alert.line(), at: alert.at });
        self.next = earlier_of(self.next, self.room_at());
        None
    }

    fn has_room(&mut self, now: Tick) -> bool {
        let (most, period) = self.rules.rate;
        while self.passed.front().is_some_and(|passed| *passed + period <= now) {
            self.passed.pop_front();
        }
        self.passed.len() < most
    }

    /// When there will be room, now that there is none.
    fn room_at(&self) -> Option<Tick> {
        self.passed.front().map(|passed| *passed + self.rules.rate.1)
    }

    fn surplus(&mut self) -> Option<Alert> {
        let Surplus { count, last, at } = self.surplus.take()?;
        Some(Alert::new(Content::Suppressed { last }, at, count))
    }

    /// Forgets things about which everything was told long enough ago.
    fn forget(&mut self, now: Tick) {
        for seen in self.seen.values_mut() {
            seen.windows.retain(|(_, until)| *until > now);
        }
        self.seen.retain(|_, seen| seen.held.is_some() || !seen.windows.is_empty());
    }

    fn earliest(&self) -> Option<Tick> {
        let held = self.seen.values().filter_map(|seen| {
            let (event, _) = seen.held.as_ref()?;
            Some(seen.until(event.name()).unwrap_or(Tick::ZERO))
        });
        let surplus = self.surplus.as_ref().and_then(|_| self.room_at());
        earlier_of(held.min(), surplus)
    }
}

impl Seen {
    fn until(&self, name: EventName) -> Option<Tick> {
        self.windows.iter().find(|(known, _)| *known == name).map(|(_, until)| *until)
    }

    fn is_folding(&self, name: EventName, now: Tick) -> bool {
        self.until(name).is_some_and(|until| until > now)
    }
}

/// What an event is about. Events of which one undoes another are about the same.
fn thing(event: &Event) -> String {
    let about = [event.service(), event.endpoint(), event.store(), event.dependency()];
    let mut thing = event.name().family().to_owned();
    for part in about {
        thing.push('\0');
        thing.push_str(part.unwrap_or_default());
    }
    thing
}

fn earlier(one: Option<Tick>, other: Tick) -> Option<Tick> {
    Some(one.map_or(other, |one| one.min(other)))
}

fn earlier_of(one: Option<Tick>, other: Option<Tick>) -> Option<Tick> {
    other.map_or(one, |other| earlier(one, other))
}
