//! [`Purge`]: what an operator wants gone.

use sekisho_caching::Key;
use sekisho_units::Pattern;

use super::entry::{Entry, Target};

/// What an operator wants gone.
#[derive(Clone, Debug)]
pub enum Purge {
    /// The answers under one key, as `X-Cache-Key` tells it.
    Key(Key),
    /// Those whose path a pattern matches; of one host (in lower case), or of all.
    Path {
        /// The host, in lower case.
        host: Option<Box<str>>,
        /// Which paths.
        pattern: Pattern,
    },
    /// Those with this tag (`Cache-Tag`, `Surrogate-Key`).
    Tag(Box<str>),
    /// All.
    All,
}

impl Purge {
    /// Whether it means this answer.
    pub(crate) fn means(&self, key: &Key, entry: &Entry) -> bool {
        match self {
            Self::Key(other) => other == key,
            Self::Path { .. } => self.means_target(&entry.target),
            Self::Tag(tag) => entry.tags.contains(tag),
            Self::All => true,
        }
    }

    /// Whether it means answers of that target whatever else they are.
    pub(crate) fn means_target(&self, target: &Target) -> bool {
        match self {
            Self::Path { host, pattern } => {
                host.as_deref().is_none_or(|host| *host == *target.host) && pattern.matches(&target.path)
            }
            Self::All => true,
            Self::Key(_) | Self::Tag(_) => false,
        }
    }
}
