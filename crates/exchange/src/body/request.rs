//! What a request's body goes through on its way to the service.
//!
//! First whatever decodes it, then whatever looks at it, so that all who look see what the service will. Nothing of it grows with the
//! body: a filter takes as much as it can without giving much more than [`PORTION`] bytes, and is asked again once those are gone.

use std::mem::take;

use crate::{Facts, Reply};

/// About so many bytes at once come out of a filter, and of all of them.
pub const PORTION: usize = 32 * 1024;

/// Header fields that speak of a body's bytes as they were sent, and of no others (RFC 9530, RFC 3230, RFC 2616 §14.15).
pub const DIGESTS: [&str; 4] = ["Content-Digest", "Repr-Digest", "Digest", "Content-MD5"];

/// Looks at a request's body, or changes it, piece by piece and with bounded memory. Policies set them in `enter`, by
/// [`crate::Exchange::decode`] and [`crate::Exchange::inspect`].
pub trait RequestFilter {
    /// Takes of `piece`, which may be empty, as much as it can, and appends to `out` what can go on. Some of a piece is always taken
    /// unless there is [`Taken::more`] to give first.
    ///
    /// # Errors
    /// The answer to the client, if the body must not go on. Nothing more is asked of the filter then.
    fn take(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Taken, Box<Reply>>;

    /// The body has ended, and all of it was taken: appends the rest. Not called for a body that breaks off, which the service never
    /// sees as whole.
    ///
    /// # Errors
    /// The answer to the client, if this cannot be the end, or the whole must not go on.
    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Box<Reply>>;
}

/// What a filter has taken of a piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken {
    /// So many bytes.
    pub bytes: usize,
    /// Whether more would come out even if nothing more went in.
    pub more: bool,
}

/// A body that was refused on its way.
#[derive(Clone, PartialEq, Debug)]
pub struct Refused {
    /// By which policy.
    pub policy: &'static str,
    /// What the client is told.
    pub reply: Box<Reply>,
}

/// The filters of one request's body, in the order in which it goes through them.
#[derive(Default)]
pub struct RequestFilters {
    stages: Vec<Stage>,
    /// How many were ever added.
    added: usize,
    /// Of those in front, so many have been told of the body's end.
    ended: usize,
    /// Bytes that came out of the last that decodes.
    decoded: u64,
}

struct Stage {
    policy: &'static str,
    /// None once one that only watches has refused.
    filter: Option<Box<dyn RequestFilter>>,
    decodes: bool,
    /// Its policy runs in shadow: the body passes as it is, whatever comes out or is refused.
    watches: bool,
    /// The how many-th it was to be added.
    number: usize,
    /// What waits before it, from `at` on; for the first, that is with the client.
    input: Vec<u8>,
    at: usize,
    /// Whether more would come out even if nothing more went in.
    more: bool,
}

impl RequestFilters {
    /// Adds one behind those that decode, and before those that look on, if it decodes; or else behind all.
    pub(crate) fn add(&mut self, policy: &'static str, decodes: bool, filter: Box<dyn RequestFilter>) {
        let place = match decodes {
            true => self.stages.iter().take_while(|stage| stage.decodes).count(),
            false => self.stages.len(),
        };
        let number = self.added;
        self.added += 1;
        let (filter, input) = (Some(filter), Vec::new());
        let stage = Stage { policy, filter, decodes, watches: false, number, input, at: 0, more: false };
        self.stages.insert(place, stage);
    }

    /// How many were added so far.
    pub(crate) fn added(&self) -> usize {
        self.added
    }

    /// All but the first `count` that were added only watch from now on.
    pub(crate) fn watch_all_but(&mut self, count: usize) {
        self.stages.iter_mut().filter(|stage| stage.number >= count).for_each(|stage| stage.watches = true);
    }

    /// Bytes of the body as it came out of what decodes it; `None` if nothing does.
    pub(crate) fn decoded(&self) -> Option<u64> {
        self.stages.iter().any(Stage::changes).then_some(self.decoded)
    }

    /// Whether something is on its way through, which goes on without the client.
    pub(crate) fn is_busy(&self) -> bool {
        self.stages.iter().any(Stage::is_busy)
    }

    /// Whether the body was told to be at its end, and all of it has come out.
    pub(crate) fn is_through(&self) -> bool {
        self.ended == self.stages.len() && !self.is_busy()
    }

    /// Lets a piece go through, or (`last`) the end of the body, until about [`PORTION`] bytes have come out; gives how many bytes of
    /// the piece were taken.
    pub(crate) fn pass(
        &mut self,
        piece: &[u8],
        last: bool,
        out: &mut Vec<u8>,
        facts: &mut Facts<'_>,
    ) -> Result<usize, Refused> {
        let mut taken = 0;
        while out.len() < PORTION {
            // Those nearest to the service first, so that little lies between them.
            let busy = self.stages.iter().rposition(Stage::is_busy);
            match busy.or_else(|| (taken < piece.len()).then_some(0)) {
                Some(0) => taken += self.run(0, Some(&piece[taken..]), out, facts)?,
                Some(at) => _ = self.run(at, None, out, facts)?,
                None if last && self.ended < self.stages.len() => self.end_one(out, facts)?,
                None => break,
            }
        }
        Ok(taken)
    }

