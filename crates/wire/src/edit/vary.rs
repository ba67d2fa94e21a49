//! `Vary` (RFC 9110 §12.5.5), to which several may have something to add.

use super::Edits;
use crate::head::{HeadView, Known};
use crate::list_items;

impl Edits {
    /// Makes caches tell answers apart by the request's field `name`, keeping what `received`, the answer's head, and earlier edits vary
    /// by, in one line and without saying a name twice.
    #[inline]
    pub fn vary(&mut self, received: HeadView<'_>, name: &str) {
        let own = !self.removes(Known::Vary) && received.present().contains(Known::Vary);
        if own || self.touches(Known::Vary) {
            return self.merge_vary(received, own, name);
        }
        let added = self.add(Known::Vary, name.as_bytes());
        debug_assert!(added.is_ok(), "a field's name is a valid value");
    }

    #[cold]
    fn merge_vary(&mut self, received: HeadView<'_>, own: bool, name: &str) {
        let received = received.all(Known::Vary).filter(|_| own);
        let added = self.added().filter(|(name, _)| Known::of(name) == Known::Vary).map(|(_, value)| value);
        let mut merged: Vec<&[u8]> = Vec::new();
        for name in received.chain(added).flat_map(list_items) {
            if !merged.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                merged.push(name);
            }
        }
        if merged.iter().any(|known| *known == b"*" || known.eq_ignore_ascii_case(name.as_bytes())) {
            return;
        }
        merged.push(name.as_bytes());
        let value = merged.join(&b", "[..]);
        let set = self.set(Known::Vary, &value);
        debug_assert!(set.is_ok(), "items of valid values make a valid value");
    }
}
