//! What happens to services and to the shared store while the gateway runs, told to operators.

use std::sync::Arc;

use sekisho_store::redis::Presence;
use sekisho_upstream::{Change, Events};

use crate::output::note;
use crate::server::State;

/// Tells on standard error, by the names that alerts have.
pub(crate) struct Told;

impl Events for Told {
    fn circuit(&self, service: &str, change: Change) {
        note(&line(service, change));
    }
}

fn line(service: &str, change: Change) -> String {
    let (event, meaning) = match change {
        Change::Opened => ("circuit_breaker_opened", "is not asked any more"),
        Change::HalfOpened => ("circuit_breaker_half_opened", "is tried again"),
        Change::Closed => ("circuit_breaker_closed", "is asked again"),
    };
    format!("{event}: `{service}` {meaning}")
}

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
            if let Some(line) = store_line(link.server(), &presence.borrow_and_update(), &mut was_away) {
                note(&line);
            }
            tokio::select! {
                _ = presence.changed() => {}
                _ = sites.changed() => break,
            }
        }
    }
}

/// What there is to tell, if it is news.
fn store_line(server: &str, presence: &Presence, was_away: &mut bool) -> Option<String> {
    let before = std::mem::replace(was_away, matches!(presence, Presence::Gone(_)));
    match presence {
        Presence::Gone(why) if !before => Some(format!(
            "store_away: {server} does not count any more ({why}); policies go by `on_store_failure`"
        )),
        Presence::Here if before => Some(format!("store_back: {server} counts again")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sekisho_store::redis::Away;

    use super::*;

    #[test]
    fn a_line_begins_with_the_event() {
        assert_eq!(line("orders", Change::Opened), "circuit_breaker_opened: `orders` is not asked any more");
    }

    #[test]
    fn a_store_is_told_of_once_when_it_goes_and_once_when_it_comes_back() {
        let mut away = false;
        let mut told = |presence| store_line("redis://cache", &presence, &mut away);
        assert_eq!(told(Presence::Untried), None);
        assert_eq!(told(Presence::Here), None);
        let line = told(Presence::Gone(Away::Late)).unwrap();
        assert!(line.starts_with("store_away: redis://cache does not count"), "{line}");
        assert_eq!(told(Presence::Gone(Away::Gone("refused".into()))), None);
        assert_eq!(told(Presence::Here).unwrap(), "store_back: redis://cache counts again");
    }
}
