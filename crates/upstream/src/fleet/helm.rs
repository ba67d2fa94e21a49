//! Who steers a service: of its fleets, those of older configurations included, the one in force.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use super::Fleet;

/// Held by whoever changes what a service's fleets go by or lays out another rota, so that none is lost to one that is older. A
/// request that began with an older configuration so tells the one in force what it has found.
#[derive(Default)]
pub(crate) struct Helm(Mutex<Weak<Fleet>>);

impl Helm {
    pub(super) fn take(&self) -> MutexGuard<'_, Weak<Fleet>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn try_take(&self) -> Option<MutexGuard<'_, Weak<Fleet>>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
