//! Notices that the configuration, or a file that it names, has changed.
//!
//! Files are looked at, not listened to: that works on every file system, through every symbolic link, and whether a file
//! is written to or another is put in its place, as editors do and Kubernetes does. A change counts only once the files
//! have stayed the same from one look to the next, so that one that is being written is not read by half.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sekisho_gateway::Mark;

use super::report::Origin;
use crate::server::state::State;

/// How often it is looked whether watching was switched on.
const OFF: Duration = Duration::from_secs(1);

type Marks = HashMap<PathBuf, Mark>;

/// The files that the last configuration was made of, good or bad, as they were when it was read.
#[derive(Clone)]
pub(super) struct Known(Arc<Mutex<Marks>>);

impl Known {
    pub(super) fn new(files: Marks) -> Self {
        Self(Arc::new(Mutex::new(files)))
    }

    /// A configuration was read.
    pub(super) fn set(&self, files: Marks) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }

    fn get(&self) -> Marks {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Asks for a reload whenever files have changed.
pub(super) async fn watch(known: Known, state: Arc<State>) {
    let mut before = Marks::new();
    loop {
        let pause = state.site.load().settings.watch;
        tokio::time::sleep(pause.unwrap_or(OFF)).await;
        if pause.is_none() {
            continue;
        }
        let then = known.get();
        let now = look(&then).await;
        if now != then && now == before {
            state.reloads.ask_and_wait(Origin::File).await;
            if known.get() == then {
                // Not even the document could be read: that is told once.
                known.set(now.clone());
            }
        }
        before = now;
    }
}

/// Looks at files apart from the runtime: a file system that hangs must hold up nobody.
async fn look(files: &Marks) -> Marks {
    let paths: Vec<_> = files.keys().cloned().collect();
    let looking = tokio::task::spawn_blocking(|| {
        paths.into_iter().map(|path| (Mark::of(&path), path)).map(|(mark, path)| (path, mark)).collect()
    });
    looking.await.unwrap_or_default()
}
