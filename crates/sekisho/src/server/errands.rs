//! The thread for what no request waits for, such as fetching keys before they are needed.
//!
//! It has connections to services of its own, beside the workers'. No client's connection is on it, so that it may be slow
//! without anybody noticing; and nobody waits for its end.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use sekisho_exchange::{Errand, Errands, Event, Events, Local};
use sekisho_upstream::Pools;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, watch};

use super::state::{Phase, State};
use super::worker::{Alive, on_a_thread};
use crate::alerts::Alerts;
use crate::output::note;

/// Errands that may wait to be begun. Many may before the thread is there, as a configuration is compiled earlier.
const WAITING: usize = 4096;

/// Errands that wait to be begun.
pub(crate) type Todo = mpsc::Receiver<Errand>;

struct Desk {
    errands: mpsc::Sender<Errand>,
    alerts: Arc<Alerts>,
}

/// Where errands can be left, and where they are taken up. What comes of them is told by way of `alerts`.
pub(super) fn errands(alerts: &Arc<Alerts>) -> (Arc<dyn Errands>, Todo) {
    let (errands, todo) = mpsc::channel(WAITING);
    (Arc::new(Desk { errands, alerts: Arc::clone(alerts) }), todo)
}

impl Errands for Desk {
    fn send(&self, errand: Errand) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.errands.try_send(errand) {
            note(&format!("more than {WAITING} errands wait; one was dropped"));
        }
    }
}

impl Events for Desk {
    fn tell(&self, event: Event) {
        self.alerts.tell(event);
    }
}

/// Starts the thread.
///
/// # Errors
/// The system has no thread or no event queue to give.
pub(super) fn start(mut todo: Todo, state: &Arc<State>, alive: Alive) -> io::Result<()> {
    let state = Arc::clone(state);
    let phase = state.phase.subscribe();
    let build = || Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    on_a_thread("sekisho-errands".to_owned(), alive, build, move |runtime| {
        runtime.block_on(run(&mut todo, &state, phase));
    })
}

/// Begins errands as they come, until all is over. They go on beside each other.
async fn run(todo: &mut Todo, state: &State, mut phase: watch::Receiver<Phase>) {
    // Behind the last worker's: it has a share in no counter and no buffer.
    let local = Local::new(state.workers.len(), state.clock.clone());
    let pools = Pools::new(Rc::clone(&local));
    tokio::task::spawn_local(Rc::clone(&local.alarms).sweep());
    tokio::task::spawn_local(Rc::clone(&pools).sweep());
    loop {
        tokio::select! {
            Some(errand) = todo.recv() => {
                let local = Rc::clone(&local);
                // Within the task, so that one that panics ends itself only.
                tokio::task::spawn_local(async move { errand(local).await });
            }
            changed = phase.changed() => {
                if changed.is_err() || *phase.borrow_and_update() == Phase::Over {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{SyncSender, sync_channel};
    use std::time::Duration;

    use super::*;
    use crate::configuration::site_of;
    use crate::server::worker::Ended;

    /// Says so when it is dropped.
    struct Dropped(SyncSender<&'static str>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }

    #[test]
    fn errands_wait_for_the_thread_run_beside_each_other_and_end_with_it() {
        let state = State::new(
            site_of("workers: 2\nroutes: [{path: /a, respond: a}]"),
            &Default::default(),
            Arc::default(),
        );
        let (desk, todo) = errands(&Arc::default());
        let (says, told) = sync_channel(8);
        let (alive, ended) = Ended::of_all();
        let dropped = Dropped(says.clone());
        desk.send(Box::new(move |local| {
            assert_eq!((local.index, local.lent::<Pools>().is_some()), (2, true));
            dropped.0.send("begun").unwrap();
            Box::pin(async move {
                let _held = dropped;
                std::future::pending::<()>().await;
            })
        }));
        desk.send(Box::new(|_| panic!("an errand that fails takes no other with it")));
        start(todo, &state, alive).unwrap();
        desk.send(Box::new(move |_| {
            says.send("beside").unwrap();
            Box::pin(async {})
        }));
        let next = || told.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!([next(), next()], ["begun", "beside"]);
        state.phase.send_replace(Phase::Over);
        assert_eq!(next(), "dropped");
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(ended.wait(Duration::from_secs(10)));
    }
}
