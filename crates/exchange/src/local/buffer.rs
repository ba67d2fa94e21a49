//! Read buffers, and the stash that each worker keeps of them.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// Bytes of a read buffer: a request's or response's head and a small body arrive in one read.
pub const SMALL: usize = 16 * 1024;
/// Bytes of a relay buffer, taken once a body proves to be large.
pub const LARGE: usize = 256 * 1024;
/// Buffers of each size that a worker keeps for later.
const KEPT_SMALL: usize = 128;
const KEPT_LARGE: usize = 16;

/// A read buffer: filled at the end, consumed at the front. Without capacity until it is given some.
#[derive(Default)]
pub struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// A buffer of `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { bytes: vec![0; capacity].into_boxed_slice(), start: 0, end: 0 }
    }

    /// The bytes read and not yet consumed.
    pub fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether nothing is left to consume.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Bytes that it can hold in all.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Whether a read has room, possibly after the rest is moved to the front.
    pub fn has_room(&self) -> bool {
        self.end - self.start < self.bytes.len()
    }

    /// Drops the first `count` bytes; `count` is at most what [`Buffer::data`] holds.
    pub fn consume(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.end, "consumed more than was there");
        if self.start >= self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// Appends `bytes`, growing as needed.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        if self.bytes.len() - self.end < bytes.len() {
            let mut larger = vec![0; (self.end + bytes.len()).next_power_of_two()];
            larger[..self.end].copy_from_slice(&self.bytes[..self.end]);
            self.bytes = larger.into_boxed_slice();
        }
        self.bytes[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    /// Moves what is left into `other`, which must be empty and at least as large.
    pub fn move_into(&mut self, other: &mut Self) {
        other.clear();
        other.extend(self.data());
        self.clear();
    }

    /// Reads once; gives the number of bytes that came, 0 at the end of the stream.
    ///
    /// The caller makes sure that there is room: a full buffer would read as the end of the stream.
    pub fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.make_room(1);
        debug_assert!(self.end < self.bytes.len(), "reading into a full buffer");
        let mut free = ReadBuf::new(&mut self.bytes[self.end..]);
        ready!(Pin::new(stream).poll_read(cx, &mut free))?;
        let count = free.filled().len();
        self.end += count;
        Poll::Ready(Ok(count))
    }

    /// Moves the data to the front if fewer than `wanted` bytes are free behind it.
    fn make_room(&mut self, wanted: usize) {
        if self.start > 0 && self.bytes.len() - self.end < wanted {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }
}

/// A worker's spare buffers, so that busy connections reuse warm ones and idle connections own none.
#[derive(Default)]
pub struct Stash {
    small: RefCell<Vec<Buffer>>,
    large: RefCell<Vec<Buffer>>,
}

impl Stash {
    /// An empty read buffer of [`SMALL`] bytes.
    pub fn small(&self) -> Buffer {
        self.small.borrow_mut().pop().unwrap_or_else(|| Buffer::with_capacity(SMALL))
    }

    /// An empty relay buffer of [`LARGE`] bytes.
    pub fn large(&self) -> Buffer {
        self.large.borrow_mut().pop().unwrap_or_else(|| Buffer::with_capacity(LARGE))
    }

    /// Takes the buffer in `place` back, if there is one.
    pub fn take_back(&self, place: &mut Buffer) {
        if place.capacity() > 0 {
            self.give_back(std::mem::take(place));
        }
    }

    /// Takes a buffer back; one of an unusual size, or one too many, is freed.
    pub fn give_back(&self, mut buffer: Buffer) {
        buffer.clear();
        let (kept, most) = match buffer.capacity() {
            SMALL => (&self.small, KEPT_SMALL),
            LARGE => (&self.large, KEPT_LARGE),
            _ => return,
        };
        let mut kept = kept.borrow_mut();
        if kept.len() < most {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumes_from_the_front_and_starts_over_when_empty() {
        let mut buffer = Buffer::with_capacity(8);
        buffer.extend(b"abcdef");
        buffer.consume(4);
        assert_eq!(buffer.data(), b"ef");
        buffer.extend(b"ghijkl");
        assert_eq!(buffer.data(), b"efghijkl");
        assert_eq!(buffer.capacity(), 8, "the data was moved to the front instead of growing");
        buffer.consume(8);
        assert!(buffer.is_empty());
    }

    #[test]
    fn the_stash_keeps_only_its_own_sizes() {
        let stash = Stash::default();
        let mut buffer = stash.small();
        buffer.extend(b"left over");
        stash.give_back(buffer);
        stash.give_back(Buffer::with_capacity(77));
        assert_eq!(stash.small.borrow().len(), 1);
        assert!(stash.small().is_empty());
        assert_eq!(stash.large().capacity(), LARGE);
    }
}
