//! Asks a source again and again, as long as anybody has a use for its answers.

use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Weak};

use sekisho_exchange::Local;
use tokio::sync::Notify;

use super::source::Settings;
use super::state::Discovery;

pub(super) async fn keep(
    discovery: Weak<Discovery>,
    settings: Settings,
    wake: Arc<Notify>,
    local: Rc<Local>,
) {
    let mut source = settings.begin();
    let mut failures = 0_u32;
    loop {
        let Some(got) = meanwhile(&discovery, &wake, &local, source.next()).await else { return };
        failures = if got.is_err() { failures.saturating_add(1) } else { 0 };
        match discovery.upgrade() {
            Some(this) => this.land(got, local.clock.now()),
            None => return,
        }
        if failures > 0 {
            let pause = tokio::time::sleep(source.pause(failures));
            if meanwhile(&discovery, &wake, &local, pause).await.is_none() {
                return;
            }
        }
    }
}

/// What comes of `what`, or nothing as soon as nobody has a use for it. Whoever is to be served meanwhile is.
async fn meanwhile<T>(
    discovery: &Weak<Discovery>,
    wake: &Notify,
    local: &Local,
    what: impl Future<Output = T>,
) -> Option<T> {
    let mut what = pin!(what);
    loop {
        tokio::select! {
            biased;
            () = wake.notified() => discovery.upgrade()?.catch_up(local.clock.now()),
            done = &mut what => return Some(done),
        }
    }
}
