//! The compressors, one interface over three libraries, and those that wait for the next answer.

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::sync::atomic::AtomicUsize;

use flate2::{Compress, Compression, FlushCompress, Status};
use sekisho_exchange::Filter;
use zstd::stream::raw::{CParameter, Encoder as Frames, InBuffer, Operation, OutBuffer};

use super::choose::Coding;
use crate::share::Share;

/// Bytes that are looked back at, as a power of two: enough for answers of an API, and a bound on what one answer may hold in memory.
const WINDOW: u32 = 17;
/// The largest that Gzip has.
const GZIP_WINDOW: u8 = 15;
/// Compressors that a worker keeps of each kind: making one costs more than a small answer.
const IDLE: usize = 8;
/// Room that is made for what comes out.
const ROOM: usize = 4 * 1024;

/// Bytes that the compressors of all answers under way hold.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// One answer's compressor. It is a filter, and goes back to its worker's idle ones when the answer is over.
pub(super) struct Encoder {
    kind: Option<Kind>,
    level: u8,
    _share: Share,
}

enum Kind {
    Gzip(Box<Compress>),
    Zstd(Box<Frames<'static>>),
    /// Cannot be used again.
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
}

thread_local! {
    /// With their levels. A worker is a thread.
    static WAITING: RefCell<Vec<(u8, Kind)>> = const { RefCell::new(Vec::new()) };
}

impl Encoder {
    /// A compressor at the beginning of a body. `None` if there is no memory for one, of which all together may take so much.
    pub(super) fn new(coding: Coding, level: u8, memory: usize) -> Option<Self> {
        let mut share = Share::of(&HELD);
        if !share.is_within(cost(coding, level), memory) {
            return None;
        }
        let kind = match waiting(coding, level) {
            Some(kind) => kind,
            None => Kind::new(coding, level).ok()?,
        };
        Some(Self { kind: Some(kind), level, _share: share })
    }
}

/// Bytes that a compressor takes, as measured, and somewhat more.
pub(super) const fn cost(coding: Coding, level: u8) -> usize {
    1024 * match (coding, level) {
        (Coding::Gzip, _) => 768,
        (Coding::Zstd, ..=2) => 1_536,
        (Coding::Zstd, ..=4) => 2_048,
        (Coding::Zstd, _) => 4_096,
        (Coding::Br, ..=1) => 1_024,
        (Coding::Br, ..=4) => 3_584,
        (Coding::Br, ..=6) => 6_144,
        // Tables that double with each level.
        (Coding::Br, 7) => 16_384,
        (Coding::Br, 8) => 24_576,
        (Coding::Br, 9) => 40_960,
        (Coding::Br, _) => 24_576,
    }
}

/// One that waits, ready for a new body.
fn waiting(coding: Coding, level: u8) -> Option<Kind> {
    let taken = WAITING.with_borrow_mut(|all| {
        let at = all.iter().position(|(own, kind)| *own == level && kind.coding() == coding)?;
        Some(all.swap_remove(at).1)
    });
    taken.and_then(Kind::renewed)
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let Some(kind) = self.kind.take() else { return };
        if kind.coding() == Coding::Br {
            return;
        }
        WAITING.with_borrow_mut(|all| {
            let alike = all.iter().filter(|(_, other)| other.coding() == kind.coding()).count();
            if alike < IDLE {
                all.push((self.level, kind));
            } else if let Some(oldest) = all.iter().position(|(_, other)| other.coding() == kind.coding()) {
                // Levels change with the configuration: those that nobody asks for any more make room.
                all.remove(oldest);
                all.push((self.level, kind));
            }
        });
    }
}

impl Kind {
    fn new(coding: Coding, level: u8) -> io::Result<Self> {
        Ok(match coding {
            Coding::Gzip => {
                Self::Gzip(Box::new(Compress::new_gzip(Compression::new(level.into()), GZIP_WINDOW)))
            }
            Coding::Zstd => {
                let mut frames = Frames::new(level.into())?;
                frames.set_parameter(CParameter::WindowLog(WINDOW))?;
                // Tables as the library has them for inputs of this window's size: its own choice is for endless ones, and takes up to 80 MiB.
                let (hash, chain) = match level {
                    ..=1 => (13, 12),
                    2 => (15, 13),
                    3 => (16, 15),
                    4..=11 => (17, 17),
                    _ => (17, 18),
                };
                frames.set_parameter(CParameter::HashLog(hash))?;
                frames.set_parameter(CParameter::ChainLog(chain))?;
                Self::Zstd(Box::new(frames))
            }
            Coding::Br => {
                let params = brotli::enc::BrotliEncoderParams {
                    quality: level.into(),
                    lgwin: WINDOW as i32,
                    ..Default::default()
                };
                Self::Brotli(Box::new(brotli::CompressorWriter::with_params(Vec::new(), ROOM, &params)))
            }
        })
    }

    fn coding(&self) -> Coding {
        match self {
            Self::Gzip(_) => Coding::Gzip,
            Self::Zstd(_) => Coding::Zstd,
            Self::Brotli(_) => Coding::Br,
        }
    }

    /// The same, for a new body.
    fn renewed(mut self) -> Option<Self> {
        match &mut self {
            Self::Gzip(gzip) => gzip.reset(),
            Self::Zstd(frames) => frames.reinit().ok()?,
            Self::Brotli(_) => return None,
        }
        Some(self)
    }
}

/// What a compressor is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    More,
    Pause,
    End,
}

