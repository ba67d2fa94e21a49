//! What clients learn of a limit: the header fields of two drafts.

use std::time::Duration;

use schemars::JsonSchema;
use sekisho_wire::{Edits, Form, Known, KnownSet, Part};
use serde::Deserialize;

/// Which header fields tell clients how much is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "RateLimitHeaders")]
pub enum Shown {
    /// `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (draft-ietf-httpapi-ratelimit-headers-06).
    Draft6,
    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11).
    Current,
    /// Both kinds.
    #[default]
    Both,
    /// None.
    Off,
}

/// What an answer tells of one limit.
#[derive(Clone, Debug)]
pub(super) struct Told {
    shown: Shown,
    limit: u64,
    /// `"rate_limit";q=1000;w=900`.
    policy: String,
    /// All lines at once, for how much is left and for how long.
    lines: Form,
    /// `"rate_limit";r=`, for the number that follows.
    left: String,
}

/// The names that a limit sets.
const NAMES: KnownSet = KnownSet::of(&[
    Known::RateLimit,
    Known::RateLimitPolicy,
    Known::RateLimitLimit,
    Known::RateLimitRemaining,
    Known::RateLimitReset,
]);

impl Shown {
    const fn draft6(self) -> bool {
        matches!(self, Self::Draft6 | Self::Both)
    }

    const fn current(self) -> bool {
        matches!(self, Self::Current | Self::Both)
    }
}

/// No larger number can stand in a structured field (RFC 9651 §3.3.1).
const LARGEST: u64 = 999_999_999_999_999;

/// So many seconds, or more: nobody is to come back too early.
pub(super) fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

impl Told {
    /// For the policy `name`: `limit` in each `window`.
    pub(super) fn new(shown: Shown, name: &str, limit: u64, window: Duration) -> Self {
        let policy = format!("\"{name}\";q={};w={}", limit.min(LARGEST), seconds(window).min(LARGEST));
        let left = format!("\"{name}\";r=");
        let number = limit.to_string();
        let state = [Part::Text(&left), Part::Number(0), Part::Text(";t="), Part::Number(1)];
        let mut lines: Vec<(Known, &[Part<'_>])> = Vec::new();
        let (number, fixed) = ([Part::Text(&number)], [Part::Text(&policy)]);
        if shown.draft6() {
            lines.push((Known::RateLimitLimit, &number));
            lines.push((Known::RateLimitRemaining, &[Part::Number(0)]));
            lines.push((Known::RateLimitReset, &[Part::Number(1)]));
        }
        if shown.current() {
            lines.push((Known::RateLimitPolicy, &fixed));
            lines.push((Known::RateLimit, &state));
        }
        let lines = Form::new(&lines).expect("policies' names and numbers fit a line");
        Self { shown, limit, lines, policy, left }
    }

    /// Writes how much is `left` for how many seconds. Where another limit has written before, the current draft has room for both;
    /// in the other's fields stands the one of which less is left, or that `refuses`.
    #[inline]
    pub(super) fn write(&self, edits: &mut Edits, left: u64, reset: u64, refuses: bool) {
        if self.shown == Shown::Off {
            return;
        }
        if edits.touches_any(NAMES) {
            return self.write_beside(edits, left, reset, refuses);
        }
        edits.fill(&self.lines, &[left.min(LARGEST), reset.min(LARGEST)]);
    }

    #[cold]
    fn write_beside(&self, edits: &mut Edits, left: u64, reset: u64, refuses: bool) {
        if self.shown.draft6() {
            let there = edits.get(Known::RateLimitRemaining).and_then(|text| str::from_utf8(text).ok());
            let there = there.and_then(|text| text.parse::<u64>().ok());
            if refuses || there.is_none_or(|there| left < there) {
                edits.set_number(Known::RateLimitLimit, self.limit);
                edits.set_number(Known::RateLimitRemaining, left);
                edits.set_number(Known::RateLimitReset, reset);
            }
        }
        if self.shown.current() {
            if edits.touches(Known::RateLimit) {
                let added = edits.add(Known::RateLimitPolicy, self.policy.as_bytes());
                debug_assert!(added.is_ok(), "it is a line of the form, too");
                self.state(left, reset, |state| edits.add(Known::RateLimit, state));
            } else {
                // The other one tells of the older draft only; what a service tells gives way.
                let set = edits.set(Known::RateLimitPolicy, self.policy.as_bytes());
                debug_assert!(set.is_ok(), "it is a line of the form, too");
                self.state(left, reset, |state| edits.set(Known::RateLimit, state));
            }
        }
    }

    /// Gives `"rate_limit";r=999;t=900` to `with`, from the stack.
    #[inline]
    fn state<E>(&self, left: u64, reset: u64, with: impl FnOnce(&[u8]) -> Result<(), E>) {
        const ROOM: usize = 96;
        let (mut bytes, mut end) = ([0; ROOM], 0);
        let (mut first, mut second) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (left, reset) = (first.format(left.min(LARGEST)), second.format(reset.min(LARGEST)));
        for part in [self.left.as_str(), left, ";t=", reset] {
            let Some(room) = bytes.get_mut(end..end + part.len()) else { return };
            room.copy_from_slice(part.as_bytes());
            end += part.len();
        }
        let written = with(&bytes[..end]);
        debug_assert!(written.is_ok(), "a policy's name and numbers fit a line");
    }
}