    /// One takes of `piece`, or of what waits before it.
    fn run(
        &mut self,
        at: usize,
        piece: Option<&[u8]>,
        out: &mut Vec<u8>,
        facts: &mut Facts<'_>,
    ) -> Result<usize, Refused> {
        let (mut input, from) = (take(&mut self.stages[at].input), self.stages[at].at);
        let piece = piece.unwrap_or(&input[from..]);
        let taken = self.work(at, out, |stage, out| stage.take(piece, out, facts))?;
        let from = from + taken;
        if from >= input.len() {
            input.clear();
        }
        let stage = &mut self.stages[at];
        stage.at = if input.is_empty() { 0 } else { from };
        stage.input = input;
        Ok(taken)
    }

    /// The next is told of the body's end.
    fn end_one(&mut self, out: &mut Vec<u8>, facts: &mut Facts<'_>) -> Result<(), Refused> {
        let at = self.ended;
        self.ended += 1;
        self.work(at, out, |stage, out| stage.end(out, facts))
    }

    /// One does something that puts bytes before the next, or into `out`.
    fn work<T>(
        &mut self,
        at: usize,
        out: &mut Vec<u8>,
        work: impl FnOnce(&mut Stage, &mut Vec<u8>) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let (front, behind) = self.stages.split_at_mut(at + 1);
        let (stage, next) = (&mut front[at], behind.first_mut());
        let counts = stage.changes() && !next.as_ref().is_some_and(|next| next.changes());
        let out = next.map_or(out, |next| &mut next.input);
        let before = out.len();
        let done = work(stage, out)?;
        if counts {
            self.decoded += (out.len() - before) as u64;
        }
        Ok(done)
    }
}

impl Stage {
    /// Whether what comes out is something else.
    fn changes(&self) -> bool {
        self.decodes && !self.watches
    }

    fn is_busy(&self) -> bool {
        self.more || self.at < self.input.len()
    }

    fn take(&mut self, piece: &[u8], out: &mut Vec<u8>, facts: &mut Facts<'_>) -> Result<usize, Refused> {
        let Some(filter) = &mut self.filter else {
            self.more = false;
            out.extend_from_slice(piece);
            return Ok(piece.len());
        };
        let mut unused = Vec::new();
        let taken = filter.take(piece, if self.watches { &mut unused } else { &mut *out });
        match self.heard(taken, facts)? {
            Some(taken) => {
                debug_assert!(taken.bytes > 0 || taken.more || piece.is_empty(), "it would never end");
                self.more = taken.more;
                if self.watches {
                    out.extend_from_slice(&piece[..taken.bytes]);
                }
                Ok(taken.bytes)
            }
            None => self.take(piece, out, facts),
        }
    }

    fn end(&mut self, out: &mut Vec<u8>, facts: &mut Facts<'_>) -> Result<(), Refused> {
        let Some(filter) = &mut self.filter else { return Ok(()) };
        let mut unused = Vec::new();
        let ended = filter.end(if self.watches { &mut unused } else { out });
        self.heard(ended, facts).map(|_| ())
    }

