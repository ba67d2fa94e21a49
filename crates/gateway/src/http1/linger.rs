//! The end of a connection whose client may still be sending.
//!
//! Closing a socket that holds unread bytes resets it, and the reset can overtake the answer. So the gateway ends its own
//! side first and reads on for a while before it lets go (RFC 9112 §9.6).

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use sekisho_exchange::{Alarm, Io, Local};

/// Longest wait for the client to see the answer and leave.
const LONGEST: Duration = Duration::from_secs(2);
/// Most bytes read meanwhile.
const MOST: usize = 4 * 1024 * 1024;

/// Ends `stream` so that the client can read the answer that was sent.
pub(super) async fn linger<S: Io>(stream: &mut S, alarm: &Alarm, local: &Local) {
    // Where places are short it makes room at once.
    alarm.set_waiting(local.clock.now(), LONGEST);
    let ended = poll_fn(|cx| match Pin::new(&mut *stream).poll_shutdown(cx) {
        Poll::Ready(done) => Poll::Ready(done.is_ok()),
        Poll::Pending => alarm.poll(cx).map(|()| false),
    })
    .await;
    if !ended {
        return;
    }
    let mut buffer = local.stash.small();
    let mut read = 0;
    poll_fn(|cx| {
        loop {
            if alarm.poll(cx).is_ready() || read > MOST {
                return Poll::Ready(());
            }
            buffer.clear();
            match std::task::ready!(buffer.poll_fill(stream, cx)) {
                Ok(count) if count > 0 => read += count,
                _ => return Poll::Ready(()),
            }
        }
    })
    .await;
    local.stash.give_back(buffer);
}
