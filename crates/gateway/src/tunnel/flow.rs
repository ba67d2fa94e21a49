//! One direction of a tunnel.

use std::task::{Context, Poll, ready};

use sekisho_exchange::{Raw, SMALL};
use sekisho_wire::Frames;
use tokio::task::coop::has_budget_remaining;

/// Pieces passed on before the other direction, and other connections, have their turn.
const PIECES: u32 = 16;

/// The bytes from one side to the other. A piece is read when the one before was taken, so each side's pace holds the other.
pub(super) struct Flow {
    state: State,
    /// Whether the side it comes from has ended.
    ended: bool,
    /// What is sent before the end, behind what was read.
    last: Vec<u8>,
    /// Whether the side it goes to may hold back something.
    held: bool,
    /// Whether something may be unread: what was read and could not be passed on at once.
    left: bool,
    /// Whether the last read was a large one.
    large: bool,
    /// Whether the side it comes from is waited for: then it need not be asked before it has something.
    waits: bool,
    /// The frames in it, if it is of a protocol that has known ones.
    frames: Option<Frames>,
    /// Bytes passed on.
    pub(super) bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Whatever comes is passed on.
    Open,
    /// What was read is passed on, and then the end.
    Last,
    /// The end was passed on. What comes nevertheless is dropped, since closing a socket that holds unread bytes resets it.
    Dropping,
    /// Both ends are through.
    Done,
}

/// Which side broke.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Broken {
    /// The one it comes from.
    From,
    /// The one it goes to.
    To,
}

impl Flow {
    pub(super) fn new(frames: Option<Frames>) -> Self {
        // The head of the 101 may still be in line, and the first bytes have come with the service's.
        Self {
            state: State::Open,
            ended: false,
            last: Vec::new(),
            held: true,
            left: true,
            large: false,
            waits: false,
            frames,
            bytes: 0,
        }
    }

