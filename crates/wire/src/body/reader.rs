//! Reads a body of either side out of a buffer, in place.

use std::fmt;

use super::Framing;
use super::chunk::{Found, SizeLine, size_line};
use super::trailers::trailer_line;

/// What is wrong with a body. The connection cannot be used again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadBody {
    /// A chunk size is no hexadecimal number, or too long.
    Size,
    /// A chunk's extensions are too long or hold control characters.
    Extension,
    /// A line of the framing ends in LF alone, or a CR is not followed by LF.
    LineEnd,
    /// The data of a chunk is not followed by CR LF.
    ChunkEnd,
    /// A trailer line is not a field line.
    Trailer,
    /// There are too many trailers, or too long ones.
    TrailersTooLarge,
    /// The peer closed before the body's end.
    Truncated,
}

impl BadBody {
    /// What was wrong, in a sentence that repeats nothing of the input.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            BadBody::Size => "a chunk size is not a hexadecimal number of at most 16 digits",
            BadBody::Extension => "a chunk extension is too long or holds a character not allowed there",
            BadBody::LineEnd => "a chunk's line does not end in CR LF",
            BadBody::ChunkEnd => "the data of a chunk is not followed by CR LF",
            BadBody::Trailer => "a trailer line is not a field line",
            BadBody::TrailersTooLarge => "the trailers are too many or too large",
            BadBody::Truncated => "the connection was closed before the end of the body",
        }
    }
}

impl fmt::Display for BadBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl std::error::Error for BadBody {}

/// What the bytes at the cursor are. In each case the caller first moves its cursor by `skip`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// After `skip` bytes of framing there are `len` bytes of payload, at least one. The caller takes any part of
    /// them, moves its cursor past it and says so with [`BodyReader::consumed`].
    Data {
        /// Bytes of framing to drop.
        skip: usize,
        /// Bytes of payload after them.
        len: usize,
    },
    /// More bytes are needed. What is left after `skip` must stay in the buffer before them; it is never more
    /// than one line of framing, at most 8 KiB.
    More {
        /// Bytes of framing to drop.
        skip: usize,
    },
    /// The body has ended; what follows is the next message.
    Done {
        /// Bytes of framing to drop.
        skip: usize,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Payload with a declared length; so much is left.
    Length(u64),
    UntilClose,
    /// Before a line with a chunk's size.
    Size,
    /// In a chunk; so much is left of it, never zero.
    Chunk(u64),
    /// Before the line end that closes a chunk's data.
    ChunkEnd,
    Trailers,
    Done,
    Failed(BadBody),
}

/// Reads one body. The caller holds a buffer with a cursor and goes round this loop:
///
/// ```
/// use sekisho_wire::{BodyReader, Framing, Step};
/// let buffer = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\nGET";
/// let (mut at, mut body) = (0, Vec::new());
/// let mut reader = BodyReader::new(Framing::Chunked);
/// loop {
///     match reader.next(&buffer[at..])? {
///         Step::Data { skip, len } => {
///             at += skip;
///             body.extend_from_slice(&buffer[at..at + len]);
///             reader.consumed(len);
///             at += len;
///         }
///         Step::More { skip: _ } => unreachable!("here one would read more"),
///         Step::Done { skip } => break at += skip,
///     }
/// }
/// assert_eq!((&body[..], &buffer[at..]), (&b"abcde"[..], &b"GET"[..]));
/// # Ok::<(), sekisho_wire::BadBody>(())
/// ```
#[derive(Clone, Debug)]
pub struct BodyReader {
    state: State,
    /// Bytes of chunk extensions seen so far.
    extensions: usize,
    trailers: Vec<u8>,
    trailer_lines: usize,
}

