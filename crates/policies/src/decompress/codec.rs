//! The decoders, one interface over three libraries. Whatever goes in, a step gives a bounded number of bytes.

use std::cell::Cell;
use std::rc::Rc;

use brotli::{
    Allocator, BrotliDecompressStream, BrotliResult, BrotliState, HeapAlloc, HuffmanCode, SliceWrapper as _,
};
use flate2::{Decompress, FlushDecompress, Status};
use sekisho_exchange::{PORTION, Taken};
use zstd::stream::raw::{DParameter, Decoder as Frames, InBuffer, Operation, OutBuffer};

use super::Coding;
use super::gzip::Gzip;

/// Bytes that Zstandard may look back at, as a power of two: more is not to be asked of who decodes HTTP (RFC 9659).
const WINDOW: u32 = 23;
/// What Deflate takes: its window, tables and state.
const INFLATE: usize = 48 * 1024;
/// What Zstandard takes beside its window: tables, state and a block.
const FRAMES: usize = 256 * 1024;

/// One decoder, in the middle of a body.
pub(super) enum Codec {
    Gzip(Box<Gzip>),
    Deflate(Deflate),
    Brotli(Box<Brotli>),
    Zstd(Zstd),
}

/// What is wrong with a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bad {
    /// It is not in the coding.
    Malformed,
    /// Something comes behind its end.
    Behind,
}

impl Bad {
    /// For the log.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "malformed_content_coding",
            Self::Behind => "bytes_behind_content_coding",
        }
    }
}

impl Codec {
    /// A decoder at the beginning of a body. `None` if there is no memory for one.
    pub(super) fn new(coding: Coding) -> Option<Self> {
        Some(match coding {
            Coding::Gzip => Self::Gzip(Box::default()),
            Coding::Deflate => Self::Deflate(Deflate::Unknown(None)),
            Coding::Br => Self::Brotli(Box::default()),
            Coding::Zstd => Self::Zstd(Zstd::new()?),
        })
    }

    /// Takes of `piece`, and appends what comes out, [`PORTION`] bytes at most.
    pub(super) fn step(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Taken, Bad> {
        let before = out.len();
        // A library may note that something has ended and do nothing else, but one that never does anything would be asked for ever.
        for _ in 0..3 {
            let taken = match self {
                Self::Gzip(gzip) => gzip.step(piece, out),
                Self::Deflate(deflate) => deflate.step(piece, out),
                Self::Brotli(brotli) => brotli.step(piece, out),
                Self::Zstd(zstd) => zstd.step(piece, out),
            }?;
            if taken.bytes > 0 || out.len() > before || piece.is_empty() && !taken.more {
                return Ok(taken);
            }
        }
        Err(Bad::Malformed)
    }

    /// Whether the body may end here.
    pub(super) fn is_at_end(&self) -> bool {
        match self {
            Self::Gzip(gzip) => gzip.is_at_end(),
            Self::Deflate(deflate) => matches!(deflate, Deflate::Ended),
            Self::Brotli(brotli) => brotli.ended,
            Self::Zstd(zstd) => !zstd.open,
        }
    }

    /// Bytes of memory that it holds after it has given so many.
    pub(super) fn holds(&self, given: u64) -> usize {
        match self {
            Self::Gzip(_) | Self::Deflate(_) => INFLATE,
            Self::Brotli(brotli) => size_of::<State>() + brotli.held.get(),
            // Its window is asked for at once, but the system gives what is written to.
            Self::Zstd(_) => FRAMES + given.min(1 << WINDOW) as usize,
        }
    }
}

/// The zlib format, or bare Deflate.
pub(super) enum Deflate {
    /// Which of them its first two bytes tell; the first, if it is here.
    Unknown(Option<u8>),
    Body(Box<Decompress>),
    Ended,
}

impl Deflate {
    fn step(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Taken, Bad> {
        match self {
            Self::Body(body) => {
                let (taken, ended) = inflate(body, piece, out)?;
                if ended {
                    *self = Self::Ended;
                }
                Ok(taken)
            }
            Self::Unknown(first) => {
                let Some(byte) = piece.first() else { return Ok(Taken { bytes: 0, more: false }) };
                let Some(first) = *first else {
                    *self = Self::Unknown(Some(*byte));
                    return Ok(Taken { bytes: 1, more: false });
                };
                let head = [first, *byte];
                // RFC 1950 §2.2: the method, the window, and a check of both bytes.
                let zlib = first & 0x8f == 8 && u16::from_be_bytes(head).is_multiple_of(31);
                let mut body = Box::new(Decompress::new(zlib));
                let (taken, ended) = inflate(&mut body, &head, out)?;
                *self = if ended { Self::Ended } else { Self::Body(body) };
                // The end in the first byte would leave the second behind it.
                if taken.bytes == 2 { Ok(Taken { bytes: 1, ..taken }) } else { Err(Bad::Behind) }
            }
            Self::Ended if piece.is_empty() => Ok(Taken { bytes: 0, more: false }),
            Self::Ended => Err(Bad::Behind),
        }
    }
}

/// A step of `body`, and whether it is at its end.
pub(super) fn inflate(body: &mut Decompress, piece: &[u8], out: &mut Vec<u8>) -> Result<(Taken, bool), Bad> {
    out.reserve(PORTION);
    let before = body.total_in();
    let status = body.decompress_vec(piece, out, FlushDecompress::None).map_err(|_| Bad::Malformed)?;
    let ended = status == Status::StreamEnd;
    let more = !ended && out.len() == out.capacity();
    Ok((Taken { bytes: (body.total_in() - before) as usize, more }, ended))
}

/// Zstandard: frames, one behind another.
pub(super) struct Zstd {
    frames: Frames<'static>,
    /// Whether a frame is at hand in part.
    open: bool,
}

impl Zstd {
    fn new() -> Option<Self> {
        let mut frames = Frames::new().ok()?;
        frames.set_parameter(DParameter::WindowLogMax(WINDOW)).ok()?;
        Some(Self { frames, open: false })
    }

