//! Where the endpoints of services are found, on the admin port; and whether the gateway is ready without them.

use std::time::Duration;

use sekisho_upstream::Looked;
use serde_json::{Value, json};

use crate::server::State;

/// How long the first answers are waited for. A gateway whose registry is away serves all else.
const PATIENCE: Duration = Duration::from_secs(15);

/// How a service's endpoints are found.
pub(super) fn document(looked: &Looked) -> Value {
    json!({
        "source": looked.source,
        "about": looked.about,
        "answered": looked.answered,
        "failing": looked.failing,
        "skipped": looked.odd,
        "updates": looked.updates,
        "failures": looked.failures,
    })
}

/// Whether traffic should wait for the first endpoints of a service.
///
/// It is so only with the first configuration: with a later one the gateway takes traffic already, and one new service must
/// not take it away from the others.
pub(super) fn is_awaited(state: &State) -> bool {
    if state.sites.borrow().count > 0 || state.age() > PATIENCE {
        return false;
    }
    let site = state.site.load();
    let mut found = site.services.iter().filter_map(|service| service.discovery.as_ref());
    found.any(|discovery| !discovery.look().answered)
}
