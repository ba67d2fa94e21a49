//! Changes to a head, written down by policies and applied while the head is copied.
//!
//! Nothing is ever taken back out of the buffers while policies run: a removal of something added earlier is a
//! note of its own. So [`Edits::mark`] is a few lengths, and [`Edits::rollback`] is exact, which is what lets a
//! policy in shadow mode run in full and leave no trace.

mod blob;
mod form;
mod hop;
mod vary;

pub use blob::Blob;
pub use form::{Form, Part};
pub use hop::{Skip, hop_by_hop, odd_spellings};

use crate::field::{BadField, is_field_name, is_field_value};
use crate::head::{HeadView, Known, KnownSet};
use crate::write::{push_known, push_line};

/// A field name to write: a known one in its usual spelling, or any text in its own.
#[derive(Clone, Copy, Debug)]
pub struct Name<'n> {
    known: Known,
    /// Its spelling; nothing for the usual one of a known name.
    text: Option<&'n str>,
}

impl<'n> From<&'n str> for Name<'n> {
    #[inline]
    fn from(text: &'n str) -> Name<'n> {
        Name { known: Known::of(text.as_bytes()), text: Some(text) }
    }
}

impl<'n> From<&'n String> for Name<'n> {
    #[inline]
    fn from(text: &'n String) -> Name<'n> {
        Name::from(text.as_str())
    }
}

impl From<Known> for Name<'_> {
    #[inline]
    fn from(known: Known) -> Self {
        Name { known, text: None }
    }
}

impl Name<'_> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.text.unwrap_or(self.known.name()).as_bytes()
    }

    fn is(&self, known: Known, text: &[u8]) -> bool {
        known == self.known && (known != Known::Unknown || text.eq_ignore_ascii_case(self.bytes()))
    }

    /// Known names are tokens; others are looked at.
    fn check(&self) -> Result<(), BadField> {
        if self.known != Known::Unknown || is_field_name(self.bytes()) { Ok(()) } else { Err(BadField::Name) }
    }
}

/// A moment to which [`Edits::rollback`] can return.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    removed: KnownSet,
    added: KnownSet,
    added_other: bool,
    names: usize,
    text: usize,
    dead: usize,
}

/// Changes to one head: names whose received lines go, and lines that come. One type serves both directions;
/// reuse it, its buffers keep their capacity across [`Edits::clear`].
#[derive(Clone, Debug, Default)]
pub struct Edits {
    /// Known names whose received lines go.
    removed: KnownSet,
    /// Other names whose received lines go, each followed by a line feed, which no name holds.
    names: Vec<u8>,
    /// Known names that some added line has or had.
    added: KnownSet,
    /// Whether some added line has or had another name.
    added_other: bool,
    /// The added lines as they are sent.
    text: Vec<u8>,
    /// Positions in `text` of added lines that were removed again.
    dead: Vec<u32>,
}

impl Edits {
    /// Removes every line of that name, received or added.
    #[inline]
    pub fn remove(&mut self, name: Known) {
        if name != Known::Unknown {
            self.drop_name(&Name::from(name));
        }
    }

    /// Removes every line of that name, in any case, received or added.
    pub fn remove_name(&mut self, name: &str) {
        // No line has a name that is no token.
        if is_field_name(name.as_bytes()) {
            self.drop_name(&Name::from(name));
        }
    }

