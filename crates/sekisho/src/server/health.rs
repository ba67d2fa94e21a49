//! Checks of endpoints, for as long as the gateway runs: an errand without end.

use std::sync::Arc;

use sekisho_exchange::Errand;
use sekisho_upstream::Rounds;

use super::state::State;

/// Checks the endpoints of the configuration in force, whichever that is.
pub(super) fn checks(state: Arc<State>) -> Errand {
    Box::new(move |local| {
        Box::pin(async move {
            let Some(mut rounds) = Rounds::new(&local) else { return };
            let mut sites = state.sites.subscribe();
            loop {
                sites.mark_unchanged();
                let site = state.site.load_full();
                let wait = rounds.see(&site.services);
                drop(site);
                tokio::select! {
                    changed = sites.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(wait) => {}
                }
            }
        })
    })
}
