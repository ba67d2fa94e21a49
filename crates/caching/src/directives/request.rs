//! What a client asks of caches (RFC 9111 §5.2.1, §5.4).

use sekisho_wire::{HeadView, Known};

use super::scan::{LONGEST, items};

/// The directives of a request. Those that cannot be read ask for nothing, but for `max-age`: who gives one wants
/// something young.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Request {
    /// Nothing that was stored without asking the origin (§5.2.1.4), also by `Pragma` (§5.4).
    pub(crate) no_cache: bool,
    /// Nothing of this exchange is to be stored (§5.2.1.5).
    pub(crate) no_store: bool,
    /// Nothing from beyond the cache (§5.2.1.7).
    pub(crate) only_if_cached: bool,
    /// Oldest answer wanted, in seconds (§5.2.1.1).
    pub(crate) max_age: Option<u32>,
    /// Seconds an answer must stay fresh (§5.2.1.3).
    pub(crate) min_fresh: u32,
    /// Seconds past its freshness that an answer may be (§5.2.1.2).
    pub(crate) max_stale: u32,
}

impl Request {
    pub(crate) fn read(view: HeadView<'_>) -> Request {
        let mut told = Request::default();
        if view.present().contains(Known::CacheControl) {
            for line in view.all(Known::CacheControl) {
                told.line(line);
            }
        } else {
            // Pragma is heard only where Cache-Control is silent.
            told.no_cache = view.all(Known::Pragma).any(|line| {
                sekisho_wire::list_items(line).any(|item| item.eq_ignore_ascii_case(b"no-cache"))
            });
        }
        told
    }

    fn line(&mut self, line: &[u8]) {
        for item in items(line) {
            if item.is("no-cache") {
                self.no_cache = true;
            } else if item.is("no-store") {
                self.no_store = true;
            } else if item.is("only-if-cached") {
                self.only_if_cached = true;
            } else if item.is("max-age") {
                let asked = item.argument.seconds().unwrap_or(0);
                self.max_age = Some(self.max_age.map_or(asked, |before| before.min(asked)));
            } else if item.is("min-fresh") {
                self.min_fresh = self.min_fresh.max(item.argument.seconds().unwrap_or(0));
            } else if item.is("max-stale") {
                // Without an argument however stale; with one that cannot be read not at all.
                let any = matches!(item.argument, super::scan::Argument::None);
                self.max_stale = if any { LONGEST } else { item.argument.seconds().unwrap_or(0) };
            }
        }
    }
}
