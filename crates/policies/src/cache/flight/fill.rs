//! [`Fill`]: a body on its way into the store, and to those who read it meanwhile.

use std::sync::Arc;
use std::task::{Context, Poll};

use sekisho_caching::NotStored;
use sekisho_exchange::{Filters, Local, Unwanted, Vessel};

use super::super::entry::Entry;
use super::super::store::{Landing, Places};
use super::{Coming, Headed, Lead, Reader};

/// A body on its way.
pub(in crate::cache) struct Fill {
    coming: Arc<Coming>,
    /// Who asked for all; none where each asks alone.
    lead: Option<Lead>,
    filters: Option<Box<Filters>>,
    /// What comes out of the filters.
    out: Vec<u8>,
    /// Where it is to be stored.
    landing: Landing,
    /// The room that it takes as long as it is not stored.
    places: Places,
    stored: bool,
}

impl Fill {
    /// A body that follows `headed` and goes through `filters`. Gives the first one who reads it as well.
    pub(in crate::cache) fn begin(
        headed: Headed,
        mut lead: Option<Lead>,
        filters: Option<Box<Filters>>,
        landing: Landing,
        places: Places,
    ) -> (Box<Self>, Reader) {
        let coming = Coming::new(headed);
        let reader = coming.reader().expect("all of it is still there");
        if let Some(lead) = &mut lead {
            lead.comes(Arc::clone(&coming));
        }
        let out = Vec::new();
        (Box::new(Self { coming, lead, filters, out, landing, places, stored: true }), reader)
    }

    fn pass(&mut self, piece: &[u8]) {
        self.coming.put(piece);
        if self.stored && !self.places.hold(self.coming.length()) {
            self.stored = false;
            // Nobody who comes now would find its beginning.
            if let Some(lead) = &self.lead {
                lead.leave();
            }
            self.coming.forget(NotStored::TooLarge);
        }
    }

    /// Lets something go through the filters, and passes what comes out.
    fn through(&mut self, step: impl FnOnce(&mut Filters, &mut Vec<u8>)) {
        let Some(filters) = &mut self.filters else { return };
        let mut out = std::mem::take(&mut self.out);
        step(filters, &mut out);
        self.pass(&out);
        out.clear();
        self.out = out;
    }
}

impl Vessel for Fill {
    fn changes(&self) -> bool {
        self.filters.is_some()
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unwanted>> {
        self.coming.poll_room(cx)
    }

    fn put(&mut self, piece: &[u8]) {
        if self.filters.is_some() {
            self.through(|filters, out| filters.take(piece, out));
        } else {
            self.pass(piece);
        }
    }

    fn pause(&mut self) {
        self.through(Filters::pause);
    }

    fn end(mut self: Box<Self>, local: &Local) {
        self.through(Filters::end);
        // It is stored before its readers have its end, so that whoever asks once more finds it.
        if let Some(entry) = self.coming.whole().and_then(|body| Entry::of(&self.coming.headed, body))
            && let Err(why) = self.landing.land(Arc::new(entry), self.lead.take(), local)
        {
            self.coming.forget(why);
        }
        self.coming.end();
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        self.coming.break_off();
    }
}
