//! [`Debts`]: what was to be forgotten while Redis was away. Nothing is looked up before that is made good.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sekisho_caching::Key;

/// Most URIs that are owed one by one; beyond that it is all of them.
const MOST: usize = 4_096;
/// How many are made good at once.
const AT_ONCE: usize = 256;

/// URIs whose answers are still to be forgotten.
#[derive(Default)]
pub(super) struct Debts {
    any: AtomicBool,
    owed: Mutex<Owed>,
}

#[derive(Default)]
struct Owed {
    /// Each with the number of the last time it was taken on.
    uris: HashMap<Key, u64>,
    all: bool,
    next: u64,
}

/// What is to be done next.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// Everything is to be forgotten that was taken on before this number.
    All(u64),
    /// The answers of these.
    Uris(Vec<(Key, u64)>),
}

impl Debts {
    /// Takes one on.
    pub(super) fn add(&self, uri: Key) {
        let mut owed = self.owed();
        let number = owed.next;
        owed.next += 1;
        if owed.uris.len() < MOST || owed.uris.contains_key(&uri) {
            owed.uris.insert(uri, number);
        } else {
            owed.all = true;
        }
        self.any.store(true, Relaxed);
    }

    /// What is due, if anything is.
    pub(super) fn due(&self) -> Option<Due> {
        if !self.any.load(Relaxed) {
            return None;
        }
        let owed = self.owed();
        if owed.all {
            return Some(Due::All(owed.next));
        }
        let uris: Vec<_> = owed.uris.iter().take(AT_ONCE).map(|(uri, number)| (*uri, *number)).collect();
        (!uris.is_empty()).then_some(Due::Uris(uris))
    }

    /// That was done. What was taken on again meanwhile is still owed.
    pub(super) fn paid(&self, due: &Due) {
        let mut owed = self.owed();
        match due {
            Due::All(before) => {
                owed.uris.retain(|_, number| *number >= *before);
                owed.all &= owed.next != *before;
            }
            Due::Uris(uris) => {
                for (uri, number) in uris {
                    if owed.uris.get(uri) == Some(number) {
                        owed.uris.remove(uri);
                    }
                }
            }
        }
        self.any.store(owed.all || !owed.uris.is_empty(), Relaxed);
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use sekisho_caching::KeyParts;

    use super::*;

    #[test]
    fn debts_are_few_or_all_and_stay_until_they_are_paid() {
        let debts = Debts::default();
        assert_eq!(debts.due(), None);
        let uri = |number: usize| Key::of(&KeyParts { path: &number.to_string(), ..KeyParts::default() });
        debts.add(uri(1));
        let first = debts.due().unwrap();
        debts.add(uri(1));
        debts.paid(&first);
        let due = debts.due().unwrap();
        assert_eq!(due, Due::Uris(vec![(uri(1), 1)]), "it was taken on again");
        debts.add(uri(2));
        debts.paid(&due);
        assert_eq!(debts.due(), Some(Due::Uris(vec![(uri(2), 2)])));
        (0..2 * MOST).for_each(|number| debts.add(uri(number)));
        let all = debts.due().unwrap();
        assert!(matches!(all, Due::All(_)));
        debts.add(uri(1));
        debts.paid(&all);
        assert_ne!(debts.due(), None, "one was taken on meanwhile");
        debts.paid(&debts.due().unwrap());
        assert_eq!(debts.due(), None);
    }
}