    /// What a filter has said. None: it only watches, and has refused.
    fn heard<T>(&mut self, said: Result<T, Box<Reply>>, facts: &mut Facts<'_>) -> Result<Option<T>, Refused> {
        match said {
            Ok(done) => Ok(Some(done)),
            Err(reply) if self.watches => {
                facts.shadow(self.policy, &reply);
                self.filter = None;
                Ok(None)
            }
            Err(reply) => Err(Refused { policy: self.policy, reply }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Repeats each byte, holds the last one back, and refuses an `x`, at once or (`X`) at the end.
    struct Repeating {
        times: usize,
        /// Of the byte before, so many are still to come.
        owed: (u8, usize),
        held: Option<u8>,
        refuses: bool,
    }

    fn repeating(times: usize) -> Box<Repeating> {
        Box::new(Repeating { times, owed: (0, 0), held: None, refuses: false })
    }

    fn refusal() -> Box<Reply> {
        Box::new(Reply::body_too_large(1))
    }

    impl RequestFilter for Repeating {
        fn take(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Taken, Box<Reply>> {
            let mut bytes = 0;
            loop {
                let now = self.owed.1.min(PORTION.saturating_sub(out.len()));
                out.extend(std::iter::repeat_n(self.owed.0, now));
                self.owed.1 -= now;
                if self.owed.1 > 0 || bytes == piece.len() {
                    return Ok(Taken { bytes, more: self.owed.1 > 0 });
                }
                if piece[bytes] == b'x' {
                    return Err(refusal());
                }
                self.refuses |= piece[bytes] == b'X';
                self.owed = self.held.replace(piece[bytes]).map_or((0, 0), |byte| (byte, self.times));
                bytes += 1;
            }
        }

        fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Box<Reply>> {
            out.extend(self.held.take().into_iter().flat_map(|byte| std::iter::repeat_n(byte, self.times)));
            if self.refuses { Err(refusal()) } else { Ok(()) }
        }
    }

    /// All that comes out of pieces, or who refused, and the most bytes at once.
    fn passed(
        filters: &mut RequestFilters,
        pieces: &[&[u8]],
        facts: &mut Facts<'_>,
    ) -> (Result<Vec<u8>, &'static str>, usize) {
        let (mut all, mut most) = (Vec::new(), 0);
        let mut step = |filters: &mut RequestFilters, piece: &[u8], last| -> Result<usize, &'static str> {
            let mut out = Vec::new();
            let taken = filters.pass(piece, last, &mut out, facts).map_err(|refused| refused.policy)?;
            most = most.max(out.len());
            all.extend(out);
            Ok(taken)
        };
        let mut all_steps = || -> Result<(), &'static str> {
            for piece in pieces {
                let mut piece = *piece;
                while !piece.is_empty() || filters.is_busy() {
                    let taken = step(filters, piece, false)?;
                    piece = &piece[taken..];
                }
            }
            while !filters.is_through() {
                step(filters, &[], true)?;
            }
            Ok(())
        };
        let done = all_steps();
        (done.map(|()| all), most)
    }

    #[test]
    fn those_that_decode_come_first_and_the_rest_sees_what_the_service_will() {
        let mut filters = RequestFilters::default();
        filters.add("looks", false, repeating(1));
        filters.add("decodes", true, repeating(2));
        filters.add("decodes", true, repeating(3));
        let names: Vec<_> = filters.stages.iter().map(|stage| stage.number).collect();
        assert_eq!((names, filters.added()), (vec![1, 2, 0], 3));
        let (out, _) = passed(&mut filters, &[b"ab", b"", b"c"], &mut Facts::default());
        assert_eq!(out.unwrap(), b"aaaaaabbbbbbcccccc");
        assert_eq!(filters.decoded(), Some(18), "counted once");
    }

    #[test]
    fn what_grows_beyond_measure_comes_a_portion_at_a_time() {
        let mut filters = RequestFilters::default();
        filters.add("decodes", true, repeating(1_000));
        filters.add("decodes", true, repeating(1_000));
        let (out, most) = passed(&mut filters, &[b"abc"], &mut Facts::default());
        assert_eq!(out.unwrap().len(), 3_000_000);
        assert!(most <= 2 * PORTION, "{most}");
        assert!(filters.stages.iter().all(|stage| stage.input.capacity() <= 2 * PORTION));
    }

    #[test]
    fn whoever_refuses_is_named_be_it_at_the_end() {
        for text in ["ax", "aX"] {
            let mut filters = RequestFilters::default();
            filters.add("decodes", true, repeating(1));
            filters.add("looks", false, repeating(1));
            let (out, _) = passed(&mut filters, &[text.as_bytes()], &mut Facts::default());
            assert_eq!(out, Err("decodes"), "{text}");
        }
    }

    #[test]
    fn who_only_watches_changes_nothing_and_refuses_nobody() {
        for text in ["abc", "axbc", "abX"] {
            let mut filters = RequestFilters::default();
            let mut facts = Facts::default();
            filters.add("looks", false, repeating(2));
            filters.add("watches", true, repeating(100_000));
            filters.watch_all_but(1);
            let (out, _) = passed(&mut filters, &[text.as_bytes()], &mut facts);
            let text = text.as_bytes();
            match out {
                Ok(out) => assert_eq!(out, text.iter().flat_map(|byte| [*byte; 2]).collect::<Vec<_>>()),
                Err(by) => assert_eq!(by, "looks"),
            }
            assert_eq!(filters.decoded(), None);
            assert_eq!(facts.shadowed.len(), usize::from(text != b"abc"));
        }
    }

    proptest! {
        #[test]
        fn the_same_comes_out_however_it_is_cut(text in "[a-w]{0,40}", times in 1_usize..4_000, cut in 0_usize..40) {
            let mut filters = RequestFilters::default();
            filters.add("a", true, repeating(times));
            filters.add("b", false, repeating(2));
            let (front, back) = text.as_bytes().split_at(cut.min(text.len()));
            let (out, _) = passed(&mut filters, &[front, back], &mut Facts::default());
            let want: Vec<u8> = text.bytes().flat_map(|byte| std::iter::repeat_n(byte, 2 * times)).collect();
            prop_assert!(out == Ok(want));
        }
    }
}