    fn step(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Taken, Bad> {
        if piece.is_empty() && !self.open {
            return Ok(Taken { bytes: 0, more: false });
        }
        out.reserve(PORTION);
        let at = out.len();
        let mut input = InBuffer::around(piece);
        let mut output = OutBuffer::around_pos(out, at);
        let left = self.frames.run(&mut input, &mut output).map_err(|_| Bad::Malformed)?;
        self.open = left > 0;
        let bytes = input.pos();
        Ok(Taken { bytes, more: self.open && out.len() == out.capacity() })
    }
}

type State = BrotliState<Counted<u8>, Counted<u32>, Counted<HuffmanCode>>;

/// Brotli, which asks for its window as the body's head says, be it for nothing.
pub(super) struct Brotli {
    state: State,
    held: Rc<Cell<usize>>,
    ended: bool,
}

impl Default for Brotli {
    fn default() -> Self {
        let held = Rc::new(Cell::new(0));
        // Without the windows of up to 1 GiB that are not of RFC 7932.
        let state = State::new_strict(Counted::new(&held), Counted::new(&held), Counted::new(&held));
        Self { state, held, ended: false }
    }
}

impl Brotli {
    fn step(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Taken, Bad> {
        if self.ended {
            return if piece.is_empty() { Ok(Taken { bytes: 0, more: false }) } else { Err(Bad::Behind) };
        }
        let at = out.len();
        out.resize(at + PORTION, 0);
        let (mut left, mut bytes, mut room, mut given, mut total) = (piece.len(), 0, PORTION, 0, 0);
        let (place, state) = (&mut out[at..], &mut self.state);
        let result = BrotliDecompressStream(
            &mut left, &mut bytes, piece, &mut room, &mut given, place, &mut total, state,
        );
        out.truncate(at + given);
        match result {
            BrotliResult::ResultSuccess => self.ended = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultFailure => return Err(Bad::Malformed),
        }
        Ok(Taken { bytes, more: matches!(result, BrotliResult::NeedsMoreOutput) })
    }
}

/// Counts what a decoder asks for.
struct Counted<T: Clone> {
    inner: HeapAlloc<T>,
    held: Rc<Cell<usize>>,
}

impl<T: Clone + Default> Counted<T> {
    fn new(held: &Rc<Cell<usize>>) -> Self {
        Self { inner: HeapAlloc::new(T::default()), held: Rc::clone(held) }
    }
}

impl<T: Clone + Default> Allocator<T> for Counted<T> {
    type AllocatedMemory = <HeapAlloc<T> as Allocator<T>>::AllocatedMemory;

    fn alloc_cell(&mut self, len: usize) -> Self::AllocatedMemory {
        self.held.set(self.held.get() + len * size_of::<T>());
        self.inner.alloc_cell(len)
    }

    fn free_cell(&mut self, data: Self::AllocatedMemory) {
        self.held.set(self.held.get().saturating_sub(size_of_val(data.slice())));
        self.inner.free_cell(data);
    }
}
