//! [`Outcome`]: what the cache did for a request, in the words of the log, of `X-Cache`, and of `Cache-Status` (RFC 9211).

use crate::reuse::{Bypass, Needed, Served};
use crate::storing::NotStored;

/// What the cache did for a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A stored answer was sent without asking.
    Hit {
        /// Why it could be.
        why: Served,
        /// Seconds of freshness left, negative if it is stale.
        ttl: i64,
    },
    /// A stored answer was sent since the origin confirmed it.
    Revalidated {
        /// Why it was asked.
        why: Needed,
    },
    /// A stale answer was sent since the origin failed (`stale-if-error`).
    StoodIn {
        /// Why it was asked.
        why: Needed,
        /// The status it answered with, if it did.
        status: Option<u16>,
        /// Seconds of freshness left; negative.
        ttl: i64,
    },
    /// The origin's answer was sent.
    Miss {
        /// Why it was asked.
        why: Needed,
        /// Its status.
        status: u16,
        /// Whether it was stored.
        stored: Result<(), NotStored>,
        /// Whether it was fetched for another request that asked for the same before.
        collapsed: bool,
    },
    /// Nothing was stored that could be sent, and the client wanted nothing else (504).
    Refused {
        /// Why nothing would do.
        why: Needed,
    },
    /// The request had nothing to do with the cache.
    Bypass(Bypass),
}

impl Outcome {
    /// The value of `X-Cache`.
    #[must_use]
    pub const fn x_cache(&self) -> &'static str {
        match self {
            Outcome::Hit { why: Served::Fresh, .. } => "HIT",
            Outcome::Hit { .. } | Outcome::StoodIn { .. } => "STALE",
            Outcome::Revalidated { .. } => "REVALIDATED",
            Outcome::Miss { .. } | Outcome::Refused { .. } => "MISS",
            Outcome::Bypass(_) => "BYPASS",
        }
    }

    /// The reason for the log: why it was a hit, a miss, or neither. Why an answer was not stored is a word of its own.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Outcome::Hit { why, .. } => why.as_str(),
            Outcome::StoodIn { .. } => "stale-if-error",
            Outcome::Revalidated { why } | Outcome::Miss { why, .. } | Outcome::Refused { why } => {
                why.as_str()
            }
            Outcome::Bypass(why) => why.as_str(),
        }
    }

    /// Why the origin's answer was not stored.
    #[must_use]
    pub const fn not_stored(&self) -> Option<NotStored> {
        match self {
            Outcome::Miss { stored: Err(why), .. } => Some(*why),
            _ => None,
        }
    }

    /// Appends this cache's member of `Cache-Status`: `name` is a token or a ready string of RFC 9651. If the answer had
    /// such a field, the member goes behind what it says (RFC 9211 §2).
    pub fn write_cache_status(&self, name: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(name.as_bytes());
        match *self {
            Outcome::Hit { ttl, .. } => {
                out.extend_from_slice(b"; hit");
                number("ttl", ttl, out);
            }
            Outcome::Revalidated { why } => {
                forwarded(why, out);
                number("fwd-status", 304, out);
                out.extend_from_slice(b"; stored");
            }
            Outcome::StoodIn { why, status, ttl } => {
                forwarded(why, out);
                status.into_iter().for_each(|status| number("fwd-status", status.into(), out));
                number("ttl", ttl, out);
                detail("stale-if-error", out);
            }
            Outcome::Miss { why, status, stored, collapsed } => {
                forwarded(why, out);
                number("fwd-status", status.into(), out);
                match stored {
                    Ok(()) => out.extend_from_slice(b"; stored"),
                    Err(why) => detail(why.as_str(), out),
                }
                if collapsed {
                    out.extend_from_slice(b"; collapsed");
                }
            }
            // Neither a hit nor forwarded.
            Outcome::Refused { why } => detail(why.as_str(), out),
            Outcome::Bypass(why) => {
                let word = if why == Bypass::Method { "method" } else { "bypass" };
                out.extend_from_slice(b"; fwd=");
                out.extend_from_slice(word.as_bytes());
                if why != Bypass::Method {
                    detail(why.as_str(), out);
                }
            }
        }
    }
}

