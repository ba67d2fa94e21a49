//! Many clients who ask for one cold key at once.

use std::rc::Rc;

use tokio::sync::Barrier;

use super::{Asker, Cold, Tally, side_by_side};

/// Every client asks for every key once; nobody begins with the next before all have the one before.
pub(super) async fn run(order: Cold, tally: &Tally) -> Result<(), String> {
    let ready = Rc::new(Barrier::new(order.clients));
    let clients = (0..order.clients).map(|_| client(order, Rc::clone(&ready), tally.clone()));
    side_by_side(clients).await
}

async fn client(order: Cold, ready: Rc<Barrier>, tally: Tally) {
    let mut asker = Asker::connect(order.port, tally).await;
    for key in 0..order.keys {
        ready.wait().await;
        asker.ask(&format!("cold-{key}")).await;
    }
    asker.close().await;
}
