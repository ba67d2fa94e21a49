//! `Vary` (RFC 9110 §12.5.5), to which several may have something to add.

use super::Edits;
use crate::head::{HeadView, Known};
use crate::list_items;

impl Edits {
    /// Makes caches tell answers apart by the request's field `name`, keeping what `received`, the answer's head, and earlier edits vary
    /// by, in one line and without saying a name twice. An answer that varies by everything (`*`) goes on doing so.
    #[inline]
    pub fn vary(&mut self, received: HeadView<'_>, name: &str) {
        let own = !self.removes(Known::Vary) && received.present().contains(Known::Vary);
        if own || self.touches(Known::Vary) {
            return self.merge_vary(received, own, Some(name));
        }
        let added = self.add(Known::Vary, name.as_bytes());
        debug_assert!(added.is_ok(), "a field's name is a valid value");
    }

    /// Brings what earlier edits vary by, which may be from before there was an answer, into one line with what `received` does.
    #[inline]
    pub fn unite_vary(&mut self, received: HeadView<'_>) {
        if self.touches(Known::Vary) {
            let own = !self.removes(Known::Vary) && received.present().contains(Known::Vary);
            self.merge_vary(received, own, None);
        }
    }

    #[cold]
    fn merge_vary(&mut self, received: HeadView<'_>, own: bool, name: Option<&str>) {
        let earlier = self.added().filter(|(name, _)| Known::of(name) == Known::Vary).map(|(_, value)| value);
        let earlier: Vec<&[u8]> = earlier.collect();
        let lines = received.all(Known::Vary).filter(|_| own);
        let mut merged: Vec<&[u8]> = Vec::new();
        for name in lines.chain(earlier.iter().copied()).flat_map(list_items) {
            if !merged.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                merged.push(name);
            }
        }
        let all = merged.contains(&&b"*"[..]);
        let further = name
            .map(str::as_bytes)
            .filter(|name| !all && !merged.iter().any(|known| known.eq_ignore_ascii_case(name)));
        // What the service says may stand as it is.
        if further.is_none() && earlier.is_empty() {
            return;
        }
        merged.extend(further);
        let value = if all { b"*".to_vec() } else { merged.join(&b", "[..]) };
        let set = self.set(Known::Vary, &value);
        debug_assert!(set.is_ok(), "items of valid values make a valid value");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeadBuf;
    use crate::edit::Skip;

    #[test]
    fn names_are_merged_into_one_line() {
        for (received, earlier, names, want) in [
            (&[][..], None, &[][..], ""),
            (&[], None, &["Accept"], "Vary: Accept\r\n"),
            (&[], None, &["API-Version", "Accept"], "Vary: API-Version, Accept\r\n"),
            (&["Origin"], None, &["Accept"], "Vary: Origin, Accept\r\n"),
            (&["accept, Origin"], None, &["Accept"], "Vary: accept, Origin\r\n"),
            (&["Origin", "origin, Cookie"], None, &["Accept"], "Vary: Origin, Cookie, Accept\r\n"),
            (&["Origin"], Some("API-Version"), &[], "Vary: Origin, API-Version\r\n"),
            (&[], Some("API-Version"), &["Origin"], "Vary: API-Version, Origin\r\n"),
            (&["*"], None, &["Accept"], "Vary: *\r\n"),
            (&["*"], Some("API-Version"), &["Accept"], "Vary: *\r\n"),
        ] {
            let mut head = HeadBuf::default();
            head.response(200);
            received.iter().for_each(|line| head.push("Vary", line.as_bytes()).unwrap());
            let mut edits = Edits::default();
            if let Some(earlier) = earlier {
                edits.add(Known::Vary, earlier.as_bytes()).unwrap();
            }
            match names {
                [] => edits.unite_vary(head.view()),
                names => names.iter().for_each(|name| edits.vary(head.view(), name)),
            }
            let mut out = Vec::new();
            edits.write(head.view(), Skip::default(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want, "{received:?} {earlier:?} {names:?}");
        }
    }
}