    /// Whether the side it goes to has been told the end.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Dropping | State::Done)
    }

    /// Whether nothing is left to do.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Passes on no more than what was read already (`unread`), and then the end: behind a Close frame, if one may stand there.
    pub(super) fn stop(&mut self, unread: &[u8], key: u32) {
        if self.state != State::Open {
            return;
        }
        self.state = State::Last;
        if let Some(mut frames) = self.frames {
            frames.follow(unread);
            self.last = frames.going_away(key);
        }
    }

    /// Passes on what can be passed on now, by way of `space`.
    #[inline]
    pub(super) fn pump<F: Raw, T: Raw>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut F,
        to: &mut T,
        space: &mut [u8],
    ) -> Result<(), Broken> {
        for _ in 0..PIECES {
            let step = match self.state {
                State::Open if !(self.left || self.held || self.large) => self.hand(cx, from, to, space),
                _ => self.step(cx, from, to, space),
            };
            match step {
                Poll::Ready(Ok(())) if self.is_done() => return Ok(()),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(broken)) => return Err(broken),
                Poll::Pending => return Ok(()),
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Hands over the next piece as nearly every one is: nothing is left of the one before, and this one is taken whole.
    #[inline]
    fn hand<F: Raw, T: Raw>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut F,
        to: &mut T,
        space: &mut [u8],
    ) -> Poll<Result<(), Broken>> {
        let Poll::Ready(count) = from.poll_receive(cx, space, &mut self.waits) else { return self.pause() };
        let count = count.map_err(|_| Broken::From)?;
        if count == 0 {
            self.ended = true;
            self.state = State::Last;
            return Poll::Ready(Ok(()));
        }
        self.large = count >= SMALL;
        let put = to.poll_put(cx, &space[..count]).map_err(|_| Broken::To)?;
        let passed = if let Poll::Ready(passed) = put { passed } else { 0 };
        self.passed(&space[..passed], to);
        if passed < count {
            from.keep(&space[passed..count]);
            self.left = true;
        }
        // Nothing is left to do if the next piece is waited for already.
        match self.waits && !self.left && !self.held || put.is_pending() {
            true => Poll::Pending,
            false => Poll::Ready(Ok(())),
        }
    }

    #[inline(never)]
    fn step<F: Raw, T: Raw>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut F,
        to: &mut T,
        space: &mut [u8],
    ) -> Poll<Result<(), Broken>> {
        match self.state {
            State::Open | State::Last if self.left => ready!(self.pass(cx, from, to))?,
            State::Open if !self.large => {
                ready!(self.settle(cx, to))?;
                return self.hand(cx, from, to, space);
            }
            State::Open => {
                ready!(self.settle(cx, to))?;
                let Poll::Ready(more) = from.poll_more(cx, self.waits) else { return self.pause() };
                self.waits = false;
                let count = more.map_err(|_| Broken::From)?;
                self.large = count >= SMALL;
                if count > 0 {
                    self.left = true;
                    return self.pass(cx, from, to);
                }
                self.ended = true;
                self.state = State::Last;
            }
            State::Last if !self.last.is_empty() => {
                let count = ready!(to.poll_put(cx, &self.last)).map_err(|_| Broken::To)?;
                self.last.drain(..count);
                self.held = true;
            }
            State::Last => {
                ready!(self.settle(cx, to))?;
                ready!(to.poll_end(cx)).map_err(|_| Broken::To)?;
                self.state = if self.ended { State::Done } else { State::Dropping };
            }
            State::Dropping => {
                let Poll::Ready(dropped) = from.poll_receive(cx, space, &mut self.waits) else {
                    return self.pause();
                };
                if dropped.map_err(|_| Broken::From)? == 0 {
                    self.state = State::Done;
                }
            }
            State::Done => {}
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for the side it comes from.
    #[inline]
    fn pause(&mut self) -> Poll<Result<(), Broken>> {
        if !self.waits {
            // Pending for having had its turn is no waiting: then nobody will call.
            self.waits = has_budget_remaining();
        }
        Poll::Pending
    }

    /// Sends what was left of a piece, straight from where it was read to.
    fn pass<F: Raw, T: Raw>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut F,
        to: &mut T,
    ) -> Poll<Result<(), Broken>> {
        let unread = from.unread();
        if !unread.is_empty() {
            let count = ready!(to.poll_put(cx, unread)).map_err(|_| Broken::To)?;
            self.passed(&unread[..count], to);
            from.take(count);
        }
        self.left = !from.unread().is_empty();
        Poll::Ready(Ok(()))
    }

    /// Takes note of `bytes`, which the other side has taken.
    #[inline]
    fn passed<T: Raw>(&mut self, bytes: &[u8], to: &T) {
        if let Some(frames) = &mut self.frames {
            frames.follow(bytes);
        }
        self.held = to.holds_back();
        self.bytes += bytes.len() as u64;
    }

    #[inline]
    fn settle<T: Raw>(&mut self, cx: &mut Context<'_>, to: &mut T) -> Poll<Result<(), Broken>> {
        if self.held {
            ready!(to.poll_settle(cx)).map_err(|_| Broken::To)?;
            self.held = false;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::task::Waker;

    use super::*;

    /// A side that sends and takes what the test says.
    #[derive(Default)]
    struct Side {
        sends: Vec<Vec<u8>>,
        ends: bool,
        unread: Vec<u8>,
        takes: usize,
        taken: Vec<u8>,
        ended: bool,
        reads: usize,
        /// Whether it says that the reader is woken once more comes.
        waits: bool,
        /// Whether it holds nothing back.
        settled: bool,
    }

    impl Raw for Side {
        fn holds_back(&self) -> bool {
            !self.settled
        }
        fn unread(&self) -> &[u8] {
            &self.unread
        }
        fn take(&mut self, count: usize) {
            self.unread.drain(..count);
        }
        fn poll_receive(
            &mut self,
            cx: &mut Context<'_>,
            space: &mut [u8],
            waits: &mut bool,
        ) -> Poll<io::Result<usize>> {
            *waits = self.waits;
            let count = ready!(self.poll_more(cx, false))?;
            space[..count].copy_from_slice(&self.unread);
            self.unread.clear();
            Poll::Ready(Ok(count))
        }
        fn keep(&mut self, bytes: &[u8]) {
            assert!(self.unread.is_empty(), "only what came last may be kept");
            self.unread = bytes.to_vec();
        }
        fn poll_more(&mut self, _: &mut Context<'_>, _: bool) -> Poll<io::Result<usize>> {
            assert!(self.unread.is_empty(), "a read while bytes are at hand");
            self.reads += 1;
            match (self.sends.is_empty(), self.ends) {
                (false, _) => self.unread = self.sends.remove(0),
                (true, true) => {}
                (true, false) => return Poll::Pending,
            }
            Poll::Ready(Ok(self.unread.len()))
        }
        fn poll_put(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let count = bytes.len().min(self.takes);
            if count == 0 {
                return Poll::Pending;
            }
            self.takes -= count;
            self.taken.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        }
        fn poll_settle(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_end(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.ended = true;
            Poll::Ready(Ok(()))
        }
    }

    fn pump(flow: &mut Flow, from: &mut Side, to: &mut Side) {
        flow.pump(&mut Context::from_waker(Waker::noop()), from, to, &mut [0; SMALL]).unwrap();
    }

    #[test]
    fn nothing_is_read_before_the_last_piece_was_taken() {
        let mut from = Side { sends: vec![b"first".to_vec(), b"second".to_vec()], ..Side::default() };
        let mut to = Side { takes: 3, ..Side::default() };
        let mut flow = Flow::new(None);
        pump(&mut flow, &mut from, &mut to);
        pump(&mut flow, &mut from, &mut to);
        assert_eq!((from.reads, &to.taken[..]), (1, &b"fir"[..]));
        to.takes = 100;
        pump(&mut flow, &mut from, &mut to);
        assert_eq!((&to.taken[..], flow.bytes, to.ended), (&b"firstsecond"[..], 11, false));
    }

    #[test]
    fn one_that_waits_already_is_not_asked_again() {
        let mut from = Side { sends: vec![b"only".to_vec()], waits: true, ..Side::default() };
        let mut to = Side { takes: 100, settled: true, ..Side::default() };
        let mut flow = Flow::new(None);
        pump(&mut flow, &mut from, &mut to);
        assert_eq!((from.reads, &to.taken[..]), (1, &b"only"[..]));
        pump(&mut flow, &mut from, &mut to);
        assert_eq!(from.reads, 2, "woken, it looks");
    }

    #[test]
    fn the_end_is_passed_on_behind_all_bytes() {
        let mut from = Side { sends: vec![b"bytes".to_vec()], ends: true, ..Side::default() };
        let mut to = Side { takes: 4, ..Side::default() };
        let mut flow = Flow::new(None);
        pump(&mut flow, &mut from, &mut to);
        assert!(!to.ended && !flow.is_closed());
        to.takes = 1;
        pump(&mut flow, &mut from, &mut to);
        assert!(to.ended && flow.is_done() && to.taken == b"bytes");
    }

    #[test]
    fn one_that_is_stopped_gets_what_is_at_hand_and_a_close_frame_only_at_a_boundary() {
        for (unread, close) in [(&[0x82, 1, 7][..], true), (&[0x82, 2, 7], false)] {
            let mut from = Side { sends: vec![unread.to_vec()], ..Side::default() };
            let mut to = Side { takes: 2, ..Side::default() };
            let mut flow = Flow::new(Some(Frames::new(false)));
            pump(&mut flow, &mut from, &mut to);
            flow.stop(from.unread(), 0);
            from.sends.push(b"too late".to_vec());
            to.takes = 100;
            pump(&mut flow, &mut from, &mut to);
            assert!(to.ended && flow.is_closed() && !flow.is_done(), "the other side may still send");
            let want = if close { [unread, &[0x88, 2, 3, 0xe9]].concat() } else { unread.to_vec() };
            assert_eq!(to.taken, want);
            from.ends = true;
            pump(&mut flow, &mut from, &mut to);
            assert!(flow.is_done() && from.unread.is_empty());
        }
    }
}
