//! [`Coming`]: an answer that comes in, and is read by several clients meanwhile, each at its own pace.
//!
//! As long as it may be stored all of it is kept, and another may still begin to read. One that turns out too long is not stored:
//! then nobody joins any more, what all have read is dropped, and the slowest holds the service back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use sekisho_caching::{NotStored, Stored};
use sekisho_exchange::{BrokeOff, Inflow, Laid, Unwanted};
use sekisho_wire::{HeadBuf, HeadView};

use super::super::entry::Target;

/// With so many bytes that somebody has not read, a service waits for its readers, once its answer is too long to be stored.
const WINDOW: u64 = 256 * 1024;
/// Pieces that are no longer together are put together.
const SMALL: usize = 512;

/// The head of an answer whose body comes in, as it will be stored.
pub(in crate::cache) struct Headed {
    pub(in crate::cache) head: HeadBuf,
    pub(in crate::cache) facts: Stored,
    pub(in crate::cache) target: Target,
    pub(in crate::cache) tags: Box<[Box<str>]>,
    /// Bytes of the body, if that is known.
    pub(in crate::cache) length: Option<u64>,
}

impl Laid for Headed {
    fn head(&self) -> HeadView<'_> {
        self.head.view()
    }
}

/// An answer that comes in.
pub(in crate::cache) struct Coming {
    pub(in crate::cache) headed: Arc<Headed>,
    state: Mutex<State>,
}

struct State {
    /// Each with its place in the body.
    pieces: VecDeque<(u64, Bytes)>,
    /// Bytes so far.
    to: u64,
    end: Option<End>,
    /// Whether all of it is kept.
    whole: bool,
    /// Why it is not stored, as far as that is known.
    not_stored: Option<NotStored>,
    /// Where each reader is, and how to wake it.
    readers: Vec<Option<(u64, Option<Waker>)>>,
    /// Who waits for room.
    filler: Option<Waker>,
}

#[derive(Clone, Copy)]
enum End {
    Whole,
    Broken,
}

impl Coming {
    pub(super) fn new(headed: Headed) -> Arc<Self> {
        let state = State {
            pieces: VecDeque::new(),
            to: 0,
            end: None,
            whole: true,
            not_stored: None,
            readers: Vec::new(),
            filler: None,
        };
        Arc::new(Self { headed: Arc::new(headed), state: Mutex::new(state) })
    }

    /// One who reads it from its first byte on; none if that is no longer there.
    pub(in crate::cache) fn reader(self: &Arc<Self>) -> Option<Reader> {
        let mut state = self.state();
        if !state.whole {
            return None;
        }
        let free = state.readers.iter().position(Option::is_none);
        let index = free.unwrap_or(state.readers.len());
        if free.is_none() {
            state.readers.push(None);
        }
        state.readers[index] = Some((0, None));
        drop(state);
        Some(Reader { coming: Arc::clone(self), index, at: 0 })
    }

    /// Bytes so far.
    pub(super) fn length(&self) -> u64 {
        self.state().to
    }

    pub(super) fn put(&self, piece: &[u8]) {
        if piece.is_empty() {
            return;
        }
        let mut state = self.state();
        let at = state.to;
        state.to += piece.len() as u64;
        match state.pieces.back_mut() {
            // Each piece costs more than its bytes, and a service may send one byte at a time.
            Some((_, last)) if last.len() + piece.len() <= SMALL => *last = [last, piece].concat().into(),
            _ => state.pieces.push_back((at, Bytes::copy_from_slice(piece))),
        }
        state.drop_read();
        let woken = state.sleepers();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// It will not be stored: only what somebody has yet to read is kept from now on.
    pub(super) fn forget(&self, why: NotStored) {
        let mut state = self.state();
        (state.whole, state.not_stored) = (false, Some(why));
        state.drop_read();
    }

    /// Waits until there is room for more, as long as anybody wants that.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Result<(), Unwanted>> {
        let mut state = self.state();
        if state.whole {
            return Poll::Ready(Ok(()));
        }
        let Some(slowest) = state.slowest() else { return Poll::Ready(Err(Unwanted)) };
        if state.to - slowest < WINDOW {
            return Poll::Ready(Ok(()));
        }
        state.filler = Some(cx.waker().clone());
        Poll::Pending
    }

