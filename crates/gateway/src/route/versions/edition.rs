//! One version of a route's interface, as its requests and their answers show it; and how a request takes its version.

use std::borrow::Cow;

use sekisho_exchange::{Exchange, Reply};
use sekisho_wire::{Edits, HeadView, Known, KnownSet, odd_spellings};

use super::Versions;

/// One version of a route's interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edition {
    /// As it is written; empty for the plan of requests that mean no version that there is.
    pub name: Box<str>,
    /// What clients are told with every answer: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), `Link` (RFC 8288).
    pub lines: Box<[(&'static str, Box<str>)]>,
}

impl Edition {
    /// Tells the client, and makes caches tell versions apart: what was looked at is in the edits since the version was chosen.
    pub(crate) fn leave(&self, edits: &mut Edits, response: HeadView<'_>) {
        for (name, value) in &self.lines {
            // A service's own links stay; of a date there is one.
            let done = match Known::of(name.as_bytes()) {
                Known::Unknown => edits.add(*name, value.as_bytes()),
                known => edits.set(known, value.as_bytes()),
            };
            debug_assert!(done.is_ok(), "they were checked when they were compiled");
        }
        edits.unite_vary(response);
    }
}

impl Versions {
    /// Which of the route's plans a request takes, and the answer if it means none of them. Notes what the choice means for
    /// service, client and log.
    ///
    /// `segment` is the version with which its path begins, if the route begins behind it.
    pub(crate) fn enter<'a>(
        &self,
        exchange: &mut Exchange<'a>,
        segment: Option<&'a str>,
        is_preflight: bool,
    ) -> (usize, Option<Box<Reply>>) {
        let choice = if is_preflight { self.announced(segment) } else { self.choose(exchange.head, segment) };
        if let Some(Some(names)) = self.vary.get(choice.looked) {
            let set = exchange.to_client.add(Known::Vary, names.as_bytes());
            debug_assert!(set.is_ok(), "names of fields make a valid value");
        }
        if choice.way.is_err() || choice.way.ok() == self.others {
            // One that is served has a name of its own.
            exchange.facts.version = choice.said;
        }
        if let Some(segment) = segment.filter(|_| !self.keep_segment) {
            let path = exchange.path.get(1 + segment.len()..).filter(|path| !path.is_empty());
            exchange.to_ask.path = Cow::Borrowed(path.unwrap_or("/"));
        }
        if let Some(name) = &self.tell {
            undisguise(exchange, name);
            if let Some(version) = self.told(&choice) {
                let set = exchange.to_service.set(&**name, version.as_bytes());
                debug_assert!(set.is_ok(), "the name was checked, and a version is a valid value");
            }
        }
        match choice.way {
            Ok(way) => (way, None),
            // The steps of a preflight come first: it may be theirs to answer.
            Err(_) if is_preflight => (0, None),
            Err(why) => (0, Some(Box::new(self.refusal(why)))),
        }
    }
}

/// Takes a client's own lines of that name, in whatever spelling, out of what the service sees.
fn undisguise(exchange: &mut Exchange<'_>, name: &str) {
    let view = exchange.head;
    exchange.to_service.remove_name(name);
    for line in odd_spellings(view, KnownSet::empty(), &[name]).iter() {
        let name = view.raw_lines().get(line).map(|line| line.name.of(view.bytes()));
        if let Some(Ok(name)) = name.map(std::str::from_utf8) {
            exchange.to_service.remove_name(name);
        }
    }
}