impl BodyReader {
    /// A reader at the start of a body.
    #[must_use]
    pub fn new(framing: Framing) -> BodyReader {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Size,
            Framing::UntilClose => State::UntilClose,
        };
        BodyReader { state, extensions: 0, trailers: Vec::new(), trailer_lines: 0 }
    }

    /// Looks at the bytes from the cursor on and says what they are. Framing that is skipped has been
    /// understood and will not be looked at again, so the caller must drop it.
    ///
    /// # Errors
    /// [`BadBody`], as soon as the wrong byte is there; and the same again ever after.
    #[inline]
    pub fn next(&mut self, bytes: &[u8]) -> Result<Step, BadBody> {
        let left = match self.state {
            State::Length(left) | State::Chunk(left) => left,
            State::UntilClose => u64::MAX,
            State::Done => return Ok(Step::Done { skip: 0 }),
            _ => return self.framing(bytes),
        };
        Ok(match at_most(left, bytes.len()) {
            0 => Step::More { skip: 0 },
            len => Step::Data { skip: 0, len },
        })
    }

    /// Says that `n` bytes of the payload last announced were taken. More than was announced counts as all.
    #[inline]
    pub fn consumed(&mut self, n: usize) {
        let n = n as u64;
        match &mut self.state {
            State::Length(left) if *left > n => *left -= n,
            State::Length(_) => self.state = State::Done,
            State::Chunk(left) if *left > n => *left -= n,
            State::Chunk(_) => self.state = State::ChunkEnd,
            _ => {}
        }
    }

    /// Whether the body has ended. With [`Framing::Length`] this is known without another
    /// [`next`](BodyReader::next), as soon as the last byte was taken.
    #[inline]
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes still to come, where a length was declared or the body has ended.
    #[must_use]
    pub fn remaining_length(&self) -> Option<u64> {
        match self.state {
            State::Length(left) => Some(left),
            State::Done => Some(0),
            _ => None,
        }
    }

    /// Says that the peer closed its side.
    ///
    /// # Errors
    /// [`BadBody::Truncated`] if the body had not ended and was not one that ends so.
    pub fn end(&mut self) -> Result<(), BadBody> {
        match self.state {
            State::Done => Ok(()),
            State::UntilClose => {
                self.state = State::Done;
                Ok(())
            }
            State::Failed(bad) => Err(bad),
            _ => Err(self.fail(BadBody::Truncated)),
        }
    }

    /// After the end of a chunked body: its trailer lines, each a checked `Name: value` with CR LF, at most
    /// 8 KiB and 100 lines. Before, those seen so far.
    #[must_use]
    pub fn trailers(&self) -> &[u8] {
        &self.trailers
    }

    fn fail(&mut self, bad: BadBody) -> BadBody {
        self.state = State::Failed(bad);
        bad
    }

    /// Walks framing until payload, the end, or the end of the bytes.
    fn framing(&mut self, bytes: &[u8]) -> Result<Step, BadBody> {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            let used = match self.state {
                State::Chunk(left) => {
                    return Ok(match at_most(left, rest.len()) {
                        0 => Step::More { skip: at },
                        len => Step::Data { skip: at, len },
                    });
                }
                State::Done => return Ok(Step::Done { skip: at }),
                State::Failed(bad) => return Err(bad),
                State::Size => self.size(rest),
                State::ChunkEnd => self.chunk_end(rest),
                State::Trailers => self.trailer(rest),
                State::Length(_) | State::UntilClose => Ok(Found::Partial),
            };
            match used {
                Ok(Found::Whole(len)) => at += len,
                Ok(Found::Partial) => return Ok(Step::More { skip: at }),
                Err(bad) => return Err(self.fail(bad)),
            }
        }
    }

    fn size(&mut self, bytes: &[u8]) -> Result<Found<usize>, BadBody> {
        let Found::Whole(SizeLine { size, extension, len }) = size_line(bytes)? else {
            return Ok(Found::Partial);
        };
        self.extensions += extension;
        if self.extensions > EXTENSIONS_MAX {
            return Err(BadBody::Extension);
        }
        self.state = if size == 0 { State::Trailers } else { State::Chunk(size) };
        Ok(Found::Whole(len))
    }

    fn chunk_end(&mut self, bytes: &[u8]) -> Result<Found<usize>, BadBody> {
        match bytes {
            [b'\r', b'\n', ..] => {
                self.state = State::Size;
                Ok(Found::Whole(2))
            }
            [] | [b'\r'] => Ok(Found::Partial),
            _ => Err(BadBody::ChunkEnd),
        }
    }

    fn trailer(&mut self, bytes: &[u8]) -> Result<Found<usize>, BadBody> {
        let room = TRAILERS_MAX - self.trailers.len();
        match trailer_line(bytes, room)? {
            Found::Partial => Ok(Found::Partial),
            Found::Whole(2) => {
                self.state = State::Done;
                Ok(Found::Whole(2))
            }
            Found::Whole(len) => {
                self.trailer_lines += 1;
                if self.trailer_lines > TRAILER_LINES_MAX {
                    return Err(BadBody::TrailersTooLarge);
                }
                self.trailers.extend_from_slice(&bytes[..len]);
                Ok(Found::Whole(len))
            }
        }
    }
}

/// Most bytes of chunk extensions in one body: enough for any real use, too little to hide a flood in.
const EXTENSIONS_MAX: usize = 8 * 1024;
/// Most bytes of trailer lines.
const TRAILERS_MAX: usize = 8 * 1024;
/// Most trailer lines.
const TRAILER_LINES_MAX: usize = 100;

#[inline]
fn at_most(left: u64, len: usize) -> usize {
    usize::try_from(left).map_or(len, |left| left.min(len))
}

#[cfg(test)]
mod tests;
