//! Whether the shared store is there.

use std::sync::Arc;

use sekisho_exchange::{Event, Events as _};
use sekisho_store::redis::Presence;

use crate::server::State;

/// Tells when the shared store of the configuration in force goes away and when it is back, for as long as the gateway runs.
pub(crate) async fn watch_store(state: Arc<State>) {
    let mut sites = state.sites.subscribe();
    let mut store = Arc::clone(&state.site.load().store);
    let mut was_away = false;
    loop {
        sites.mark_unchanged();
        let now = Arc::clone(&state.site.load().store);
        was_away &= Arc::ptr_eq(&now, &store);
        store = now;
        let Some(link) = store.link() else {
            // The state has the sender.
            let _ = sites.changed().await;
            continue;
        };
        let mut presence = link.presence();
        loop {
            if let Some(event) = news(link.server(), &presence.borrow_and_update(), &mut was_away) {
                state.alerts.tell(event);
            }
            tokio::select! {
                _ = presence.changed() => {}
                _ = sites.changed() => break,
            }
        }
    }
}

/// What there is to tell, if it is news.
fn news(server: &str, presence: &Presence, was_away: &mut bool) -> Option<Event> {
    let before = std::mem::replace(was_away, matches!(presence, Presence::Gone(_)));
    match presence {
        Presence::Gone(why) if !before => {
            Some(Event::StoreAway { store: server.into(), reason: why.to_string().into() })
        }
        Presence::Here if before => Some(Event::StoreBack { store: server.into() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sekisho_store::redis::Away;

    use super::*;

    #[test]
    fn a_store_is_told_of_once_when_it_goes_and_once_when_it_comes_back() {
        let mut away = false;
        let mut told = |presence| news("redis://cache", &presence, &mut away).map(|event| event.to_string());
        assert_eq!(told(Presence::Untried), None);
        assert_eq!(told(Presence::Here), None);
        let line = told(Presence::Gone(Away::Late)).unwrap();
        assert!(line.starts_with("store_away: redis://cache does not answer"), "{line}");
        assert_eq!(told(Presence::Gone(Away::Gone("refused".into()))), None);
        assert_eq!(told(Presence::Here).unwrap(), "store_back: redis://cache answers again");
    }
}