/// `fwd` (RFC 9211 §2.2).
fn forwarded(why: Needed, out: &mut Vec<u8>) {
    out.extend_from_slice(match why {
        Needed::Empty => b"; fwd=uri-miss",
        Needed::Variant => b"; fwd=vary-miss",
        Needed::Stale | Needed::NoCache => b"; fwd=stale",
        // Neither of the first two can be told from the other.
        Needed::StoreAway => b"; fwd=miss",
        Needed::Cookie | Needed::ClientNoCache | Needed::ClientMaxAge | Needed::ClientMinFresh => {
            b"; fwd=request"
        }
    });
}

fn number(name: &str, value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"; ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A token of ours, which needs no quotation marks.
fn detail(word: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"; detail=");
    out.extend_from_slice(word.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::Outcome;
    use crate::reuse::{Bypass, Needed, Served};
    use crate::storing::NotStored;

    #[test]
    fn each_outcome_has_its_words() {
        let (stored, collapsed) = (Ok(()), false);
        for (outcome, x_cache, reason, status) in [
            (Outcome::Hit { why: Served::Fresh, ttl: 7 }, "HIT", "fresh", "sekisho; hit; ttl=7"),
            (Outcome::Hit { why: Served::MaxStale, ttl: -3 }, "STALE", "max-stale", "sekisho; hit; ttl=-3"),
            (
                Outcome::Hit { why: Served::WhileRevalidating, ttl: -3 },
                "STALE",
                "stale-while-revalidate",
                "sekisho; hit; ttl=-3",
            ),
            (
                Outcome::Revalidated { why: Needed::ClientNoCache },
                "REVALIDATED",
                "client-no-cache",
                "sekisho; fwd=request; fwd-status=304; stored",
            ),
            (
                Outcome::StoodIn { why: Needed::Stale, status: Some(503), ttl: -1 },
                "STALE",
                "stale-if-error",
                "sekisho; fwd=stale; fwd-status=503; ttl=-1; detail=stale-if-error",
            ),
            (
                Outcome::Miss { why: Needed::Empty, status: 200, stored, collapsed },
                "MISS",
                "empty",
                "sekisho; fwd=uri-miss; fwd-status=200; stored",
            ),
            (
                Outcome::Miss { why: Needed::Variant, status: 200, stored, collapsed: true },
                "MISS",
                "variant",
                "sekisho; fwd=vary-miss; fwd-status=200; stored; collapsed",
            ),
            (
                Outcome::Miss { why: Needed::Empty, status: 200, stored: Err(NotStored::Private), collapsed },
                "MISS",
                "empty",
                "sekisho; fwd=uri-miss; fwd-status=200; detail=private",
            ),
            (
                Outcome::Miss {
                    why: Needed::StoreAway,
                    status: 200,
                    stored: Err(NotStored::StoreAway),
                    collapsed: true,
                },
                "MISS",
                "store-away",
                "sekisho; fwd=miss; fwd-status=200; detail=store-away; collapsed",
            ),
            (Outcome::Refused { why: Needed::Empty }, "MISS", "empty", "sekisho; detail=empty"),
            (Outcome::Bypass(Bypass::Method), "BYPASS", "method", "sekisho; fwd=method"),
            (Outcome::Bypass(Bypass::Policy), "BYPASS", "policy", "sekisho; fwd=bypass; detail=policy"),
        ] {
            let mut out = Vec::new();
            outcome.write_cache_status("sekisho", &mut out);
            let text = std::str::from_utf8(&out).unwrap();
            assert_eq!((outcome.x_cache(), outcome.reason(), text), (x_cache, reason, status));
        }
        let refused =
            Outcome::Miss { why: Needed::Empty, status: 200, stored: Err(NotStored::Private), collapsed };
        assert_eq!(refused.not_stored(), Some(NotStored::Private));
    }
}
