//! Field lines rendered once, such as the security headers that every answer gets.

use crate::field::{BadField, is_field_name, is_field_value};
use crate::head::{Known, KnownSet};
use crate::write::push_line;

/// Lines ready to be sent, and the names whose other lines they replace. Applying one is a union of two sets
/// and one copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blob {
    bytes: Vec<u8>,
    known: KnownSet,
    /// Names that are not known, each followed by a line feed.
    others: Vec<u8>,
}

impl Blob {
    /// Renders lines. A name given twice is sent twice.
    ///
    /// # Errors
    /// [`BadField`] of the first field that would not be one line.
    pub fn new<N: AsRef<str>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Result<Blob, BadField> {
        let mut blob = Blob::default();
        for (name, value) in fields {
            let (name, value) = (name.as_ref().as_bytes(), value.as_ref());
            if !is_field_name(name) {
                return Err(BadField::Name);
            }
            if !is_field_value(value) {
                return Err(BadField::Value);
            }
            match Known::of(name) {
                Known::Unknown => {
                    blob.others.extend_from_slice(name);
                    blob.others.push(b'\n');
                }
                known => blob.known.insert(known),
            }
            push_line(&mut blob.bytes, name, value);
        }
        Ok(blob)
    }

    /// The lines as they are sent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there are no lines.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    #[inline]
    pub(super) fn known(&self) -> KnownSet {
        self.known
    }

    #[inline]
    pub(super) fn others(&self) -> &[u8] {
        &self.others
    }

    pub(super) fn has(&self, known: Known, name: &[u8]) -> bool {
        self.known.contains(known)
            || (known == Known::Unknown
                && self.others.split(|&b| b == b'\n').any(|other| other.eq_ignore_ascii_case(name)))
    }
}
