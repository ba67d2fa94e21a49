//! One coding of a body on its way, held to its bounds.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::AtomicUsize;

use sekisho_exchange::{Reply, RequestFilter, Taken};

use super::codec::Codec;
use crate::share::Share;

/// So many bytes of a plain body are not held to the ratio: what is small may be monotonous.
const SMALL: u64 = 1024 * 1024;

/// Bytes that all decoders hold.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// How far decoding may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Most bytes that may come out.
    pub(super) max: Option<u64>,
    /// How many times as many as came in.
    pub(super) ratio: Option<u32>,
    /// Bytes that all decoders may hold at once.
    pub(super) memory: usize,
}

/// What came from the client.
#[derive(Debug, Default)]
pub(super) struct Tally(Cell<u64>);

/// A coding that is taken off a body.
pub(super) struct Decoder {
    codec: Codec,
    bounds: Bounds,
    /// Bytes as they came, before all codings.
    tally: Rc<Tally>,
    /// Whether it is the first, which takes them.
    first: bool,
    /// Bytes that have gone in and come out.
    taken: u64,
    given: u64,
    share: Share,
}

impl Decoder {
    /// The next for the body that `tally` is of.
    pub(super) fn new(codec: Codec, bounds: Bounds, tally: &Rc<Tally>) -> Self {
        let first = Rc::strong_count(tally) == 1;
        let (tally, share) = (Rc::clone(tally), Share::of(&HELD));
        Self { codec, bounds, tally, first, taken: 0, given: 0, share }
    }

    fn check(&mut self) -> Result<(), Box<Reply>> {
        if let Some(max) = self.bounds.max.filter(|max| self.given > *max) {
            return Err(Box::new(Reply::body_too_large(max)));
        }
        if let Some(ratio) = self.bounds.ratio
            && self.given > SMALL
            && self.given > self.tally.0.get().saturating_mul(ratio.into())
        {
            return Err(Box::new(Reply::decompression_bomb(ratio)));
        }
        if !self.share.is_within(self.codec.holds(self.given), self.bounds.memory) {
            return Err(Box::new(Reply::overloaded("", 1, "decompress_memory")));
        }
        Ok(())
    }
}

impl RequestFilter for Decoder {
    fn take(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Taken, Box<Reply>> {
        let before = out.len();
        let step = self.codec.step(piece, out).map_err(|bad| Reply::bad_encoding(bad.reason()))?;
        self.taken += step.bytes as u64;
        if self.first {
            self.tally.0.set(self.taken);
        }
        self.given += (out.len() - before) as u64;
        self.check()?;
        Ok(step)
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<(), Box<Reply>> {
        // Nothing at all is an empty body, as it is with a length of zero.
        if self.taken > 0 && !self.codec.is_at_end() {
            return Err(Box::new(Reply::bad_encoding("truncated_content_coding")));
        }
        Ok(())
    }
}