impl Encoder {
    fn step(&mut self, piece: &[u8], until: Until, out: &mut Vec<u8>) {
        let done = match &mut self.kind {
            Some(Kind::Gzip(gzip)) => deflate(gzip, piece, until, out),
            Some(Kind::Zstd(frames)) => frame(frames, piece, until, out),
            Some(Kind::Brotli(writer)) => {
                let written = writer.write_all(piece).and_then(|()| match until {
                    Until::Pause => writer.flush(),
                    Until::More | Until::End => Ok(()),
                });
                out.append(writer.get_mut());
                if until == Until::End
                    && let Some(Kind::Brotli(writer)) = self.kind.take()
                {
                    out.append(&mut writer.into_inner());
                }
                written
            }
            None => Ok(()),
        };
        // They fail for want of memory only, which ends the process before.
        debug_assert!(done.is_ok(), "{done:?}");
    }
}

fn deflate(gzip: &mut Compress, mut piece: &[u8], until: Until, out: &mut Vec<u8>) -> io::Result<()> {
    let flush = match until {
        Until::More => FlushCompress::None,
        Until::Pause => FlushCompress::Sync,
        Until::End => FlushCompress::Finish,
    };
    loop {
        out.reserve(ROOM);
        let before = gzip.total_in();
        let status = gzip.compress_vec(piece, out, flush).map_err(io::Error::other)?;
        piece = &piece[(gzip.total_in() - before) as usize..];
        let has_room = out.len() < out.capacity();
        match until {
            Until::End if status == Status::StreamEnd => return Ok(()),
            Until::More | Until::Pause if piece.is_empty() && has_room => return Ok(()),
            _ => {}
        }
    }
}

fn frame(frames: &mut Frames<'_>, piece: &[u8], until: Until, out: &mut Vec<u8>) -> io::Result<()> {
    let mut input = InBuffer::around(piece);
    loop {
        out.reserve(ROOM);
        let at = out.len();
        let mut output = OutBuffer::around_pos(out, at);
        let left = if input.pos() < piece.len() {
            frames.run(&mut input, &mut output)?;
            usize::from(input.pos() < piece.len() || until != Until::More)
        } else {
            match until {
                Until::More => 0,
                Until::Pause => frames.flush(&mut output)?,
                Until::End => frames.finish(&mut output, true)?,
            }
        };
        if left == 0 {
            return Ok(());
        }
    }
}

impl Filter for Encoder {
    fn take(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.step(piece, Until::More, out);
    }

    fn pause(&mut self, out: &mut Vec<u8>) {
        self.step(&[], Until::Pause, out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.step(&[], Until::End, out);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    pub(in super::super) fn expanded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        let mut decoder: Box<dyn Read> = match coding {
            Coding::Gzip => Box::new(flate2::read::GzDecoder::new(bytes)),
            Coding::Zstd => Box::new(zstd::stream::read::Decoder::new(bytes).unwrap()),
            Coding::Br => Box::new(brotli::Decompressor::new(bytes, 4096)),
        };
        io::copy(&mut decoder, &mut plain).unwrap();
        plain
    }

    const ALL: [(Coding, u8); 3] = [(Coding::Gzip, 6), (Coding::Zstd, 3), (Coding::Br, 4)];

    proptest! {
        /// With the same compressors over and over, some of them given up in the middle of a body.
        #[test]
        fn whatever_goes_in_comes_out_again(
            pieces in prop::collection::vec((prop::collection::vec(0_u8..4, 0..3_000), any::<bool>()), 0..8),
            given_up in any::<bool>(),
        ) {
            for (coding, level) in ALL {
                let mut encoder = Encoder::new(coding, level, usize::MAX).unwrap();
                let (mut plain, mut out) = (Vec::new(), Vec::new());
                for (piece, pause) in &pieces {
                    encoder.take(piece, &mut out);
                    plain.extend_from_slice(piece);
                    if *pause {
                        encoder.pause(&mut out);
                    }
                }
                if given_up {
                    continue;
                }
                encoder.end(&mut out);
                prop_assert_eq!(expanded(coding, &out), plain);
            }
        }
    }

    #[test]
    fn after_a_pause_all_that_was_taken_can_be_read() {
        for (coding, level) in ALL {
            let mut encoder = Encoder::new(coding, level, usize::MAX).unwrap();
            let mut out = Vec::new();
            encoder.take(b"an event", &mut out);
            encoder.pause(&mut out);
            let mut read = vec![0; 8];
            let read_some: Box<dyn Read> = match coding {
                Coding::Gzip => Box::new(flate2::read::GzDecoder::new(&out[..])),
                Coding::Zstd => Box::new(zstd::stream::read::Decoder::new(&out[..]).unwrap()),
                Coding::Br => Box::new(brotli::Decompressor::new(&out[..], 4096)),
            };
            let mut reader = read_some;
            reader.read_exact(&mut read).unwrap();
            assert_eq!(read, b"an event", "{coding:?}");
        }
    }

    #[test]
    fn no_more_wait_than_a_worker_may_keep() {
        std::thread::spawn(|| {
            let many: Vec<_> = (1..=9)
                .flat_map(|level| {
                    [Coding::Gzip, Coding::Zstd].map(|coding| Encoder::new(coding, level, usize::MAX))
                })
                .collect();
            drop(many);
            assert_eq!(WAITING.with_borrow(Vec::len), 2 * IDLE);
            let again = Encoder::new(Coding::Gzip, 9, usize::MAX).unwrap();
            assert_eq!(WAITING.with_borrow(Vec::len), 2 * IDLE - 1, "the newest are kept and used again");
            drop(again);
        })
        .join()
        .unwrap();
    }
}
