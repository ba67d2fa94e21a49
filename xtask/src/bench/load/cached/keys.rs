//! More keys than a cache can hold, one after the other.

use std::cell::Cell;
use std::rc::Rc;

use super::{Asker, Keys, Tally, side_by_side};

/// Of so many keys one is asked for once more a little later, and a popular one beside it.
const EVERY: u64 = 4;
/// How many keys later. They take about 2 MB.
const LATER: u64 = 1_000;
/// Popular keys, which take about 2 MB as well.
const POPULAR: u64 = 1_000;

/// The clients share the keys. Which answers were hits is counted by kind.
pub(super) async fn run(order: Keys, tally: &Tally) -> Result<(), String> {
    let next = Rc::new(Cell::new(0));
    let clients = (0..order.clients).map(|_| client(order, Rc::clone(&next), tally.clone()));
    side_by_side(clients).await
}

async fn client(order: Keys, next: Rc<Cell<u64>>, tally: Tally) {
    let mut asker = Asker::connect(order.port, tally.clone()).await;
    loop {
        let key = next.replace(next.get() + 1);
        if key >= order.keys {
            break;
        }
        for (kind, name) in asks(key) {
            let hit = asker.ask(&name).await;
            tally.counted(kind);
            if hit {
                tally.counted(&format!("{kind}, hit"));
            }
        }
    }
    asker.close().await;
}

/// What is asked for in the turn of this key.
fn asks(key: u64) -> Vec<(&'static str, String)> {
    let mut asks = vec![("new", format!("key-{key}"))];
    if key.is_multiple_of(EVERY) {
        asks.extend(key.checked_sub(LATER).map(|before| ("recent", format!("key-{before}"))));
        asks.push(("popular", format!("popular-{}", key / EVERY % POPULAR)));
    }
    asks
}

#[cfg(test)]
mod tests {
    use super::asks;

    #[test]
    fn some_keys_are_asked_for_again() {
        let of = |key| asks(key).into_iter().map(|(kind, name)| format!("{kind} {name}")).collect::<Vec<_>>();
        assert_eq!(of(7), ["new key-7"]);
        assert_eq!(of(8), ["new key-8", "popular popular-2"]);
        assert_eq!(of(4_012), ["new key-4012", "recent key-3012", "popular popular-3"]);
    }
}