    /// Makes `value` the only line of that name.
    ///
    /// # Errors
    /// [`BadField`] if it would not be one line; nothing changes then.
    #[inline]
    pub fn set<'n>(&mut self, name: impl Into<Name<'n>>, value: &[u8]) -> Result<(), BadField> {
        let name = name.into();
        name.check()?;
        if !is_field_value(value) {
            return Err(BadField::Value);
        }
        self.drop_name(&name);
        self.append(&name, value);
        Ok(())
    }

    /// As [`Edits::set`], for a value whose length is known when this is compiled, such as an id or a date: then neither the
    /// look at it nor its copy is a loop or a call.
    ///
    /// # Errors
    /// [`BadField`] if it would not be one line; nothing changes then.
    #[inline(always)]
    pub fn set_fixed<const N: usize>(&mut self, name: Known, value: &[u8; N]) -> Result<(), BadField> {
        if name == Known::Unknown {
            return Err(BadField::Name);
        }
        if !is_field_value(value) {
            return Err(BadField::Value);
        }
        if self.added.contains(name) {
            self.drop_name(&Name::from(name));
        }
        self.removed.insert(name);
        self.added.insert(name);
        push_known(&mut self.text, name, value);
        Ok(())
    }

    /// Makes a decimal number the only line of that name. Does nothing for [`Known::Unknown`].
    #[inline]
    pub fn set_number(&mut self, name: Known, value: u64) {
        if name != Known::Unknown {
            let name = Name::from(name);
            self.drop_name(&name);
            self.append(&name, itoa::Buffer::new().format(value).as_bytes());
        }
    }

    /// Adds a line, whatever lines of that name there are.
    ///
    /// # Errors
    /// [`BadField`] if it would not be one line; nothing changes then.
    #[inline]
    pub fn add<'n>(&mut self, name: impl Into<Name<'n>>, value: &[u8]) -> Result<(), BadField> {
        let name = name.into();
        name.check()?;
        if !is_field_value(value) {
            return Err(BadField::Value);
        }
        self.append(&name, value);
        Ok(())
    }

    /// Sets every name of a blob: received lines and lines added earlier give way to its lines.
    #[inline]
    pub fn apply(&mut self, blob: &Blob) {
        if !self.added.intersection(blob.known()).is_empty()
            || (self.added_other && !blob.others().is_empty())
        {
            self.drop_blob(blob);
        }
        self.removed = self.removed.union(blob.known());
        self.names.extend_from_slice(blob.others());
        self.added = self.added.union(blob.known());
        self.added_other |= !blob.others().is_empty();
        self.text.extend_from_slice(blob.bytes());
    }

    /// Sets every name of a form, with these numbers in its lines.
    #[inline]
    pub fn fill(&mut self, form: &Form, numbers: &[u64]) {
        let known = form.known();
        if !self.added.intersection(known).is_empty() {
            self.bury(|line| known.contains(line.known()));
        }
        self.removed = self.removed.union(known);
        self.added = self.added.union(known);
        form.write(numbers, &mut self.text);
    }

    /// Makes the changes of `others` after those made here: what they set takes the place of what was set here, except that
    /// `Vary` is a list to which both have something to add.
    pub fn extend(&mut self, others: &Edits) {
        let mut gone = others.removed;
        gone.remove(Known::Vary);
        if !self.added.intersection(gone).is_empty() || (self.added_other && !others.names.is_empty()) {
            self.bury(|line| match line.known() {
                Known::Unknown => others.removes_other(line.name),
                known => gone.contains(known),
            });
        }
        self.removed = self.removed.union(others.removed);
        self.names.extend_from_slice(&others.names);
        self.added = self.added.union(others.added);
        self.added_other |= others.added_other;
        others.write_added(&mut self.text);
    }

    /// Forgets all changes; capacity stays.
    pub fn clear(&mut self) {
        self.removed = KnownSet::empty();
        self.added = KnownSet::empty();
        self.added_other = false;
        self.names.clear();
        self.text.clear();
        self.dead.clear();
    }

    /// This moment.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            removed: self.removed,
            added: self.added,
            added_other: self.added_other,
            names: self.names.len(),
            text: self.text.len(),
            dead: self.dead.len(),
        }
    }

    /// Undoes all changes since `mark`, which must be of these edits and not from before a [`Edits::clear`].
    pub fn rollback(&mut self, mark: &Mark) {
        self.removed = mark.removed;
        self.added = mark.added;
        self.added_other = mark.added_other;
        self.names.truncate(mark.names);
        self.text.truncate(mark.text);
        self.dead.truncate(mark.dead);
    }

    /// Whether an edit has set, added or removed that name.
    #[inline]
    #[must_use]
    pub fn touches<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        let name = name.into();
        match name.known {
            Known::Unknown => self.touches_other(&name),
            known => self.touched().contains(known),
        }
    }

    /// Whether an edit has set, added or removed one of these names.
    #[inline]
    #[must_use]
    pub fn touches_any(&self, names: KnownSet) -> bool {
        !self.touched().intersection(names).is_empty()
    }

    /// The known names that an edit has set, added or removed.
    #[inline]
    fn touched(&self) -> KnownSet {
        self.removed.union(self.added)
    }

    fn touches_other(&self, name: &Name<'_>) -> bool {
        self.removes_other(name.bytes())
            || (self.added_other && self.added_lines(false).any(|line| name.is(line.known(), line.name)))
    }

    /// Whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.names.is_empty() && self.text.is_empty()
    }

    /// The value of the last line of that name which an edit added and none removed since.
    #[must_use]
    pub fn get<'n>(&self, name: impl Into<Name<'n>>) -> Option<&[u8]> {
        let name = name.into();
        if !self.may_have_added(&name) {
            return None;
        }
        self.added_lines(true).filter(|line| name.is(line.known(), line.name)).last().map(|line| line.value)
    }

    /// Whether a received line of that name would be dropped.
    #[must_use]
    pub fn removes<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        let name = name.into();
        self.removed.contains(name.known)
            || (name.known == Known::Unknown && self.removes_other(name.bytes()))
    }

    /// Names and values of the added lines that still stand, in order.
    pub fn added(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.added_lines(true).map(|line| (line.name, line.value))
    }

    /// The received lines of `view` that will not be copied, `skip` and the removed names together.
    #[inline]
    #[must_use]
    pub fn skips(&self, view: HeadView<'_>, skip: Skip) -> Skip {
        let mut skip = skip;
        for name in view.present().intersection(self.removed).iter() {
            skip.insert_name(view, name);
        }
        if !self.names.is_empty() {
            for (i, line) in view.raw_lines().iter().enumerate() {
                if line.known == Known::Unknown && self.removes_other(line.name.of(view.bytes())) {
                    skip.insert(i);
                }
            }
        }
        skip
    }

    /// Appends the kept lines of `view` and then the added lines to `out`, without start line and without the
    /// blank line that ends a head. Kept lines are copied in runs, byte for byte.
    pub fn write(&self, view: HeadView<'_>, skip: Skip, out: &mut Vec<u8>) {
        let (lines, bytes) = (view.raw_lines(), view.bytes());
        if let (Some(first), Some(last)) = (lines.first(), lines.last()) {
            let mut from = usize::from(first.name.start);
            let to = usize::from(last.end);
            out.reserve(to - from + self.text.len() + 64);
            for at in self.skips(view, skip).iter() {
                let Some(line) = lines.get(at) else { break };
                out.extend_from_slice(bytes.get(from..usize::from(line.name.start)).unwrap_or_default());
                from = usize::from(line.end);
            }
            out.extend_from_slice(bytes.get(from..to).unwrap_or_default());
        }
        self.write_added(out);
    }

    /// Appends only the added lines to `out`.
    #[inline]
    pub fn write_added(&self, out: &mut Vec<u8>) {
        if self.dead.is_empty() {
            out.extend_from_slice(&self.text);
        } else {
            for line in self.added_lines(true) {
                out.extend_from_slice(line.whole);
            }
        }
    }

    #[inline]
    fn append(&mut self, name: &Name<'_>, value: &[u8]) {
        if name.known == Known::Unknown {
            self.added_other = true;
            push_line(&mut self.text, name.bytes(), value);
        } else {
            self.added.insert(name.known);
            self.append_known(name, value);
        }
    }

    /// A name given as text keeps its spelling.
    #[inline]
    fn append_known(&mut self, name: &Name<'_>, value: &[u8]) {
        match name.text {
            None => push_known(&mut self.text, name.known, value),
            Some(text) => push_line(&mut self.text, text.as_bytes(), value),
        }
    }

    #[inline]
    fn drop_name(&mut self, name: &Name<'_>) {
        if self.may_have_added(name) {
            self.bury(|line| name.is(line.known(), line.name));
        }
        if name.known != Known::Unknown {
            self.removed.insert(name.known);
        } else {
            self.drop_other(name.bytes());
        }
    }

    fn drop_other(&mut self, name: &[u8]) {
        if !self.removes_other(name) {
            self.names.extend_from_slice(name);
            self.names.push(b'\n');
        }
    }

    #[cold]
    fn drop_blob(&mut self, blob: &Blob) {
        self.bury(|line| blob.has(line.known(), line.name));
    }

    /// Notes that the added lines `gone` picks are not to be sent.
    #[cold]
    fn bury(&mut self, gone: impl Fn(&Added<'_>) -> bool) {
        let mut dead = std::mem::take(&mut self.dead);
        let before = dead.len();
        for line in added_lines(&self.text) {
            if gone(&line) && !dead[..before].contains(&line.at) {
                dead.push(line.at);
            }
        }
        self.dead = dead;
    }

    #[inline]
    fn may_have_added(&self, name: &Name<'_>) -> bool {
        if name.known == Known::Unknown { self.added_other } else { self.added.contains(name.known) }
    }

    fn removes_other(&self, name: &[u8]) -> bool {
        self.names
            .split(|&b| b == b'\n')
            .any(|removed| !name.is_empty() && removed.eq_ignore_ascii_case(name))
    }

    fn added_lines(&self, standing: bool) -> impl Iterator<Item = Added<'_>> {
        added_lines(&self.text).filter(move |line| !standing || !self.dead.contains(&line.at))
    }
}

/// One added line.
struct Added<'a> {
    at: u32,
    whole: &'a [u8],
    name: &'a [u8],
    value: &'a [u8],
}

impl Added<'_> {
    fn known(&self) -> Known {
        Known::of(self.name)
    }
}

/// The lines of rendered text, which is well-formed since only this module writes it.
fn added_lines(text: &[u8]) -> impl Iterator<Item = Added<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &text[at..];
        let len = memchr::memchr(b'\n', rest)? + 1;
        let whole = &rest[..len];
        let colon = memchr::memchr(b':', whole)?;
        let line = Added {
            at: at as u32,
            whole,
            name: &whole[..colon],
            value: whole.get(colon + 2..len - 2).unwrap_or_default(),
        };
        at += len;
        Some(line)
    })
}

#[cfg(test)]
mod tests;
