//! [`Known`]: what is known of a server, by whichever connection.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{Away, Presence};

/// What is known of a server by all links to it.
pub(super) struct Known {
    /// Tells it from others of this process.
    pub(super) number: u64,
    /// The server as logs name it, without what logs in.
    pub(super) shown: String,
    pub(super) presence: watch::Sender<Presence>,
    /// How often it went away, and came back.
    pub(super) changes: [AtomicU64; 2],
    /// Which slots have lost their connection.
    gone: Mutex<Vec<bool>>,
}

impl Known {
    /// Of a server that nobody has asked yet.
    pub(super) fn new(shown: String) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let presence = watch::Sender::new(Presence::Untried);
        Self {
            number: NEXT.fetch_add(1, Relaxed),
            shown,
            presence,
            changes: Default::default(),
            gone: Mutex::default(),
        }
    }

    /// Makes room for so many slots more; gives the number of the first.
    pub(super) fn more(&self, slots: usize) -> usize {
        let mut gone = self.gone();
        let first = gone.len();
        gone.resize(first + slots, false);
        first
    }

    fn gone(&self) -> MutexGuard<'_, Vec<bool>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who watch, if it is news.
    pub(super) fn tell(&self, index: usize, why: Option<Away>) {
        let mut gone = self.gone();
        gone[index] = why.is_some();
        let any = gone.contains(&true);
        self.presence.send_if_modified(|presence| match (why, &presence) {
            (Some(why), Presence::Untried | Presence::Here) => {
                *presence = Presence::Gone(why);
                self.changes[0].fetch_add(1, Relaxed);
                true
            }
            (None, Presence::Untried | Presence::Gone(_)) if !any => {
                if matches!(presence, Presence::Gone(_)) {
                    self.changes[1].fetch_add(1, Relaxed);
                }
                *presence = Presence::Here;
                true
            }
            _ => false,
        });
    }

    /// Those slots are no more, and say nothing of the server.
    pub(super) fn forget(&self, slots: Range<usize>) {
        let mut gone = self.gone();
        let had_lost = gone[slots.clone()].contains(&true);
        gone[slots.clone()].fill(false);
        if slots.end == gone.len() {
            gone.truncate(slots.start);
        }
        if had_lost && !gone.contains(&true) {
            self.presence.send_replace(Presence::Untried);
        }
    }
}
