//! A copy of a request's body, for somebody beside the service who is to have it too.

use crate::Local;

/// Gets a whole body, and the worker's things.
type Then = Box<dyn FnOnce(Vec<u8>, &Local)>;

/// Collects the body as it passes, and hands it over at its end.
pub struct BodyCopy {
    bytes: Vec<u8>,
    max: usize,
    then: Then,
}

impl BodyCopy {
    /// Of at most `max` bytes; a longer body is not copied. `then` gets it, unless it breaks off.
    pub fn new(max: usize, then: impl FnOnce(Vec<u8>, &Local) + 'static) -> Box<Self> {
        Box::new(Self { bytes: Vec::new(), max, then: Box::new(then) })
    }

    /// Takes a piece. `false`: it has become too long.
    pub(crate) fn take(&mut self, piece: &[u8]) -> bool {
        let fits = self.bytes.len() + piece.len() <= self.max;
        if fits {
            self.bytes.extend_from_slice(piece);
        }
        fits
    }

    /// The body was whole.
    pub(crate) fn end(self, local: &Local) {
        (self.then)(self.bytes, local);
    }
}
