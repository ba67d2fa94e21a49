//! The client's side of a call that the gateway makes for itself: its body is at hand, it takes no answer, and it never leaves.

use std::io;
use std::task::{Context, Poll};

use sekisho_exchange::{Awaited, BodyEvent, BrokenBody, Downstream, Gone, Raw, ResponseHead};
use sekisho_wire::{Edits, HeadView, Skip};

/// Nobody, with the body to be sent.
pub struct Nobody {
    body: Vec<u8>,
    /// How much of it was taken.
    taken: usize,
}

impl Nobody {
    /// Nobody, who sends these bytes.
    pub fn with(body: Vec<u8>) -> Self {
        Self { body, taken: 0 }
    }
}

impl Raw for Nobody {
    fn unread(&self) -> &[u8] {
        &[]
    }
    fn take(&mut self, _: usize) {}
    fn poll_receive(&mut self, _: &mut Context<'_>, _: &mut [u8], _: &mut bool) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }
    fn keep(&mut self, _: &[u8]) {}
    fn poll_more(&mut self, _: &mut Context<'_>, _: bool) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }
    fn poll_put(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }
    fn holds_back(&self) -> bool {
        false
    }
    fn poll_settle(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_end(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Downstream for Nobody {
    type Side = Self;

    fn unread(&self) -> &[u8] {
        &[]
    }
    fn poll_body(&mut self, _: &mut Context<'_>) -> Poll<Result<BodyEvent, BrokenBody>> {
        Poll::Ready(Ok(if self.body().is_empty() { BodyEvent::End } else { BodyEvent::Data }))
    }
    fn body(&self) -> &[u8] {
        &self.body[self.taken..]
    }
    fn consume(&mut self, count: usize) {
        self.taken += count;
    }
    fn trailers(&self) -> &[u8] {
        &[]
    }
    fn poll_gone(&mut self, _: &mut Context<'_>) -> Poll<Gone> {
        Poll::Pending
    }
    fn stay(&mut self, _: Option<Box<dyn Awaited>>) {}
    fn interim(&mut self, _: HeadView<'_>, _: Skip) {}
    fn start(&mut self, _: &ResponseHead<'_>) {}
    fn switch(&mut self, _: HeadView<'_>, _: Skip, _: &Edits, _: &[u8]) {}
    fn release(&mut self) -> Option<Self> {
        None
    }
    fn restore(&mut self, _: Self) {}
    fn push(&mut self, _: &[u8]) {}
    fn finish(&mut self, _: &[u8]) {}
    fn unconfirmed(&self) -> Option<u32> {
        None
    }
    fn queued(&self) -> usize {
        0
    }
    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_send(&mut self, _: &mut Context<'_>, payload: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(payload.len()))
    }
}