    /// All that has come, if that was kept.
    pub(super) fn whole(&self) -> Option<Bytes> {
        let state = self.state();
        let pieces = state.whole.then(|| state.pieces.clone())?;
        drop(state);
        if let Some((_, only)) = pieces.front()
            && pieces.len() == 1
        {
            return Some(only.clone());
        }
        let mut whole = Vec::with_capacity(pieces.iter().map(|(_, piece)| piece.len()).sum());
        pieces.iter().for_each(|(_, piece)| whole.extend_from_slice(piece));
        Some(whole.into())
    }

    /// All of it has come.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.end = Some(End::Whole);
        let woken = state.sleepers();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// It broke off, unless it had ended.
    pub(super) fn break_off(&self) {
        let mut state = self.state();
        state.whole &= state.end.is_some();
        state.end.get_or_insert(End::Broken);
        let woken = state.sleepers();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn slowest(&self) -> Option<u64> {
        self.readers.iter().flatten().map(|(at, _)| *at).min()
    }

    /// Readers who wait.
    fn sleepers(&mut self) -> Vec<Waker> {
        self.readers.iter_mut().flatten().filter_map(|(_, waker)| waker.take()).collect()
    }

    /// Drops what nobody will read any more.
    fn drop_read(&mut self) {
        if self.whole {
            return;
        }
        let slowest = self.slowest().unwrap_or(self.to);
        while self.pieces.front().is_some_and(|(at, piece)| at + piece.len() as u64 <= slowest) {
            self.pieces.pop_front();
        }
    }

    /// What begins at `at`.
    fn piece(&self, at: u64) -> Option<Bytes> {
        let index = self.pieces.partition_point(|(from, piece)| from + piece.len() as u64 <= at);
        let (from, piece) = self.pieces.get(index)?;
        piece.get((at - from) as usize..).map(|rest| piece.slice_ref(rest))
    }
}

/// One who reads.
pub(in crate::cache) struct Reader {
    coming: Arc<Coming>,
    index: usize,
    at: u64,
}

impl Reader {
    /// The head of what is read.
    pub(in crate::cache) fn headed(&self) -> &Arc<Headed> {
        &self.coming.headed
    }
}

impl Inflow for Reader {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BrokeOff>> {
        let mut state = self.coming.state();
        let piece = state.piece(self.at);
        let told = match (&piece, state.end) {
            (Some(piece), _) => {
                self.at += piece.len() as u64;
                None
            }
            (None, Some(End::Whole)) => return Poll::Ready(Ok(None)),
            (None, Some(End::Broken)) => return Poll::Ready(Err(BrokeOff)),
            (None, None) => Some(cx.waker().clone()),
        };
        if let Some(reader) = state.readers.get_mut(self.index) {
            *reader = Some((self.at, told));
        }
        state.drop_read();
        let filler = state.filler.take();
        drop(state);
        filler.into_iter().for_each(Waker::wake);
        piece.map_or(Poll::Pending, |piece| Poll::Ready(Ok(Some(piece))))
    }

    fn not_stored(&self) -> Option<&'static str> {
        self.coming.state().not_stored.map(NotStored::as_str)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.coming.state();
        if let Some(reader) = state.readers.get_mut(self.index) {
            *reader = None;
        }
        state.drop_read();
        let filler = state.filler.take();
        drop(state);
        filler.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use proptest::prelude::*;
    use sekisho_caching::{Policy, Sharing, Times, admit};
    use sekisho_units::Wall;
    use sekisho_wire::Edits;

    use super::*;

    fn coming() -> Arc<Coming> {
        let (mut request, mut head) = (HeadBuf::default(), HeadBuf::default());
        request.request(b"GET", b"/").unwrap();
        head.response(200);
        let now = Wall::from_secs(1_000_000);
        let times = Times { asked: now, received: now };
        let (edits, policy) = (Edits::default(), Policy::default());
        let facts = admit(request.view(), &edits, head.view(), times, Sharing::Everyone, &policy).unwrap();
        let target = Target { host: "a.test".into(), path: "/".into() };
        Coming::new(Headed { head, facts, target, tags: Box::default(), length: None })
    }

