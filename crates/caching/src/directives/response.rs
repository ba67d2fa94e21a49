//! What an origin says of its response: `Cache-Control` (RFC 9111 §5.2.2), or `CDN-Cache-Control` in its place
//! (RFC 9213).

use sekisho_wire::{HeadView, Known};

use super::scan::{Argument, Item, items};
use super::targeted;

/// The field that is for gateways and not for browsers (RFC 9213 §3.1).
pub(crate) const TARGETED: &str = "CDN-Cache-Control";

/// The directives of a response. Of two that disagree the stricter one counts (§4.2.1 allows the first or none).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Response {
    pub(crate) no_store: bool,
    /// `private` for the whole response; lists of fields are in `fields.rs`.
    pub(crate) private: bool,
    /// `no-cache` for the whole response.
    pub(crate) no_cache: bool,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    pub(crate) must_understand: bool,
    /// Seconds; a time that cannot be read is none at all (§4.2.1).
    pub(crate) max_age: Option<u32>,
    pub(crate) s_maxage: Option<u32>,
    /// RFC 5861 §3 and §4, in seconds; one that cannot be read is not there.
    pub(crate) stale_while_revalidate: Option<u32>,
    pub(crate) stale_if_error: Option<u32>,
    /// Whether `Expires` still speaks: it does not beside a targeted field (RFC 9213 §2.2).
    pub(crate) expires_counts: bool,
    /// The targeted field says no word of time, and the one it overrules would not have it stored: no reason to guess.
    pub(crate) no_guess: bool,
}

impl Response {
    /// Reads the field that counts.
    pub(crate) fn read(view: HeadView<'_>) -> Response {
        let mut usual = Response { expires_counts: true, ..Response::default() };
        let mut broken = false;
        for line in view.all(Known::CacheControl) {
            let mut items = items(line);
            for item in items.by_ref() {
                usual.take(&item);
            }
            broken |= items.is_broken();
        }
        if broken {
            // What stands behind an open quotation may be text: it may forbid, but not permit.
            usual.max_age = Some(0);
            usual.s_maxage = usual.s_maxage.map(|_| 0);
            usual.public = false;
            (usual.stale_while_revalidate, usual.stale_if_error) = (None, None);
        }
        let Some(mut targeted) = targeted::read(view) else { return usual };
        targeted.no_guess = usual.no_store || usual.private || usual.no_cache;
        targeted
    }

    /// Takes one directive.
    pub(super) fn take(&mut self, item: &Item<'_>) {
        let argument = item.argument;
        if item.is("max-age") {
            least(&mut self.max_age, argument.seconds().unwrap_or(0));
        } else if item.is("s-maxage") {
            least(&mut self.s_maxage, argument.seconds().unwrap_or(0));
        } else if item.is("no-store") {
            self.no_store = true;
        } else if item.is("no-cache") {
            self.no_cache |= is_whole(argument);
        } else if item.is("private") {
            self.private |= is_whole(argument);
        } else if item.is("public") {
            self.public = true;
        } else if item.is("must-revalidate") {
            self.must_revalidate = true;
        } else if item.is("proxy-revalidate") {
            self.proxy_revalidate = true;
        } else if item.is("must-understand") {
            self.must_understand = true;
        } else if item.is("stale-while-revalidate") {
            argument.seconds().into_iter().for_each(|time| least(&mut self.stale_while_revalidate, time));
        } else if item.is("stale-if-error") {
            argument.seconds().into_iter().for_each(|time| least(&mut self.stale_if_error, time));
        }
    }
}

/// Whether `private` or `no-cache` concerns the whole response: without a list of fields, or with one that is none.
fn is_whole(argument: Argument<'_>) -> bool {
    argument.names().is_none()
}

fn least(slot: &mut Option<u32>, time: u32) {
    *slot = Some(slot.map_or(time, |before| before.min(time)));
}
