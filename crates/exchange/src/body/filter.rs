//! What an answer's body goes through on its way to the client.

/// Changes a body piece by piece, in one pass and with bounded memory. Policies set them in `leave`.
pub trait Filter {
    /// Takes a piece, and appends to `out` what can be passed on already.
    fn take(&mut self, piece: &[u8], out: &mut Vec<u8>);
    /// Appends whatever is held back of what was taken: nothing more comes for now, and the client is not to wait for it.
    fn pause(&mut self, out: &mut Vec<u8>);
    /// Appends the rest: the body has ended. Not called for a body that breaks off.
    fn end(&mut self, out: &mut Vec<u8>);
}

/// The filters of one answer, in the order in which its body goes through them.
#[derive(Default)]
pub struct Filters {
    all: Vec<Box<dyn Filter>>,
    /// What came out of a filter and goes into the next.
    between: [Vec<u8>; 2],
}

/// What happens to a body.
#[derive(Clone, Copy)]
enum Step<'a> {
    Piece(&'a [u8]),
    Pause,
    End,
}

impl Filters {
    /// Adds one behind those that are there.
    pub fn push(&mut self, filter: impl Filter + 'static) {
        self.all.push(Box::new(filter));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Forgets all but the first `count`.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.all.truncate(count);
    }

    /// A piece goes through all of them.
    pub fn take(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.step(Step::Piece(piece), out);
    }

    /// All of them give what they hold back.
    pub fn pause(&mut self, out: &mut Vec<u8>) {
        self.step(Step::Pause, out);
    }

    /// The body has ended.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.step(Step::End, out);
    }

    fn step(&mut self, step: Step<'_>, out: &mut Vec<u8>) {
        let last = self.all.len().saturating_sub(1);
        let [mut input, mut output] = std::mem::take(&mut self.between);
        input.clear();
        for (index, filter) in self.all.iter_mut().enumerate() {
            output.clear();
            let out = if index == last { &mut *out } else { &mut output };
            match step {
                Step::Piece(piece) if index == 0 => filter.take(piece, out),
                Step::Piece(_) | Step::Pause | Step::End if !input.is_empty() => filter.take(&input, out),
                _ => {}
            }
            match step {
                Step::Piece(_) => {}
                Step::Pause => filter.pause(out),
                Step::End => filter.end(out),
            }
            std::mem::swap(&mut input, &mut output);
        }
        self.between = [input, output];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds a byte back, and marks pause and end.
    struct Holding(Option<u8>, &'static str);

    impl Filter for Holding {
        fn take(&mut self, piece: &[u8], out: &mut Vec<u8>) {
            for byte in piece {
                out.extend(self.0.replace(*byte));
            }
        }
        fn pause(&mut self, out: &mut Vec<u8>) {
            out.extend(self.0.take());
        }
        fn end(&mut self, out: &mut Vec<u8>) {
            self.pause(out);
            out.extend_from_slice(self.1.as_bytes());
        }
    }

    fn said(filters: &mut Filters, step: impl FnOnce(&mut Filters, &mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        step(filters, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_body_goes_through_all_of_them_in_their_order_to_its_last_byte() {
        let mut filters = Filters::default();
        filters.push(Holding(None, "1"));
        filters.push(Holding(None, "2"));
        filters.push(Holding(None, "3"));
        assert_eq!(said(&mut filters, |all, out| all.take(b"abcde", out)), "ab");
        assert_eq!(said(&mut filters, Filters::pause), "cde", "nothing is held back");
        assert_eq!(said(&mut filters, |all, out| all.take(b"f", out)), "");
        assert_eq!(said(&mut filters, Filters::end), "f123");
    }

    #[test]
    fn those_that_are_undone_are_gone() {
        let mut filters = Filters::default();
        filters.push(Holding(None, "1"));
        let before = filters.len();
        filters.push(Holding(None, "2"));
        filters.truncate(before);
        assert_eq!(said(&mut filters, |all, out| all.take(b"ab", out)), "a");
        assert_eq!(said(&mut filters, Filters::end), "b1");
    }
}
