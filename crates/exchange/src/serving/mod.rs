//! Answers that come from elsewhere than the service that was asked: from a store, or from another request's answer while it
//! comes in. Policies give them; the walk sends them.

mod pour;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use sekisho_wire::{Framing, HeadBuf, HeadView};

use crate::{Answerer, Filters, Response};
pub use pour::{Awaited, Unwanted, Vessel};

/// Whoever has a head laid out.
pub trait Laid: Send + Sync {
    /// The head.
    fn head(&self) -> HeadView<'_>;
}

impl Laid for HeadBuf {
    fn head(&self) -> HeadView<'_> {
        self.view()
    }
}

/// An answer that is at hand, or comes in while it is sent.
pub struct Serving {
    /// Status and header lines; all of them are sent.
    pub head: Arc<dyn Laid>,
    /// How the body is delimited.
    pub framing: Framing,
    /// The body.
    pub load: Load,
}

/// The body of a [`Serving`].
pub enum Load {
    /// These bytes; none for an answer without a body.
    Whole(Bytes),
    /// These, one after another.
    Parts(VecDeque<Bytes>),
    /// Whatever comes in.
    Coming(Box<dyn Inflow>),
}

impl Load {
    /// The next piece; `None` at the body's end.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BrokeOff>> {
        Poll::Ready(Ok(match self {
            Self::Whole(bytes) => Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()),
            Self::Parts(parts) => parts.pop_front(),
            Self::Coming(inflow) => return inflow.poll_piece(cx),
        }))
    }

    /// Why it was not stored, see [`Inflow::not_stored`].
    pub fn not_stored(&self) -> Option<&'static str> {
        match self {
            Self::Coming(inflow) => inflow.not_stored(),
            Self::Whole(_) | Self::Parts(_) => None,
        }
    }

    /// What comes of it behind `filters`.
    pub fn through(self, filters: Filters) -> Self {
        Self::Coming(Box::new(Through { load: self, filters, held: false, ended: false }))
    }
}

/// A body on its way through filters.
struct Through {
    load: Load,
    filters: Filters,
    /// Whether something may be held back.
    held: bool,
    ended: bool,
}

impl Inflow for Through {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BrokeOff>> {
        let mut out = Vec::new();
        while out.is_empty() && !self.ended {
            match self.load.poll_piece(cx)? {
                Poll::Ready(Some(piece)) => {
                    self.filters.take(&piece, &mut out);
                    self.held = true;
                }
                Poll::Ready(None) => {
                    self.filters.end(&mut out);
                    self.ended = true;
                }
                Poll::Pending if std::mem::take(&mut self.held) => self.filters.pause(&mut out),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(Some(Bytes::from(out)).filter(|out| !out.is_empty())))
    }

    fn not_stored(&self) -> Option<&'static str> {
        self.load.not_stored()
    }
}

/// The service broke off in the middle of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokeOff;

/// A body that comes in, for one who reads it from its first byte on.
pub trait Inflow {
    /// The next piece; `None` at the body's end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BrokeOff>>;
    /// Why the body was not stored though that was begun: a word for the log, once its end was read.
    fn not_stored(&self) -> Option<&'static str> {
        None
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("status", &self.head.head().status()).finish_non_exhaustive()
    }
}

/// What a policy makes of a service's answer beside changing its head, see [`Exchange::turn`](crate::Exchange::turn).
pub enum Turn {
    /// The client gets this one instead.
    Instead(Serving),
    /// The body goes into a vessel to its end, whoever stays. The client has the service's head, and the body from there.
    Pour(Box<dyn Vessel>, Box<dyn Inflow>),
    /// The same, and the client gets an answer of its own.
    PourBeside(Box<dyn Vessel>, Serving),
}

impl Turn {
    /// The answer that the client gets instead of the service's, if it does.
    pub fn instead(&self) -> Option<Response<'_>> {
        match self {
            Self::Instead(serving) | Self::PourBeside(_, serving) => {
                Some(Response { head: serving.head.head(), from: Answerer::Service })
            }
            Self::Pour(..) => None,
        }
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instead(_) => "Instead",
            Self::Pour(..) => "Pour",
            Self::PourBeside(..) => "PourBeside",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::Filter;

    /// Says twice whatever comes, one piece late.
    #[derive(Default)]
    struct Twice(Vec<u8>);

    impl Filter for Twice {
        fn take(&mut self, piece: &[u8], out: &mut Vec<u8>) {
            self.pause(out);
            self.0.extend_from_slice(piece);
        }
        fn pause(&mut self, out: &mut Vec<u8>) {
            out.extend_from_slice(&self.0);
            out.append(&mut self.0);
        }
        fn end(&mut self, out: &mut Vec<u8>) {
            self.pause(out);
            out.push(b'.');
        }
    }

    /// Pieces with a pause before each but the first, and what is at the end of them.
    struct Pieces(VecDeque<Poll<&'static str>>, Result<(), BrokeOff>);

    impl Inflow for Pieces {
        fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BrokeOff>> {
            match self.0.pop_front() {
                Some(next) => next.map(|piece| Ok(Some(Bytes::from_static(piece.as_bytes())))),
                None => Poll::Ready(self.1.map(|()| None)),
            }
        }
    }

    fn all(mut load: Load) -> Result<String, BrokeOff> {
        let (mut said, mut cx) = (String::new(), Context::from_waker(Waker::noop()));
        for _ in 0..20 {
            match load.poll_piece(&mut cx)? {
                Poll::Ready(Some(piece)) => said.push_str(std::str::from_utf8(&piece).unwrap()),
                Poll::Ready(None) => return Ok(said),
                Poll::Pending => said.push('|'),
            }
        }
        panic!("it never ends")
    }

    #[test]
    fn every_kind_of_body_is_read_to_its_end_and_goes_through_filters() {
        let parts = || Load::Parts([&b"a"[..], b"b"].map(Bytes::from_static).into());
        let coming = |end| {
            let pieces = [Poll::Ready("a"), Poll::Pending, Poll::Pending, Poll::Ready("b"), Poll::Ready("c")];
            Load::Coming(Box::new(Pieces(pieces.into(), end)))
        };
        let through = |load: Load| {
            let mut filters = Filters::default();
            filters.push(Twice::default());
            all(load.through(filters))
        };
        assert_eq!(all(Load::Whole(Bytes::from_static(b"ab"))).unwrap(), "ab");
        assert_eq!(all(parts()).unwrap(), "ab");
        assert_eq!(all(coming(Ok(()))).unwrap(), "a||bc");
        assert_eq!(through(Load::Whole(Bytes::new())).unwrap(), ".");
        assert_eq!(through(parts()).unwrap(), "aabb.");
        assert_eq!(through(coming(Ok(()))).unwrap(), "aa|bbcc.", "what is held back does not wait for more");
        assert_eq!(through(coming(Err(BrokeOff))), Err(BrokeOff));
    }
}
