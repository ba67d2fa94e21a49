//! The last alerts and what became of them, for operators who look.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use super::alert::Alert;

/// How many are kept, over all channels.
const KEPT: usize = 100;

/// How far an alert is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// It waits for its turn.
    Queued,
    /// An attempt has failed; there will be another.
    Retrying,
    /// It was taken.
    Sent,
    /// There will be no further attempt.
    Failed,
    /// It gave way to later ones, or its channel is there no more.
    Dropped,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Retrying => "retrying",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// The last alerts.
#[derive(Default)]
pub(super) struct Recent(Mutex<VecDeque<Entry>>);

struct Entry {
    id: String,
    channel: Box<str>,
    document: Map<String, Value>,
    state: State,
    attempts: u32,
    error: Option<String>,
}

impl Recent {
    /// One more, for `channel`.
    pub(super) fn add(&self, channel: &str, alert: &Alert, gateway: &str) {
        let mut entries = self.entries();
        if entries.len() >= KEPT {
            entries.pop_front();
        }
        entries.push_back(Entry {
            id: alert.id.clone(),
            channel: channel.into(),
            document: alert.document(gateway),
            state: State::Queued,
            attempts: 0,
            error: None,
        });
    }

    /// How far it is now, after so many attempts, and what was wrong with the last of them.
    pub(super) fn note(&self, id: &str, state: State, attempts: u32, error: Option<&str>) {
        let mut entries = self.entries();
        // The newest are those that change. One that was pushed out is of no interest any more.
        if let Some(entry) = entries.iter_mut().rev().find(|entry| entry.id == id) {
            entry.state = state;
            entry.attempts = attempts;
            entry.error = error.map(str::to_owned);
        }
    }

    /// All of them, newest first.
    pub(super) fn document(&self) -> Value {
        let entries = self.entries();
        let one = |entry: &Entry| {
            let mut document = entry.document.clone();
            document.insert("channel".to_owned(), (*entry.channel).into());
            document.insert("state".to_owned(), entry.state.as_str().into());
            document.insert("attempts".to_owned(), entry.attempts.into());
            document.insert("error".to_owned(), entry.error.clone().into());
            Value::Object(document)
        };
        entries.iter().rev().map(one).collect()
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use sekisho_units::Wall;

    use super::*;
    use crate::alerts::alert::Content;

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let recent = Recent::default();
        let alerts: Vec<_> = (0..KEPT as u64 + 5)
            .map(|second| Alert::new(Content::Test, Wall::from_secs(second), 1))
            .collect();
        for alert in &alerts {
            recent.add("ops", alert, "gw");
        }
        recent.note(&alerts[KEPT + 4].id, State::Failed, 3, Some("status_500"));
        recent.note(&alerts[0].id, State::Sent, 1, None);
        let document = recent.document();
        assert_eq!(document.as_array().unwrap().len(), KEPT);
        let newest = &document[0];
        assert_eq!((&newest["id"], &newest["event"]), (&alerts[KEPT + 4].id.clone().into(), &"test".into()));
        assert_eq!(
            (&newest["channel"], &newest["state"], &newest["attempts"], &newest["error"]),
            (&"ops".into(), &"failed".into(), &3.into(), &"status_500".into())
        );
        assert_eq!(document[KEPT - 1]["id"], alerts[5].id.as_str());
        assert_eq!(document[KEPT - 1]["state"], "queued");
    }
}
