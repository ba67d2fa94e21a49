//! What policies keep from one configuration to the next: counts, caches, key sets.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Things by type and identity. A thing lives as long as a configuration uses it.
#[derive(Default)]
pub struct Kept {
    things: Mutex<HashMap<(TypeId, String), Weak<dyn Any + Send + Sync>>>,
}

impl Kept {
    /// The thing of this type and identity; made, if no configuration has it.
    pub fn of<T: Any + Send + Sync>(&self, identity: impl Into<String>, make: impl FnOnce() -> T) -> Arc<T> {
        self.shared(identity, || Arc::new(make()))
    }

    /// The same for a thing that is made as a shared one.
    pub fn shared<T: Any + Send + Sync>(
        &self,
        identity: impl Into<String>,
        make: impl FnOnce() -> Arc<T>,
    ) -> Arc<T> {
        let mut things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (TypeId::of::<T>(), identity.into());
        let known = things.get(&key).and_then(Weak::upgrade).and_then(|thing| thing.downcast().ok());
        known.unwrap_or_else(|| {
            let made = make();
            things.retain(|_, thing| thing.strong_count() > 0);
            let thing: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(&made);
            things.insert(key, Arc::downgrade(&thing));
            made
        })
    }

    /// All things of a type with their identities, for those who look at them from outside.
    pub fn all<T: Any + Send + Sync>(&self) -> Vec<(String, Arc<T>)> {
        let things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
        let of_type = things.iter().filter(|((kind, _), _)| *kind == TypeId::of::<T>());
        of_type
            .filter_map(|((_, identity), thing)| Some((identity.clone(), thing.upgrade()?.downcast().ok()?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_known_by_its_type_and_identity_for_as_long_as_it_is_used() {
        let kept = Kept::default();
        let one = kept.of("a", || Mutex::new(1));
        assert!(Arc::ptr_eq(&one, &kept.of("a", || Mutex::new(2))));
        let (other, text) = (kept.of("b", || Mutex::new(3)), kept.of("a", String::new));
        assert_eq!((*other.lock().unwrap(), text.as_str()), (3, ""));
        assert_eq!(kept.all::<Mutex<i32>>().len(), 2);
        drop(one);
        assert_eq!(*kept.of("a", || Mutex::new(4)).lock().unwrap(), 4);
        assert_eq!(kept.all::<Mutex<i32>>().iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["b"]);
    }
}
