//! Notices that the configuration, or a file that it names, has changed.
//!
//! Files are looked at, not listened to: that works on every file system, through every symbolic link, and whether a file
//! is written to or another is put in its place, as editors do and Kubernetes does. A change counts only once the files
//! have stayed the same from one look to the next, so that one that is being written is not read by half.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::report::Origin;
use crate::server::state::State;

/// How often it is looked whether watching was switched on.
const OFF: Duration = Duration::from_secs(1);

/// What tells one state of a file from another; `None`: there is no such file, or it cannot be looked at.
type Mark = Option<(u64, u64, u64, i64, i64, i64, i64)>;
type Marks = HashMap<PathBuf, Mark>;

/// Asks for a reload whenever files have changed.
pub(super) async fn watch(files: Arc<Mutex<Vec<PathBuf>>>, state: Arc<State>) {
    let list = || files.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut known = look(list()).await;
    let mut before = known.clone();
    loop {
        let pause = state.site.load().settings.watch;
        tokio::time::sleep(pause.unwrap_or(OFF)).await;
        if pause.is_none() {
            continue;
        }
        let now = look(list()).await;
        if differs(&known, &now) && now == before {
            state.reloads.ask_and_wait(Origin::File).await;
            known = now.clone();
            // What the new configuration names beside is known from now on.
            for (path, mark) in look(list()).await {
                known.entry(path).or_insert(mark);
            }
        } else {
            for (path, mark) in &now {
                known.entry(path.clone()).or_insert(*mark);
            }
        }
        before = now;
    }
}

/// Whether a file of both is another now.
fn differs(known: &Marks, now: &Marks) -> bool {
    now.iter().any(|(path, mark)| known.get(path).is_some_and(|known| known != mark))
}

/// Looks at files apart from the runtime: a file system that hangs must hold up nobody.
async fn look(files: Vec<PathBuf>) -> Marks {
    let looking = tokio::task::spawn_blocking(|| {
        files.into_iter().map(|path| (mark(&path), path)).map(|(mark, path)| (path, mark)).collect()
    });
    looking.await.unwrap_or_default()
}

fn mark(path: &Path) -> Mark {
    let data = std::fs::metadata(path).ok()?;
    let changed = (data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec());
    Some((data.dev(), data.ino(), data.size(), changed.0, changed.1, changed.2, changed.3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_known_can_have_changed() {
        let marks = |list: &[(&str, u64)]| -> Marks {
            list.iter().map(|(path, size)| (PathBuf::from(path), Some((0, 0, *size, 0, 0, 0, 0)))).collect()
        };
        let known = marks(&[("a", 1), ("b", 2)]);
        for (now, want) in [
            (marks(&[("a", 1), ("b", 2)]), false),
            (marks(&[("a", 1), ("b", 3)]), true),
            (marks(&[("a", 1), ("b", 2), ("c", 9)]), false),
            (marks(&[("a", 1)]), false),
            ([(PathBuf::from("a"), None)].into(), true),
        ] {
            assert_eq!(differs(&known, &now), want, "{now:?}");
        }
    }
}
