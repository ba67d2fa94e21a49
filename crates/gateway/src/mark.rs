//! What tells one state of a file from another without reading it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A file as it was at some moment: which it was, how long, and when it was last changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mark(Option<Seen>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seen {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Mark {
    /// The file as it is now, symbolic links followed; a state of its own if there is none, or if it cannot be looked at.
    pub fn of(path: &Path) -> Self {
        Self(std::fs::metadata(path).ok().map(|data| Seen {
            file: (data.dev(), data.ino()),
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        }))
    }
}
