//! Where an answer's body goes if not straight to its client.

use std::task::{Context, Poll};

use crate::Local;

/// Nobody wants the rest of the body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unwanted;

/// Takes a body piece by piece. Dropped before [`Vessel::end`], it knows that the body broke off.
pub trait Vessel {
    /// Whether what comes of the body is other bytes than what goes in, so that its length is not that of the body.
    fn changes(&self) -> bool;
    /// Waits until there is room for another piece.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unwanted>>;
    /// Takes a piece.
    fn put(&mut self, piece: &[u8]);
    /// Nothing more comes for now.
    fn pause(&mut self);
    /// The body is whole.
    fn end(self: Box<Self>, local: &Local);
}

/// Whether others wait for an exchange's answer, so that it must go on though its client has left.
pub trait Awaited {
    /// Whether there is one at this moment.
    fn is_awaited(&self) -> bool;
}