    /// What can be read now, and whether that was the end.
    fn read(reader: &mut Reader, out: &mut Vec<u8>, pieces: usize) -> Result<bool, BrokeOff> {
        for _ in 0..pieces {
            match reader.poll_piece(&mut Context::from_waker(Waker::noop()))? {
                Poll::Ready(Some(piece)) => out.extend_from_slice(&piece),
                Poll::Ready(None) => return Ok(true),
                Poll::Pending => return Ok(false),
            }
        }
        Ok(false)
    }

    /// What happens while an answer comes in.
    #[derive(Clone, Debug)]
    enum Step {
        Piece(usize),
        Read(usize, usize),
        Join,
        Leave(usize),
        Forget,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_usize..2_000).prop_map(Step::Piece),
            4 => (0_usize..4, 0_usize..4).prop_map(|(who, pieces)| Step::Read(who, pieces)),
            2 => Just(Step::Join),
            1 => (0_usize..4).prop_map(Step::Leave),
            1 => Just(Step::Forget),
        ]
    }

    proptest! {
        #[test]
        fn whoever_reads_has_every_byte_once_and_nothing_is_kept_for_nobody(
            steps in prop::collection::vec(step(), 0..80),
            is_whole: bool,
        ) {
            let coming = coming();
            let (mut body, mut readers, mut forgotten) = (Vec::new(), Vec::new(), false);
            for step in steps {
                match step {
                    Step::Piece(length) => {
                        let piece: Vec<u8> = (body.len()..body.len() + length).map(|at| at as u8).collect();
                        coming.put(&piece);
                        body.extend(piece);
                    }
                    Step::Read(who, pieces) => {
                        let count = readers.len().max(1);
                        if let Some((reader, out)) = readers.get_mut(who % count) {
                            prop_assert_eq!(read(reader, out, pieces), Ok(false));
                        }
                    }
                    Step::Join => match coming.reader() {
                        Some(reader) => readers.push((reader, Vec::new())),
                        None => prop_assert!(forgotten),
                    },
                    Step::Leave(who) if who < readers.len() => drop(readers.remove(who)),
                    Step::Leave(_) => {}
                    Step::Forget => {
                        coming.forget(NotStored::TooLarge);
                        forgotten = true;
                    }
                }
                let kept: usize = coming.state().pieces.iter().map(|(_, piece)| piece.len()).sum();
                let behind = readers.iter().map(|(_, out)| body.len() - out.len()).max().unwrap_or(0);
                // Of the piece in which the slowest is, all is kept.
                let most = if forgotten { behind + 2_000 } else { body.len() };
                prop_assert!(kept <= most && kept >= behind, "{kept} {behind} {most}");
            }
            if is_whole {
                let whole = coming.whole();
                coming.end();
                prop_assert_eq!(whole.as_deref(), (!forgotten).then_some(&body[..]));
            } else {
                coming.break_off();
            }
            for (mut reader, mut out) in readers {
                let end = read(&mut reader, &mut out, usize::MAX);
                prop_assert_eq!(end, if is_whole { Ok(true) } else { Err(BrokeOff) });
                prop_assert_eq!(&out, &body);
            }
        }
    }

    #[test]
    fn a_service_waits_for_readers_only_once_its_answer_is_not_kept() {
        let (coming, mut cx) = (coming(), Context::from_waker(Waker::noop()));
        let mut reader = coming.reader().unwrap();
        coming.put(&vec![0; WINDOW as usize]);
        assert_eq!(coming.poll_room(&mut cx), Poll::Ready(Ok(())));
        coming.forget(NotStored::TooLarge);
        assert_eq!(coming.poll_room(&mut cx), Poll::Pending);
        read(&mut reader, &mut Vec::new(), 1).unwrap();
        assert_eq!(coming.poll_room(&mut cx), Poll::Ready(Ok(())));
        drop(reader);
        assert_eq!(coming.poll_room(&mut cx), Poll::Ready(Err(Unwanted)), "nobody wants the rest");
    }
}
